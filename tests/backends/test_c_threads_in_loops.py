"""Repetitions and epochs on several threads, in forked children, and when a step cannot be taken."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import symopt as so
from tests.backends.c_cases import arrays_of, gathered_and_scattered, network
from tests.backends.c_ways import late_threads, on_threads
from tests.backends.random_graphs import Case

pytestmark = pytest.mark.skipif(not so.backends()["c"].available, reason=so.backends()["c"].reason)

COUNTS = (1, 2, 3, 4)
#: An epoch once more: a thread that is ahead is not always so the first time.
ROUNDS = 3


def epochs() -> Case:
    """A step whose outputs are numbers, some of them in rows that the last thread writes."""
    case = network()
    x = case.inputs[0]
    hidden = so.tanh(x @ case.updates[0][0])
    return Case(case.inputs, (*case.outputs, hidden[-1, 3] + hidden.sum(), hidden[-1, 0], x[-1, 2]), case.updates, [])


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("order", ["as they lie", "shuffled"])
def test_an_epoch_on_any_number_of_threads_is_the_loop_over_its_batches(order: str, count: int) -> None:
    case, (X,) = epochs(), arrays_of((43, 9), dtype="float32")
    Y, rows = np.arange(43) % 5, np.arange(43) if order == "as they lie" else np.random.default_rng(0).permutation(43)
    start = [variable.value for variable, _ in case.updates]
    with late_threads(), on_threads(1):
        f = so.function(case.inputs, case.outputs, case.updates, backend="c")
        parts = [rows[low : low + 8] for low in range(0, 43, 8)]
        expected = sum(len(part) * np.array(f(X[part], Y[part]), np.float64) for part in parts) / 43
    after = [variable.value for variable, _ in case.updates]
    for _ in range(ROUNDS):
        for (variable, _), value in zip(case.updates, start, strict=True):
            variable.value = value
        with late_threads(), on_threads(count):
            g = so.function(case.inputs, case.outputs, case.updates, backend="c")
            found = g.epoch([X, Y], 8, None if order == "as they lie" else rows)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        for (variable, _), value in zip(case.updates, after, strict=True):
            np.testing.assert_array_equal(variable.value, value)


@pytest.mark.parametrize("count", COUNTS)
def test_repetition_on_any_number_of_threads_is_one_call_after_the_other(count: int) -> None:
    case, (X,) = network(), arrays_of((43, 9), dtype="float32")
    Y, start = np.arange(43) % 5, [variable.value for variable, _ in case.updates]
    with late_threads():
        f = so.function(case.inputs, case.outputs, case.updates, backend="c")
        with on_threads(1):
            expected = [f(X, Y) for _ in range(12)][-1]
        after = [variable.value for variable, _ in case.updates]
        for (variable, _), value in zip(case.updates, start, strict=True):
            variable.value = value
        with on_threads(count):
            np.testing.assert_array_equal(f.repeat(12, X, Y), expected)
    for (variable, _), value in zip(case.updates, after, strict=True):
        np.testing.assert_array_equal(variable.value, value)


@pytest.mark.parametrize("count", COUNTS)
def test_an_index_out_of_range_stops_all_threads_at_one_step(count: int) -> None:
    case, (X,) = gathered_and_scattered(), arrays_of((26, 6))
    x, i = case.inputs
    rows = np.arange(26) % 11
    with late_threads(), on_threads(count):
        f = so.function([x, i], case.outputs[0], case.updates, backend="c")
        step = so.function([x, i], case.outputs[0], case.updates, backend="numexpr")
        for turn in range(30):
            batch = turn % 6  # in which it is
            bad = rows.copy()
            bad[4 * batch + turn % 2] = 11
            start = [variable.value for variable, _ in case.updates]
            for low in range(0, 4 * batch, 4):
                step(X[low : low + 4], bad[low : low + 4])
            expected = [variable.value for variable, _ in case.updates]
            for (variable, _), value in zip(case.updates, start, strict=True):
                variable.value = value
            with pytest.raises(so.DataError, match="index 11 is out of range"):
                f.epoch([X, bad], 4)
            for (variable, _), value in zip(case.updates, expected, strict=True):
                np.testing.assert_allclose(variable.value, value, rtol=1e-12)


FORK = """
import os, signal, sys
import numpy as np
import symopt as so
from symopt.backends.c import build

build.SHARED_WORK = 0
x = so.input("x", ("n", 50))
w = so.parameter(np.ones((50, 30)), "w")
loss = so.square(so.tanh(x @ w)).mean()
f = so.function([x], loss, [(w, w - 0.1 * so.gradient(loss, [w])[0])], backend="c")
X = np.linspace(-1, 1, 200 * 50).reshape(200, 50)

def train():
    w.value = np.ones((50, 30))
    return [float(f(X)), float(f.repeat(3, X)), float(f.epoch([X], 64)), float(w.value.sum())]

first = train()
child = os.fork()
if not child:
    signal.alarm(60)  # a child that waits for threads that it does not have never ends
    os._exit(0 if train() == first else 3)
assert train() == first  # the parent's threads are as they were
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_computes_the_same_by_itself() -> None:
    environment = os.environ | {"SYMOPT_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", FORK], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
