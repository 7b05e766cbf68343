"""Sums, extremes, moments and running sums against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import symopt.tensor as so
from symopt.errors import DataError, ShapeError, Unsupported
from tests.tensor.compare import FLOATS, INTEGERS, assert_agrees, assert_same, sample

AXES = [None, 0, 1, 2, -1, -3, (0, 1), (2, 0), (0, 1, 2), (), np.int64(1)]
PLAIN = ("sum", "prod", "max", "min", "mean", "var", "std", "any", "all")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", PLAIN)
def test_reductions_over_any_axes_are_those_of_numpy(name, axis, keepdims, known):
    def reduced(namespace):
        return lambda x: getattr(namespace, name)(x, axis=axis, keepdims=keepdims)

    assert_agrees(reduced(so), reduced(np), sample("float64", (2, 3, 4)), known=known, ulps=32)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "int64", *FLOATS])
@pytest.mark.parametrize("name", PLAIN)
def test_reductions_of_every_dtype_are_those_of_numpy(name, dtype):
    assert_agrees(getattr(so, name), getattr(np, name), sample(dtype, (5, 7)), ulps=32)
    assert_agrees(getattr(so, name), getattr(np, name), sample(dtype, ()), ulps=4)


@pytest.mark.parametrize("name", ["sum", "prod", "cumsum"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_sums_and_products_of_small_integers_do_not_overflow(name, dtype):
    x = np.full(9, 100, dtype)
    expected = np.asarray(getattr(np, name)(x.astype("int64")))
    node = so.input("x", (9,), dtype)
    assert_same(getattr(so, name)(node), expected, {node: x})


@pytest.mark.parametrize("name", ["max", "min", "sum", "prod", "mean", "any", "all"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_reductions_keep_nan_and_infinity(name, dtype):
    rows = [[1, np.nan, 3], [np.inf, 1, 2], [-np.inf, np.inf, 0], [-np.inf, -np.inf, -np.inf], [0.0, -0.0, 0.0]]
    x = np.array(rows, dtype)
    assert_agrees(lambda x: getattr(so, name)(x, 1), lambda x: getattr(np, name)(x, 1), x)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "any", "all"])
@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_reductions_of_nothing_are_those_of_numpy(name):
    x = np.zeros((0, 3))
    for known in (True, False):
        assert_agrees(lambda x: getattr(so, name)(x, 0), lambda x: getattr(np, name)(x, 0), x, known=known)


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_extremes_of_nothing_are_an_error(name):
    with pytest.raises(ShapeError, match="over no elements"):
        getattr(so, name)(so.input("x", (0, 3)), axis=0)
    x = so.vector("x")
    with pytest.raises(DataError, match=">= 1; here _n"):
        getattr(so, name)(x).eval({x: []})


@pytest.mark.parametrize("ddof", [0, 1, 2, 0.5, 3, 7])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.filterwarnings("ignore:Degrees of freedom")
def test_degrees_of_freedom_are_taken_off_the_count(ddof, known):
    x = sample("float64", (4, 3))
    for name in ("var", "std"):

        def reduced(namespace, name=name):
            return lambda x: getattr(namespace, name)(x, 1, ddof=ddof)

        assert_agrees(reduced(so), reduced(np), x, known=known, ulps=8)


@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_moments_of_float32_stay_float32(name):
    x = so.input("x", ("n",), "float32")
    assert getattr(so, name)(x).dtype == np.float32


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("dtype", ["float32", "int8", "bool"])
def test_argmax_and_argmin_are_those_of_numpy(name, axis, keepdims, dtype):
    x = sample(dtype, (4, 5))

    def place(namespace):
        return lambda x: getattr(namespace, name)(x, axis=axis, keepdims=keepdims)

    assert_agrees(place(so), place(np), x)
    assert_agrees(place(so), place(np), x, known=False)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_the_first_nan_is_the_extreme_and_of_ties_the_first(name):
    rows = [[1, np.nan, 3, np.nan], [2, 2, 1, 1], [np.inf, -np.inf, np.inf, -np.inf], [np.nan] * 4, [0.0, -0.0, 0.0, 0]]
    assert_agrees(lambda x: getattr(so, name)(x, 1), lambda x: getattr(np, name)(x, 1), np.array(rows))
    assert_agrees(getattr(so, name), getattr(np, name), np.array(rows))


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", *FLOATS])
def test_cumsum_is_that_of_numpy(axis, dtype):
    x = sample(dtype, (3, 4))
    assert_agrees(lambda x: so.cumsum(x, axis), lambda x: np.cumsum(x, axis), x)
    assert_agrees(lambda x: so.cumsum(x, axis), lambda x: np.cumsum(x, axis), x, known=False)


@pytest.mark.parametrize("axis", [2, -3, (0, 0), (1, -1), (0, 5)])
@pytest.mark.parametrize("name", ["sum", "max", "mean", "softmax"])
def test_an_axis_that_is_not_there_or_there_twice_is_an_error(name, axis):
    with pytest.raises(ShapeError, match="axis"):
        getattr(so, name)(so.matrix("x"), axis)


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("dtype", [*FLOATS, "int64"])
def test_norm_is_that_of_numpy(axis, keepdims, dtype):
    x = sample(dtype, (3, 4))

    def norm(namespace):
        return lambda x: namespace.linalg.norm(x, axis=axis, keepdims=keepdims)

    assert_agrees(norm(so), norm(np), x, ulps=4)


def test_norm_of_named_orders():
    x = sample("float64", (3, 4))
    assert_agrees(lambda x: so.linalg.norm(x, 2, axis=1), lambda x: np.linalg.norm(x, 2, axis=1), x, ulps=4)
    assert_agrees(lambda x: so.linalg.norm(x[0], 2), lambda x: np.linalg.norm(x[0], 2), x, ulps=4)
    assert_agrees(lambda x: so.linalg.norm(x, "fro"), lambda x: np.linalg.norm(x, "fro"), x, ulps=4)
    assert_agrees(so.linalg.norm, np.linalg.norm, np.zeros(3))
    assert_agrees(so.linalg.norm, np.linalg.norm, np.array([1.0, np.nan]))
    assert_agrees(so.linalg.norm, np.linalg.norm, np.array([1.0, -np.inf]))
    assert_agrees(so.linalg.norm, np.linalg.norm, sample("float64", (2, 3, 4)), ulps=4)


@pytest.mark.parametrize(("ord", "axis"), [(2, None), (1, 0), (np.inf, 0), ("nuc", None), (2, (0, 1)), ("fro", 0)])
def test_other_norms_are_unsupported(ord, axis):
    with pytest.raises(Unsupported, match="Euclidean norm only"):
        so.linalg.norm(so.matrix("x"), ord, axis=axis)
