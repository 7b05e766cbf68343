"""Functions of single elements against NumPy: values, dtypes, and what NaN and infinities do."""

from __future__ import annotations

import math
import operator

import numpy as np
import pytest
import scipy.special

import symopt.tensor as so
from symopt.errors import DTypeError
from tests.tensor.compare import FLOATS, INTEGERS, assert_agrees, assert_same, sample

EDGES = [-np.inf, -1e30, -2.5, -1.5, -1.0, -0.5, -0.0, 0.0, 1e-30, 0.5, 1.0, 1.5, 2.5, 1e30, np.inf, np.nan]

SAME_NAME = (
    *("negative", "positive", "absolute", "abs", "sign", "square", "reciprocal", "sqrt", "floor", "ceil", "rint"),
    *("exp", "expm1", "log", "log1p", "log2", "log10", "isfinite", "isnan", "logical_not"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"),
)
BINARY = (
    *("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "power", "maximum", "minimum", "arctan2"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or"),
)
# With integers NumPy gives float16 for int8, and refuses reciprocals of zero; these are floats in symopt.
FLOAT_OF_INTEGER = ("sqrt", "exp", "log1p", "sin", "arctan", "tanh")
KEEP_INTEGERS = ("negative", "absolute", "sign", "square")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", SAME_NAME)
def test_unary_functions_of_floats_are_those_of_numpy(name, dtype):
    assert_agrees(getattr(so, name), getattr(np, name), np.array(EDGES, dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BINARY)
def test_binary_functions_of_floats_are_those_of_numpy(name, dtype):
    x, y = np.meshgrid(np.array(EDGES, dtype), np.array(EDGES, dtype))
    assert_agrees(getattr(so, name), getattr(np, name), x, y)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", BINARY)
def test_binary_functions_of_integers_are_those_of_numpy(name, dtype):
    x, y = sample(dtype, (50,), 1), sample(dtype, (50,), 2)
    y = np.abs(y) + 1 if name == "power" else y
    if np.dtype(dtype).itemsize < 4 and name == "arctan2":
        x, y = x.astype("int32"), y.astype("int32")  # NumPy gives float16 for bytes
    assert_agrees(getattr(so, name), getattr(np, name), x, y)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint32"])
@pytest.mark.parametrize("name", FLOAT_OF_INTEGER)
def test_functions_of_integers_that_need_floats_are_float64(name, dtype):
    assert_agrees(getattr(so, name), getattr(np, name), np.arange(6, dtype=dtype))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64"])
def test_functions_of_integers_that_need_floats_are_never_float16(dtype):
    x = so.input("x", (3,), dtype)
    assert_same(so.sqrt(x), np.sqrt(np.array([0.0, 1.0, 4.0])), {x: np.array([0, 1, 4], dtype)})


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", KEEP_INTEGERS)
def test_functions_that_keep_integers_are_those_of_numpy(name, dtype):
    assert_agrees(getattr(so, name), getattr(np, name), sample(dtype, (20,)))


@pytest.mark.parametrize("name", ["floor", "ceil", "rint"])
@pytest.mark.parametrize("dtype", [*INTEGERS, "bool"])
def test_rounding_an_integer_gives_the_integer_itself(name, dtype):
    x = so.input("x", (2,), dtype)
    assert getattr(so, name)(x) is x


@pytest.mark.parametrize("dtype", FLOATS)
def test_erf_is_that_of_scipy(dtype):
    x = np.array(EDGES + list(np.linspace(-4, 4, 33)), dtype)
    assert_agrees(so.erf, scipy.special.erf, x, ulps=4)
    assert_agrees(so.erf, scipy.special.erf, x[8], ulps=4)
    assert_agrees(so.erf, scipy.special.erf, x.reshape(7, 7), ulps=4)


@pytest.mark.parametrize("dtype", FLOATS)
def test_sigmoid_and_softplus_neither_overflow_nor_lose_digits(dtype):
    x = np.array([*EDGES, -700.0, -80.0, -17.0, 17.0, 80.0, 700.0, 1000.0, -1000.0], dtype)
    assert_agrees(so.sigmoid, scipy.special.expit, x, ulps=4)
    assert_agrees(so.softplus, lambda x: np.logaddexp(np.zeros((), dtype), x), x, ulps=4)


@pytest.mark.parametrize("dtype", FLOATS)
def test_relu_keeps_nan(dtype):
    assert_agrees(so.relu, lambda x: np.maximum(x, np.zeros((), x.dtype)), np.array(EDGES, dtype))


@pytest.mark.parametrize("dtype", ["int8", "int64"])
def test_relu_of_integers_keeps_their_dtype(dtype):
    assert_agrees(so.relu, lambda x: np.maximum(x, np.zeros((), x.dtype)), sample(dtype, (9,)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("delta", [0.5, 1, 1000.0])
def test_huber_is_quadratic_near_zero_and_linear_beyond(dtype, delta):
    def expected(x):
        with np.errstate(all="ignore"):
            quadratic, linear = 0.5 * x**2, delta * (np.abs(x) - 0.5 * delta)
        return np.where(np.isnan(x), x, np.where(np.abs(x) <= delta, quadratic, linear)).astype(dtype)

    assert_agrees(lambda x: so.huber(x, delta), expected, np.array([*EDGES, 1000.0, -1000.0, 999.0], dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 0.5, 2.0, 1.0, -1.0, 1.5, -0.5])
def test_powers_to_a_number_are_those_of_numpy(dtype, exponent):
    x = np.array([1e-3, 0.5, 1.0, 2.0, 3.0, 1e10], dtype)
    assert_agrees(lambda x: x**exponent, lambda x: x**exponent, x, ulps=2)
    assert_agrees(lambda x: so.power(x, exponent), lambda x: x**exponent, x, ulps=2)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 0.5, 2.0, 1.0, -1.0])
def test_an_integer_to_a_float_power_is_a_float(exponent):
    x = np.array([1, 2, 3, 10])
    assert_agrees(lambda x: x**exponent, lambda x: x**exponent, x, ulps=1)


def test_an_integer_to_a_negative_integer_power_is_an_error():
    x = so.vector("x", dtype="int64")
    with pytest.raises(DTypeError, match="negative integer power"):
        x**-1
    with pytest.raises(DTypeError, match="negative integer power"):
        so.power(x, np.array([1, -2]))


def test_a_number_to_a_symbolic_power():
    assert_agrees(lambda x: 2**x, lambda x: 2**x, np.array([0.0, -1.0, 0.5]))
    assert_agrees(lambda x: 2.0**x, lambda x: 2.0**x, np.array([0, 1, 5]))


@pytest.mark.parametrize("dtype", [*FLOATS, "int64"])
@pytest.mark.parametrize("decimals", [-2, -1, 0, 1, 2])
def test_round_is_that_of_numpy(dtype, decimals):
    x = np.array([-151, -150, -50, -15, -5, 0, 5, 15, 25, 35, 149, 150, 151], dtype)
    x = x if dtype == "int64" else x / np.asarray(40, dtype)
    assert_agrees(lambda x: so.round(x, decimals), lambda x: np.round(x, decimals), x)
    assert_agrees(so.round, np.round, x)
    assert_agrees(lambda x: x.round(decimals), lambda x: x.round(decimals), x)


@pytest.mark.parametrize("bounds", [(-1, 1), (None, 0.5), (0.5, None), (2, -2), (np.nan, 1), (None, None)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_clip_is_that_of_numpy(dtype, bounds):
    if bounds == (None, None):
        assert_agrees(lambda x: so.clip(x), lambda x: x, np.array(EDGES, dtype))
        return
    assert_agrees(lambda x: so.clip(x, *bounds), lambda x: np.clip(x, *bounds), np.array(EDGES, dtype))
    low, high = bounds
    assert_agrees(lambda x: x.clip(min=low, max=high), lambda x: np.clip(x, low, high), np.array(EDGES, dtype))


def test_where_takes_its_choice_and_broadcasts():
    condition, x, y = sample("bool", (4, 1), 1), sample("float64", (3,), 2), sample("float64", (4, 3), 3)
    assert_agrees(so.where, np.where, condition, x, y)
    assert_agrees(lambda c, x: so.where(c, x, np.nan), lambda c, x: np.where(c, x, np.nan), condition, x)
    assert_agrees(lambda c: so.where(c, 1, 0), lambda c: np.where(c, 1, 0), condition)
    assert_agrees(lambda c: so.where(c, 1.5, 0), lambda c: np.where(c, 1.5, 0), condition)
    assert_agrees(so.where, np.where, np.array([0.0, 2.0, np.nan]), x, y)


def test_where_does_not_let_the_other_branch_through():
    x = np.array([-1.0, 0.0, 4.0])
    assert_agrees(lambda x: so.where(x > 0, so.log(x), 0), lambda x: np.where(x > 0, np.log(x), 0.0), x)


@pytest.mark.parametrize("source", ["bool", "int64", "uint8", *FLOATS])
@pytest.mark.parametrize("target", ["bool", *INTEGERS, *FLOATS])
def test_cast_is_astype_of_numpy(source, target):
    x = np.abs(sample(source, (20,)))
    assert_agrees(lambda x: so.cast(x, target), lambda x: x.astype(target), x)
    assert_agrees(lambda x: x.astype(target), lambda x: x.astype(target), x)


@pytest.mark.parametrize("dtype", ["float16", "complex128", "uint64", "U3", "datetime64[s]", "nonsense"])
def test_a_dtype_that_no_backend_has_is_an_error_that_names_it(dtype):
    with pytest.raises(DTypeError, match=r"nonsense|float16|complex|uint64|str|datetime"):
        so.vector("x").astype(dtype)


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow]
OPERATORS += [operator.lt, operator.le, operator.gt, operator.ge]


@pytest.mark.parametrize("operation", OPERATORS)
def test_operators_work_with_tensors_arrays_and_numbers_on_either_side(operation):
    x, y = np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 0.5])
    assert_agrees(operation, operation, x, y)
    assert_agrees(lambda x: operation(x, y), lambda x: operation(x, y), x)
    assert_agrees(lambda y: operation(x, y), lambda y: operation(x, y), y)
    assert_agrees(lambda x: operation(x, 2), lambda x: operation(x, 2), x)
    assert_agrees(lambda x: operation(2, x), lambda x: operation(2, x), x)
    assert_agrees(lambda x: operation(np.float64(2), x), lambda x: operation(np.float64(2), x), x)
    assert_agrees(lambda x: operation(x, np.float32(2)), lambda x: operation(x, np.float32(2)), x)


@pytest.mark.parametrize("operation", [operator.neg, operator.pos, operator.abs])
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_unary_operators(operation, dtype):
    assert_agrees(operation, operation, sample(dtype, (5,)))


def test_logic_of_booleans():
    x, y = np.array([True, True, False, False]), np.array([True, False, True, False])
    for operation in (operator.and_, operator.or_, operator.add, operator.mul):
        assert_agrees(operation, operation, x, y)
    assert_agrees(operator.invert, operator.invert, x)
    assert_agrees(lambda x: x & True, lambda x: x & True, x)
    assert_agrees(so.maximum, np.maximum, x, y)
    assert_agrees(so.minimum, np.minimum, x, y)
    assert_agrees(so.abs, np.abs, x)


@pytest.mark.parametrize("operation", [operator.and_, operator.or_])
@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_logical_operators_refuse_numbers(operation, dtype):
    x = so.vector("x", dtype=dtype)
    with pytest.raises(DTypeError, match="is for booleans"):
        operation(x, x > 0)
    with pytest.raises(DTypeError, match="is for booleans"):
        operator.invert(x)


@pytest.mark.parametrize("name", ["negative", "subtract", "square", "sign", "power", "floor_divide"])
def test_arithmetic_without_meaning_for_booleans_is_an_error(name):
    x = so.vector("x", dtype="bool")
    with pytest.raises(DTypeError, match=f"{name} of booleans"):
        getattr(so, name)(*[x] * (2 if name in BINARY else 1))


def test_stop_gradient_is_the_value_itself():
    for dtype in ("bool", "int8", "float32"):
        assert_agrees(so.stop_gradient, lambda x: x, sample(dtype, (3,)))


@pytest.mark.parametrize(("function", "count"), [(so.exp, 2), (so.exp, 0), (so.add, 1), (so.where, 1)])
def test_a_wrong_number_of_operands_is_an_error(function, count):
    with pytest.raises(TypeError, match="takes"):
        function(*[so.vector("x")] * count)


def test_functions_of_numbers_alone_are_exact():
    assert so.exp(1.0).eval() == math.e
    assert so.arctan2(1, 0).eval() == math.pi / 2
    assert (so.sqrt(2) * 0.5).eval() == math.sqrt(2) * 0.5
