"""Where the elements of a tensor lie: an offset and a stride for every axis, through all views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symopt.graph.dimensions import Dim, Shape
from symopt.graph.nodes import Broadcast, Constant, Iota, Node, Reshape, Slice, Transpose
from symopt.lowering.program import Buffer, base_of, is_scalar_slot, is_view


@dataclass(frozen=True)
class Place:
    """Element ``i`` of a tensor is element ``offset + sum(i[k] * strides[k])`` of what ``base`` holds."""

    base: Node
    offset: Dim
    strides: tuple[Dim, ...]


def row_major(shape: Shape) -> tuple[Dim, ...]:
    """The strides of elements one after the other; 0 along axes of length 1."""
    strides: list[Dim] = []
    step: Dim = 1
    for dim in reversed(shape):
        strides.append(0 if dim == 1 else step)
        step = step * dim
    return tuple(reversed(strides))


def place_of(node: Node, buffers: Mapping[Node, Buffer]) -> Place:
    """The place of a node that is materialized or looks at what is."""
    if node in buffers or not is_view(node):
        return Place(node, 0, row_major(node.shape))
    inner = place_of(node.operands[0], buffers)
    if isinstance(node, Transpose):
        return Place(inner.base, inner.offset, tuple(inner.strides[axis] for axis in node.axes))
    if isinstance(node, Broadcast):
        return Place(inner.base, inner.offset, _stretched(node, inner))
    if isinstance(node, Slice):
        offset = inner.offset
        for start, stride in zip(node.starts, inner.strides, strict=True):
            offset = offset + start * stride
        return Place(inner.base, offset, tuple(s * step for s, step in zip(inner.strides, node.steps, strict=True)))
    assert isinstance(node, Reshape)
    return Place(inner.base, inner.offset, _reshaped(node, inner))


def _stretched(node: Broadcast, inner: Place) -> tuple[Dim, ...]:
    (operand,) = node.operands
    new = node.ndim - operand.ndim
    kept = (0 if dim == 1 else s for dim, s in zip(operand.shape, inner.strides, strict=True))
    return (*([0] * new), *kept)


def _reshaped(node: Reshape, inner: Place) -> tuple[Dim, ...]:
    """Lowering leaves reshapes of what lies row by row, and those by which axes of length 1 come and go."""
    (operand,) = node.operands
    long = [s for dim, s in zip(operand.shape, inner.strides, strict=True) if dim != 1]
    if [dim for dim in operand.shape if dim != 1] == [dim for dim in node.shape if dim != 1]:
        left = iter(long)
        return tuple(0 if dim == 1 else next(left) for dim in node.shape)
    return row_major(node.shape)


def in_memory(node: Node) -> bool:
    """Whether the elements of a node lie in memory, and are no numbers in the text."""
    base = base_of(node)
    return not (isinstance(base, (Constant, Iota)) or base.weak or is_scalar_slot(base))
