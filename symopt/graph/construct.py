"""The makers of nodes: each checks its operands, derives shape and dtype, and interns what it makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symopt.errors import DTypeError, ShapeError
from symopt.graph.dimensions import Dim, Dimension, Shape, product, size
from symopt.graph.dimensions import spell as spell
from symopt.graph.nodes import (
    Array,
    Broadcast,
    Concatenate,
    Constant,
    Contract,
    Cumulate,
    DType,
    Elementwise,
    Embed,
    Input,
    Interned,
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
from symopt.graph.promotion import BOOL, FLOAT64, INT64, as_dtype, signature
from symopt.graph.provenance import here
from symopt.graph.storage import Storage
from symopt.scalar import OPERATIONS, ScalarOp, cast_to

#: Constants of at most this many elements are interned by value.
SMALL_CONSTANT = 16


# --------------------------------------------------------------------------------------------------------------- leaves


def make_input(name: str, shape: Sequence[int | str | Dimension | None], dtype: Any) -> Input:
    """An input whose dimensions are ints, names of run-time sizes, or None for sizes of their own."""
    dims: list[Dim] = []
    for given in shape:
        if given is None or isinstance(given, str):
            dims.append(size(given))
        elif isinstance(given, Dimension):
            dims.append(given)
        elif isinstance(given, (int, np.integer)) and given >= 0:
            dims.append(int(given))
        else:
            raise ShapeError(f"a dimension is an int >= 0, a name or None; input {name!r} was given {given!r}", here())
    return Input((), tuple(dims), as_dtype(dtype), False, here(), name)


def make_shared(value: Any, name: str, role: str, lower: float | None = None, upper: float | None = None) -> Shared:
    """A shared value that starts as a copy of ``value``; a hyperparameter is a weak number."""
    weak = role == "hyperparameter"
    storage = Storage.copy_of(value, FLOAT64 if weak else None)
    return Shared((), storage.shape, storage.dtype, weak, here(), name, role, storage, lower, upper)


def make_constant(value: Any, weak: bool = False) -> Constant:
    """A fixed array, interned by value if it is small."""
    dtype = as_dtype(np.asarray(value).dtype)
    array = np.array(value, dtype, order="C", copy=True)
    array.flags.writeable = False

    def make() -> Constant:
        return Constant((), array.shape, dtype, weak, here(), array)

    if array.size > SMALL_CONSTANT:
        return make()
    return Interned.get((Constant, dtype, array.shape, array.tobytes(), weak), make)  # type: ignore[return-value]


def make_size(dim: Dim) -> Node:
    """A dimension as a weak number."""
    if isinstance(dim, int):
        return make_constant(dim, weak=True)
    return Interned.get((Size, dim), lambda: Size((), (), INT64, True, here(), dim))


def make_iota(length: Dim) -> Node:
    """The vector 0 ... length - 1."""
    return Interned.get((Iota, length), lambda: Iota((), (length,), INT64, False, here()))


def make_random(shape: Shape, dtype: DType, seed: int) -> Random:
    """Uniform numbers in (0, 1), a stream of its own at every call."""
    return Random((), shape, dtype, False, here(), seed)


def as_node(value: Any) -> Node:
    """A node for anything that may stand in an expression: nodes, Python numbers (weak), NumPy scalars and arrays."""
    if isinstance(value, Node):
        return value
    if isinstance(value, (bool, int, float)) and not isinstance(value, np.generic):  # a np.float64 is a float, too
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise DTypeError(f"the integer {value} does not fit in 64 bits", here())
        return make_constant(value, weak=True)
    if isinstance(value, Dimension):
        return make_size(value)
    if isinstance(value, (np.ndarray, np.generic, list, tuple)):
        if isinstance(value, (list, tuple)) and any(isinstance(item, Node) for item in value):
            raise DTypeError("a list of symbolic tensors is not a tensor: use so.stack or so.concatenate", here())
        array = np.asarray(value)
        if array.dtype == object:
            raise DTypeError(f"{type(value).__name__} holds objects, not numbers of one dtype", here())
        return make_constant(array)
    raise DTypeError(f"{type(value).__name__} cannot stand in an expression: use a tensor, number or array", here())


# ---------------------------------------------------------------------------------------------------------- elementwise


def broadcast_shape(operands: Sequence[Node]) -> Shape:
    """The common shape under NumPy's rules, in which only a literal 1 stretches."""
    ndim = max(operand.ndim for operand in operands)
    result: list[Dim] = [1] * ndim
    for operand in operands:
        for axis, dim in enumerate(operand.shape, ndim - operand.ndim):
            have = result[axis]
            if have == dim or dim == 1:
                continue
            if have == 1 or (isinstance(dim, int) and not isinstance(have, int)):
                result[axis] = dim
            elif isinstance(have, int) and isinstance(dim, int):
                shapes = " and ".join(f"{spell(o.shape)} of {o.describe()}" for o in operands)
                raise ShapeError(f"shapes do not fit together: {shapes} ({dim} against {have})", here())
    return tuple(result)


def broadcast_to(operand: Node, shape: Shape) -> Node:
    """``operand`` stretched to ``shape``; sizes that may differ become a guard, checked at run time."""
    if operand.shape == shape:
        return operand
    lead = len(shape) - operand.ndim
    fits = lead >= 0 and all(
        dim == 1 or not (isinstance(dim, int) and isinstance(shape[lead + axis], int) and dim != shape[lead + axis])
        for axis, dim in enumerate(operand.shape)
    )
    if not fits:
        raise ShapeError(f"{operand!r} cannot be broadcast to {spell(shape)}", here())
    operand = cast(operand, operand.dtype)  # only a number can be weak
    return Interned.get((Broadcast, operand, shape), lambda: Broadcast((operand,), shape, operand.dtype, False, here()))


def cast(operand: Node, dtype: DType) -> Node:
    """``operand`` as ``dtype``; a weak number becomes strong."""
    if operand.dtype == dtype and not operand.weak:
        return operand
    if isinstance(operand, Constant) and operand.value.size <= SMALL_CONSTANT:
        with np.errstate(all="ignore"):  # as at run time: what is too large is infinite
            return make_constant(operand.value.astype(dtype))
    return make_elementwise(cast_to(dtype), (operand,), dtype, False)


_ON_BOOLEANS = {
    "add": "logical_or",
    "maximum": "logical_or",
    "multiply": "logical_and",
    "minimum": "logical_and",
}
_ROUNDING = {"floor", "ceil", "rint"}


def _range_checked(op: ScalarOp, operands: Sequence[Node], takes: tuple[DType, ...]) -> tuple[DType, ...]:
    """``takes``, where Python integers fit in it; as in NumPy, they must, except in comparisons."""
    for operand, dtype in zip(operands, takes, strict=True):
        if isinstance(operand, Constant) and operand.weak and dtype.kind in "iu":
            if np.iinfo(dtype).min <= operand.value <= np.iinfo(dtype).max:
                continue
            if op.kind == "comparison":
                return (INT64, INT64)
            raise DTypeError(f"{operand.value} does not fit in {dtype.name}: cast the tensor to a wider dtype", here())
    return takes


def elementwise(name: str, *values: Any) -> Node:
    """One scalar operation on tensors: dtypes are promoted, shapes broadcast, numbers cast to what they meet."""
    op = OPERATIONS[name]
    operands = tuple(map(as_node, values))
    weak = all(operand.weak for operand in operands)
    takes, gives = signature(op, tuple((operand.dtype, operand.weak) for operand in operands))
    if not weak and any(operand.weak for operand in operands):
        takes = _range_checked(op, operands, takes)
    if op.kind == "arithmetic" and gives.kind != "f":
        if name in _ROUNDING or (name == "absolute" and gives == BOOL):
            return operands[0]
        if gives == BOOL and name not in ("stop_gradient", "identity"):
            if name not in _ON_BOOLEANS:
                raise DTypeError(f"{name} of booleans: cast to a number first, or use logical_and/or/not", here())
            return elementwise(_ON_BOOLEANS[name], *operands)
        if name == "power" and isinstance(operands[1], Constant) and (operands[1].value < 0).any():
            raise DTypeError("an integer to a negative integer power is no integer: make one of them a float", here())
    if weak:
        shaped = operands
    else:
        shape = broadcast_shape(operands)
        shaped = tuple(
            broadcast_to(cast(operand, dtype), shape) for operand, dtype in zip(operands, takes, strict=True)
        )
    return make_elementwise(op, shaped, gives, weak)


def make_elementwise(op: ScalarOp, operands: tuple[Node, ...], dtype: DType, weak: bool) -> Node:
    """The node itself, for operands that already have the right shapes and dtypes."""
    return Interned.get(
        (Elementwise, op, operands, weak),
        lambda: Elementwise(operands, operands[0].shape, dtype, weak, here(), op),
    )


# ---------------------------------------------------------------------------------------------- reductions and products


def normalize_axis(axis: int, ndim: int) -> int:
    """An axis counted from the front."""
    if not -ndim <= axis < ndim:
        raise ShapeError(f"axis {axis} does not exist in a tensor of {ndim} dimensions", here())
    return int(axis) % ndim


def reduce(op: str, operand: Node, axes: tuple[int, ...]) -> Node:
    """``sum``, ``prod``, ``max`` or ``min`` over ``axes`` (counted from the front), which disappear."""
    if operand.dtype == BOOL and op in ("sum", "prod"):
        operand = cast(operand, INT64)
    if not axes:
        return operand
    axes = tuple(sorted(axes))
    shape = tuple(dim for axis, dim in enumerate(operand.shape) if axis not in axes)
    if op in ("max", "min") and operand.dtype != BOOL and any(operand.shape[axis] == 0 for axis in axes):
        raise ShapeError(f"{op} over no elements: {operand!r} has length 0 there", here())
    return Interned.get(
        (Reduce, op, operand, axes), lambda: Reduce((operand,), shape, operand.dtype, False, here(), op, axes)
    )


def contract(
    left: Node, left_indices: Sequence[int], right: Node, right_indices: Sequence[int], output: Sequence[int]
) -> Node:
    """Einsum of two operands; indices that only one operand has and that are summed are summed first."""
    takes, gives = signature(OPERATIONS["multiply"], ((left.dtype, left.weak), (right.dtype, right.weak)))
    if gives == BOOL:
        raise DTypeError("a product of booleans: cast one operand to a number first", here())
    left, right = cast(left, takes[0]), cast(right, takes[1])
    left, a = _sum_private(left, tuple(left_indices), set(right_indices) | set(output))
    right, b = _sum_private(right, tuple(right_indices), set(left_indices) | set(output))
    sizes = dict(zip(a, left.shape, strict=True))
    for index, dim in zip(b, right.shape, strict=True):
        have = sizes.setdefault(index, dim)
        if isinstance(have, int) and isinstance(dim, int) and have != dim:
            raise ShapeError(
                f"a product needs equal lengths: {spell(left.shape)} of {left.describe()} "
                f"against {spell(right.shape)} of {right.describe()} ({have} against {dim})",
                here(),
            )
        if isinstance(dim, int):
            sizes[index] = dim
    # Sizes that may differ become a guard of the Broadcast, as for elementwise operations.
    left = broadcast_to(left, tuple(sizes[index] for index in a))
    right = broadcast_to(right, tuple(sizes[index] for index in b))
    shape = tuple(sizes[index] for index in output)
    # Numbered by appearance, so that equal products are one node whatever their indices were called.
    number = {index: i for i, index in enumerate(dict.fromkeys((*a, *b)))}
    a, b, out = (tuple(number[index] for index in indices) for indices in (a, b, tuple(output)))
    if set(a) | set(b) == set(out):  # nothing is summed
        return elementwise("multiply", _laid_out(left, a, out), _laid_out(right, b, out))
    return Interned.get(
        (Contract, left, right, a, b, out), lambda: Contract((left, right), shape, gives, False, here(), a, b, out)
    )


def _laid_out(operand: Node, indices: tuple[int, ...], output: tuple[int, ...]) -> Node:
    """``operand`` with its axes in the order of ``output``, and 1 where it has none."""
    order = sorted(range(len(indices)), key=lambda axis: output.index(indices[axis]))
    ordered = transpose(operand, tuple(order))
    have = dict(zip((indices[axis] for axis in order), ordered.shape, strict=True))
    return reshape(ordered, tuple(have.get(index, 1) for index in output))


def _sum_private(operand: Node, indices: tuple[int, ...], needed: set[int]) -> tuple[Node, tuple[int, ...]]:
    axes = tuple(axis for axis, index in enumerate(indices) if index not in needed)
    return reduce("sum", operand, axes), tuple(index for index in indices if index in needed)


# ----------------------------------------------------------------------------------------------------- shape operations


def reshape(operand: Node, shape: Shape) -> Node:
    """The same elements under another shape without -1; sizes that may differ become a guard."""
    if operand.shape == shape:
        return operand
    have, want = product(operand.shape), product(shape)
    if isinstance(have, int) and isinstance(want, int) and have != want:
        raise ShapeError(f"{operand!r} has {have} elements and cannot take the shape {spell(shape)} ({want})", here())
    operand = cast(operand, operand.dtype)  # only a number can be weak
    return Interned.get((Reshape, operand, shape), lambda: Reshape((operand,), shape, operand.dtype, False, here()))


def transpose(operand: Node, axes: tuple[int, ...]) -> Node:
    """Axis i of the output is axis ``axes[i]`` of the operand."""
    if sorted(axes) != list(range(operand.ndim)):
        raise ShapeError(f"{axes} is not an order of the {operand.ndim} axes of {operand!r}", here())
    if axes == tuple(range(operand.ndim)):
        return operand
    shape = tuple(operand.shape[axis] for axis in axes)
    return Interned.get(
        (Transpose, operand, axes), lambda: Transpose((operand,), shape, operand.dtype, False, here(), axes)
    )


def slice_(operand: Node, starts: tuple[Dim, ...], counts: Shape, steps: tuple[int, ...]) -> Node:
    """``start + step * (0 ... count - 1)`` along every axis."""
    if counts == operand.shape and all(start == 0 for start in starts) and all(step == 1 for step in steps):
        return operand
    return Interned.get(
        (Slice, operand, starts, counts, steps),
        lambda: Slice((operand,), counts, operand.dtype, False, here(), starts, steps),
    )


def embed(operand: Node, shape: Shape, starts: tuple[Dim, ...], steps: tuple[int, ...]) -> Node:
    """Zeros of ``shape`` with ``operand`` where a Slice with these starts and steps reads."""
    if shape == operand.shape and all(start == 0 for start in starts) and all(step == 1 for step in steps):
        return operand
    return Interned.get(
        (Embed, operand, shape, starts, steps),
        lambda: Embed((operand,), shape, operand.dtype, False, here(), starts, steps),
    )


def make_take(operand: Node, indices: Node, axis: int) -> Node:
    """The gather itself, for int64 indices that are not negative."""
    shape = operand.shape[:axis] + indices.shape + operand.shape[axis + 1 :]
    return Interned.get(
        (Take, operand, indices, axis), lambda: Take((operand, indices), shape, operand.dtype, False, here(), axis)
    )


def scatter_add(values: Node, indices: Node, axis: int, length: Dim) -> Node:
    """Zeros to which ``values`` are added at ``indices`` (not negative) along ``axis``."""
    shape = (*values.shape[:axis], length, *values.shape[axis + indices.ndim :])
    return Interned.get(
        (ScatterAdd, values, indices, axis, length),
        lambda: ScatterAdd((values, indices), shape, values.dtype, False, here(), axis),
    )


def concatenate(operands: Sequence[Node], axis: int) -> Node:
    """Operands of one dtype one after the other along ``axis``; sizes that may differ elsewhere become a guard."""
    first = operands[0]
    template = list(first.shape)
    total: Dim = 0
    for operand in operands:
        if operand.ndim != first.ndim or not all(
            i == axis or dim == want or not (isinstance(dim, int) and isinstance(want, int))
            for i, (dim, want) in enumerate(zip(operand.shape, template, strict=True))
        ):
            shapes = ", ".join(f"{spell(one.shape)} of {one.describe()}" for one in operands)
            raise ShapeError(f"shapes do not fit together along axis {axis}: {shapes}", here())
        template = [dim if isinstance(dim, int) else want for dim, want in zip(operand.shape, template, strict=True)]
        total = total + operand.shape[axis]
    if len(operands) == 1:
        return first
    aligned = tuple(broadcast_to(one, _with(tuple(template), axis, one.shape[axis])) for one in operands)
    shape = _with(tuple(template), axis, total)
    return Interned.get(
        (Concatenate, aligned, axis), lambda: Concatenate(aligned, shape, first.dtype, False, here(), axis)
    )


def _with(shape: Shape, axis: int, dim: Dim) -> Shape:
    return (*shape[:axis], dim, *shape[axis + 1 :])


def cumulate(operand: Node, axis: int, reverse: bool = False) -> Node:
    """Running sums along ``axis``."""
    if operand.dtype == BOOL:
        operand = cast(operand, INT64)
    return Interned.get(
        (Cumulate, operand, axis, reverse),
        lambda: Cumulate((operand,), operand.shape, operand.dtype, False, here(), axis, reverse),
    )


def constant_value(node: Node) -> Array | None:
    """The array of a constant, seen through broadcasts, and through reshapes of a single number; else None."""
    while isinstance(node, Broadcast) or (isinstance(node, Reshape) and product(node.shape) == 1):
        node = node.operands[0]
    return node.value if isinstance(node, Constant) else None
