"""Random functions in blocks of a few rows, on several threads, held against the reference call by call."""

from __future__ import annotations

import random

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given, settings

import symopt as so
from tests.backends.c_ways import on_threads, small_blocks
from tests.backends.compare_calls import assert_backend_agrees
from tests.backends.random_nodes import MAKERS, random_case

pytestmark = pytest.mark.skipif(not so.backends()["c"].available, reason=so.backends()["c"].reason)

DTYPES = ("float32", "float64")
#: Lengths of axes: less than a block, a block and something, several.
KNOWN, LENGTHS = (1, 2, 5, 11), (13, 1, 21, 6, 2, 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [1, 3])
@settings(max_examples=12)
@given(rng=st.randoms(use_true_random=False))
def test_functions_in_small_blocks_compute_what_the_reference_does(count: int, dtype: str, rng: random.Random) -> None:
    case = random_case(rng, dtype, (), KNOWN, lengths=LENGTHS)
    assume(case is not None)
    with small_blocks(), on_threads(count):
        assert_backend_agrees(case, "c")


@pytest.mark.parametrize("name", MAKERS)
def test_every_maker_of_nodes_makes_functions_that_agree_in_small_blocks(name: str) -> None:
    for seed in range(2):
        case = random_case(random.Random(seed), DTYPES[seed % 2], [name], KNOWN, lengths=LENGTHS)
        assert case is not None
        with small_blocks(), on_threads(2 * seed + 1):
            assert_backend_agrees(case, "c")


def test_random_functions_are_split_into_several_blocks_and_groups() -> None:
    """Or the tests above would be about nothing."""
    blocks = barriers = 0
    with small_blocks():
        for seed in range(40):
            case = random_case(random.Random(seed), "float64", (), KNOWN, lengths=LENGTHS)
            if case is not None:
                sizes = {"n": 13, "m": 13}
                source = so.emit(case.inputs, case.outputs, case.updates, backend="c", sizes=sizes)
                blocks += "share(" in source
                barriers += source.count("\n    BARRIER") > 1
    assert blocks > 25
    assert barriers > 10
