"""Random functions in every backend, held against the reference: outputs, updated values, call after call."""

import random
from contextlib import nullcontext

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given

import symopt as so
from symopt.errors import DataError
from symopt.graph.dimensions import resolve_shape
from symopt.graph.nodes import KINDS, Elementwise, Shared, Size
from symopt.scalar import OPERATIONS
from tests.backends.compare_calls import assert_backend_agrees
from tests.backends.random_graphs import Growth, array_for, make_case
from tests.backends.random_nodes import MAKERS, random_case
from tests.backends.random_updates import random_updates
from tests.backends.ways import WAYS, forced

DTYPES = ("float32", "float64")
AVAILABLE = [name for name, record in so.backends().items() if record.available]

draws = st.randoms(use_true_random=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", AVAILABLE)
@given(rng=draws)
def test_backend_computes_what_the_reference_does(backend: str, dtype: str, rng: random.Random) -> None:
    case = random_case(rng, dtype)
    assume(case is not None)
    assert_backend_agrees(case, backend)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way", WAYS[1:])
@given(rng=draws)
def test_every_way_to_run_a_kernel_computes_the_same(way: str, dtype: str, rng: random.Random) -> None:
    case = random_case(rng, dtype)
    assume(case is not None)
    with forced(way):
        assert_backend_agrees(case, "numexpr")


POINTWISE = ("unary", "binary", "choices", "composed", "casts", "of_integers", "numbers", "gradients", "reductions")


@pytest.mark.parametrize("backend", AVAILABLE)
@pytest.mark.parametrize("seed", range(12))
def test_arrays_of_more_than_two_blocks_are_computed_as_small_ones_are(backend: str, seed: int) -> None:
    large = 2 * 65536 + 1001
    case = random_case(random.Random(seed), DTYPES[seed % 2], POINTWISE, (1, large), 1, (large, 1))
    assert case is not None
    assert_backend_agrees(case, backend)


@pytest.mark.parametrize("name", MAKERS)
def test_every_maker_of_nodes_makes_functions_that_agree(name: str) -> None:
    """Also the rare ones, and by themselves, where they meet inputs and not results of others."""
    for seed in range(8):
        case = random_case(random.Random(seed), DTYPES[seed % 2], [name])
        assert case is not None
        with forced(WAYS[seed % len(WAYS)]) if seed else nullcontext():
            assert_backend_agrees(case, "numexpr")


def test_makers_reach_every_kind_of_node_and_every_operation() -> None:
    cases = [random_case(random.Random(seed), DTYPES[seed % 2]) for seed in range(500)]
    cases += [random_case(random.Random(seed), "float64", ["casts", "unary", "binary"]) for seed in range(200)]
    nodes = [node for case in cases if case is not None for node in case.nodes]
    assert {type(node) for node in nodes} >= {*KINDS} - {Size}
    assert any(isinstance(operand, Size) for node in nodes for operand in node.operands)
    missing = {*OPERATIONS} - {node.op.name for node in nodes if isinstance(node, Elementwise)}
    assert not missing
    assert any(node.weak and isinstance(node, Elementwise) for node in nodes)


def test_random_functions_have_updates_that_read_what_others_write() -> None:
    entangled = 0
    for seed in range(200):
        case = random_case(random.Random(seed), "float64")
        if case is not None:
            variables = [variable for variable, _ in case.updates]
            entangled += any(operand in variables for _, value in case.updates for operand in (value, *value.operands))
    assert entangled > 50


@pytest.mark.parametrize("backend", AVAILABLE)
@given(rng=draws)
def test_sizes_that_a_guard_forbids_are_refused_before_anything_is_written(backend: str, rng: random.Random) -> None:
    growth = Growth(rng, "float64")
    x = next(iter(growth.inputs))
    made = [
        lambda: x[2:-1],
        lambda: x[::-1][3:],
        lambda: so.max(x, 0),
        lambda: so.reshape(x, (4, *x.shape[1:])) if x.shape[0] not in x.shape[1:] else x[2:],
        lambda: x + growth.new_input((4, *x.shape[1:])),
        lambda: x[1:3],
    ]
    for maker in ("unary", "slices", "gradients"):
        MAKERS[maker][1](growth)
    growth.add(rng.choice(made)())
    # Every node of the pool is an output, so all guards count.
    allowed = make_case(growth, growth.pool, random_updates(growth), (4, 5, 6, 3))
    assume(allowed is not None)
    f = so.function(allowed.inputs, allowed.outputs, allowed.updates, backend=backend)
    f(*allowed.calls[0])
    shared = {node: node.value for node in [*growth.variables] if isinstance(node, Shared)}
    short = {"n": 0, "m": 4}
    assume(all(length >= 0 for node in allowed.inputs for length in resolve_shape(node.shape, short)))
    too_short = [array_for(growth, node, short) for node in allowed.inputs]
    with pytest.raises(DataError, match=r"needs|expected"):
        f(*too_short)
    for node, value in shared.items():
        np.testing.assert_array_equal(node.value, value)
    f(*allowed.calls[0])
