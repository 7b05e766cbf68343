"""What is brought into the form that the C backend has kernels for, as rewriting rules on a lowered graph."""

from __future__ import annotations

from symopt.backends.cfamily.places import in_memory, place_of
from symopt.graph import construct
from symopt.graph.nodes import Contract, Node
from symopt.lowering.primitives import copy_of, is_canonical
from symopt.rewriting.engine import Rules

DIALECT = Rules()


@DIALECT("Contract")
def factorsin_memory(node: Contract) -> Node | None:
    """Factors are arrays; of the right one, the elements of a row lie side by side."""
    if not is_canonical(node):
        return None
    left, right = node.operands
    indices = node.right
    if not in_memory(left):
        left = copy_of(left)
    if not _runs_along_rows(node):
        last = tuple(range(right.ndim))
        right = copy_of(construct.transpose(right, (*last[:-2], last[-1], last[-2])))
        indices = (*indices[:-2], indices[-1], indices[-2])
    elif not in_memory(right):
        right = copy_of(right)
    if (left, right) == node.operands:
        return None
    return construct.contract(left, node.left, right, indices, node.output)


def _runs_along_rows(node: Contract) -> bool:
    """Whether the right factor can be read row by row, or is a matrix of which a vector times it needs columns."""
    (left, right) = node.operands
    strides = dict(zip(node.right, place_of(right, {}).strides, strict=True))
    sizes = dict(zip(node.right, right.shape, strict=True))
    summed = next(index for index in node.left if index not in node.output)
    columns = next((index for index in node.right if index not in node.left), None)
    rows = next((size for index, size in zip(node.left, left.shape, strict=True) if index not in node.right), 1)
    if columns is None or sizes[columns] == 1 or strides[columns] == 1:
        return True
    return rows == 1 and strides[summed] == 1
