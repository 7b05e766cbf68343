"""How scalar operations are spelled for NumPy's ufuncs and for numexpr, and what neither has."""

from __future__ import annotations

import symopt.tensor as so
from symopt.graph.nodes import DType, Elementwise, Node
from symopt.rewriting.engine import Rules

#: Numexpr's spelling with ``{0}``, ``{1}``, ... for the operands; what is missing numexpr cannot do, or not in float32.
NUMEXPR = {
    "add": "({0} + {1})",
    "subtract": "({0} - {1})",
    "multiply": "({0} * {1})",
    "divide": "({0} / {1})",
    "remainder": None,  # numexpr's % has the sign of the dividend
    "negative": "(-{0})",
    "absolute": "abs({0})",
    "square": "({0} * {0})",
    "reciprocal": "(1 / {0})",
    "sqrt": "sqrt({0})",
    # numexpr's own maximum and minimum give float64; and NaN must win.
    "maximum": "where({0} > {1}, {0}, where({0} == {0}, {1}, {0}))",
    "minimum": "where({0} < {1}, {0}, where({0} == {0}, {1}, {0}))",
    "floor": "floor({0})",
    "ceil": "ceil({0})",
    "exp": "exp({0})",
    "expm1": "expm1({0})",
    "log": "log({0})",
    "log1p": "log1p({0})",
    "log10": "log10({0})",
    "sin": "sin({0})",
    "cos": "cos({0})",
    "tan": "tan({0})",
    "arcsin": "arcsin({0})",
    "arccos": "arccos({0})",
    "arctan": "arctan({0})",
    "arctan2": "arctan2({0}, {1})",
    "sinh": "sinh({0})",
    "cosh": "cosh({0})",
    "tanh": "tanh({0})",
    "power": "({0} ** {1})",
    "equal": "({0} == {1})",
    "not_equal": "({0} != {1})",
    "less": "({0} < {1})",
    "less_equal": "({0} <= {1})",
    "greater": "({0} > {1})",
    "greater_equal": "({0} >= {1})",
    "logical_and": "({0} & {1})",
    "logical_or": "({0} | {1})",
    "logical_not": "(~{0})",
    "where": "where({0}, {1}, {2})",
}

#: The type letters of numexpr: its float32 is Python's ``float``, its float64 is ``double``.
NUMEXPR_TYPES = {"bool": "bool", "float32": "float", "float64": "np.float64"}


def numexpr_can(node: Node) -> bool:
    """Whether numexpr computes ``node`` in its own dtype with NumPy's meaning."""
    if not isinstance(node, Elementwise) or NUMEXPR.get(node.op.name) is None:
        return False
    return all(_has_type(operand.dtype) for operand in (node, *node.operands))


def _has_type(dtype: DType) -> bool:
    return dtype.name in NUMEXPR_TYPES


DIALECT = Rules()

# Rational approximations of erf and erfc: W. J. Cody, "Rational Chebyshev approximations for the error function",
# Mathematics of Computation 23 (1969); the coefficients are those of his Fortran program CALERF, highest power first.
_NEAR = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_MIDDLE = (
    (
        *(2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1),
        *(2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3),
        1.23033935479799725e3,
    ),
    (
        *(1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3),
        *(3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
    ),
)


def _polynomial(x: Node, coefficients: tuple[float, ...]) -> Node:
    total: Node | float = coefficients[0]
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    assert isinstance(total, Node)
    return total


@DIALECT("erf")
def erf(node: Elementwise) -> Node:
    """erf(x) = x P(x*x) / Q(x*x) near 0, and sign(x) (1 - exp(-x*x) R(abs(x)) / S(abs(x))) further out."""
    (x,) = node.operands
    size = so.absolute(x)
    # Each branch is computed within its own range, so that neither overflows; beyond 6 the tail is nothing.
    near_square = so.square(so.minimum(size, 0.5))
    near = so.clip(x, -0.5, 0.5) * _polynomial(near_square, _NEAR[0]) / _polynomial(near_square, _NEAR[1])
    far = so.minimum(so.maximum(size, 0.46875), 6.0)
    tail = so.exp(-so.square(far)) * _polynomial(far, _MIDDLE[0]) / _polynomial(far, _MIDDLE[1])
    return so.where(so.less_equal(size, 0.46875), near, so.sign(x) * (1 - tail))
