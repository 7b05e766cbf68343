"""The array behind a shared value, whose newest value may lie elsewhere: on a device."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from symopt.graph import memory
from symopt.graph.devices import lives_on_device, to_host
from symopt.graph.promotion import DType, as_dtype

Array = np.ndarray[Any, Any]


class Elsewhere(Protocol):
    """Where the newest value of a :class:`Storage` may lie; it knows which of the two is newer."""

    def bring(self) -> None:
        """Make the host's array up to date, if what lies elsewhere is newer."""
        ...

    def leave(self) -> None:
        """Bring; and from now on the host's array is the newest, since somebody may write to it."""
        ...


class Storage:
    """The array behind a :class:`~symopt.graph.nodes.Shared` node, and how many times the user has written it.

    ``elsewhere`` is where the newest value may lie, None if it is the host's array at all times. ``is_held`` says that
    somebody keeps the host's array, reads it and writes it at any time: a device takes its value from there before each
    step, and copies it back after. ``prefers_device`` says that the value was made from an array on a device.
    """

    __slots__ = ("_array", "elsewhere", "is_held", "prefers_device", "written")

    def __init__(self, array: Array, prefers_device: bool = False) -> None:
        self._array = array
        self.elsewhere: Elsewhere | None = None
        self.is_held = False
        self.prefers_device = prefers_device
        self.written = 0

    @classmethod
    def copy_of(cls, value: Any, dtype: DType | None = None) -> Storage:
        """A copy of ``value`` in an array of ``dtype``, or else of the supported dtype that it has."""
        host = to_host(value)
        return cls(memory.copy(host, as_dtype(host.dtype) if dtype is None else dtype), lives_on_device(value))

    @property
    def array(self) -> Array:
        """The host's array, to read and write at once; to assign another puts it in its place.

        Who keeps it, to use it later, calls :meth:`hold`.
        """
        if self.elsewhere is not None:
            self.elsewhere.leave()
        return self._array

    @array.setter
    def array(self, array: Array) -> None:
        if self.elsewhere is not None:
            self.elsewhere.leave()  # it is to know that its value no longer counts
        self._array = array
        self.elsewhere = None

    def read(self) -> Array:
        """The host's array, not to be written to."""
        if self.elsewhere is not None:
            self.elsewhere.bring()
        return self._array

    def hold(self) -> Array:
        """The host's array, for those who keep it, and read and write it later at any time."""
        self.is_held = True
        return self.array

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self._array.shape

    @property
    def dtype(self) -> DType:
        """The dtype of the array."""
        return self._array.dtype

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._array.size

    @property
    def is_on_device(self) -> bool:
        """Whether the value lies on a device, or was made from one that does."""
        return self.elsewhere is not None or self.prefers_device

    # A pickle has the newest value; what comes back is held by nobody, and lies nowhere else.

    def __getstate__(self) -> tuple[Array, bool, int]:
        return self.read(), self.prefers_device, self.written

    def __setstate__(self, state: tuple[Array, bool, int]) -> None:
        array, prefers_device, written = state
        self.__init__(array, prefers_device)  # type: ignore[misc]
        self.written = written
