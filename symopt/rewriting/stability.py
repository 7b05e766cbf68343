"""Stable forms of formulas that overflow or cancel as they are written. Each rule is one identity.

A rule may turn an overflow or a NaN into the finite value that the formula means, never the reverse.
"""

from __future__ import annotations

import symopt.tensor as so
from symopt.graph import construct
from symopt.graph.nodes import Elementwise, Node, Reduce, Reshape, Slice, Take, Transpose
from symopt.graph.traversal import with_operands
from symopt.rewriting.engine import Rules
from symopt.rewriting.matching import applies, is_number, other_operand, unshaped

STABILITY = Rules()

#: Kinds that give out elements of their first operand as they are.
MOVES = (Take, Reshape, Slice, Transpose)


@STABILITY("log")
def log_of_one_plus(node: Elementwise) -> Node | None:
    """log(1 + x) = log1p(x)."""
    (inner,) = node.operands
    x = other_operand(inner, 1) if applies(inner, "add") else None
    return None if x is None else so.log1p(x)


@STABILITY("subtract")
def exp_minus_one(node: Elementwise) -> Node | None:
    """exp(x) - 1 = expm1(x)."""
    left, right = node.operands
    return so.expm1(left.operands[0]) if applies(left, "exp") and is_number(right, 1) else None


@STABILITY("log1p")
def log1p_of_exp(node: Elementwise) -> Node | None:
    """log1p(exp(x)) = softplus(x)."""
    (inner,) = node.operands
    return so.softplus(inner.operands[0]) if applies(inner, "exp") else None


def _exponent_beside_one(node: Node) -> Node | None:
    """The x of 1 + exp(x)."""
    other = other_operand(node, 1) if applies(node, "add") else None
    return other.operands[0] if other is not None and applies(other, "exp") else None


def _opposite(x: Node) -> Node:
    return x.operands[0] if applies(x, "negative") else so.negative(x)


@STABILITY("reciprocal")
def reciprocal_of_one_plus_exp(node: Elementwise) -> Node | None:
    """1 / (1 + exp(x)) = sigmoid(-x)."""
    x = _exponent_beside_one(node.operands[0])
    return None if x is None else so.sigmoid(_opposite(x))


@STABILITY("divide")
def exp_over_one_plus_exp(node: Elementwise) -> Node | None:
    """1 / (1 + exp(x)) = sigmoid(-x), and exp(x) / (1 + exp(x)) = sigmoid(x)."""
    numerator, denominator = node.operands
    x = _exponent_beside_one(denominator)
    if x is None:
        return None
    if is_number(numerator, 1):
        return so.sigmoid(_opposite(x))
    return so.sigmoid(x) if applies(numerator, "exp") and numerator.operands[0] is x else None


@STABILITY("subtract")
def one_minus_sigmoid(node: Elementwise) -> Node | None:
    """1 - sigmoid(x) = sigmoid(-x)."""
    left, right = node.operands
    return so.sigmoid(_opposite(right.operands[0])) if is_number(left, 1) and applies(right, "sigmoid") else None


@STABILITY("log")
def log_of_sigmoid(node: Elementwise) -> Node | None:
    """log(sigmoid(x)) = -softplus(-x)."""
    (inner,) = node.operands
    return -so.softplus(_opposite(inner.operands[0])) if applies(inner, "sigmoid") else None


@STABILITY("log")
def log_of_exp(node: Elementwise) -> Node | None:
    """log(exp(x)) = x."""
    (inner,) = node.operands
    return inner.operands[0] if applies(inner, "exp") else None


@STABILITY("log")
def log_of_exp_over(node: Elementwise) -> Node | None:
    """log(exp(x) / y) = x - log(y)."""
    (inner,) = node.operands
    if not (applies(inner, "divide") and applies(inner.operands[0], "exp")):
        return None
    return inner.operands[0].operands[0] - so.log(inner.operands[1])


@STABILITY("log")
def log_of_moved(node: Elementwise) -> Node | None:
    """log(f(exp(x) / y)) = f(log(exp(x) / y)) where f only moves elements."""
    (inner,) = node.operands
    base = inner
    while isinstance(base, MOVES):
        base = base.operands[0]
    if base is inner or not (applies(base, "divide") and applies(base.operands[0], "exp")):
        return None
    return with_operands(inner, (so.log(inner.operands[0]), *inner.operands[1:]))


def _is_shifted(x: Node) -> bool:
    """Whether x has had its largest element taken off already (see symopt.tensor.reductions)."""
    if not applies(x, "subtract"):
        return False
    shift = unshaped(x.operands[1])
    return applies(shift, "where") and applies(unshaped(shift.operands[0]), "isfinite")


def _sum_of_exp(node: Node) -> Reduce | None:
    """The sum of exp(x) behind ``node``, if x could still overflow."""
    total = unshaped(node)
    if isinstance(total, Reduce) and total.op == "sum" and applies(total.operands[0], "exp"):
        return None if _is_shifted(total.operands[0].operands[0]) else total
    return None


@STABILITY("log")
def log_of_sum_of_exp(node: Elementwise) -> Node | None:
    """log(sum(exp(x))) = max(x) + log(sum(exp(x - max(x))))."""
    total = _sum_of_exp(node.operands[0])
    if total is None or 0 in total.operands[0].shape:  # nothing has no max
        return None
    stable = so.logsumexp(total.operands[0].operands[0], total.axes)
    return _seen_alike(stable, node.operands[0], total)


def _seen_alike(node: Node, view: Node, base: Node) -> Node:
    """``node`` through the broadcasts and reshapes through which ``view`` shows ``base``."""
    views = []
    while view is not base:
        views.append(view)
        (view,) = view.operands
    for one in reversed(views):
        node = with_operands(one, (node,))
    return node


@STABILITY("divide")
def exp_over_sum_of_exp(node: Elementwise) -> Node | None:
    """exp(x) / sum(exp(x)) is the same for x - max(x)."""
    numerator, denominator = node.operands
    total = _sum_of_exp(denominator)
    if total is None or 0 in numerator.shape:  # nothing has no max
        return None
    if total.operands[0] is not numerator or denominator not in _spreads(total, numerator):
        return None
    x = numerator.operands[0]
    shifted = so.exp(x - _shift_of(x, total.axes))
    return shifted / so.sum(shifted, total.axes, keepdims=True)


def _spreads(total: Reduce, like: Node) -> list[Node]:
    """The ways to stretch a reduced tensor back over its axes: with axes of length 1, or, at the front, without."""
    kept = tuple(1 if axis in total.axes else dim for axis, dim in enumerate(like.shape))
    spreads = [construct.broadcast_to(construct.reshape(total, kept), like.shape)]
    if total.axes == tuple(range(len(total.axes))):
        spreads.append(construct.broadcast_to(total, like.shape))
    return spreads


def _shift_of(x: Node, axes: tuple[int, ...]) -> Node:
    largest = so.stop_gradient(so.max(x, axes, keepdims=True))
    return so.where(so.isfinite(largest), largest, 0)


@STABILITY("divide")
def tanh_from_exponentials(node: Elementwise) -> Node | None:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)) = tanh(x)."""
    above, below = node.operands
    if not (applies(above, "subtract") and applies(below, "add") and set(above.operands) == set(below.operands)):
        return None
    plus, minus = above.operands
    if not (applies(plus, "exp") and applies(minus, "exp")):
        return None
    opposite = applies(minus.operands[0], "negative") and minus.operands[0].operands[0] is plus.operands[0]
    return so.tanh(plus.operands[0]) if opposite else None
