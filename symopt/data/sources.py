"""Where the rows of one input lie: one final class per kind of storage, each reads the rows of a batch.

Every ``read`` gives a C-contiguous NumPy array in native byte order, but for what lives on a device. A class
holds what it reads from, and keeps nothing of what it has read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symopt.data.passes import Selection
from symopt.errors import DataError

Array = NDArray[Any]


class Source(ABC):
    """One input of a data set."""

    length: int
    """Number of rows."""

    @abstractmethod
    def read(self, selection: Selection) -> Any:
        """Return the selected rows: a slice, or int64 indices ``(rows,)`` in any order."""


@dataclass(frozen=True, slots=True, eq=False)
class MemorySource(Source):
    """A C-contiguous array in memory whose rows are along axis 0. A slice of it is a view."""

    array: Array
    length: int

    def read(self, selection: Selection) -> Array:
        """Return a view for a slice, a fresh array for indices."""
        if isinstance(selection, slice):
            return self.array[selection]
        return self.array.take(selection, axis=0)


@dataclass(frozen=True, slots=True, eq=False)
class StridedSource(Source):
    """Any other NumPy array: a memory map, or rows along a later axis."""

    array: Array
    axis: int
    length: int

    def read(self, selection: Selection) -> Array:
        """Return a view where it is contiguous, else a fresh array."""
        if isinstance(selection, slice):
            return plain(self.array[along(self.axis, selection)])
        return plain(self.array.take(selection, axis=self.axis))


@dataclass(frozen=True, slots=True, eq=False)
class DeviceSource(Source):
    """An array that lives on a device, of any library. Nothing of it is copied to the host."""

    array: Any
    axis: int
    length: int

    def read(self, selection: Selection) -> Any:
        """Return a view for a slice, a fresh array on the device for indices."""
        return self.array[along(self.axis, selection)]


@dataclass(frozen=True, slots=True, eq=False)
class SparseSource(Source):
    """A SciPy matrix, compressed along the axis of its rows, made dense batch by batch."""

    matrix: Any
    axis: int
    length: int

    def read(self, selection: Selection) -> Array:
        """Return a fresh dense array."""
        return plain(self.matrix[along(self.axis, selection)].toarray(order="C"))


@dataclass(frozen=True, slots=True, eq=False)
class Hdf5Source(Source):
    """An HDF5 array, read batch by batch."""

    array: Any
    axis: int
    length: int

    def read(self, selection: Selection) -> Array:
        """Return a fresh array, read from the file."""
        if not self.array:
            raise DataError("the HDF5 file was closed while its data were in use; keep it open until training is over")
        if isinstance(selection, slice):
            return plain(self.array[along(self.axis, selection)])
        # HDF5 reads only increasing indices.
        increasing, places = np.unique(selection, return_inverse=True)
        return plain(self.array[along(self.axis, increasing)].take(places, axis=self.axis))


@dataclass(frozen=True, slots=True, eq=False)
class ZarrSource(Source):
    """A Zarr array, read batch by batch."""

    array: Any
    axis: int
    length: int

    def read(self, selection: Selection) -> Array:
        """Return a fresh array, read from the store."""
        # ``oindex`` takes indices in any order, and reads each chunk once.
        return plain(self.array.oindex[along(self.axis, selection)])


def along(axis: int, selection: Selection) -> tuple[Selection, ...]:
    """Return the index that selects along one axis.

    Examples
    --------
    >>> along(1, slice(0, 2))
    (slice(None, None, None), slice(0, 2, None))
    """
    return (slice(None),) * axis + (selection,)


def plain(array: object) -> Array:
    """Return an array as compiled code reads it: bare, C-contiguous, aligned, in native byte order."""
    bare: Array = np.asarray(array)
    if bare.flags.c_contiguous and bare.flags.aligned and bare.dtype.isnative:
        return bare
    return np.require(bare, bare.dtype.newbyteorder("="), ["C_CONTIGUOUS", "ALIGNED"])
