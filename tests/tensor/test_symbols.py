"""Inputs, parameters, states and constants; and a tensor's value for a quick look."""

from __future__ import annotations

import numpy as np
import pytest

import symopt.tensor as so
from symopt.errors import DataError, DTypeError, ShapeError
from tests.tensor.compare import assert_same


@pytest.mark.parametrize(("make", "ndim"), [(so.scalar, 0), (so.vector, 1), (so.matrix, 2), (so.tensor3, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool", np.int8, np.dtype("uint8")])
def test_inputs_by_rank(make, ndim, dtype):
    x = make("x", dtype=dtype)
    assert (x.name, x.ndim, x.dtype) == ("x", ndim, np.dtype(dtype))
    assert len(set(x.shape)) == ndim, "each axis has a size of its own"
    assert make("x").dtype == np.float64


def test_a_dimension_is_an_int_a_name_or_none():
    x = so.input("x", ("n", 784, None, np.int64(3)), "float32")
    y = so.input("y", ("n", x.shape[2] - 1))
    assert x.shape[0] == y.shape[0]
    assert x.shape[1] == 784
    assert x.shape[3] == 3
    assert y.shape[1] == x.shape[2] - 1
    assert repr(so.input("z", ("n", 784))) == "<Input z: float64 (n, 784)>"
    assert repr(so.input("z", ("n",))) == "<Input z: float64 (n,)>"


@pytest.mark.parametrize("shape", [(-1,), (2.5,), ("a b",), ("",), ("_n",), ([],)])
def test_a_dimension_that_is_none_of_these_is_an_error(shape):
    with pytest.raises(ShapeError, match="dimension"):
        so.input("x", shape)


def test_a_dimension_may_be_an_expression_of_a_later_name():
    n = so.input("unused", ("n",)).shape[0]
    differences, values = so.input("d", (n - 1,)), so.input("v", ("n",))
    total = (values[1:] - values[:-1] - differences).sum()
    assert_same(total, np.array(0.0), {differences: [1.0, 1.0], values: [1.0, 2.0, 3.0]})
    with pytest.raises(DataError, match=r"input 'd' has shape \(n-1,\); it was given \(3,\): .*expected 2"):
        total.eval({differences: np.ones(3), values: np.ones(3)})


def test_a_parameter_copies_its_array():
    array = np.zeros((2, 3))
    u = so.parameter(array, name="u")
    array[0, 0] = 7
    assert (u.value == 0).all()
    assert (u.name, u.shape, u.dtype, u.role) == ("u", (2, 3), np.float64, "parameter")


def test_the_dtype_of_a_parameter_is_that_of_its_value_unless_it_is_given():
    assert so.parameter(np.zeros(3, "float32"), name="u").dtype == np.float32
    assert so.parameter([1.0, 2], name="u").dtype == np.float64
    assert so.parameter(1.5, name="u").shape == ()
    assert so.parameter([1, 2], name="u", dtype="float32").value.tolist() == [1, 2]
    assert so.parameter(np.float32(2), name="u").dtype == np.float32


@pytest.mark.parametrize("value", [[1, 2], True, np.zeros(3, "int8")])
def test_a_parameter_that_is_no_float_is_an_error(value):
    with pytest.raises(DTypeError, match="a trainable parameter is a float"):
        so.parameter(value, name="u")
    assert so.state(value, name="v").dtype == np.asarray(value).dtype


def test_bounds_of_a_parameter():
    u = so.parameter([0.5], name="u", lower=0, upper=1)
    assert (u.lower, u.upper) == (0, 1)
    with pytest.raises(ShapeError, match="lower bound 2 above upper bound 1"):
        so.parameter([0.5], name="u", lower=2, upper=1)


@pytest.mark.parametrize("make", [so.parameter, so.state])
@pytest.mark.parametrize("value", [np.array([None]), ["a"], [1j]])
def test_a_shared_value_must_be_numbers(make, value):
    with pytest.raises(DTypeError):
        make(value, name="u")


def test_a_symbolic_tensor_is_no_value():
    with pytest.raises(DTypeError, match="symbolic"):
        so.parameter(so.vector("x"), name="u")
    with pytest.raises(DTypeError, match="symbolic"):
        so.constant(so.vector("x"))


def test_constants_are_arrays_that_nobody_can_write():
    array = np.arange(40.0)
    c = so.constant(array)
    array[:] = 0
    assert_same(c, np.arange(40.0))
    assert not c.value.flags.writeable
    c.eval()[:] = 0
    assert_same(c, np.arange(40.0))
    assert_same(so.constant([1, 2], dtype="float32"), np.array([1, 2], "float32"))
    assert_same(so.constant(3), np.array(3))


@pytest.mark.parametrize("value", ["text", None, {}, object(), 1j, np.array(["a"]), np.array([None]), 1 + 2j])
def test_what_is_no_number_cannot_stand_in_an_expression(value):
    with pytest.raises(DTypeError):
        so.add(so.vector("x"), value)


def test_a_list_of_tensors_says_what_to_use_instead():
    x = so.scalar("x")
    with pytest.raises(DTypeError, match=r"so\.stack"):
        so.exp([x, x])


def test_eval_gives_an_array_of_its_own():
    x, u = so.input("x", (3,)), so.parameter(np.zeros(3), name="u")
    array = np.ones(3)
    for node, source in ((x, array), (u, u.storage.array), (x[:], array), (so.broadcast_to(x, (2, 3)), array)):
        value = node.eval({x: array})
        assert isinstance(value, np.ndarray)
        assert not np.shares_memory(value, source)
        value[...] = 7
    assert (array == 1).all()
    assert (u.value == 0).all()


def test_eval_takes_what_numpy_takes_and_casts_within_the_kind():
    x = so.input("x", ("n",), "float32")
    for value in ([1, 2], (1.0, 2.0), np.array([1, 2], "float64"), np.array([True, False]), np.array([1, 2], "int8")):
        assert_same(x + 1, (np.asarray(value) + 1).astype("float32"), {x: value})
    pixels = so.input("pixels", ("n",), "uint8")
    assert_same(pixels, np.array([0, 255], "uint8"), {pixels: [0, 255]})
    assert_same(pixels, np.zeros(0, "uint8"), {pixels: []})
    for lost in ([-1, 0], [0, 256], np.array([1, 2])):
        with pytest.raises(DataError, match="input 'pixels' has dtype uint8; it was given int64"):
            pixels.eval({pixels: lost})
    i = so.input("i", ("n",), "int64")
    with pytest.raises(DataError, match=r"input 'i' has dtype int64; it was given float64.*astype\('int64'\)"):
        i.eval({i: [0.5]})


def test_eval_takes_other_values_for_parameters():
    u = so.parameter([1.0, 2.0], name="u")
    assert_same(u * 2, np.array([6.0, 8.0]), {u: [3.0, 4.0]})
    assert u.value.tolist() == [1, 2]
    with pytest.raises(DataError, match="was given an array of shape"):
        (u * 2).eval({u: [1.0, 2.0, 3.0]})


def test_eval_without_a_needed_input_names_it():
    x, y = so.vector("x"), so.vector("y")
    with pytest.raises(DataError, match="input 'y' was given no value"):
        (x + y).eval({x: [1.0]})
    with pytest.raises(DataError, match="is no input"):
        (x + y).eval({"x": [1.0]})
    with pytest.raises(DataError, match="is no input"):
        (x + y).eval({x + y: [1.0]})


def test_an_array_of_another_rank_or_length_names_the_input():
    x, y = so.input("x", ("n", 3)), so.input("y", ("n",))
    with pytest.raises(DataError, match=r"input 'x' has 2 dimensions; it was given shape \(3,\)"):
        x.eval({x: np.ones(3)})
    with pytest.raises(DataError, match=r"input 'x' has shape \(n, 3\); it was given \(2, 4\): axis 1 .* expected 3"):
        x.eval({x: np.ones((2, 4))})
    with pytest.raises(DataError, match=r"input 'y' .*axis 0 has length 5, expected 2, as in input 'x'"):
        (x.sum() + y.sum()).eval({x: np.ones((2, 3)), y: np.ones(5)})


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_order_of_bytes_of_a_file_is_no_matter(order):
    array = np.array([1.0, 2.5], f"{order}f4")
    u, x = so.parameter(array, name="u"), so.input("x", (2,), f"{order}f4")
    assert u.dtype == x.dtype == np.dtype("float32")
    assert (u.dtype.isnative, x.dtype.isnative, u.value.dtype.isnative) == (True, True, True)
    assert_same(u + x * so.constant(array) + array, np.array([3.0, 11.25], "float32"), {x: array})
