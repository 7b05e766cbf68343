"""Tensors written as SymPy expressions, and there and back again."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symopt.tensor as so
from symopt.errors import Unsupported
from symopt.graph.construct import elementwise
from symopt.scalar import OPERATIONS
from tests.tensor.compare import assert_same

x, y = sp.symbols("x y", real=True)
X, S, W = so.vector("x"), so.scalar("s"), so.parameter(2.5, name="w")
Y = so.input("y", X.shape)
MASK, COUNT = so.input("mask", X.shape, "bool"), so.input("i", X.shape, "int64")
VALUES = {
    X: np.array([0.3, 0.9, -0.7, 0.0]),
    Y: np.array([1.25, -0.5, 2.0, 1.0]),
    S: np.array(0.75),
    MASK: np.array([True, False, True, True]),
    COUNT: np.array([7, -7, 3, 1]),
}


@pytest.mark.parametrize(
    ("tensor", "expression"),
    [
        (X * Y + 2, x * y + 2),
        (X**2 - 0.5 * X, x**2 - 0.5 * x),
        (so.exp(-X) / (1 + so.sqrt(Y)), sp.exp(-x) / (1 + sp.sqrt(y))),
        (so.maximum(X, 0), sp.Max(x, 0)),
        (so.where(X > 0, X, Y), sp.Piecewise((x, x > 0), (y, True))),
        (so.sigmoid(X), 1 / (1 + sp.exp(-x))),
        (X * S - W, x * sp.Symbol("s", real=True) - sp.Symbol("w", real=True)),
        (so.log2(X), sp.log(x, 2)),
        (X % 3, x - 3 * sp.floor(x / 3)),
        (so.arctan2(X, Y), sp.atan2(x, y)),
        ((X > 0) & (Y < 1), sp.And(x > 0, y < 1)),
        ((X > 0) * 2.0, 2 * sp.Piecewise((1, x > 0), (0, True))),
        (so.relu(X), sp.Piecewise((0, x <= 0), (x, True))),
        (so.abs(X) + so.sign(X) + so.erf(X), sp.Abs(x) + sp.sign(x) + sp.erf(x)),
        (so.as_tensor(2.5), sp.Float(2.5)),
        (so.as_tensor(np.inf) * X, sp.oo * x),
        (X.astype("int64"), sp.sign(x) * sp.floor(sp.Abs(x))),
        (X.astype("bool"), sp.Ne(x, 0)),
        (X.astype("float32"), x),
        (so.stop_gradient(X), x),
    ],
    ids=str,
)
def test_the_expression_is_the_formula(tensor, expression):
    assert tensor.to_sympy() == expression


ROUND_TRIPS = {
    name: operation
    for name, operation in OPERATIONS.items()
    if operation.meaning is not None and operation.kind != "cast" and name not in ("logical_and", "logical_or")
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_an_operation_comes_back_with_the_same_value(name):
    operation = OPERATIONS[name]
    operands = [X, Y][: operation.arity]
    if operation.kind == "select":
        operands = [MASK, X, Y]
    elif operation.kind == "logical":
        operands = [MASK]
    elif name in ("log", "log2", "log10", "sqrt", "power"):
        operands = [so.abs(X) + 0.1, *operands[1:]]
    tensor = elementwise(name, *operands)
    back = so.from_sympy(tensor.to_sympy(), {"x": X, "y": Y, "mask": MASK})
    expected = tensor.eval(VALUES)
    if expected.dtype == bool:
        assert_same(back, expected, VALUES)
    else:
        np.testing.assert_allclose(back.eval(VALUES), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    "tensor",
    [
        so.exp(-((X - W) ** 2) / (2 * S)) * S,
        so.where((X > 0) & ~MASK | (Y > 1), so.tanh(X) / Y, so.huber(Y)),
        so.softplus(X) - so.log1p(so.exp(Y)) + so.clip(X, -0.5, 0.5),
        COUNT // 2 + COUNT % 3 * 2,
        (COUNT.astype("float64") / 3).astype("int64") + MASK.astype("int64"),
        1.7976931348623157e308 * X + 5e-324 + 0.1,
    ],
    ids=range(6),
)
def test_a_formula_comes_back_with_the_same_value(tensor):
    names = {"x": X, "y": Y, "s": S, "w": W, "mask": MASK, "i": COUNT}
    back = so.from_sympy(so.to_sympy(tensor), names)
    np.testing.assert_allclose(back.eval(VALUES), tensor.eval(VALUES), rtol=1e-14)


@pytest.mark.parametrize(
    ("tensor", "match"),
    [
        (X.sum(), "sum over axes"),
        (X.mean() * X, "sum over axes"),
        (X @ Y, "Contract"),
        (X[1:], "Slice"),
        (X + so.constant([1.0, 2.0, 3.0, 4.0]), "Constant"),
        (so.random.uniform((3,)), "Random"),
        (so.arange(3), "Iota"),
        (so.matrix("z") + so.input("row", (1, 4)), "Broadcast"),
        (so.rint(X), "rint has no meaning"),
        (so.isnan(X), "isnan has no meaning"),
        (X + so.vector("x"), "two tensors are called x"),
    ],
    ids=str,
)
def test_what_mixes_elements_is_unsupported_and_named(tensor, match):
    with pytest.raises(Unsupported, match=match):
        tensor.to_sympy()


def test_a_number_may_have_axes_of_length_one():
    assert (X * so.reshape(S, (1,))).shape == X.shape
    one = so.input("one", (1,))
    assert (X * one).to_sympy() == x * sp.Symbol("one", real=True)


def test_a_shared_part_is_converted_once():
    tensor = X
    for _ in range(12):
        tensor = tensor * 0.5 + so.stop_gradient(tensor)
    assert so.from_sympy(tensor.to_sympy(), {"x": X}).eval(VALUES) == pytest.approx(tensor.eval(VALUES), rel=1e-12)


def test_what_nests_too_deep_for_sympy_says_so():
    tensor = X
    for _ in range(2000):
        tensor = so.tanh(tensor * S + 1)
    with pytest.raises(Unsupported, match="nests too deep for SymPy"):
        tensor.to_sympy()
