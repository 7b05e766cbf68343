"""What is brought into the form that the C backend has kernels for, as rewriting rules on a lowered graph."""

from __future__ import annotations

from dataclasses import dataclass

from symopt.backends.c.pieces import is_narrow
from symopt.backends.cfamily.places import in_memory, place_of
from symopt.graph import construct
from symopt.graph.dimensions import Dim
from symopt.graph.nodes import Contract, Node
from symopt.lowering.primitives import copy_of, is_canonical
from symopt.rewriting.engine import Rules

DIALECT = Rules()


#: Terms from which on the sums of a narrow product are long.
LONG = 192


@DIALECT("Contract")
def factors_in_memory(node: Contract) -> Node | None:
    """Factors are arrays; of the right one, the elements of a row lie side by side, or of a column where that suits."""
    if not is_canonical(node):
        return None
    left, right = node.operands
    indices = node.right
    if not in_memory(left):
        left = copy_of(left)
    if _wants_turning(_Sides.of(node)):
        last = tuple(range(right.ndim))
        right = copy_of(construct.transpose(right, (*last[:-2], last[-1], last[-2])))
        indices = (*indices[:-2], indices[-1], indices[-2])
    elif not in_memory(right):
        right = copy_of(right)
    if (left, right) == node.operands:
        return None
    return construct.contract(left, node.left, right, indices, node.output)


@dataclass(frozen=True)
class _Sides:
    """The sizes of a product; how far the terms of a sum lie apart in either factor, and columns in the right one."""

    rows: Dim
    columns: Dim
    depth: Dim
    left: Dim
    right: Dim
    column: Dim

    @classmethod
    def of(cls, node: Contract) -> _Sides:
        left, right = node.operands
        in_left = dict(zip(node.left, place_of(left, {}).strides, strict=True))
        in_right = dict(zip(node.right, place_of(right, {}).strides, strict=True))
        sizes: dict[int | None, Dim] = {None: 1}
        for indices, operand in ((node.left, left), (node.right, right)):
            sizes.update(zip(indices, operand.shape, strict=True))
        summed = next(index for index in node.left if index not in node.output)
        rows = next((index for index in node.left if index not in node.right), None)
        columns = next((index for index in node.right if index not in node.left), None)
        column = 0 if columns is None else in_right[columns]
        return cls(sizes[rows], sizes[columns], sizes[summed], in_left[summed], in_right[summed], column)


def _wants_turning(one: _Sides) -> bool:
    """Whether the right factor is better read along its other axis."""
    if one.columns == 1:
        return False
    if one.rows != 1 and is_narrow(one.columns) and _is_long(one.depth) and one.left == 1:
        return one.right != 1
    if one.column == 1:
        return False
    # A vector times a matrix may also read that column by column.
    return one.rows != 1 or one.right != 1


def _is_long(depth: Dim) -> bool:
    return not isinstance(depth, int) or depth >= LONG
