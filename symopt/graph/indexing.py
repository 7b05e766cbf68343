"""NumPy's indexing: ints, slices, None, Ellipsis and integer arrays."""

from __future__ import annotations

from types import EllipsisType
from typing import Any

import numpy as np

from symopt.errors import ShapeError, Unsupported
from symopt.graph.construct import (
    as_node,
    broadcast_shape,
    broadcast_to,
    elementwise,
    make_constant,
    make_size,
    reshape,
    slice_,
    take,
    transpose,
)
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Constant, Node
from symopt.graph.provenance import here


def getitem(operand: Node, index: Any) -> Node:
    """``operand[index]`` with NumPy's meaning.

    Along an axis whose size is known only at run time, the bounds of a slice must lie inside, which is checked then; NumPy
    would clip them in silence.
    """
    items = _expand(operand, index if isinstance(index, tuple) else (index,))
    advanced = any(_is_array(item) for item in items)
    starts: list[Dim] = []
    counts: list[Dim] = []
    steps: list[int] = []
    shape: list[Dim] = []  # after the basic part: without the axes of ints, with those of None
    arrays: list[tuple[int, Node]] = []  # (axis of that shape, indices)
    axis = 0
    for item in items:
        if item is None:
            shape.append(1)
            continue
        dim = operand.shape[axis]
        if _is_array(item) or (advanced and _is_int(item)):
            arrays.append((len(shape), _indices(item)))
            start, count, step = _whole(dim)
            shape.append(dim)
        elif _is_int(item):
            start, count, step = _position(int(item), dim, axis, operand), 1, 1
        elif isinstance(item, slice):
            start, count, step = _range(item, dim, axis, operand)
            shape.append(count)
        else:
            raise Unsupported(
                f"{item!r} is not an index that symopt knows: use ints, slices, None, ... or integer arrays",
                here(),
            )
        starts.append(start)
        counts.append(count)
        steps.append(step)
        axis += 1
    basic = reshape(slice_(operand, tuple(starts), tuple(counts), tuple(steps)), tuple(shape))
    return _take_arrays(basic, arrays) if arrays else basic


def _expand(operand: Node, index: tuple[Any, ...]) -> list[Any]:
    """The index with Ellipsis and missing axes written out as full slices."""
    given = sum(item is not None and not isinstance(item, EllipsisType) for item in index)
    if given > operand.ndim:
        raise ShapeError(f"too many indices: {given} for {operand!r}", here())
    fill: list[Any] = [slice(None)] * (operand.ndim - given)
    places = [i for i, item in enumerate(index) if isinstance(item, EllipsisType)]
    if len(places) > 1:
        raise ShapeError("an index has one Ellipsis (...) at most", here())
    if not places:
        return [*index, *fill]
    return [*index[: places[0]], *fill, *index[places[0] + 1 :]]


def _is_int(item: Any) -> bool:
    return isinstance(item, (int, np.integer)) and not isinstance(item, (bool, np.bool_))


def _is_array(item: Any) -> bool:
    return isinstance(item, (Node, np.ndarray, list))


def _indices(item: Any) -> Node:
    node = as_node(int(item) if _is_int(item) else item)
    if isinstance(node, Constant) and node.weak:
        node = make_constant(node.value)
    if isinstance(node, Constant) and not node.value.size:
        node = make_constant(node.value.astype(np.int64))  # an empty list is float to NumPy
    if node.dtype.kind == "b":
        raise Unsupported(
            "a boolean mask gives a size that depends on the data: use so.where(mask, x, 0), or weigh by the mask",
            here(),
        )
    return node


def _whole(dim: Dim) -> tuple[Dim, Dim, int]:
    return 0, dim, 1


def _position(index: int, dim: Dim, axis: int, operand: Node) -> Dim:
    if isinstance(dim, int) and not -dim <= index < dim:
        raise ShapeError(f"index {index} is out of range for axis {axis} of {operand!r}", here())
    return index if index >= 0 else dim + index


def _range(item: slice, dim: Dim, axis: int, operand: Node) -> tuple[Dim, Dim, int]:
    """Start, count and step of a slice along a dimension."""
    for bound in (item.start, item.stop, item.step):
        if bound is not None and not _is_int(bound):
            raise Unsupported(f"the bounds of a slice are ints, not {bound!r}: use so.take for symbolic ones", here())
    if isinstance(dim, int):
        start, stop, step = item.indices(dim)
        return start, len(range(start, stop, step)), step
    step = 1 if item.step is None else int(item.step)
    if step == 0:
        raise ShapeError("the step of a slice cannot be zero", here())

    def bound(given: Any, default: Dim) -> Dim:
        if given is None:
            return default
        return int(given) if given >= 0 else dim + int(given)

    first = bound(item.start, 0 if step > 0 else dim - 1)
    past = bound(item.stop, dim if step > 0 else -1)
    distance = past - first if step > 0 else first - past
    count = (distance + (abs(step) - 1)) // abs(step)
    if isinstance(count, int):
        count = max(count, 0)
    return first, count, step


def _take_arrays(operand: Node, arrays: list[tuple[int, Node]]) -> Node:
    """Indexing by integer arrays: one gather, over the axes that they index laid side by side."""
    axes = [axis for axis, _ in arrays]
    if len(arrays) == 1:
        return take(operand, arrays[0][1], axes[0])
    common = broadcast_shape([indices for _, indices in arrays])
    adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
    front = axes[0] if adjacent else 0
    others = [axis for axis in range(operand.ndim) if axis not in axes]
    moved = transpose(operand, (*others[:front], *axes, *others[front:]))
    sizes = [operand.shape[axis] for axis in axes]
    linear: Node | None = None
    for (_, indices), dim in zip(arrays, sizes, strict=True):
        counted = elementwise("where", elementwise("less", indices, 0), indices + make_size(dim), indices)
        counted = broadcast_to(counted, common)
        linear = counted if linear is None else linear * make_size(dim) + counted
    assert linear is not None
    flat = reshape(moved, (*moved.shape[:front], product(tuple(sizes)), *moved.shape[front + len(axes) :]))
    return take(flat, linear, front)
