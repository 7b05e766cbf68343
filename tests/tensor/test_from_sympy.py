"""SymPy expressions read as tensors: the value, and the graph that one would have written."""

from __future__ import annotations

import linecache

import numpy as np
import pytest
import sympy as sp
from sympy.codegen import cfunctions

import symopt.tensor as so
from symopt.errors import DataError, Unsupported
from symopt.graph.formula import formula
from symopt.graph.traversal import topological
from tests.tensor.compare import assert_same

a, b, c = sp.symbols("a b c")
A, B, C = so.vector("a"), so.vector("b"), so.vector("c")
TENSORS = {a: A, b: B, c: C}
VALUES = {A: np.array([0.3, 1.7, -2.5]), B: np.array([1.25, 0.5, 2.0]), C: np.array([-0.5, 4.0, 0.75])}

EXPRESSIONS = [
    *(a + b, a - b, b - a, -a, -a - b, a - 1, 1 - a, a + b - c - 2, -(a + b) * c, a * b * c, -a * b, 2 * a - 3 * b),
    *(a / b, -a / b, 1 / b, -1 / b, 2 / b, a / (b * c), a / b**2, b**-2, a / sp.sqrt(b), b ** sp.Rational(-1, 2)),
    *(a**2, a**3, b ** sp.Rational(3, 2), sp.sqrt(b), sp.cbrt(b), b**0.5, b**-0.3, b**a, 2**a, sp.pi**a, b ** (-a)),
    *(a / 3, sp.Rational(2, 7) * a, 2 * sp.pi * a, a / sp.pi, sp.E * a, sp.sqrt(2) * a, a + sp.GoldenRatio),
    *(sp.Pow(sp.E, a, evaluate=False), sp.Pow(sp.E, -1 - a, evaluate=False) * b),
    *(sp.exp(a), sp.exp(-(a**2) / 2) / sp.sqrt(2 * sp.pi), sp.log(b), sp.log(b, 2), sp.log(b + 1), sp.Float(0.1) + a),
    *(sp.sin(a), sp.cos(a), sp.tan(a), sp.asin(b / 2), sp.acos(b / 2), sp.atan(a), sp.atan2(a, b)),
    *(sp.sinh(a), sp.cosh(a), sp.tanh(a), sp.sec(a), sp.csc(a), sp.cot(a), sp.sech(a), sp.csch(a), sp.coth(a)),
    *(sp.Abs(a), sp.sign(a), sp.floor(a), sp.ceiling(a), sp.erf(a), sp.Mod(a, 2), sp.Mod(a, -b), sp.Heaviside(a)),
    *(sp.Max(a, 0), sp.Max(a, b, c), sp.Min(a, b), sp.Min(1, a), 1 / (1 + sp.exp(-a))),
    sp.Piecewise((a, a > 0), (sp.exp(a) - 1, True)),
    sp.Piecewise((a, a < -1), (b, a < 1), (c, True)),
    sp.Piecewise((a, sp.And(a > 0, b < 1)), (b, sp.Or(a <= -2, sp.Ne(c, 4))), (0, True)),
    sp.Piecewise((1, a >= 0), (0, True)) * b,
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_the_value_is_that_of_sympy(expression):
    tensor = so.from_sympy(expression, TENSORS)
    rows = np.stack([*VALUES.values()], axis=1).tolist()
    # 40 digits, so that SymPy's own rounding does not count.
    exact = [expression.evalf(40, subs=dict(zip((a, b, c), map(sp.Float, row), strict=True))) for row in rows]
    assert_same(tensor + 0 * A, np.array([float(value) for value in exact]), VALUES, ulps=64)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (a - b, "a - b"),
        (-a, "-a"),
        (a - 1, "a - 1"),
        (1 - a, "1 - a"),
        (-a - b, "-a - b"),
        (a - 2 * b, "a - 2 * b"),
        (3 * b - 2 * a, "3 * b - 2 * a"),
        (-a * b, "-(a * b)"),
        (a / b, "a / b"),
        (-a / b, "-(a / b)"),
        (1 / a, "1 / a"),
        (a / (b * c), "a / (b * c)"),
        (a / sp.sqrt(b), "a / sqrt(b)"),
        (b**-2, "1 / b**2"),
        (a**2, "a**2"),
        (sp.sqrt(a), "sqrt(a)"),
        (2 * sp.pi * a, "6.283 * a"),
        (sp.sqrt(2) * a / sp.pi, "0.4502 * a"),
        (sp.exp(-(a**2) / 2), "exp(-0.5 * a**2)"),
        (sp.Max(a, 0), "maximum(a, 0)"),
        (sp.Piecewise((a, a > 0), (-a, True)), "where(a > 0, a, -a)"),
        (sp.Heaviside(a), "0.5 * (sign(a) + 1)"),
    ],
    ids=str,
)
def test_the_graph_is_what_one_would_write(expression, text):
    assert formula(so.from_sympy(expression, TENSORS)) == text


def test_the_same_graph_as_written_by_hand():
    assert so.from_sympy((a - b) ** 2, TENSORS) is (A - B) ** 2
    assert so.from_sympy(sp.exp(-a) * b, TENSORS) in (so.exp(-A) * B, B * so.exp(-A))
    assert so.from_sympy(a, TENSORS) is A


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "expression", [sp.sqrt(2) * a / 3 + sp.pi, sp.Piecewise((1, a > 0), (0, True)), sp.Heaviside(a)]
)
def test_numbers_take_on_the_dtype_of_the_tensors(dtype, expression):
    x = so.vector("x", dtype=dtype)
    assert (so.from_sympy(expression, {a: x}) * x).dtype == dtype


def test_integers_stay_integers_where_sympy_has_integers():
    i = so.vector("i", dtype="int64")
    assert so.from_sympy(2 * a**2 + 1, {a: i}).dtype == np.int64
    assert so.from_sympy(1 / a, {a: i}).dtype == np.float64
    assert so.from_sympy(a**-2, {a: i}).eval({i: [2]}) == 0.25
    assert so.from_sympy(a / 2, {a: i}).dtype == np.float64


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (sp.oo, np.inf),
        (-sp.oo, -np.inf),
        (sp.nan, np.nan),
        (sp.pi, np.pi),
        (sp.Integer(3), 3),
        (sp.Rational(1, 3), 1 / 3),
        (sp.sqrt(2), np.sqrt(2)),
        (sp.sin(1), np.sin(1)),
        (sp.Integer(10) ** 30, 1e30),
        (sp.Float("1e-300"), 1e-300),
        (sp.true, True),
        (sp.false, False),
        (2.5, 2.5),
        (3, 3),
        (sp.Heaviside(0), 0.5),
        (sp.exp(2) / 7, np.exp(2) / 7),
    ],
    ids=str,
)
def test_a_number_is_one_weak_number(expression, value):
    tensor = so.from_sympy(expression, {})
    assert tensor.weak
    assert not tensor.operands
    np.testing.assert_allclose(tensor.eval(), value, rtol=1e-15)


def test_what_is_not_finite_stays_so():
    assert so.from_sympy(sp.Max(a, -sp.oo), TENSORS).eval(VALUES).tolist() == VALUES[A].tolist()
    assert so.from_sympy(sp.oo * a, TENSORS).eval(VALUES).tolist() == [np.inf, np.inf, -np.inf]
    step = so.from_sympy(sp.Heaviside(a), TENSORS)
    np.testing.assert_array_equal(step.eval({A: [-1, 0, 2, np.nan]}), [0, 0.5, 1, np.nan])
    step = so.from_sympy(sp.Heaviside(a, 1), TENSORS)
    np.testing.assert_array_equal(step.eval({A: [-1, 0, 2, np.nan]}), [0, 1, 1, np.nan])


def test_a_piecewise_without_an_answer_is_nan():
    tensor = so.from_sympy(sp.Piecewise((a, a > 0), (b, a < -1)), TENSORS)
    np.testing.assert_array_equal(tensor.eval({A: [1, -2, -0.5], B: [7, 7, 7]}), [1, 7, np.nan])


def test_conditions_become_booleans():
    x = {A: np.array([1.0, 2.0, 3.0]), B: np.array([2.0, 2.0, 2.0])}
    for expression, expected in [
        *((sp.Eq(a, b), [0, 1, 0]), (sp.Ne(a, b), [1, 0, 1]), (a < b, [1, 0, 0]), (a >= b, [0, 1, 1])),
        *((sp.And(a > 1, a < 3, b > 0), [0, 1, 0]), (sp.Or(a < 2, a > 2), [1, 0, 1]), (sp.Not(a > b), [1, 1, 0])),
    ]:
        assert_same(so.from_sympy(expression, TENSORS), np.array(expected, bool), x)
    mask, p = so.vector("mask", dtype="bool"), sp.Symbol("p")
    for expression in (sp.ITE(p, a > 1, a > 2), sp.And(p, a > 1) | (~p & (a > 2))):
        result = so.from_sympy(expression, {p: mask, a: A})
        assert_same(result, np.array([False, True, True]), {mask: [True, True, False], A: [1.0, 2.0, 3.0]})


@pytest.mark.parametrize("name", ["log1p", "expm1", "log2", "log10"])
def test_the_precise_functions_of_sympy_stay_precise(name):
    expression = getattr(cfunctions, name)(a)
    assert so.from_sympy(expression, TENSORS) is getattr(so, name)(A)


@pytest.mark.parametrize(
    ("expression", "head"),
    [
        (sp.Integral(a, a), "Integral"),
        (sp.Function("f")(a), "f"),
        (sp.gamma(a), "gamma"),
        (sp.I * a, "ImaginaryUnit"),
        (sp.zoo, "ComplexInfinity"),
        (sp.Matrix([a]), "DenseMatrix"),
        (sp.Derivative(a**2, a), "Derivative"),
        ("a + b", "str"),
        (None, "NoneType"),
        (sp.Sum(a, (b, 1, 3)), "Sum"),
    ],
    ids=str,
)
def test_an_unknown_head_is_named(expression, head):
    with pytest.raises(Unsupported, match=head) as caught:
        so.from_sympy(expression, TENSORS)
    assert __file__ in str(caught.value)


def test_a_missing_symbol_is_named():
    with pytest.raises(DataError, match="symbol b stands for no tensor: the dict has a"):
        so.from_sympy(a + b, {a: A})
    with pytest.raises(DataError, match=r"symbol a .*other assumptions"):
        so.from_sympy(a + b, {sp.Symbol("a", positive=True): A, b: B})


def test_symbols_may_be_given_by_name_and_as_numbers_and_arrays():
    assert so.from_sympy(a - b, {"a": A, "b": B}) is A - B
    assert so.from_sympy(a * b, {a: A, b: 2}) in (A * 2, 2 * A)
    assert so.from_sympy(a + b, {a: [1.0, 2.0], b: np.float32(1)}).eval().tolist() == [2, 3]
    assert so.from_sympy(2 * a + b, {a: 3, b: 0.5}).eval() == 6.5


def test_depth_does_not_matter():
    deep = a
    for _ in range(3000):
        deep = sp.sin(sp.Add(deep, 1, evaluate=False), evaluate=False)
    expected = VALUES[A]
    for _ in range(3000):
        expected = np.sin(expected + 1)
    assert_same(so.from_sympy(deep, TENSORS), expected, VALUES)


def test_a_shared_part_is_read_once():
    shared = a + b
    for _ in range(60):
        shared = sp.Mul(shared, sp.Add(shared, 1, evaluate=False), evaluate=False)
    nodes = topological([so.from_sympy(shared, TENSORS)])
    assert len(nodes) < 200


def test_nodes_carry_the_line_that_called_from_sympy():
    tensor = so.from_sympy(sp.exp(a) + 11, TENSORS)
    assert tensor.origin.file == __file__
    assert linecache.getline(__file__, tensor.origin.line).strip() == "tensor = so.from_sympy(sp.exp(a) + 11, TENSORS)"
