"""What an updater refuses before anything changes."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np

from symopt.errors import DataError, DTypeError, ShapeError
from symopt.graph.nodes import Array
from symopt.training.row_sparse import RowSparse

DTYPES = (np.dtype("float32"), np.dtype("float64"))

#: How hard it is tried to tell arrays apart whose bounds overlap, as NumPy counts; beyond it they are taken to overlap.
MAX_WORK = 10_000


def checked_weight(index: Any, weight: Any) -> Array:
    """An array that can be updated in place."""
    if not isinstance(weight, np.ndarray) or isinstance(weight, np.ma.MaskedArray):
        raise DataError(f"weight {index!r} is {type(weight).__name__}: a NumPy array is updated in place")
    if weight.dtype not in DTYPES:
        raise DTypeError(f"weight {index!r} is {weight.dtype}: weights are float32 or float64")
    if not weight.flags.writeable:
        raise DataError(f"weight {index!r} is read-only: it is updated in place")
    if weight.size > 1 and any(n > 1 and step == 0 for n, step in zip(weight.shape, weight.strides, strict=True)):
        raise DataError(f"elements of weight {index!r} share memory: they cannot be updated one by one")
    return np.asarray(weight)


def checked_gradient(index: Any, gradient: Any, weight: Array) -> Any:
    """A gradient that fits a weight, in its dtype."""
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


def refuse_overlaps(weights: Sequence[Array], indices: Sequence[Any]) -> None:
    """No two arrays share memory."""
    spans = []
    for position, weight in enumerate(weights):
        low, high = np.lib.array_utils.byte_bounds(weight)
        spans.append((low, high, position))
    spans.sort()
    for place, (_, high, first) in enumerate(spans):
        for low, _, second in spans[place + 1 :]:
            if low >= high:
                break
            if _overlap(weights[first], weights[second]):
                raise DataError(f"weights {indices[first]!r} and {indices[second]!r} share memory")


def _overlap(first: Array, second: Array) -> bool:
    try:
        return bool(np.shares_memory(first, second, max_work=MAX_WORK))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def address(weight: Array) -> int | None:
    """Where an array lies that a compiled function can write to; None if it cannot."""
    if not weight.size or not weight.flags.c_contiguous or not weight.flags.aligned:
        return None
    place: int = weight.__array_interface__["data"][0]
    return place


def apart(gradient: Array, spans: Sequence[tuple[int, int]]) -> Array:
    """A gradient that lies in none of these spans of memory, which are in order and do not overlap."""
    low, high = np.lib.array_utils.byte_bounds(gradient)
    after = bisect.bisect_left(spans, (high, 0))
    return gradient.copy() if after and spans[after - 1][1] > low else gradient
