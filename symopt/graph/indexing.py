"""NumPy's indexing: ints, slices, None, Ellipsis and integer arrays."""

from __future__ import annotations

from types import EllipsisType
from typing import Any

import numpy as np

from symopt.errors import DTypeError, ShapeError, Unsupported
from symopt.graph.construct import (
    as_node,
    broadcast_shape,
    cast,
    elementwise,
    make_constant,
    make_size,
    make_take,
    reshape,
    slice_,
    transpose,
)
from symopt.graph.dimensions import Dim, Dimension, product
from symopt.graph.nodes import Constant, Node
from symopt.graph.promotion import INT64
from symopt.graph.provenance import here


def getitem(operand: Node, index: Any) -> Node:
    """``operand[index]`` with NumPy's meaning.

    Along an axis whose size is known only at run time, the bounds of a slice must lie inside, which is checked then;
    NumPy would clip them in silence.
    """
    items = _expand(operand, index if isinstance(index, tuple) else (index,))
    advanced = any(_is_array(item) for item in items)
    ranges: list[tuple[Dim, Dim, int]] = []
    shape: list[Dim] = []  # after the basic part: without the axes of ints, with those of None
    arrays: list[tuple[int, Node]] = []  # (axis of that shape, indices)
    for item in items:
        if item is None:
            shape.append(1)
            continue
        axis = len(ranges)
        if _is_array(item) or (advanced and _is_bound(item)):
            arrays.append((len(shape), _indices(item)))
            item = slice(None)
        if _is_bound(item):
            ranges.append((_position(item, axis, operand), 1, 1))
        else:
            ranges.append(_range(item, axis, operand))
            shape.append(ranges[-1][1])
    starts, counts, steps = zip(*ranges, strict=True) if ranges else ((), (), ())
    basic = reshape(slice_(operand, starts, counts, steps), tuple(shape))
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


def _is_bound(item: Any) -> bool:
    """A place on an axis: an int, or a dimension of a tensor."""
    return isinstance(item, (int, np.integer, Dimension)) and not isinstance(item, bool)


def _is_array(item: Any) -> bool:
    return isinstance(item, (Node, np.ndarray, list, tuple))


# ---------------------------------------------------------------------------------------------------- ints and slices


def _position(index: Any, axis: int, operand: Node) -> Dim:
    dim = operand.shape[axis]
    if isinstance(index, Dimension):
        return index
    if isinstance(dim, int) and not -dim <= index < dim:
        raise ShapeError(f"index {index} is out of range for axis {axis} of {operand!r}", here())
    return int(index) if index >= 0 else dim + int(index)


def _range(item: Any, axis: int, operand: Node) -> tuple[Dim, Dim, int]:
    """Start, count and step of a slice along an axis."""
    dim = operand.shape[axis]
    if not isinstance(item, slice):
        raise Unsupported(f"{item!r} is not an index: use ints, slices, None, ... or arrays of integers", here())
    if not all(bound is None or _is_bound(bound) for bound in (item.start, item.stop)):
        raise Unsupported(f"the bounds of {item} are not ints or dimensions: use so.take for symbolic indices", here())
    step = 1 if item.step is None else item.step
    if not isinstance(step, (int, np.integer)) or step == 0:
        raise ShapeError(f"the step of a slice is an int other than 0, not {step!r}", here())
    if isinstance(dim, int) and not any(isinstance(bound, Dimension) for bound in (item.start, item.stop)):
        start, stop, step = item.indices(dim)
        return start, len(range(start, stop, step)), step
    first = _bound(item.start, dim, 0 if step > 0 else dim - 1)
    past = _bound(item.stop, dim, dim if step > 0 else -1)
    distance = past - first if step > 0 else first - past
    count = (distance + (abs(int(step)) - 1)) // abs(int(step))
    return first, max(count, 0) if isinstance(count, int) else count, int(step)


def _bound(given: Any, dim: Dim, default: Dim) -> Dim:
    if given is None:
        return default
    if isinstance(given, Dimension):
        return given
    return int(given) if given >= 0 else dim + int(given)


# --------------------------------------------------------------------------------------------------- arrays of indices


def take(operand: Node, indices: Node, axis: int) -> Node:
    """Entries along ``axis``; the axes of ``indices`` take that axis' place. Negative indices count from the end."""
    return make_take(operand, _from_front(indices, axis, operand), axis)


def _from_front(indices: Node, axis: int, operand: Node) -> Node:
    """Indices as int64, none counted from the end; those that are known are checked at once."""
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"indices are integers; {indices!r} is {indices.dtype.name}", here())
    length = operand.shape[axis]
    wide = cast(indices, INT64)
    if isinstance(wide, Constant):
        value = wide.value
        low, high = (value.min(), value.max()) if value.size else (0, -1)
        if isinstance(length, int):
            if low < -length or high >= length:
                bad = low if low < -length else high
                raise ShapeError(f"index {bad} is out of range for axis {axis} of {operand!r}", here())
            return make_constant(np.where(value < 0, value + length, value)) if low < 0 else wide
        if low >= 0:
            return wide
    if indices.dtype.kind == "u":
        return wide
    shifted = elementwise("add", wide, make_size(length))
    return elementwise("where", elementwise("less", wide, 0), shifted, wide)


def _indices(item: Any) -> Node:
    node = as_node(item)
    node = cast(node, node.dtype)
    if isinstance(node, Constant) and not node.value.size:
        node = make_constant(node.value.astype(INT64))  # an empty list is float to NumPy
    if node.dtype.kind == "b":
        raise Unsupported(
            "a boolean mask gives a size that depends on the data: use so.where(mask, x, 0), or weigh by the mask",
            here(),
        )
    return node


def _take_arrays(operand: Node, arrays: list[tuple[int, Node]]) -> Node:
    """Indexing by integer arrays: one gather, over the axes that they index laid side by side."""
    axes = [axis for axis, _ in arrays]
    if len(arrays) == 1:
        return take(operand, arrays[0][1], axes[0])
    adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
    front = axes[0] if adjacent else 0
    others = [axis for axis in range(operand.ndim) if axis not in axes]
    moved = transpose(operand, (*others[:front], *axes, *others[front:]))
    length = product(tuple(operand.shape[axis] for axis in axes))
    flat = reshape(moved, (*moved.shape[:front], length, *moved.shape[front + len(axes) :]))
    return make_take(flat, _side_by_side(operand, arrays, length), front)


def _side_by_side(operand: Node, arrays: list[tuple[int, Node]], length: Dim) -> Node:
    """One index for several axes; where one of them is out of range, this is ``length``, and so out of range too."""
    dims = [operand.shape[axis] for axis, _ in arrays]
    counted = [_from_front(indices, axis, operand) for axis, indices in arrays]
    broadcast_shape(counted)  # raises where they do not fit together
    if all(isinstance(dim, int) for dim in dims) and all(isinstance(node, Constant) for node in counted):
        values: Any = np.broadcast_arrays(*(node.value for node in counted if isinstance(node, Constant)))
        lengths: Any = dims
        return make_constant(np.ravel_multi_index(values, lengths).astype(INT64))
    linear = counted[0]
    inside: Node | None = None
    for node, dim in zip(counted[1:], dims[1:], strict=True):
        linear = elementwise("add", elementwise("multiply", linear, make_size(dim)), node)
        if isinstance(node, Constant) and isinstance(dim, int):
            continue
        not_above = elementwise("less", node, make_size(dim))
        valid = elementwise("logical_and", elementwise("greater_equal", node, 0), not_above)
        inside = valid if inside is None else elementwise("logical_and", inside, valid)
    # The first index needs no check of its own: the others being in range, the sum is out of range where it is.
    return linear if inside is None else elementwise("where", inside, linear, make_size(length))
