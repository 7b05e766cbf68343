"""Functions that move elements about, with NumPy's names and meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symopt.errors import DTypeError, ShapeError
from symopt.graph import construct, indexing
from symopt.graph.construct import as_node, elementwise, make_constant, make_iota, normalize_axis
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
        elif isinstance(item, Dimension):
            shape.append(item)
        elif isinstance(item, (int, np.integer)) and item >= 0:
            shape.append(int(item))
        else:
            raise ShapeError(f"a dimension is an int >= 0, a name or a dimension of a tensor, not {item!r}", here())
    return tuple(shape)


def reshape(x: Any, shape: Any) -> Node:
    """The same elements, in row-major order, under another shape; one dimension may be -1."""
    node = as_node(x)
    given = list(shape) if isinstance(shape, (tuple, list)) else [shape]
    if -1 not in given:
        return construct.reshape(node, as_shape(given))
    place = given.index(-1)
    before, after = as_shape(given[:place]), as_shape(given[place + 1 :])
    # What both shapes have cancels, as a product of expressions like n - 1 is hard to divide.
    have, rest = list(node.shape), []
    for dim in before + after:
        if dim in have and dim != 0:
            have.remove(dim)
        else:
            rest.append(dim)
    known = product(tuple(rest))
    quotient = None if known == 0 else exact_quotient(product(tuple(have)), known)
    if quotient is None:
        raise ShapeError(f"{node!r} cannot take the shape {given}: the -1 has no whole value", here())
    return construct.reshape(node, (*before, quotient, *after))


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
    return construct.broadcast_to(as_node(x), as_shape(shape))


def _common(tensors: Sequence[Any]) -> list[Node]:
    nodes = [as_node(tensor) for tensor in tensors]
    if not nodes:
        raise ShapeError("expected at least one tensor", here())
    dtype = common_dtype(tuple((node.dtype, node.weak) for node in nodes))
    return [construct.cast(node, dtype) for node in nodes]


def concatenate(tensors: Sequence[Any], axis: int | None = 0) -> Node:
    """Tensors one after the other along ``axis``, or flattened for None."""
    nodes = _common(tensors)
    if axis is None:
        return construct.concatenate([reshape(node, (-1,)) for node in nodes], 0)
    return construct.concatenate(nodes, normalize_axis(axis, nodes[0].ndim))


def stack(tensors: Sequence[Any], axis: int = 0) -> Node:
    """Tensors of one shape along a new axis."""
    return concatenate([expand_dims(node, axis) for node in _common(tensors)], axis)


def take(x: Any, indices: Any, axis: int | None = None) -> Node:
    """Entries along ``axis`` (of the flattened tensor for None); negative indices count from the end."""
    node, chosen = as_node(x), as_node(indices)
    if axis is None:
        return indexing.take(reshape(node, (-1,)), chosen, 0)
    return indexing.take(node, chosen, normalize_axis(axis, node.ndim))


def arange(start: Any, stop: Any = None, step: int = 1, dtype: Any = "int64") -> Node:
    """``start, start + step, ...`` up to but without ``stop``; bounds are ints or dimensions of tensors."""
    first, past = (0, start) if stop is None else (start, stop)
    if step == 0 or not isinstance(step, int):
        raise ShapeError(f"the step of arange is an int other than 0, not {step!r}", here())
    if not all(isinstance(bound, (int, np.integer, Dimension)) for bound in (first, past)):
        raise DTypeError(f"arange goes between ints or dimensions of tensors, not {first!r} and {past!r}", here())
    distance = past - first if step > 0 else first - past
    length = (distance + (abs(step) - 1)) // abs(step)
    counted = make_iota(length if isinstance(length, Dimension) else max(int(length), 0))
    scaled = counted if step == 1 else elementwise("multiply", counted, step)
    moved = scaled if first == 0 else elementwise("add", scaled, first if isinstance(first, Dimension) else int(first))
    return construct.cast(moved, as_dtype(dtype))


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
