"""The reference: NumPy interprets a graph node by node, as it was built. Every backend is held against it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from symopt.errors import DataError
from symopt.graph.dimensions import Dim, resolve, resolve_shape, spell, symbol
from symopt.graph.nodes import (
    Array,
    Broadcast,
    Concatenate,
    Constant,
    Contract,
    Cumulate,
    Elementwise,
    Embed,
    Input,
    Iota,
    Node,
    Random,
    Reduce,
    Reshape,
    ScatterAdd,
    Shared,
    Size,
    Slice,
    Take,
    Transpose,
)
from symopt.graph.philox import uniform
from symopt.graph.promotion import BOOL
from symopt.graph.traversal import topological
from symopt.graph.verify import Guard, guards_of

Sizes = dict[str, int]
Rule = Callable[..., Array]

_erf = np.frompyfunc(math.erf, 1, 1)


def _sigmoid(x: Array) -> Array:
    # Of the two equal forms, each is used where its exponential cannot overflow.
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


SCALAR_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "erf": lambda x: np.asarray(_erf(x), x.dtype),
    "sigmoid": _sigmoid,
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "identity": lambda x: x,
    "stop_gradient": lambda x: x,
    "where": np.where,
}


def _elementwise(node: Elementwise, sizes: Sizes, *operands: Array) -> Array:
    if node.op.kind == "cast":
        return operands[0].astype(node.dtype)
    if node.weak:  # Python numbers of different dtypes
        operands = tuple(
            np.asarray(x, node.dtype if node.op.kind in ("arithmetic", "floating") else None) for x in operands
        )
    function = SCALAR_FUNCTIONS.get(node.op.name) or getattr(np, node.op.name)
    return np.asarray(function(*operands)).astype(node.dtype, copy=False)


_UFUNC_OF_REDUCTION = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


# The extremes of booleans are all and any, which also nothing has.
_UFUNC_OF_BOOLEANS = {"max": np.logical_or, "min": np.logical_and}


def _reduce(node: Reduce, sizes: Sizes, x: Array) -> Array:
    ufunc = (_UFUNC_OF_BOOLEANS if node.dtype == BOOL else _UFUNC_OF_REDUCTION)[node.op]
    return np.asarray(ufunc.reduce(x, axis=node.axes, dtype=node.dtype))


def _contract(node: Contract, sizes: Sizes, x: Array, y: Array) -> Array:
    return np.asarray(np.einsum(x, node.left, y, node.right, node.output))


def region(
    starts: Iterable[Dim], counts: Iterable[int], steps: Iterable[int], sizes: Mapping[str, int]
) -> tuple[slice, ...]:
    """The Python slices of a Slice or Embed for given sizes."""
    slices = []
    for start, count, step in zip(starts, counts, steps, strict=True):
        first = resolve(start, sizes)
        past = first + count * step
        slices.append(slice(first, None if past < 0 else past, step) if count else slice(0, 0, 1))
    return tuple(slices)


def _embed(node: Embed, sizes: Sizes, x: Array) -> Array:
    result = np.zeros(resolve_shape(node.shape, sizes), node.dtype)
    result[region(node.starts, x.shape, node.steps, sizes)] = x
    return result


def check_indices(indices: Array, length: int, node: Node) -> None:
    """Indices are in range; what NumPy would wrap around or run into is an error here."""
    if indices.size and not (indices.min() >= 0 and indices.max() < length):
        bad = indices[(indices < 0) | (indices >= length)].flat[0]
        raise DataError(f"index {bad} is out of range: {node.describe()} indexes {length} entries", node.origin)


def _take(node: Take, sizes: Sizes, x: Array, indices: Array) -> Array:
    check_indices(indices, x.shape[node.axis], node)
    return np.take(x, indices, axis=node.axis)


def _scatter_add(node: ScatterAdd, sizes: Sizes, values: Array, indices: Array) -> Array:
    result = np.zeros(resolve_shape(node.shape, sizes), node.dtype)
    check_indices(indices, result.shape[node.axis], node)
    place: Any = (slice(None),) * node.axis + (indices,)
    np.add.at(result, place, values)
    return result


def _cumulate(node: Cumulate, sizes: Sizes, x: Array) -> Array:
    if node.reverse:
        return np.flip(np.cumsum(np.flip(x, node.axis), axis=node.axis, dtype=node.dtype), node.axis)
    return np.cumsum(x, axis=node.axis, dtype=node.dtype)


RULES: dict[type[Node], Rule] = {
    Constant: lambda node, sizes: node.value,
    Shared: lambda node, sizes: node.storage.read(),
    Size: lambda node, sizes: np.asarray(resolve(node.dim, sizes)),
    Iota: lambda node, sizes: np.arange(resolve(node.shape[0], sizes)),
    Elementwise: _elementwise,
    Reduce: _reduce,
    Contract: _contract,
    Reshape: lambda node, sizes, x: x.reshape(resolve_shape(node.shape, sizes)),
    Transpose: lambda node, sizes, x: x.transpose(node.axes),
    Broadcast: lambda node, sizes, x: np.broadcast_to(x, resolve_shape(node.shape, sizes)),
    Slice: lambda node, sizes, x: x[region(node.starts, resolve_shape(node.shape, sizes), node.steps, sizes)],
    Embed: _embed,
    Take: _take,
    ScatterAdd: _scatter_add,
    Concatenate: lambda node, sizes, *xs: np.concatenate(xs, axis=node.axis),
    Cumulate: _cumulate,
}


def bind_sizes(inputs: Iterable[Input], arrays: Iterable[Array]) -> Sizes:
    """The run-time sizes that arrays give to the names in the shapes of inputs."""
    given = list(zip(inputs, arrays, strict=True))
    sizes: Sizes = {}
    owner: dict[Dim, Input] = {}
    for node, array in given:
        if array.ndim != node.ndim:
            raise DataError(
                f"input {node.name!r} has {node.ndim} dimensions; it was given shape {array.shape}",
                node.origin,
            )
        for dim, length in zip(node.shape, array.shape, strict=True):
            name = symbol(dim)
            if name is not None and name not in sizes:
                sizes[name] = length
                owner[dim] = node
    # Only now, as a dimension may be an expression in a name that a later input brings.
    for node, array in given:
        for axis, (dim, length) in enumerate(zip(node.shape, array.shape, strict=True)):
            expected = resolve(dim, sizes)
            if expected != length:
                also = f", as in input {owner[dim].name!r}" if dim in owner else ""
                raise DataError(
                    f"input {node.name!r} has shape {spell(node.shape)}; it was given {array.shape}: "
                    f"axis {axis} has length {length}, expected {expected}{also}",
                    node.origin,
                )
    return sizes


def check_guards(guards: Iterable[Guard], sizes: Sizes) -> None:
    """Every condition on run-time sizes holds."""
    for guard in guards:
        if not guard.holds(sizes):
            raise DataError(guard.message(sizes), guard.origin)


def evaluate(
    outputs: Iterable[Node],
    inputs: Mapping[Node, Array],
    iteration: int = 0,
    streams: Mapping[Node, int] | None = None,
    watch: Callable[[Node, tuple[Array, ...], Array], None] | None = None,
) -> list[Array]:
    """The values of ``outputs``.

    ``inputs`` gives an array of the right dtype for every Input; ``streams`` the ordinal of every Random node (in order
    of appearance, if None); ``watch`` is called with every node, its operands' values and its own.
    """
    outputs = list(outputs)
    order = topological(outputs, stop=set(inputs))
    for node in order:
        if isinstance(node, Input) and node not in inputs:
            raise DataError(f"input {node.name!r} was given no value", node.origin)
    given = [node for node in inputs if isinstance(node, Input)]
    sizes = bind_sizes(given, [inputs[node] for node in given])
    check_guards([guard for node in order for guard in guards_of(node)], sizes)
    values: dict[Node, Array] = dict(inputs)
    drawn = 0
    with np.errstate(all="ignore"):
        for node in order:
            if node in values:
                continue
            operands = tuple(values[operand] for operand in node.operands)
            if isinstance(node, Random):
                ordinal = drawn if streams is None else streams[node]
                drawn += 1
                values[node] = uniform(resolve_shape(node.shape, sizes), node.dtype, node.seed, ordinal, iteration)
            else:
                values[node] = RULES[type(node)](node, sizes, *operands)
            if watch is not None:
                watch(node, operands, values[node])
    return [values[output] for output in outputs]
