"""Parameters and states hold a value: copied out, checked and cast in."""

from __future__ import annotations

import numpy as np
import pytest

import symopt.tensor as so
from symopt.errors import DTypeError, ShapeError
from symopt.graph.construct import make_shared


@pytest.fixture(params=[so.parameter, so.state])
def shared(request):
    return request.param(np.arange(6.0).reshape(2, 3), name="u")


def test_a_value_is_copied_out(shared):
    value = shared.value
    value[...] = -1
    assert shared.value.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert shared.value is not shared.value


def test_a_value_is_copied_in(shared):
    array = np.ones((2, 3))
    shared.value = array
    array[...] = 7
    assert (shared.value == 1).all()


def test_writing_keeps_the_array_that_others_hold(shared):
    array = shared.storage.array
    shared.value = np.ones((2, 3))
    assert shared.storage.array is array
    assert (shared.eval() == 1).all()


def test_writes_are_counted(shared):
    before = shared.storage.written
    shared.value = np.ones((2, 3))
    shared.value = np.zeros((2, 3))
    assert shared.storage.written == before + 2
    assert shared.value is not None
    assert shared.storage.written == before + 2


@pytest.mark.parametrize("value", [np.ones(3), np.ones((3, 2)), 1.0, np.ones((1, 3)), np.ones((2, 3, 1)), []])
def test_a_value_of_another_shape_is_refused(shared, value):
    with pytest.raises(ShapeError, match=r"'u' has shape \(2, 3\); its new value has"):
        shared.value = value
    assert shared.value[1, 2] == 5
    assert shared.storage.written == 0


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool", "uint8", "float16"])
def test_a_value_of_the_same_kind_or_a_smaller_one_is_cast(shared, dtype):
    shared.value = np.ones((2, 3), dtype)
    assert shared.value.dtype == np.float64
    assert (shared.value == 1).all()


def test_a_list_of_lists_is_a_value(shared):
    shared.value = [[1, 2, 3], [4, 5, 6]]
    assert shared.value[1].tolist() == [4, 5, 6]


def test_a_value_that_would_lose_what_it_is_is_refused():
    counts = so.state(np.zeros(2, "int64"), name="counts")
    with pytest.raises(DTypeError, match=r"state 'counts' is int64; .* float64 .*astype\('int64'\)"):
        counts.value = [0.5, 1.5]
    weights = so.parameter(np.zeros(2, "float32"), name="w")
    with pytest.raises(DTypeError, match="complex128"):
        weights.value = [1j, 2]
    weights.value = np.array([0.1, 0.2], "float64")
    assert weights.value.dtype == np.float32


def test_a_scalar_is_written_as_a_number():
    rate = so.parameter(0.5, name="rate")
    rate.value = 2
    assert rate.value.shape == ()
    assert rate.value == 2.0


def test_a_hyperparameter_is_a_weak_float64_whatever_it_is_made_from():
    for number in (1, 0.1, np.float32(0.1), True):
        rate = make_shared(number, "rate", "hyperparameter")
        assert rate.weak
        assert rate.dtype == np.float64
        assert rate.value == float(number)
        assert (so.input("x", (3,), "float32") * rate).dtype == np.float32


def test_a_reshaped_hyperparameter_is_an_ordinary_array():
    rate = make_shared(0.1, "rate", "hyperparameter")
    assert not so.reshape(rate, (1,)).weak
    assert so.reshape(rate, (1,)).eval().tolist() == [0.1]


def test_parameters_are_described_by_role_and_name():
    assert repr(so.parameter([1.0], name="w")) == "<parameter w: float64 (1,)>"
    assert repr(so.state(3, name="steps")) == "<state steps: int64 ()>"
