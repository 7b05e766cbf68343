"""From what a user gives to a source of rows: one function per kind.

No optional library is imported here. An object of a library can only exist if that library is loaded already,
so ``sys.modules`` is asked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from os import PathLike
from typing import Any

import numpy as np

from symopt.data.frames import NUMERIC_KINDS, is_pandas, is_polars, pandas_array, polars_array
from symopt.data.sources import (
    Array,
    DeviceSource,
    Hdf5Source,
    MemorySource,
    Source,
    SparseSource,
    StridedSource,
    ZarrSource,
    plain,
)
from symopt.errors import DataError
from symopt.graph.devices import lives_on_device


def adapt(value: object, axis: int, label: str) -> Source:
    """Return the source of one input.

    Memory maps, HDF5 and Zarr arrays and sparse matrices are read batch by batch. What lives on a device stays
    there. All else is made a C-contiguous NumPy array now, without a copy where it is one already.

    Parameters
    ----------
    value : what the user gave.
    axis : the axis of the rows; negative counts from the end.
    label : what to call the input in messages.

    Raises
    ------
    DataError : the value is no array of numbers, has no such axis, or has no rows.
    """
    if lives_on_device(value):
        return _on_device(value, axis, label)
    if _is_instance(value, "h5py", "Dataset"):
        return _hdf5(value, axis, label)
    if _is_instance(value, "zarr", "Array"):
        return _zarr(value, axis, label)
    if _is_sparse(value) and getattr(value, "ndim", 0) > 1:
        return _sparse(value, axis, label)
    if isinstance(value, np.memmap):
        return _memory_map(value, axis, label)
    return _memory(value, axis, label)


def as_array(value: Any, label: str) -> Array:
    """Return the whole of a value as a NumPy array of numbers, without a copy where it is one already.

    Raises
    ------
    DataError : the value is no array of numbers.
    """
    array: Array
    if _is_sparse(value):
        array = np.asarray(value.toarray())
    elif is_pandas(value):
        array = pandas_array(value, label)
    elif is_polars(value):
        array = polars_array(value, label)
    else:
        _refuse(value, label)
        array = _converted(value, label)
    _check_dtype(array.dtype, label)
    return array


def batch_array(value: Any, label: str) -> Any:
    """Return one array of a batch: what lives on a device as it is, all else as compiled code reads it.

    Raises
    ------
    DataError : the value is no array of numbers.
    """
    return value if lives_on_device(value) else plain(as_array(value, label))


def row_axis(shape: tuple[int, ...] | None, axis: int, label: str) -> int:
    """Return the axis of the rows counted from the front.

    Raises
    ------
    DataError : there is no such axis, or there are no rows along it.
    """
    if not shape:
        raise DataError(
            f"{label} is a single value, but rows are expected along axis {axis}; a list or a "
            "tuple has one entry for each input: where its entries are rows of one input, give np.array of it"
        )
    if not -len(shape) <= axis < len(shape):
        raise DataError(f"{label} has shape {shape}, which has no axis {axis}; set axis= to the axis of its rows")
    axis %= len(shape)
    if shape[axis] == 0:
        raise DataError(f"{label} has shape {shape}, which is empty along axis {axis}; at least one row is expected")
    return axis


def _on_device(value: Any, axis: int, label: str) -> Source:
    # Each library has dtypes of its own: the backend that takes the array looks at them.
    shape = tuple(value.shape)
    axis = row_axis(shape, axis, label)
    return DeviceSource(value, axis, shape[axis])


def _memory(value: object, axis: int, label: str) -> Source:
    array = as_array(value, label)
    axis = row_axis(array.shape, axis, label)
    if axis == 0:
        return MemorySource(plain(array), array.shape[0])
    return StridedSource(array, axis, array.shape[axis])


def _memory_map(value: Any, axis: int, label: str) -> Source:
    _check_dtype(value.dtype, label)
    axis = row_axis(value.shape, axis, label)
    # A bare view: the subclass costs a few microseconds in every batch.
    return StridedSource(np.asarray(value), axis, value.shape[axis])


def _sparse(value: Any, axis: int, label: str) -> Source:
    _check_dtype(value.dtype, label)
    if value.ndim > 2:
        raise DataError(
            f"{label} is sparse with shape {value.shape}, but 1 or 2 axes are expected; give .toarray() of it"
        )
    axis = row_axis(value.shape, axis, label)
    return SparseSource(value.tocsr() if axis == 0 else value.tocsc(), axis, value.shape[axis])


def _hdf5(value: Any, axis: int, label: str) -> Source:
    if not value:
        raise DataError(f"{label} is an array of an HDF5 file that is closed; keep the file open while it is in use")
    _check_dtype(value.dtype, label)
    axis = row_axis(value.shape, axis, label)
    return Hdf5Source(value, axis, value.shape[axis])


def _zarr(value: Any, axis: int, label: str) -> Source:
    _check_dtype(value.dtype, label)
    axis = row_axis(value.shape, axis, label)
    return ZarrSource(value, axis, value.shape[axis])


def _is_instance(value: object, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def _is_sparse(value: object) -> bool:
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(value))


def _refuse(value: object, label: str) -> None:
    """Raise for what NumPy takes, but not as the user means it, and where we can say more than NumPy does."""
    if isinstance(value, (str, bytes, PathLike)):
        raise DataError(f"{label} is {value!r}, but numbers are expected; if it is a file, load it first")
    if _is_instance(value, "h5py", "Group") or _is_instance(value, "zarr", "Group"):
        raise DataError(f"{label} is a group of arrays, but one array is expected; give group['name']")
    if callable(value) and not hasattr(value, "__array__"):
        raise DataError(
            f"{label} is a callable among several inputs, but a callable returns whole batches; give one "
            "callable alone, which returns a list or a dict of all inputs"
        )
    if isinstance(value, Iterator):
        raise DataError(
            f"{label} is an iterator ({type(value).__name__}), which runs dry after one pass; give an array, "
            "or a callable that returns a batch"
        )
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DataError(f"{label} is a masked array with masked values, which are no numbers; give .filled(...) of it")


def _converted(value: object, label: str) -> Array:
    try:
        return np.asarray(value)
    except Exception as error:  # whatever the user's own type raises
        if isinstance(value, (list, tuple)):
            raise DataError(
                f"{label} is a {type(value).__name__} that is not rectangular; "
                f"give all its rows the same length ({error})"
            ) from error
        raise DataError(
            f"{label} is a {type(value).__name__} that NumPy does not convert to an array: {error}"
        ) from error


def _check_dtype(dtype: Any, label: str) -> None:
    if dtype.kind not in NUMERIC_KINDS:
        raise DataError(
            f"{label} has dtype {dtype}, but bool, int, unsigned int or float is expected; convert it first, "
            "for example with .astype(float)"
        )
