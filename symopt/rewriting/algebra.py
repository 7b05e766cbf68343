"""Simplifications that keep every value, NaN and infinities included. Each rule is one identity.

There is no ``x * 0 = 0`` and no reassociation of sums: both would change what a NaN, an infinity or a rounding does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.graph import construct
from symopt.graph.construct import constant_value
from symopt.graph.dimensions import product
from symopt.graph.evaluate import RULES
from symopt.graph.nodes import Broadcast, Constant, Contract, Elementwise, Node, Reshape, Slice, Transpose
from symopt.rewriting.engine import Rules
from symopt.rewriting.matching import applies, is_number, other_operand

ALGEBRA = Rules()


@ALGEBRA("*")
def constant_folding(node: Elementwise) -> Node | None:
    """An operation on known numbers is a number."""
    values = [constant_value(operand) for operand in node.operands]
    if any(value is None or value.size != 1 for value in values):
        return None
    with np.errstate(all="ignore"):
        result = RULES[Elementwise](node, {}, *(value.reshape(()) for value in values if value is not None))
    return construct.broadcast_to(construct.make_constant(result, node.weak), node.shape)


@ALGEBRA("add")
def plus_zero(node: Elementwise) -> Node | None:
    """x + 0 = x."""
    return other_operand(node, 0)


@ALGEBRA("subtract")
def minus_zero(node: Elementwise) -> Node | None:
    """x - 0 = x, and 0 - x = -x."""
    left, right = node.operands
    if is_number(right, 0):
        return left
    return so.negative(right) if is_number(left, 0) else None


@ALGEBRA("multiply")
def times_one(node: Elementwise) -> Node | None:
    """x * 1 = x."""
    return other_operand(node, 1)


@ALGEBRA("multiply")
def times_minus_one(node: Elementwise) -> Node | None:
    """x * -1 = -x."""
    x = other_operand(node, -1)
    return None if x is None else so.negative(x)


@ALGEBRA("multiply")
def times_itself(node: Elementwise) -> Node | None:
    """x * x = square(x)."""
    left, right = node.operands
    return so.square(left) if left is right else None


@ALGEBRA("multiply")
def product_with_numbers(node: Elementwise) -> Node | None:
    """a * (b * x) = (a * b) * x for numbers whose product is neither too large nor too small."""
    number, rest = _number_and_rest(node)
    if number is None or not applies(rest, "multiply"):
        return None
    inner, x = _number_and_rest(rest)
    if inner is None or node.dtype.kind != "f":
        return None
    with np.errstate(all="ignore"):
        both = abs(number * inner)
    if not np.finfo(node.dtype).tiny < both < np.inf:
        return None
    return construct.broadcast_to(construct.make_constant(number * inner), node.shape) * x


def _number_and_rest(node: Elementwise) -> tuple[Any, Node]:
    """The known factor of a product, in its own dtype, and the other one; the factor is None if none is known."""
    for factor, rest in (node.operands, node.operands[::-1]):
        value = constant_value(factor)
        if value is not None and value.size == 1 and constant_value(rest) is None:
            return value.reshape(())[()], rest
    return None, node


@ALGEBRA("multiply", "divide")
def product_of_negatives(node: Elementwise) -> Node | None:
    """(-x) * y = -(x * y), and the like for quotients."""
    left, right = node.operands
    inner_left = left.operands[0] if applies(left, "negative") else left
    inner_right = right.operands[0] if applies(right, "negative") else right
    signs = (inner_left is not left) + (inner_right is not right)
    if not signs:
        return None
    result = construct.elementwise(node.op.name, inner_left, inner_right)
    return so.negative(result) if signs == 1 else result


@ALGEBRA("divide")
def over_one(node: Elementwise) -> Node | None:
    """x / 1 = x."""
    left, right = node.operands
    return left if is_number(right, 1) else None


@ALGEBRA("divide")
def one_over(node: Elementwise) -> Node | None:
    """1 / x = reciprocal(x)."""
    left, right = node.operands
    return so.reciprocal(right) if is_number(left, 1) and not node.weak else None


@ALGEBRA("power")
def small_power(node: Elementwise) -> Node | None:
    """x ** 1, x ** 2, x ** 3 and x ** 4 as products."""
    x, exponent = node.operands
    if is_number(exponent, 1):
        return x
    if is_number(exponent, 2):
        return so.square(x)
    if is_number(exponent, 3):
        return so.square(x) * x
    return so.square(so.square(x)) if is_number(exponent, 4) else None


@ALGEBRA("negative")
def negative_of_negative(node: Elementwise) -> Node | None:
    """-(-x) = x."""
    (inner,) = node.operands
    return inner.operands[0] if applies(inner, "negative") else None


@ALGEBRA("negative")
def negative_of_difference(node: Elementwise) -> Node | None:
    """-(x - y) = y - x."""
    (inner,) = node.operands
    return inner.operands[1] - inner.operands[0] if applies(inner, "subtract") else None


@ALGEBRA("add")
def plus_negative(node: Elementwise) -> Node | None:
    """x + (-y) = x - y."""
    left, right = node.operands
    if applies(right, "negative"):
        return left - right.operands[0]
    return right - left.operands[0] if applies(left, "negative") else None


@ALGEBRA("subtract")
def minus_negative(node: Elementwise) -> Node | None:
    """x - (-y) = x + y."""
    left, right = node.operands
    return left + right.operands[0] if applies(right, "negative") else None


@ALGEBRA("square", "absolute")
def even_function(node: Elementwise) -> Node | None:
    """square(-x) = square(x) = square(abs(x)), and the like for abs."""
    (inner,) = node.operands
    if applies(inner, "negative") or applies(inner, "absolute"):
        return construct.elementwise(node.op.name, inner.operands[0])
    return None


@ALGEBRA("stop_gradient")
def stopped(node: Elementwise) -> Node | None:
    """stop_gradient(x) = x, once gradients have been taken."""
    return node.operands[0]


@ALGEBRA("where")
def where_known(node: Elementwise) -> Node | None:
    """where(True, x, y) = x, where(False, x, y) = y, where(c, x, x) = x."""
    condition, x, y = node.operands
    if x is y or is_number(condition, 1):
        return x
    return y if is_number(condition, 0) else None


@ALGEBRA("where")
def where_not(node: Elementwise) -> Node | None:
    """where(not c, x, y) = where(c, y, x)."""
    condition, x, y = node.operands
    return so.where(condition.operands[0], y, x) if applies(condition, "logical_not") else None


@ALGEBRA("*")
def operation_on_broadcasts(node: Elementwise) -> Node | None:
    """f(broadcast(x), broadcast(y)) = broadcast(f(x, y)): fewer elements to compute."""
    if not node.shape or not all(isinstance(operand, (Broadcast, Constant)) for operand in node.operands):
        return None
    sources = [operand.operands[0] if isinstance(operand, Broadcast) else operand for operand in node.operands]
    small = construct.broadcast_shape(sources)
    if small == node.shape or any(have not in (1, want) for have, want in zip(small, _tail(node, small), strict=True)):
        return None
    operands = tuple(construct.broadcast_to(source, small) for source in sources)
    return construct.broadcast_to(construct.make_elementwise(node.op, operands, node.dtype, False), node.shape)


def _tail(node: Node, shape: tuple[object, ...]) -> tuple[object, ...]:
    return node.shape[node.ndim - len(shape) :]


@ALGEBRA("Broadcast")
def broadcast_of_broadcast(node: Broadcast) -> Node | None:
    """Stretching twice is stretching once."""
    (inner,) = node.operands
    if not isinstance(inner, Broadcast):
        return None
    (source,) = inner.operands
    tail = inner.shape[inner.ndim - source.ndim :]
    # Where two run-time sizes are declared equal the inner node guards it, and stays.
    if any(have not in (1, want) for have, want in zip(source.shape, tail, strict=True)):
        return None
    return construct.broadcast_to(source, node.shape)


@ALGEBRA("Reshape")
def reshape_of_reshape(node: Reshape) -> Node | None:
    """Reshaping twice is reshaping once."""
    (inner,) = node.operands
    if isinstance(inner, Broadcast) and inner.operands[0].shape == ():
        return construct.broadcast_to(inner.operands[0], node.shape) if not _is_guarded(node) else None
    return construct.reshape(inner.operands[0], node.shape) if isinstance(inner, Reshape) else None


def _is_guarded(node: Reshape) -> bool:
    return product(node.shape) != product(node.operands[0].shape)


@ALGEBRA("Transpose")
def transpose_of_transpose(node: Transpose) -> Node | None:
    """Two orders of axes make one."""
    (inner,) = node.operands
    if not isinstance(inner, Transpose):
        return None
    return construct.transpose(inner.operands[0], tuple(inner.axes[axis] for axis in node.axes))


@ALGEBRA("Transpose")
def transpose_of_product(node: Transpose) -> Node | None:
    """The transpose of a product is the product with its output in another order."""
    (inner,) = node.operands
    if not isinstance(inner, Contract):
        return None
    output = tuple(inner.output[axis] for axis in node.axes)
    return construct.contract(inner.operands[0], inner.left, inner.operands[1], inner.right, output)


@ALGEBRA("Contract")
def product_of_transpose(node: Contract) -> Node | None:
    """A product reads a transposed operand by its indices."""
    operands, indices = list(node.operands), [node.left, node.right]
    for i, operand in enumerate(node.operands):
        if isinstance(operand, Transpose):
            operands[i] = operand.operands[0]
            indices[i] = tuple(indices[i][operand.axes.index(axis)] for axis in range(operand.ndim))
    if operands == list(node.operands):
        return None
    return construct.contract(operands[0], indices[0], operands[1], indices[1], node.output)


@ALGEBRA("Slice")
def slice_of_slice(node: Slice) -> Node | None:
    """Slicing twice is slicing once."""
    (inner,) = node.operands
    if not isinstance(inner, Slice):
        return None
    steps = tuple(a * b for a, b in zip(inner.steps, node.steps, strict=True))
    starts = tuple(a + s * b for a, s, b in zip(inner.starts, inner.steps, node.starts, strict=True))
    return construct.slice_(inner.operands[0], starts, node.shape, steps)
