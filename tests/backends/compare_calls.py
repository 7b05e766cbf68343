"""Calling a compiled function, and holding it against the reference call by call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import symopt as so
from symopt.graph.nodes import Contract, Cumulate, Node, Reduce, Shared
from symopt.graph.dimensions import resolve_shape
from symopt.graph.evaluate import bind_sizes
from symopt.rewriting import simplify
from tests.agreement import assert_agree, disagreement
from tests.backends.random_graphs import Case
from tests.backends.uncertainty import Expected, expect

Array = np.ndarray


def assert_backend_agrees(case: Case, backend: str) -> None:
    """Outputs and updated values are the reference's in every call; after each, both go on from the backend's values."""
    f = so.function(case.inputs, case.outputs, case.updates, backend=backend)
    variables = [variable for variable, _ in case.updates]
    start = {node: node.storage.array.copy() for node in case.nodes if isinstance(node, Shared)}
    try:
        for number, arrays in enumerate(case.calls):
            before = {node: node.storage.array.copy() for node in start}
            actual = [*f(*arrays), *[None] * len(variables)]
            actual[len(case.outputs) :] = [variable.value for variable in variables]
            _check(case, arrays, before, number, actual)
            for node, value in before.items():
                if node not in variables:
                    np.testing.assert_array_equal(node.storage.array, value, f"{node!r} was written")
    except Exception as error:
        error.add_note(f"\nthe source:\n{f.source}")
        raise
    finally:
        for node, value in start.items():
            node.storage.array[...] = value


def _check(case: Case, arrays: Sequence[Array], before: dict[Shared, Array], number: int, actual: list[Array]) -> None:
    roots = [*case.outputs, *(value for _, value in case.updates)]
    given: dict[Node, Array] = {**dict(zip(case.inputs, arrays, strict=True)), **before}
    length = longest_reduction(case, arrays)
    wanted = expect(roots, given, number, seed=number)
    if all(_agrees(one, other, length) for one, other in zip(wanted, actual, strict=True)):
        return
    # Looked at closely: more samples, and further off; and what was not finite may have become so.
    wanted = expect(roots, given, number, seed=number, samples=60, ulps=16)
    stable = expect(simplify(roots), given, number, seed=number, samples=60, ulps=16)
    names = [f"output {i}" for i in range(len(case.outputs))] + [variable.name for variable, _ in case.updates]
    for name, one, finite, value in zip(names, wanted, stable, actual, strict=True):
        if not _agrees(one, value, length):
            expected, spread = _where_finite(one, finite)
            assert_agree(expected, value, length, spread, f"{name} of call {number}")


def _agrees(one: Expected, actual: Array, length: int) -> bool:
    same_form = isinstance(actual, np.ndarray) and (actual.dtype, actual.shape) == (one.value.dtype, one.value.shape)
    return same_form and not disagreement(one.value, actual, length, one.spread).any()


def _where_finite(one: Expected, stable: Expected) -> tuple[Array, Array]:
    """The value and the spread of the reference; where it is not finite, those of its stable form."""
    if one.value.dtype.kind != "f":
        return one.value, np.where(stable.spread > 0, np.inf, one.spread)
    finite = np.isfinite(one.value)
    return np.where(finite, one.value, stable.value), np.where(finite, one.spread, stable.spread)


def longest_reduction(case: Case, arrays: Sequence[Array]) -> int:
    """How many elements the longest reduction of a case adds up."""
    sizes = bind_sizes(case.inputs, arrays)
    lengths = [1]
    for node in case.nodes:
        if isinstance(node, (Reduce, Contract, Cumulate)):
            lengths += [int(np.prod(resolve_shape(operand.shape, sizes))) for operand in node.operands]
    return max(lengths)
