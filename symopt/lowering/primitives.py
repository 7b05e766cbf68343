"""Composite operations as primitive ones, and products in the one form that backends have kernels for."""

from __future__ import annotations

import symopt.tensor as so
from symopt.graph import construct
from symopt.graph.dimensions import product
from symopt.graph.nodes import Contract, Elementwise, Node, Reshape
from symopt.lowering.program import is_view
from symopt.rewriting.engine import Rules
from symopt.scalar import OPERATIONS

PRIMITIVES = Rules()


@PRIMITIVES("sigmoid")
def sigmoid(node: Elementwise) -> Node:
    """sigmoid(x) = 1 / (1 + exp(-x)): where the exponential overflows, the quotient is 0 as it should be."""
    return so.reciprocal(so.exp(-node.operands[0]) + 1)


@PRIMITIVES("softplus")
def softplus(node: Elementwise) -> Node:
    """softplus(x) = max(x, 0) + log1p(exp(-abs(x)))."""
    (x,) = node.operands
    return so.maximum(x, 0) + so.log1p(so.exp(-so.absolute(x)))


def copy_of(node: Node) -> Node:
    """``node`` as a value of its own, computed like any other pointwise node."""
    operand = construct.cast(node, node.dtype)
    return construct.make_elementwise(OPERATIONS["identity"], (operand,), node.dtype, False)


@PRIMITIVES("Reshape")
def reshape_of_scattered(node: Reshape) -> Node | None:
    """A reshape of elements that do not lie in row-major order is a reshape of their copy."""
    return construct.reshape(copy_of(node.operands[0]), node.shape) if _is_scattered(node) else None


#: Indices of a canonical product: stack, rows, columns, summed.
STACK, ROWS, COLUMNS, SUMMED = range(4)


@PRIMITIVES("Contract")
def canonical_product(node: Contract) -> Node | None:
    """Any product as (stack, rows, summed) by (stack, summed, columns), each of at most one index."""
    left, right = set(node.left), set(node.right)
    groups = {
        STACK: [i for i in node.output if i in left and i in right],
        ROWS: [i for i in node.output if i not in right],
        COLUMNS: [i for i in node.output if i not in left],
        SUMMED: [i for i in node.left if i not in node.output],
    }
    if is_canonical(node):
        return None
    if not groups[ROWS] and not groups[COLUMNS] and groups[STACK]:
        return _sum_of_products(node)
    # In a stack, a missing row or column is one of length 1.
    present = {name: bool(groups[name] or (groups[STACK] and name in (ROWS, COLUMNS))) for name in groups}
    x = _grouped(node.operands[0], node.left, [groups[name] for name in (STACK, ROWS, SUMMED) if present[name]])
    y = _grouped(node.operands[1], node.right, [groups[name] for name in (STACK, SUMMED, COLUMNS) if present[name]])
    result = construct.contract(
        x,
        [name for name in (STACK, ROWS, SUMMED) if present[name]],
        y,
        [name for name in (STACK, SUMMED, COLUMNS) if present[name]],
        [name for name in (STACK, ROWS, COLUMNS) if present[name]],
    )
    order = [*groups[STACK], *groups[ROWS], *groups[COLUMNS]]
    sizes = dict(zip(node.output, node.shape, strict=True))
    unfolded = construct.reshape(result, tuple(sizes[index] for index in order))
    return construct.transpose(unfolded, tuple(order.index(index) for index in node.output))


def is_canonical(node: Contract) -> bool:
    """Whether operands are (stack, rows, summed) and (stack, summed, columns), or have the last two axes swapped."""
    left, right = set(node.left), set(node.right)
    stack = [i for i in node.output if i in left and i in right]
    rows = [i for i in node.output if i not in right]
    columns = [i for i in node.output if i not in left]
    summed = [i for i in node.left if i not in node.output]
    if max(map(len, (stack, rows, columns, summed))) > 1 or (stack and not (rows and columns)):
        return False
    depth = len(stack)
    in_order = node.output == (*stack, *rows, *columns)
    return in_order and node.left[:depth] == node.right[:depth] == tuple(stack)


def _sum_of_products(node: Contract) -> Node:
    """Rows against rows: a sum of products by element, which fuses."""
    order = [*node.output, *(index for index in node.left if index not in node.output)]
    left = construct.transpose(node.operands[0], tuple(node.left.index(index) for index in order))
    right = construct.transpose(node.operands[1], tuple(node.right.index(index) for index in order))
    return construct.reduce("sum", left * right, tuple(range(len(node.output), len(order))))


def _grouped(operand: Node, indices: tuple[int, ...], groups: list[list[int]]) -> Node:
    """``operand`` with one axis for each group."""
    order = [index for group in groups for index in group]
    sizes = dict(zip(indices, operand.shape, strict=True))
    ordered = construct.transpose(operand, tuple(indices.index(index) for index in order))
    return construct.reshape(ordered, tuple(product(tuple(sizes[i] for i in group)) for group in groups))


def _is_scattered(node: Reshape) -> bool:
    (operand,) = node.operands
    if [dim for dim in operand.shape if dim != 1] == [dim for dim in node.shape if dim != 1]:
        return False  # axes of length 1 come and go without a copy
    while is_view(operand):
        if not isinstance(operand, Reshape):
            return True
        (operand,) = operand.operands
    return False
