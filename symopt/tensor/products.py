"""Products of tensors, with NumPy's names and meaning: all are one contraction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symopt.errors import ShapeError, Unsupported
from symopt.graph import construct
from symopt.graph.construct import as_node, contract, elementwise, make_iota, normalize_axis
from symopt.graph.dimensions import Shape, product, spell
from symopt.graph.nodes import Node
from symopt.graph.provenance import here


def matmul(x: Any, y: Any) -> Node:
    """``x @ y``: the product of matrices, of stacks of matrices, or with vectors."""
    left, right = as_node(x), as_node(y)
    if not left.ndim or not right.ndim:
        raise ShapeError(
            f"@ needs at least one dimension on both sides: {left!r} @ {right!r}; use * for numbers", here()
        )
    summed, row, column, first = 0, 1, 2, 3
    rows = [row] if left.ndim > 1 else []
    columns = [column] if right.ndim > 1 else []
    # The stacks are aligned at their last axes.
    past = first + max(left.ndim, right.ndim, 2) - 2
    stack = range(first, past)
    left_stack = list(range(past - left.ndim + len(rows) + 1, past))
    right_stack = list(range(past - right.ndim + len(columns) + 1, past))
    left, left_stack = _without_ones(left, left_stack, right_stack)
    right, right_stack = _without_ones(right, right_stack, left_stack)
    return contract(
        left, [*left_stack, *rows, summed], right, [*right_stack, summed, *columns], [*stack, *rows, *columns]
    )


def _without_ones(node: Node, stack: list[int], others: list[int]) -> tuple[Node, list[int]]:
    """An operand of matmul and its stack, without the axes of length 1 that stretch to what the other operand has."""
    kept = [axis for axis, index in enumerate(stack) if node.shape[axis] != 1 or index not in others]
    shape = (*(node.shape[axis] for axis in kept), *node.shape[len(stack) :])
    return construct.reshape(node, shape), [stack[axis] for axis in kept]


def dot(x: Any, y: Any) -> Node:
    """The sum over the last axis of x and the last but one of y (its only one, for a vector)."""
    left, right = as_node(x), as_node(y)
    if not left.ndim or not right.ndim:
        return elementwise("multiply", left, right)
    return tensordot(left, right, ([-1], [-2 if right.ndim > 1 else -1]))


def tensordot(x: Any, y: Any, axes: Any = 2) -> Node:
    """The sum of products over pairs of axes: the last of x with the first of y, or as two lists."""
    left, right = as_node(x), as_node(y)
    if isinstance(axes, int):
        if not 0 <= axes <= min(left.ndim, right.ndim):
            raise ShapeError(f"tensordot over {axes} axes does not fit {left!r} and {right!r}", here())
        axes = range(left.ndim - axes, left.ndim), range(axes)
    a, b = ([one] if isinstance(one, int) else list(one) for one in axes)
    a, b = [normalize_axis(axis, left.ndim) for axis in a], [normalize_axis(axis, right.ndim) for axis in b]
    if not len(a) == len(b) == len(set(a)) == len(set(b)):
        raise ShapeError(f"tensordot pairs each of some axes of x with one of y, not {a} with {b}", here())
    left_indices = list(range(left.ndim))
    right_indices = list(range(left.ndim, left.ndim + right.ndim))
    for i, j in zip(a, b, strict=True):
        right_indices[j] = i
    output = [index for index in left_indices + right_indices if index not in a]
    return contract(left, left_indices, right, right_indices, output)


def outer(x: Any, y: Any) -> Node:
    """All products of an element of x with one of y, both flattened: shape (size of x, size of y)."""
    left, right = (construct.reshape(node, (product(node.shape),)) for node in (as_node(x), as_node(y)))
    return contract(left, [0], right, [1], [0, 1])


def einsum(subscripts: str, *operands: Any) -> Node:
    """Einstein's summation, with letters for indices: ``einsum("ij,jk->ik", x, y)``.

    A letter that one operand has twice takes its diagonal. Ellipsis is not supported.
    """
    nodes = [as_node(operand) for operand in operands]
    terms, output = _parse(subscripts.replace(" ", ""), nodes)
    current, indices = _diagonals(nodes[0], terms[0])
    for position, (node, term) in enumerate(zip(nodes[1:], terms[1:], strict=True), 1):
        other, other_indices = _diagonals(node, term)
        later = set(output).union(*terms[position + 1 :])
        kept = [index for index in dict.fromkeys([*indices, *other_indices]) if index in later]
        if position == len(nodes) - 1:
            kept = list(output)
        current = contract(
            current, [ord(i) for i in indices], other, [ord(i) for i in other_indices], [ord(i) for i in kept]
        )
        indices = kept
    summed = tuple(axis for axis, index in enumerate(indices) if index not in output)
    current = construct.reduce("sum", current, summed)
    left = [index for index in indices if index in output]
    return construct.transpose(current, tuple(left.index(index) for index in output))


def _parse(subscripts: str, nodes: Sequence[Node]) -> tuple[list[list[str]], list[str]]:
    left, arrow, right = subscripts.partition("->")
    terms = [list(term) for term in left.split(",")]
    letters = [letter for term in terms for letter in term]
    if not all(letter.isalpha() for letter in letters + list(right)):
        raise Unsupported(f"einsum {subscripts!r}: indices are letters; write an Ellipsis out", here())
    if len(terms) != len(nodes) or any(len(t) != n.ndim for t, n in zip(terms, nodes, strict=False)):
        shapes = ", ".join(spell(node.shape) for node in nodes)
        raise ShapeError(f"einsum {subscripts!r} does not fit operands of shapes {shapes}", here())
    output = list(right) if arrow else sorted(letter for letter in set(letters) if letters.count(letter) == 1)
    if len(set(output)) != len(output) or not set(output) <= set(letters):
        raise ShapeError(f"einsum {subscripts!r}: each index of the output comes once, from an operand", here())
    return terms, output


def _with_equal(node: Node, first: int, second: int) -> Shape:
    """The shape with two axes of one length: a known one, if there is one."""
    lengths = sorted((node.shape[first], node.shape[second]), key=lambda dim: not isinstance(dim, int))
    if isinstance(lengths[1], int) and lengths[0] != lengths[1]:
        raise ShapeError(f"a diagonal of {node!r} needs equal lengths, not {lengths[0]} and {lengths[1]}", here())
    return tuple(lengths[0] if axis in (first, second) else dim for axis, dim in enumerate(node.shape))


def _places(node: Node, axis: int) -> Node:
    """The place of every element along an axis, in a shape that stretches to that of ``node``."""
    dim = node.shape[axis]
    return construct.reshape(make_iota(dim), (dim, *(1,) * (node.ndim - axis - 1)))


def _diagonals(node: Node, indices: list[str]) -> tuple[Node, list[str]]:
    """Each repeated index taken along its diagonal, by a mask."""
    indices = list(indices)
    while len(set(indices)) < len(indices):
        second = next(i for i, index in enumerate(indices) if index in indices[:i])
        first = indices.index(indices[second])
        node = construct.broadcast_to(node, _with_equal(node, first, second))
        mask = elementwise("equal", _places(node, first), _places(node, second))
        node = construct.reduce("sum", elementwise("where", mask, node, 0), (second,))
        del indices[second]
    return node, indices
