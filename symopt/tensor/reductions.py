"""Sums, means, extremes and running sums, with NumPy's names and meaning."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import Any

from symopt.errors import DTypeError, ShapeError
from symopt.graph import construct
from symopt.graph.construct import as_node, elementwise, make_iota, make_size, normalize_axis
from symopt.graph.dimensions import Dim, Shape, product
from symopt.graph.nodes import Node
from symopt.graph.promotion import BOOL, INT64, as_dtype
from symopt.graph.provenance import here
from symopt.tensor.shaping import reshape

Axis = int | Sequence[int] | None


def axes_of(node: Node, axis: Axis) -> tuple[int, ...]:
    """The axes meant by ``axis``, counted from the front; all of them for None."""
    if axis is None:
        return tuple(range(node.ndim))
    given = tuple(axis) if isinstance(axis, Iterable) else (axis,)
    axes = tuple(normalize_axis(one, node.ndim) for one in given)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"axis {axis} names an axis twice", here())
    return axes


def _reduce(op: str, x: Any, axis: Axis, keepdims: bool) -> Node:
    node = as_node(x)
    axes = axes_of(node, axis)
    return _keep(construct.reduce(op, node, axes), node, axes, keepdims)


def _keep(reduced: Node, node: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    if not keepdims:
        return reduced
    return construct.reshape(reduced, tuple(1 if i in axes else dim for i, dim in enumerate(node.shape)))


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The sum over ``axis`` (an int, several, or None for all); an int64 for integers."""
    return _reduce("sum", _wide(x), axis, keepdims)


def _wide(x: Any) -> Node:
    """X, with integers as int64: as in NumPy, the sum of small integers need not be small."""
    node = as_node(x)
    return node if node.dtype.kind == "f" else construct.cast(node, INT64)


def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The product over ``axis``, an int64 for integers; its gradient survives zeros."""
    return _reduce("prod", _wide(x), axis, keepdims)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The largest element over ``axis``; NaN wins, and ties share the gradient equally."""
    return _reduce("max", x, axis, keepdims)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The smallest element over ``axis``; NaN wins, and ties share the gradient equally."""
    return _reduce("min", x, axis, keepdims)


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """Whether some element over ``axis`` is true."""
    return _reduce("max", construct.cast(as_node(x), BOOL), axis, keepdims)


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """Whether every element over ``axis`` is true."""
    return _reduce("min", construct.cast(as_node(x), BOOL), axis, keepdims)


def count(node: Node, axes: tuple[int, ...]) -> Node:
    """How many elements a reduction over ``axes`` takes together, as a weak number."""
    return make_size(product(tuple(node.shape[axis] for axis in axes)))


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The mean over ``axis``; a float64 for integers."""
    node = as_node(x)
    axes = axes_of(node, axis)
    if node.dtype.kind != "f":
        node = elementwise("to_float64", node)
    return _keep(construct.reduce("sum", node, axes) / count(node, axes), node, axes, keepdims)


def var(x: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Node:
    """The mean of squared distances from the mean over ``axis``, with ``ddof`` taken off the count."""
    node = as_node(x)
    axes = axes_of(node, axis)
    distance = node - mean(node, axes, keepdims=True)
    total = construct.reduce("sum", elementwise("square", distance), axes)
    divisor = count(node, axes)
    if ddof:  # not below 0, where NumPy gives infinity or NaN
        divisor = elementwise("maximum", divisor - ddof, 0)
    return _keep(total / divisor, node, axes, keepdims)


def root(squares: Node) -> Node:
    """The square root of a sum of squares, with derivative 0 where it is 0."""
    nothing = elementwise("equal", squares, 0)
    return elementwise("where", nothing, 0, elementwise("sqrt", elementwise("where", nothing, 1, squares)))


def std(x: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Node:
    """The square root of :func:`var`, with derivative 0 where it is 0."""
    return root(var(x, axis, ddof, keepdims))


def _arg_extreme(op: str, x: Any, axis: int | None, keepdims: bool) -> Node:
    node = as_node(x)
    if axis is None:
        flat = _arg_extreme(op, reshape(node, (-1,)), 0, False)
        return construct.reshape(flat, (1,) * node.ndim) if keepdims else flat
    axis = normalize_axis(axis, node.ndim)
    length: Dim = node.shape[axis]
    best = _reduce(op, node, axis, keepdims=True)
    # The first NaN wins, as in NumPy; otherwise the first of the best.
    hit = elementwise("equal", node, best)
    if node.dtype.kind == "f":
        hit = elementwise("logical_or", hit, elementwise("isnan", node))
    place = construct.reshape(make_iota(length), (length, *(1,) * (node.ndim - axis - 1)))
    return _reduce("min", elementwise("where", hit, place, make_size(length)), axis, keepdims)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Node:
    """The first index of the largest element along ``axis``, or in the flattened tensor for None."""
    return _arg_extreme("max", x, axis, keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Node:
    """The first index of the smallest element along ``axis``, or in the flattened tensor for None."""
    return _arg_extreme("min", x, axis, keepdims)


def cumsum(x: Any, axis: int | None = None) -> Node:
    """Running sums along ``axis``, or over the flattened tensor for None; an int64 for integers."""
    node = _wide(x)
    if axis is None:
        node, axis = reshape(node, (-1,)), 0
    return construct.cumulate(node, normalize_axis(axis, node.ndim))


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """log(sum(exp(x))) over ``axis``, without overflow."""
    node = as_node(x)
    axes = axes_of(node, axis)
    shifted, shift = _shifted(node, axes)
    total = elementwise("log", construct.reduce("sum", elementwise("exp", shifted), axes))
    flat_shift = construct.reshape(shift, total.shape)
    return _keep(total + flat_shift, node, axes, keepdims)


def _shifted(x: Any, axes: tuple[int, ...]) -> tuple[Node, Node]:
    """X less its largest element (less 0 where that is infinite), and what was taken off."""
    node = as_node(x)
    if node.dtype.kind != "f":
        node = elementwise("to_float64", node)
    largest = elementwise("stop_gradient", _reduce("max", node, axes, keepdims=True))
    shift = elementwise("where", elementwise("isfinite", largest), largest, 0)
    return node - shift, shift


def softmax(x: Any, axis: int = -1) -> Node:
    """exp(x) / sum(exp(x)) along ``axis``, without overflow."""
    node = as_node(x)
    axes = axes_of(node, axis)
    weights = elementwise("exp", _shifted(node, axes)[0])
    return elementwise("divide", weights, sum(weights, axes, keepdims=True))


def log_softmax(x: Any, axis: int = -1) -> Node:
    """log(softmax(x)) along ``axis``, without overflow or underflow."""
    node = as_node(x)
    axes = axes_of(node, axis)
    shifted, _ = _shifted(node, axes)
    total = sum(elementwise("exp", shifted), axes, keepdims=True)
    return elementwise("subtract", shifted, elementwise("log", total))


def one_hot(labels: Any, classes: Dim, dtype: Any = "float64") -> Node:
    """Rows with a one at the label and zeros elsewhere: a compare, not a gather.

    A label outside 0 ... classes - 1 gives a row of zeros.
    """
    node = as_node(labels)
    if node.dtype.kind not in "iu":
        raise DTypeError(f"labels are integers; {node!r} is {node.dtype.name}", here())
    return construct.cast(_hit(node, classes), as_dtype(dtype))


def _hit(labels: Node, classes: Dim) -> Node:
    """Where the place on a new last axis is the label."""
    return elementwise("equal", construct.reshape(labels, (*labels.shape, 1)), make_iota(classes))


def _same_shape(one: Shape, other: Shape) -> bool:
    """Whether two shapes are equal, or may be at run time."""
    return len(one) == len(other) and builtins.all(
        a == b or not (isinstance(a, int) and isinstance(b, int)) for a, b in zip(one, other, strict=True)
    )


def cross_entropy(logits: Any, labels: Any) -> Node:
    """-log(softmax(logits)) at the label, or its mean under given probabilities: one number a row.

    Parameters
    ----------
    logits : shape (..., classes).
    labels : integers of shape (...), or probabilities of shape (..., classes). An integer outside 0 ... classes - 1 is
        no class: its row gives 0.
    """
    node, target = as_node(logits), as_node(labels)
    if not node.ndim:
        raise ShapeError(f"logits have an axis of classes; {node!r} has no axis", here())
    if target.dtype.kind in "iu":
        if not _same_shape(target.shape, node.shape[:-1]):
            raise ShapeError(
                f"integer labels {target!r} need the shape of the logits {node!r} without its last", here()
            )
        return sum(elementwise("where", _hit(target, node.shape[-1]), -log_softmax(node), 0), -1)
    if not _same_shape(target.shape, node.shape):
        raise ShapeError(f"probabilities {target!r} need the shape of the logits {node!r}", here())
    if target.dtype == BOOL:
        target = construct.cast(target, INT64)
    # A probability of 0 counts as nothing, also where the logarithm is infinite.
    terms = elementwise("where", elementwise("equal", target, 0), 0, -target * log_softmax(node))
    return sum(terms, -1)
