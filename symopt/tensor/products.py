"""Products of tensors, with NumPy's names and meaning: all are one contraction."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from symopt.errors import ShapeError, Unsupported
from symopt.graph import construct
from symopt.graph.construct import as_node, contract, elementwise, make_iota, normalize_axis, spell
from symopt.graph.nodes import Node
from symopt.graph.provenance import here


def matmul(x: Any, y: Any) -> Node:
    """``x @ y``: the product of matrices, of stacks of matrices, or with vectors."""
    left, right = as_node(x), as_node(y)
    if not left.ndim or not right.ndim:
        raise ShapeError(
            f"@ needs at least one dimension on both sides: {left!r} @ {right!r}; use * for numbers", here()
        )
    summed = 0
    rows = [1] if left.ndim > 1 else []
    columns = [2] if right.ndim > 1 else []
    stack = max(left.ndim, right.ndim, 2) - 2
    left, left_stack = _stack_axes(left, left.ndim - len(rows) - 1, stack, right, right.ndim - len(columns) - 1)
    right, right_stack = _stack_axes(right, right.ndim - len(columns) - 1, stack, left, len(left_stack), left_stack)
    # An axis of the stack that is 1 on both sides is left in one of them, so that the output has it.
    output = [index for index in range(3, 3 + stack) if index in left_stack or index in right_stack]
    return contract(
        left,
        [*left_stack, *rows, summed],
        right,
        [*right_stack, summed, *columns],
        [*output, *rows, *columns],
    )


def _stack_axes(
    node: Node, own: int, stack: int, other: Node, others: int, taken: Sequence[int] | None = None
) -> tuple[Node, list[int]]:
    """Indices of the leading (stack) axes of an operand of matmul, without those of length 1 that the other side has."""
    first = 3 + stack - own
    other_indices = list(range(3 + stack - others, 3 + stack)) if taken is None else list(taken)
    gone = [axis for axis in range(own) if node.shape[axis] == 1 and first + axis in other_indices]
    if taken is None:  # where both are 1, the left side gives way
        gone = [axis for axis in gone if axis < own]
    kept = [first + axis for axis in range(own) if axis not in gone]
    shape = tuple(dim for axis, dim in enumerate(node.shape) if axis not in gone)
    return construct.reshape(node, shape), kept


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
        pairs = [(left.ndim - axes + i, i) for i in range(axes)]
    else:
        a, b = ([one] if isinstance(one, int) else list(one) for one in axes)
        if len(a) != len(b):
            raise ShapeError(f"tensordot needs as many axes on both sides: {axes}", here())
        pairs = [(normalize_axis(i, left.ndim), normalize_axis(j, right.ndim)) for i, j in zip(a, b, strict=True)]
    left_indices = list(range(left.ndim))
    right_indices = list(range(left.ndim, left.ndim + right.ndim))
    for i, j in pairs:
        right_indices[j] = left_indices[normalize_axis(i, left.ndim)]
    summed = {left_indices[i] for i, _ in pairs}
    output = [index for index in left_indices + right_indices if index not in summed]
    return contract(left, left_indices, right, right_indices, output)


def outer(x: Any, y: Any) -> Node:
    """All products of an element of x with one of y, both flattened: shape (size of x, size of y)."""
    left, right = (construct.reshape(node, (_count(node),)) for node in (as_node(x), as_node(y)))
    return contract(left, [0], right, [1], [0, 1])


def _count(node: Node) -> Any:
    return functools.reduce(lambda a, b: a * b, node.shape, 1)


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


def _diagonals(node: Node, indices: list[str]) -> tuple[Node, list[str]]:
    """Each repeated index taken along its diagonal, by a mask."""
    indices = list(indices)
    while len(set(indices)) < len(indices):
        second = next(i for i, index in enumerate(indices) if index in indices[:i])
        first = indices.index(indices[second])

        def along(axis: int, node: Node = node) -> Node:
            dim = node.shape[axis]
            return construct.reshape(make_iota(dim), (dim, *(1,) * (node.ndim - axis - 1)))

        mask = elementwise("equal", along(first), along(second))
        node = construct.reduce("sum", elementwise("where", mask, node, 0), (second,))
        del indices[second]
    return node, indices
