"""Functions of arrays that live on a device, and where they run."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import symopt as so
from symopt.backends import BACKENDS
from symopt.graph.nodes import Shared
from tests.cuda.arrays import DeviceTensor
from tests.cuda.counting import counting, needs_stand_in
from tests.cuda.here import needs_device, xp

pytestmark = needs_device

ROWS = np.random.default_rng(0).normal(size=(7, 3))
TARGETS = np.arange(7.0)


def fitting(backend: str = "cuda", **options: object) -> tuple[so.Function, Shared]:
    """One step of a linear fit."""
    x, y = so.matrix("x"), so.vector("y")
    w = so.parameter(np.ones(3), name="w")
    loss = ((x @ w - y) ** 2).mean()
    updates = so.SGD(learning_rate=0.01).get_updates(loss, [w])
    return so.function([x, y], loss, updates, backend=backend, **options), w


@pytest.mark.parametrize("make", [xp.asarray, lambda host: DeviceTensor(xp.asarray(host))])
def test_inputs_may_live_on_the_device(make):
    function, w = fitting()
    reference, expected = fitting("numpy")
    for _ in range(2):
        assert np.allclose(function(make(ROWS), make(TARGETS)), reference(ROWS, TARGETS))
    assert np.allclose(w.value, expected.value)
    assert np.allclose(function.repeat(3, make(ROWS), TARGETS), reference.repeat(3, ROWS, TARGETS))
    assert np.allclose(w.value, expected.value)


@pytest.mark.parametrize("make", [xp.asarray, lambda host: DeviceTensor(xp.asarray(host))])
@pytest.mark.parametrize("order", [None, np.array([6, 0, 3, 3, 1])])
@pytest.mark.parametrize("check", [None, "nan"])
def test_epochs_over_arrays_on_the_device(make, order, check):
    function, w = fitting(check=check)
    reference, expected = fitting("numpy")
    for _ in range(2):
        wanted = reference.epoch([ROWS, TARGETS], 2, order)
        assert np.allclose(function.epoch([make(ROWS), TARGETS], 2, order), wanted)
    assert np.allclose(w.value, expected.value)


@needs_stand_in
def test_an_epoch_brings_nothing_to_the_host_but_its_means():
    function, _ = fitting()
    x, y = xp.asarray(ROWS), xp.asarray(TARGETS)
    function.epoch([x, y], 2)
    with counting() as counts:
        function.epoch([x, y], 2)
    assert len(counts.got) == 1


def test_wrong_shapes_and_counts_are_told_as_for_arrays_of_the_host():
    function, _ = fitting()
    with pytest.raises(so.DataError, match="axis 1 has length 2, expected 3"):
        function(xp.zeros((7, 2)), xp.zeros(7))
    with pytest.raises(so.DataError, match="expected 2 arrays"):
        function(xp.zeros((7, 3)))
    with pytest.raises(so.DataError, match="arrays of one length"):
        function.epoch([xp.zeros((7, 3)), xp.zeros(6)])
    with pytest.raises(so.DataError, match=r"is float64; it was given an array of float32 on a GPU"):
        function(xp.zeros((7, 3), "float32"), xp.zeros(7))


@pytest.mark.parametrize("backend", ["c", "numexpr", "numpy"])
def test_other_backends_say_what_to_do(backend):
    if not so.backends()[backend].available:
        pytest.skip(so.backends()[backend].reason)
    function, _ = fitting(backend)
    x, y = xp.asarray(ROWS), xp.asarray(TARGETS)
    for first in (True, False):
        for call in (
            lambda: function(x, y),
            lambda: function.repeat(2, x, y),
            lambda: function.epoch([x, y], 2),
            lambda: function.epoch([x, y], 2, np.arange(7)),
        ):
            with pytest.raises(so.DataError, match=r"lives on a GPU: use backend=.cuda., or copy it to the host"):
                call()
        if first:
            function(ROWS, TARGETS)
            function.epoch([ROWS, TARGETS], 2)


def test_the_first_nan_is_found_in_arrays_on_the_device():
    x = so.vector("x")
    function = so.function([x], so.log(x).sum(), backend="cuda", check="nan")
    assert function(xp.asarray(np.ones(3))) == 0
    with pytest.raises(so.NumericalError, match=r"NaN first appears in log\(x\)"):
        function(xp.asarray(np.array([1.0, -1.0])))


# ------------------------------------------------------------------------------------------------ what auto stands for


def test_auto_is_cuda_where_a_parameter_was_made_from_an_array_on_the_device():
    there, here = so.parameter(xp.asarray(np.ones(3)), name="there"), so.parameter(np.ones(3), name="here")
    assert so.function([], there.sum()).backend == "cuda"
    assert so.function([], [], [(there, there + 1)]).backend == "cuda"
    assert so.function([], here.sum()).backend == so.function([], [here, 2 * here]).backend != "cuda"
    assert so.function([], (here + there).sum(), backend="numpy").backend == "numpy"
    assert "__global__" in so.emit([], there.sum())
    assert "__global__" not in so.emit([], here.sum())


def test_auto_is_cuda_where_a_state_lies_on_the_device():
    state = so.state(np.ones(3), name="state")
    changed = [(state, state + 1)]
    assert so.function([], [], changed).backend != "cuda"
    so.function([], [], changed, backend="cuda")()
    assert so.function([], [], changed).backend == "cuda"
    assert so.function([], [], [(state, so.zeros(3))]).backend == "cuda"


def test_auto_is_the_usual_where_cuda_cannot_run(monkeypatch):
    monkeypatch.setattr(BACKENDS["cuda"], "_find", lambda: (None, "it was taken away"))
    assert so.function([], so.parameter(xp.asarray(np.ones(3)), name="there").sum()).backend != "cuda"


def test_a_copy_stays_on_its_backend():
    parameter = so.parameter(xp.asarray(np.ones(3)), name="there")
    function = so.function([], [parameter.sum()], [(parameter, parameter + 1)])
    function()
    for again in (pickle.loads(pickle.dumps(function)), copy.deepcopy(function)):
        assert again.backend == "cuda"
        assert again()[0] == 6
    assert parameter.value.tolist() == [2, 2, 2]
