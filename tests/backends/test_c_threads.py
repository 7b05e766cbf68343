"""Generated C gives the same bits on one, two, three and four threads, however late any of them is."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

import symopt as so
from symopt.backends.c import build
from symopt.graph.nodes import Shared
from tests.backends.c_cases import KNOWN, entangled_updates, network, softmaxes
from tests.backends.c_ways import late_threads, on_threads, small_blocks
from tests.backends.changed_source import changed_source
from tests.backends.compare_calls import assert_backend_agrees
from tests.backends.random_graphs import Case
from tests.backends.random_nodes import random_case

pytestmark = pytest.mark.skipif(not so.backends()["c"].available, reason=so.backends()["c"].reason)

COUNTS = (1, 2, 3, 4)
#: Calls on the same arrays: what one thread leaves behind for another is not always there the first time.
ROUNDS = 3


def bits(case: Case, count: int) -> list[bytes]:
    """All outputs and updated values of some calls on so many threads; shared values are put back."""
    f = so.function(case.inputs, case.outputs, case.updates, backend="c")
    variables = {variable for variable, _ in case.updates} | {n for n in case.nodes if isinstance(n, Shared)}
    start = {variable: variable.storage.array.copy() for variable in variables}
    found = []
    try:
        with on_threads(count):
            for _ in range(ROUNDS):
                for arrays in case.calls:
                    found += [value.tobytes() for value in f(*arrays)]
                    found += [variable.storage.array.tobytes() for variable, _ in case.updates]
    finally:
        for variable, value in start.items():
            variable.storage.array[...] = value
    return found


def assert_same_on_any_number_of_threads(case: Case) -> None:
    first, *others = [bits(case, count) for count in COUNTS]
    for count, other in zip(COUNTS[1:], others, strict=True):
        differing = [number for number, (a, b) in enumerate(zip(first, other, strict=True)) if a != b]
        assert not differing, f"{count} threads differ in the values {differing}"
    with on_threads(3):
        assert_backend_agrees(case, "c")


@pytest.mark.parametrize("make", KNOWN, ids=lambda make: make.__name__)
def test_a_step_gives_the_same_bits_on_any_number_of_threads(make: Callable[[], Case]) -> None:
    case = make()
    with late_threads():
        source = so.function(case.inputs, case.outputs, case.updates, backend="c").source
        assert "share(" in source, "nothing is shared among threads here"
        assert_same_on_any_number_of_threads(case)


@pytest.mark.parametrize("seed", range(20))
def test_random_steps_give_the_same_bits_on_any_number_of_threads(seed: int) -> None:
    lengths = (13, 1, 21, 6, 2, 0)
    case = random_case(random.Random(seed), ("float32", "float64")[seed % 2], (), (1, 2, 5, 11), lengths=lengths)
    assert case is not None
    with late_threads():
        assert_same_on_any_number_of_threads(case)


# ------------------------------------------------------------------------------------- would these tests notice a race?


#: Where the function of a step begins, and where it ends.
STEP = r"(?m)^(?=static ONE_CODE \w+ step\(|void run)"


def without_barrier(number: int) -> Callable[[str], str]:
    """The source without one of the barriers of a step."""

    def change(source: str) -> str:
        before, step, rest = re.split(STEP, source)
        pieces = step.split("BARRIER")
        changed = "BARRIER".join(pieces[: number + 1]) + "".join(pieces[number + 1 : number + 2])
        return before + "BARRIER".join([changed, *pieces[number + 2 :]]) + rest

    return change


def barriers_of(make: Callable[[], Case]) -> int:
    case = make()
    with small_blocks():
        source = so.emit(case.inputs, case.outputs, case.updates, backend="c")
    return re.split(STEP, source)[1].count("BARRIER")


@pytest.mark.parametrize("make", [network, softmaxes, entangled_updates], ids=lambda make: make.__name__)
def test_every_barrier_of_a_step_is_missed(make: Callable[[], Case]) -> None:
    count = barriers_of(make)
    assert count > 1
    for number in range(count):
        with (
            late_threads(),
            changed_source(build, without_barrier(number)),
            pytest.raises(AssertionError, match="threads differ"),
        ):
            assert_same_on_any_number_of_threads(make())
