"""Functions that move elements about, with NumPy's names and meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symopt.errors import ShapeError
from symopt.graph import construct
from symopt.graph.construct import as_node, elementwise, make_constant, make_iota, normalize_axis, spell
from symopt.graph.dimensions import Dim, Dimension, Shape, exact_quotient, product, size
from symopt.graph.nodes import Node
from symopt.graph.promotion import as_dtype, common_dtype
from symopt.graph.provenance import here


def as_shape(given: Any) -> Shape:
    """A shape of ints, names and dimensions."""
    items = given if isinstance(given, (tuple, list)) else (given,)
    shape: list[Dim] = []
    for item in items:
        if isinstance(item, str):
            shape.append(size(item))
        elif isinstance(item, (int, np.integer, Dimension)):
            shape.append(item if isinstance(item, Dimension) else int(item))
        else:
            raise ShapeError(f"a dimension is an int, a name or a dimension of a tensor, not {item!r}", here())
    return tuple(shape)


def reshape(x: Any, shape: Any) -> Node:
    """The same elements, in row-major order, under another shape; one dimension may be -1."""
    node = as_node(x)
    wanted = as_shape(shape)
    if -1 in wanted:
        place = wanted.index(-1)
        rest = wanted[:place] + wanted[place + 1 :]
        quotient = exact_quotient(product(node.shape), product(rest))
        if quotient is None or -1 in rest:
            raise ShapeError(f"{node!r} cannot take the shape {spell(wanted)}: the -1 has no whole value", here())
        wanted = (*wanted[:place], quotient, *wanted[place + 1 :])
    return construct.reshape(node, wanted)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Node:
    """Axes in another order, reversed for None."""
    node = as_node(x)
    order = range(node.ndim)[::-1] if axes is None else (normalize_axis(axis, node.ndim) for axis in axes)
    return construct.transpose(node, tuple(order))


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Node:
    """Without axes of length 1: all of them, or those named."""
    node = as_node(x)
    if axis is None:
        gone = {i for i, dim in enumerate(node.shape) if dim == 1}
    else:
        gone = {normalize_axis(one, node.ndim) for one in ([axis] if isinstance(axis, int) else axis)}
        if any(node.shape[i] != 1 for i in gone):
            raise ShapeError(f"squeeze takes axes of length 1; {node!r} has others at {sorted(gone)}", here())
    return construct.reshape(node, tuple(dim for i, dim in enumerate(node.shape) if i not in gone))


def expand_dims(x: Any, axis: int) -> Node:
    """With a new axis of length 1 at ``axis``."""
    node = as_node(x)
    place = normalize_axis(axis, node.ndim + 1)
    return construct.reshape(node, (*node.shape[:place], 1, *node.shape[place:]))


def broadcast_to(x: Any, shape: Any) -> Node:
    """Stretched to ``shape`` by NumPy's rules."""
    return construct.broadcast_to(_strong(as_node(x)), as_shape(shape))


def _strong(node: Node) -> Node:
    return construct.cast(node, node.dtype)


def _common(tensors: Sequence[Any]) -> list[Node]:
    nodes = [as_node(tensor) for tensor in tensors]
    if not nodes:
        raise ShapeError("expected at least one tensor", here())
    dtype = common_dtype(tuple((node.dtype, node.weak) for node in nodes))
    return [construct.cast(node, dtype) for node in nodes]


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Node:
    """Tensors one after the other along ``axis``."""
    nodes = _common(tensors)
    return construct.concatenate(nodes, normalize_axis(axis, nodes[0].ndim))


def stack(tensors: Sequence[Any], axis: int = 0) -> Node:
    """Tensors of one shape along a new axis."""
    return concatenate([expand_dims(node, axis) for node in _common(tensors)], axis)


def take(x: Any, indices: Any, axis: int | None = None) -> Node:
    """Entries along ``axis`` (of the flattened tensor for None); negative indices count from the end."""
    node = as_node(x)
    chosen = as_node(indices)
    if chosen.weak:
        chosen = make_constant(construct.constant_value(chosen))
    if axis is None:
        return construct.take(reshape(node, (-1,)), chosen, 0)
    return construct.take(node, chosen, normalize_axis(axis, node.ndim))


def arange(start: Any, stop: Any = None, step: int = 1, dtype: Any = "int64") -> Node:
    """``start, start + step, ...`` up to but without ``stop``; bounds are ints or dimensions of tensors."""
    first, past = (0, start) if stop is None else (start, stop)
    if step == 0 or not isinstance(step, int):
        raise ShapeError(f"the step of arange is an int other than 0, not {step!r}", here())
    distance = past - first if step > 0 else first - past
    length = (distance + (abs(step) - 1)) // abs(step)
    counted = make_iota(max(length, 0) if isinstance(length, int) else length)
    start_node = construct.make_size(first) if isinstance(first, Dimension) else first
    return construct.cast(counted * step + start_node, as_dtype(dtype))


def eye(rows: Any, columns: Any = None, dtype: Any = "float64") -> Node:
    """Ones on the diagonal and zeros elsewhere."""
    (height,) = as_shape(rows)
    (width,) = as_shape(rows if columns is None else columns)
    hit = elementwise("equal", construct.reshape(make_iota(height), (height, 1)), make_iota(width))
    return construct.cast(hit, as_dtype(dtype))


def zeros(shape: Any, dtype: Any = "float64") -> Node:
    """Zeros."""
    return construct.broadcast_to(make_constant(np.zeros((), as_dtype(dtype))), as_shape(shape))


def ones(shape: Any, dtype: Any = "float64") -> Node:
    """Ones."""
    return construct.broadcast_to(make_constant(np.ones((), as_dtype(dtype))), as_shape(shape))


def zeros_like(x: Any, dtype: Any = None) -> Node:
    """Zeros of the shape and dtype of ``x``."""
    node = as_node(x)
    return zeros(node.shape, dtype or node.dtype)


def ones_like(x: Any, dtype: Any = None) -> Node:
    """Ones of the shape and dtype of ``x``."""
    node = as_node(x)
    return ones(node.shape, dtype or node.dtype)
