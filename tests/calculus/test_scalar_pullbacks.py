"""Every scalar operation's derivative, against finite differences and against SymPy."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import symopt as so
from symopt.graph.construct import elementwise
from symopt.scalar import OPERATIONS

#: Points of each operand at which the operation is smooth; anything in (0.2, 0.9) for those that are not named.
POINTS = {
    "floor_divide": [(2.3, 0.7), (-1.1, 0.4)],
    "remainder": [(2.3, 0.7), (-1.1, 0.4)],
    "power": [(1.7, 2.5), (0.4, -1.3), (2.0, 3.0)],
    "absolute": [(1.3,), (-0.7,)],
    "sign": [(1.3,), (-0.7,)],
    "maximum": [(0.3, 0.8), (0.8, 0.3), (-1.0, 2.0)],
    "minimum": [(0.3, 0.8), (0.8, 0.3), (-1.0, 2.0)],
    "floor": [(1.3,), (-0.7,)],
    "ceil": [(1.3,), (-0.7,)],
    "rint": [(1.3,), (-0.7,)],
    "log": [(0.3,), (5.0,)],
    "log1p": [(-0.4,), (3.0,)],
    "arctan2": [(0.5, -0.8), (-0.3, 0.2), (1.0, 2.0)],
    "sigmoid": [(-3.0,), (0.1,), (4.0,)],
    "softplus": [(-3.0,), (0.1,), (4.0,)],
    "erf": [(-1.2,), (0.1,), (2.0,)],
    "tan": [(-0.7,), (0.4,)],
}

FLOATS = [
    op
    for op in OPERATIONS.values()
    if (op.kind in ("arithmetic", "floating") and op.name not in ("stop_gradient",)) or op.name == "to_float64"
]


def points_of(op):
    return POINTS.get(op.name) or [(0.35, 0.6)[: op.arity], (0.8, 0.25)[: op.arity]]


def value_and_gradient(op, point):
    operands = [so.parameter(np.array(value), name=f"x{i}") for i, value in enumerate(point)]
    result = elementwise(op.name, *operands)
    return [float(g.eval()) for g in so.gradient(result, operands)]


def central_difference(op, point, i, step=1e-6):
    def value(shift):
        shifted = [v + shift * (j == i) for j, v in enumerate(point)]
        return float(elementwise(op.name, *[so.constant(np.array(v)) for v in shifted]).eval())

    return (value(step) - value(-step)) / (2 * step)


@pytest.mark.parametrize("op", FLOATS, ids=lambda op: op.name)
def test_pullback_agrees_with_finite_differences(op):
    for point in points_of(op):
        for i, derivative in enumerate(value_and_gradient(op, point)):
            assert derivative == pytest.approx(central_difference(op, point, i), rel=1e-6, abs=1e-8), (point, i)


@pytest.mark.parametrize("op", [op for op in FLOATS if op.meaning is not None], ids=lambda op: op.name)
def test_pullback_agrees_with_sympy(op):
    symbols = sympy.symbols(f"x:{op.arity}", real=True)
    meaning = op.meaning(sympy, *symbols)
    for point in points_of(op):
        at = dict(zip(symbols, point, strict=True))
        for symbol, derivative in zip(symbols, value_and_gradient(op, point), strict=True):
            # Between its jumps a step function has no slope; SymPy keeps a formal derivative of floor and sign.
            exact = sympy.diff(meaning, symbol).replace(
                lambda e: isinstance(e, (sympy.Derivative, sympy.DiracDelta, sympy.Subs)), lambda e: sympy.Integer(0)
            )
            assert derivative == pytest.approx(float(exact.subs(at).evalf()), rel=1e-9, abs=1e-12), (point, symbol)


def test_every_differentiable_operation_is_tested():
    tested = {op.name for op in FLOATS}
    others = {"stop_gradient", "where"} | {name for name in OPERATIONS if name.startswith("to_")}
    left = {op.name for op in OPERATIONS.values() if any(op.pullbacks)} - tested - others
    assert not left


def grad_at(formula, *values):
    operands = [so.parameter(np.array(value, float), name=f"x{i}") for i, value in enumerate(values)]
    result = formula(*operands)
    return [g.eval().tolist() for g in so.gradient(result.sum() if result.shape else result, operands)]


@pytest.mark.parametrize(
    ("formula", "value"),
    [(so.abs, 0.0), (so.sign, 0.0), (so.relu, 0.0), (so.floor, 1.0), (so.ceil, 1.0), (so.rint, 0.5)],
    ids=["abs", "sign", "relu", "floor", "ceil", "rint"],
)
def test_derivative_at_a_kink_is_zero(formula, value):
    assert grad_at(formula, value) == [0.0]


@pytest.mark.parametrize("formula", [so.maximum, so.minimum], ids=["maximum", "minimum"])
def test_ties_of_two_share_equally(formula):
    assert grad_at(formula, 2.0, 2.0) == [0.5, 0.5]


@pytest.mark.parametrize("formula", [so.max, so.min], ids=["max", "min"])
def test_ties_of_a_reduction_share_equally(formula):
    assert grad_at(formula, [3.0, 3.0, 3.0, 3.0]) == [[0.25] * 4]


def test_norm_of_zero_has_gradient_zero():
    assert grad_at(so.linalg.norm, [0.0, 0.0]) == [[0.0, 0.0]]
    assert grad_at(so.std, [2.0, 2.0]) == [[0.0, 0.0]]


def test_where_leaks_nothing_from_the_branch_not_taken():
    # The slope of the root is infinite at 0, and would give NaN if it were multiplied by zero.
    assert grad_at(lambda x: so.where(x > 0, so.sqrt(x), x), [4.0]) == [[0.25]]
    assert grad_at(lambda x, y: so.where(x > 0, so.sqrt(y), x), -1.0, 4.0) == [1.0, 0.0]
    assert grad_at(lambda x: so.where(x > 0, so.log(so.where(x > 0, x, 1)), 0), [-1.0, 2.0]) == [[0.0, 0.5]]


def test_product_survives_zeros():
    assert grad_at(so.prod, [2.0, 0.0, 5.0]) == [[0.0, 10.0, 0.0]]
    assert grad_at(so.prod, [0.0, 0.0, 5.0]) == [[0.0, 0.0, 0.0]]
    assert grad_at(so.prod, [2.0, 3.0, 5.0]) == [[15.0, 10.0, 6.0]]


def test_power_of_zero_has_finite_gradients():
    assert grad_at(lambda x, y: x**y, 0.0, 0.0)[0] == 0.0
    assert grad_at(lambda x, y: x**y, 0.0, 2.0) == [0.0, 0.0]
