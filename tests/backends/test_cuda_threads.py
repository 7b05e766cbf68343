"""Generated CUDA in three orders of threads and blocks: the same bits in each, and every barrier is needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from difflib import unified_diff

import numpy as np
import pytest
from hypothesis import assume, given

import symopt as so
from symopt.backends.cuda import build
from symopt.graph.nodes import Shared
from tests.backends.c_cases import KNOWN, in_turn
from tests.backends.changed_source import changed_source
from tests.backends.compare_calls import assert_backend_agrees
from tests.backends.cuda_ways import by_libraries, small_grids
from tests.backends.random_graphs import Case
from tests.backends.random_nodes import random_case
from tests.backends.test_random_graphs import DTYPES, draws
from tests.cuda import stand_in
from tests.cuda.compiled import PROBLEM
from tests.cuda.on_cpu import ON_CPU

pytestmark = pytest.mark.skipif(
    not ON_CPU, reason=PROBLEM or "there is a GPU, whose threads have an order of their own"
)

every_case = pytest.mark.parametrize("make", KNOWN, ids=lambda make: make.__name__)


def results(case: Case, order: str) -> list[np.ndarray]:
    """All outputs and new values of all calls, in an order of threads."""
    shared = {node for node in case.nodes if isinstance(node, Shared)} | {variable for variable, _ in case.updates}
    start = {node: node.value for node in shared}
    found: list[np.ndarray] = []
    try:
        f = so.function(case.inputs, case.outputs, case.updates, backend="cuda")
        with stand_in.thread_order(order):
            for arrays in case.calls:
                found += [*f(*arrays), *(variable.value for variable, _ in case.updates)]
    finally:
        for node, value in start.items():
            node.value = value
    return found


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


@every_case
def test_every_order_of_threads_gives_the_same_bits(make: Callable[[], Case]) -> None:
    case = make()
    with small_grids():
        forward, *others = (results(case, order) for order in stand_in.ORDERS)
        assert all(same(forward, other) for other in others)
        assert_backend_agrees(case, "cuda")


@every_case
def test_products_by_the_devices_blas_are_right(make: Callable[[], Case]) -> None:
    with by_libraries():
        assert_backend_agrees(make(), "cuda")


@pytest.mark.parametrize("dtype", DTYPES)
@given(rng=draws)
def test_random_functions_are_right_where_all_is_split(dtype: str, rng: object) -> None:
    case = random_case(rng, dtype)  # type: ignore[arg-type]
    assume(case is not None)
    assert case is not None
    order = stand_in.ORDERS[len(case.nodes) % 3]
    with small_grids(), stand_in.thread_order(order):
        assert_backend_agrees(case, "cuda")


# ------------------------------------------------------------------------------------------------------------- mutants


def many_sums() -> Case:
    """Sums of every kind, several in each kernel, and a product, scans and rows long and short."""
    x, w = so.input("x", ("n", 50), "float32"), so.parameter(np.linspace(-1, 1, 50 * 70).reshape(50, 70), "w")
    u = so.parameter(np.linspace(0, 1, 42).reshape(21, 2).astype("float32"), "u")
    y = so.exp(0.1 * x)
    hidden = so.tanh(x[:, :21] @ u)
    outputs = [
        y.sum(),
        (y * y).sum(),
        y.max(),
        y.sum(0),
        (y * y).sum(0),
        y.max(0),
        y.sum(1),
        y.min(1),
        so.exp(w).sum(1),
        so.cumsum(x, 0),
    ]
    outputs += [so.exp(x[:, :30] + 1).sum(1), so.cumsum(x.reshape(-1))]
    outputs += [(x.astype("float64") @ w).sum(0), so.softmax(hidden, 1), x.prod(0)]
    return Case((x,), tuple(outputs), ((u, u - 0.1 * u / (1 + u * u)),), in_turn((150, 50), dtype="float32"))


def is_caught(case: Case, change: Callable[[str], str]) -> bool:
    """Whether a changed source is refused while it runs, or gives other values than the reference in some order."""
    for order in stand_in.ORDERS:
        try:
            with ExitStack() as stack:
                stack.enter_context(changed_source(build, change))
                stack.enter_context(stand_in.thread_order(order))
                assert_backend_agrees(case, "cuda")
        except (AssertionError, stand_in.LaunchError, RuntimeError):
            return True
    return False


def without(pattern: str, number: int, by: str = "") -> Callable[[str], str]:
    """A change of one of the places that a pattern has."""

    def change(source: str) -> str:
        places = list(re.finditer(pattern, source))
        found = places[number]
        return source[: found.start()] + re.sub(pattern, by, found[0]) + source[found.end() :]

    return change


def places(pattern: str) -> int:
    with small_grids():
        case = many_sums()
        return len(re.findall(pattern, so.emit(case.inputs, case.outputs, case.updates, backend="cuda")))


MUTANTS = {
    "a barrier is missing": (r"__syncthreads\(\);", ""),
    "a loop goes one too far": (r"(FOR_EACH\(\w+, [^)]+)\)", r"\1 + 1)"),
    "a loop ends one too early": (r"(FOR_EACH\(\w+, [^)]+)\)", r"\1 - 1)"),
    "a tile is one row or column too large": (r"(row0|column0) \+ ([zx]) < (rows|columns)", r"\1 + \2 <= \3"),
    "a term too many is added": (r"(k0 \+ k[ab]) < depth", r"\1 <= depth"),
    "a thread begins at its neighbour": (r"threadIdx\.x / (\d+)", r"(threadIdx.x + 1) / \1"),
    "a warp adds less": (r"distance = LANES / 2", "distance = LANES / 4"),
    "half of a block is left out": (r"half >= ACROSS", "half > ACROSS"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutants_of_generated_kernels_are_caught(mutant: str) -> None:
    pattern, by = MUTANTS[mutant]
    count = places(pattern)
    assert count
    with small_grids():
        case = many_sums()
        assert not is_caught(case, lambda source: source), "the source itself is right"
        changes = [without(pattern, number, by) for number in range(count)]
        source = so.emit(case.inputs, case.outputs, case.updates, backend="cuda")
        survivors = [
            "\n".join(unified_diff(source.splitlines(), change(source).splitlines(), n=6))
            for change in changes
            if not is_caught(case, change)
        ]
    assert not survivors, "not caught:\n" + "\n".join(survivors)
