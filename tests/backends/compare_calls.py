"""Calling a compiled function, and holding it against the reference call by call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import symopt as so
from symopt.graph.dimensions import resolve_shape
from symopt.graph.evaluate import bind_sizes, evaluate
from symopt.graph.nodes import Contract, Cumulate, Node, Reduce, Shared
from symopt.rewriting import simplify
from tests.agreement import assert_agree, disagreement
from tests.backends.random_graphs import Case
from tests.backends.uncertainty import Expected, expect

Array = np.ndarray


def assert_backend_agrees(case: Case, backend: str) -> None:
    """Outputs and updated values are the reference's in every call; both go on from what the backend has written."""
    f = so.function(case.inputs, case.outputs, case.updates, backend=backend)
    start = {node: node.storage.array.copy() for node in case.nodes if isinstance(node, Shared)}
    start.update((variable, variable.storage.array.copy()) for variable, _ in case.updates)
    try:
        for number, arrays in enumerate(case.calls):
            _compare_call(case, f, arrays, number)
    except Exception as error:
        error.add_note(f"\nthe source:\n{f.source}")
        raise
    finally:
        for node, value in start.items():
            node.storage.array[...] = value


def _compare_call(case: Case, f: so.Function, arrays: list[Array], number: int) -> None:
    shared = [node for node in case.nodes if isinstance(node, Shared)]
    before: dict[Node, Array] = {node: node.storage.array.copy() for node in shared}
    given = [array.copy() for array in arrays]
    outputs = f(*arrays)
    for array, copy in zip(arrays, given, strict=True):
        np.testing.assert_array_equal(array, copy, "an input was written")
    written = [variable for variable, _ in case.updates]
    for node in shared:
        if node not in written:
            np.testing.assert_array_equal(node.storage.array, before[node], f"{node!r} was written")
    names = [f"output {i} of call {number}" for i in range(len(case.outputs))]
    names += [f"{variable.name} after call {number}" for variable in written]
    values = [*outputs, *(variable.value for variable in written)]
    assert len(outputs) == len(case.outputs)
    _check(
        case, {**dict(zip(case.inputs, arrays, strict=True)), **before}, number, dict(zip(names, values, strict=True))
    )


def _check(case: Case, given: dict[Node, Array], number: int, actual: dict[str, Array]) -> None:
    roots = [*case.outputs, *(value for _, value in case.updates)]
    length = longest_reduction(case, given)
    wanted = expect(roots, given, number, seed=number)
    if all(not _disagreement(one, value, length).any() for one, value in zip(wanted, actual.values(), strict=True)):
        return
    # Looked at closely: more samples, and further off. What has overflowed may be the stable form's value, and so may
    # be a decision, which depends on the last digit.
    wanted = expect(roots, given, number, seed=number, samples=60, ulps=16)
    stable = expect(simplify(roots), given, number, seed=number, samples=60, ulps=16)
    overflowed = _overflows(roots, given, number)
    for (name, value), one, other in zip(actual.items(), wanted, stable, strict=True):
        differs = _disagreement(one, value, length)
        if overflowed or value.dtype.kind != "f":
            differs = differs & _disagreement(other, value, length)
        if differs.any():
            assert_agree(one.value, value, length, one.spread, name)
            raise AssertionError(f"{name} agrees with neither form: {value!r}, {one.value!r}, {other.value!r}")


def _overflows(roots: Sequence[Node], given: dict[Node, Array], number: int) -> bool:
    """Whether a value on the way is not finite."""
    found: list[Node] = []

    def watch(node: Node, operands: tuple[Array, ...], value: Array) -> None:
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            found.append(node)

    evaluate(roots, given, number, None, watch)
    return bool(found)


def _disagreement(one: Expected, actual: Array, length: int) -> Array:
    if not isinstance(actual, np.ndarray) or (actual.dtype, actual.shape) != (one.value.dtype, one.value.shape):
        return np.asarray(True)
    return disagreement(one.value, actual, length, one.spread)


def longest_reduction(case: Case, given: dict[Node, Array]) -> int:
    """How many elements the longest reduction of a case adds up."""
    sizes = bind_sizes(case.inputs, [given[node] for node in case.inputs])
    lengths = [1]
    for node in case.nodes:
        if isinstance(node, (Reduce, Contract, Cumulate)):
            lengths += [int(np.prod(resolve_shape(operand.shape, sizes))) for operand in node.operands]
    return max(lengths)
