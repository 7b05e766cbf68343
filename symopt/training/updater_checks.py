"""What an updater refuses before anything changes.

Arrays of a device are first adopted: made arrays of the library that the backend for the device works with, in the
same memory.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np

from symopt.backends import ON_DEVICE, device
from symopt.errors import DataError, DTypeError, ShapeError, Unsupported
from symopt.graph.devices import lives_on_device
from symopt.graph.nodes import Array
from symopt.training.row_sparse import RowSparse

DTYPES = (np.dtype("float32"), np.dtype("float64"))

#: How hard it is tried to tell arrays apart whose bounds overlap, as NumPy counts; beyond it they are taken to overlap.
MAX_WORK = 10_000


def on_device(indices: Sequence[Any], weights: Sequence[Any], backend: str) -> bool:
    """Whether the weights of a step live on a device, as all or none do."""
    found = [type(weight) is not np.ndarray and lives_on_device(weight) for weight in weights]
    if not any(found):
        return False
    if not all(found):
        there, here = indices[found.index(True)], indices[found.index(False)]
        raise DataError(f"weight {there!r} lives on a device, weight {here!r} on the host: update them in two steps")
    if backend not in ("auto", ON_DEVICE):
        raise DataError(
            f"weight {indices[0]!r} lives on a device, and the backend is {backend!r}: use backend={ON_DEVICE!r}"
        )
    return True


def adopted(what: str, array: Any) -> Any:
    """An array that lives on a device, in the same memory."""
    taken = array.detach() if hasattr(array, "detach") else array  # PyTorch shares nothing that it keeps gradients of
    try:
        return device().adopt(taken)
    except DataError:  # that of another device
        raise
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise DataError(f"{what} cannot be shared by DLPack: {error}") from error


def checked_weight(index: Any, weight: Any, there: bool) -> Any:
    """An array that can be updated in place; ``there``: on a device."""
    return _weight_of_device(index, weight) if there else _weight_of_host(index, weight)


def _weight_of_device(index: Any, weight: Any) -> Any:
    if type(weight).__module__.partition(".")[0] in ("jax", "jaxlib"):
        raise DataError(f"weight {index!r} is an array of JAX, which may not change: update a CuPy array or a tensor")
    array = adopted(f"weight {index!r}", weight)
    if array.dtype not in DTYPES:
        raise DTypeError(f"weight {index!r} is {array.dtype}: weights are float32 or float64")
    if not array.flags.c_contiguous:
        raise DataError(
            f"weight {index!r} lives on a device, and its {array.shape} elements do not lie one after the other there: "
            "make it contiguous"
        )
    return array


def _weight_of_host(index: Any, weight: Any) -> Array:
    if not isinstance(weight, np.ndarray) or isinstance(weight, np.ma.MaskedArray):
        raise DataError(f"weight {index!r} is {type(weight).__name__}: a NumPy array is updated in place")
    if weight.dtype not in DTYPES:
        raise DTypeError(f"weight {index!r} is {weight.dtype}: weights are float32 or float64")
    if not weight.flags.writeable:
        raise DataError(f"weight {index!r} is read-only: it is updated in place")
    if weight.size > 1 and any(n > 1 and step == 0 for n, step in zip(weight.shape, weight.strides, strict=True)):
        raise DataError(f"elements of weight {index!r} share memory: they cannot be updated one by one")
    return np.asarray(weight)


def checked_gradient(index: Any, gradient: Any, weight: Any, there: bool) -> Any:
    """A gradient that fits a weight, in its dtype; ``there``: on a device, as the weight."""
    if there:
        return _gradient_of_device(index, gradient, weight)
    if lives_on_device(gradient):
        raise DataError(f"gradient {index!r} lives on a device, its weight on the host: copy it there first")
    sparse = isinstance(gradient, RowSparse)
    array = gradient.values if sparse else np.asarray(gradient)
    if not np.can_cast(array.dtype, weight.dtype, casting="same_kind"):
        raise DTypeError(f"gradient {index!r} is {array.dtype}, its weight {weight.dtype}: cast it first")
    if sparse:
        gradient.check(weight.shape)
        return RowSparse(gradient.rows, array.astype(weight.dtype, copy=False))
    if array.shape != weight.shape:
        raise ShapeError(f"gradient {index!r} has shape {array.shape}, its weight {weight.shape}")
    return array.astype(weight.dtype, copy=False)


def _gradient_of_device(index: Any, gradient: Any, weight: Any) -> Any:
    if isinstance(gradient, RowSparse):
        raise Unsupported(f"gradient {index!r} is row-sparse, its weight lives on a device: give the dense one there")
    if not lives_on_device(gradient):
        raise DataError(f"gradient {index!r} lies on the host, its weight lives on a device: copy it there first")
    array = adopted(f"gradient {index!r}", gradient)
    if array.dtype != weight.dtype:
        raise DTypeError(f"gradient {index!r} is {array.dtype}, its weight {weight.dtype}: cast it first")
    if array.shape != weight.shape:
        raise ShapeError(f"gradient {index!r} has shape {array.shape}, its weight {weight.shape}")
    return array


def refuse_overlaps(weights: Sequence[Any], indices: Sequence[Any], there: bool) -> None:
    """No two arrays share memory; ``there``: on a device, where each has its memory to itself from end to end."""
    spans = sorted((*bounds(weight, there), position) for position, weight in enumerate(weights))
    for place, (_, high, first) in enumerate(spans):
        for low, _, second in spans[place + 1 :]:
            if low >= high:
                break
            if there or _overlap(weights[first], weights[second]):
                raise DataError(f"weights {indices[first]!r} and {indices[second]!r} share memory")


def _overlap(first: Array, second: Array) -> bool:
    try:
        return bool(np.shares_memory(first, second, max_work=MAX_WORK))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def bounds(array: Any, there: bool) -> tuple[int, int]:
    """The addresses of the first byte of an array and of that after its last; ``there``: on a device."""
    if not there:
        return np.lib.array_utils.byte_bounds(array)
    low = high = array.data.ptr
    if not array.size:
        return low, high
    for length, step in zip(array.shape, array.strides, strict=True):
        low, high = low + min((length - 1) * step, 0), high + max((length - 1) * step, 0)
    return low, high + array.dtype.itemsize


def address(weight: Array) -> int | None:
    """Where an array lies that a compiled function can write to; None if it cannot."""
    if not weight.size or not weight.flags.c_contiguous or not weight.flags.aligned:
        return None
    place: int = weight.__array_interface__["data"][0]
    return place


def apart(gradient: Any, spans: Sequence[tuple[int, int]], there: bool) -> Any:
    """A gradient that lies in none of these spans of memory, which are in order and do not overlap."""
    low, high = bounds(gradient, there)
    after = bisect.bisect_left(spans, (high, 0))
    return gradient.copy() if after and spans[after - 1][1] > low else gradient
