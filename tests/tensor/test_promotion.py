"""Dtypes of results: NumPy's rules, with Python numbers that take on the dtype of what they meet."""

from __future__ import annotations

import itertools
import operator

import numpy as np
import pytest

import symopt.tensor as so
from symopt.errors import DTypeError
from tests.tensor.compare import FLOATS, INTEGERS, assert_agrees, sample

ALL = ("bool", *INTEGERS, *FLOATS)


@pytest.mark.parametrize(("left", "right"), list(itertools.product(ALL, ALL)))
def test_two_tensors_meet_in_the_dtype_that_numpy_gives(left, right):
    x, y = np.abs(sample(left, (4,), 1)), np.abs(sample(right, (4,), 2))
    assert_agrees(so.add, np.add, x, y)
    assert_agrees(so.less, np.less, x, y)
    assert_agrees(so.maximum, np.maximum, x, y)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("number", [2, 2.5, True, 1e-3, -7])
@pytest.mark.parametrize("operation", [operator.add, operator.mul, operator.truediv, operator.pow, operator.lt])
def test_a_python_number_takes_on_the_dtype_of_a_float(dtype, number, operation):
    assert_agrees(lambda x: operation(x, number), lambda x: operation(x, number), np.array([0.5, 2, 3], dtype), ulps=2)
    assert_agrees(lambda x: operation(number, x), lambda x: operation(number, x), np.array([1, 2, 3], dtype), ulps=2)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_a_python_integer_takes_on_the_dtype_of_an_integer(dtype):
    x = sample(dtype, (6,))
    for operation in (operator.add, operator.mul, operator.floordiv, operator.mod, operator.pow):
        assert_agrees(lambda x, op=operation: op(x, 3), lambda x, op=operation: op(x, 3), x)
    assert_agrees(lambda x: x + True, lambda x: x + True, x)
    limits = np.iinfo(dtype)
    for limit in (int(limits.min), int(limits.max)):
        assert_agrees(lambda x, limit=limit: so.maximum(x, limit), lambda x, limit=limit: np.maximum(x, limit), x)


@pytest.mark.parametrize("dtype", ["bool", *INTEGERS])
def test_a_python_float_makes_an_integer_float64(dtype):
    x = sample(dtype, (6,))
    assert_agrees(lambda x: x + 0.5, lambda x: x + 0.5, x)
    assert_agrees(lambda x: 2.5 * x, lambda x: 2.5 * x, x)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_the_quotient_of_integers_is_float64(dtype):
    x, y = sample(dtype, (6,), 1), sample(dtype, (6,), 2)
    assert_agrees(operator.truediv, operator.truediv, x, y)
    assert_agrees(lambda x: x / 2, lambda x: x / 2, x)
    assert (so.input("x", (3,), dtype) / 3).dtype == np.float64


def test_a_python_integer_makes_a_boolean_int64():
    x = np.array([True, False])
    assert_agrees(lambda x: x + 1, lambda x: x + 1, x)
    assert_agrees(lambda x: 3 * x, lambda x: 3 * x, x)


def test_a_numpy_number_has_the_dtype_that_it_says():
    x = np.array([0.5, 2.0], "float32")
    assert_agrees(lambda x: x * np.float64(2), lambda x: x * np.float64(2), x)
    assert_agrees(lambda x: x * np.float32(2), lambda x: x * np.float32(2), x)
    assert_agrees(lambda x: x * np.int64(2), lambda x: x * np.int64(2), x)
    assert_agrees(lambda x: x * np.bool_(True), lambda x: x * np.bool_(True), x)


@pytest.mark.parametrize(("dtype", "number"), [("int8", 128), ("int8", -129), ("uint8", -1), ("uint8", 256)])
def test_a_python_integer_that_does_not_fit_is_an_error_as_in_numpy(dtype, number):
    x = so.input("x", (3,), dtype)
    with pytest.raises(OverflowError):
        np.zeros(3, dtype) + number
    with pytest.raises(DTypeError, match=f"{number} does not fit in {dtype}"):
        x + number
    with pytest.raises(DTypeError, match=f"{number} does not fit in {dtype}"):
        so.where(x > 0, x, number)


@pytest.mark.parametrize(("dtype", "number"), [("int8", 128), ("uint8", -1), ("uint32", 2**40), ("int64", 2**63 - 1)])
@pytest.mark.parametrize("operation", [operator.lt, operator.le, operator.gt, operator.ge, so.equal, so.not_equal])
def test_a_comparison_with_an_integer_that_does_not_fit_is_right(dtype, number, operation):
    theirs = {so.equal: np.equal, so.not_equal: np.not_equal}.get(operation, operation)
    x = np.array([0, 1, np.iinfo(dtype).max], dtype)
    assert_agrees(lambda x: operation(x, number), lambda x: theirs(x, number), x)


def test_an_integer_beyond_64_bits_is_an_error():
    with pytest.raises(DTypeError, match="does not fit in 64 bits"):
        so.vector("x") + 2**63


@pytest.mark.parametrize("dtype", FLOATS)
def test_expressions_of_python_numbers_stay_weak(dtype):
    x = so.vector("x", dtype=dtype)
    weak = so.exp(so.as_tensor(2.0)) * 3 + so.sqrt(2)
    assert weak.weak
    assert (x * weak).dtype == dtype
    assert so.where(so.as_tensor(1.0) > 0, weak, x).dtype == dtype
    half = (1 - so.power(so.as_tensor(0.9), 2)) / 2
    assert (x + half).dtype == dtype


def test_weak_numbers_are_computed_in_float64_and_then_cast():
    x = np.ones(1, "float32")
    third = so.as_tensor(1.0) / 3
    node = so.input("x", (1,), "float32")
    assert third.eval() == 1.0 / 3
    assert ((third - 0.33333334) * node).eval({node: x}) == np.float32(1.0 / 3 - 0.33333334)


def test_a_weak_number_that_is_shaped_becomes_an_ordinary_array():
    number = so.as_tensor(2.0)
    for shaped in (so.reshape(number, (1,)), so.broadcast_to(number, (3,)), so.expand_dims(number, 0)):
        assert not shaped.weak
        assert shaped.dtype == np.float64
    assert (number + so.reshape(number, (1,))).shape == (1,)


def test_a_dimension_is_a_weak_number():
    x = np.ones((4, 3), "float32")
    node = so.input("x", ("n", 3), "float32")
    assert (node.sum() / node.shape[0]).dtype == np.float32
    assert (node.sum() / node.shape[0]).eval({node: x}) == 3
    assert (node.shape[0] * node).eval({node: x}).tolist() == (4 * x).tolist()
    assert (node.shape[0] - node).eval({node: x}).tolist() == (4 - x).tolist()
    assert (so.as_tensor(node.shape[0]) + 1).dtype == np.int64
