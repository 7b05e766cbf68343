"""Arrays of the stand-in for CuPy: memory of their own, with zones around it that nobody may write."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.cuda.compiled import LaunchError
from tests.cuda.streams import Stream, do, refuse_in_capture

Array = np.ndarray[Any, np.dtype[Any]]

_ALIGNMENT = 256
_ZONE = 4096
#: Signalling NaNs of both formats: arithmetic with one gives a quiet one, so that what a kernel has read beside one
#: array and writes beside another differs from what was there. The low bits tell memories apart, for plain copies.
_SIGNALLING = {8: 0x7FF0_0000_0000_0001, 4: 0x7F80_0001}
_serials = itertools.count()
_memories: weakref.WeakSet[Memory] = weakref.WeakSet()


class Memory:
    """Bytes of the device: garbage between two zones that no kernel may write."""

    def __init__(self, size: int, dtype: Any) -> None:
        width = 8 if np.dtype(dtype) == np.float64 else 4
        word = np.array([_SIGNALLING[width] + 2 * (next(_serials) % (1 << 20))], f"u{width}")
        self._canary = np.tile(word.view(np.uint8), _ZONE // width)
        self.all = np.empty(size + 2 * _ZONE + _ALIGNMENT, np.uint8)
        self.begin = _ZONE + -(self.all.ctypes.data + _ZONE) % _ALIGNMENT
        self.address = self.all.ctypes.data + self.begin
        self.size = size
        self._zones = (self.all[self.begin - _ZONE : self.begin], self.all[self.begin + size :][:_ZONE])
        self.all[self.begin : self.begin + size] = 0xFF
        self.repair()
        _memories.add(self)

    def repair(self) -> None:
        """Make both zones what they were."""
        for zone in self._zones:
            zone[:] = self._canary

    def check(self, what: str) -> None:
        """Raise, once, if a zone was written."""
        for side, zone in zip(("before", "after"), self._zones, strict=True):
            if (written := np.flatnonzero(zone != self._canary)).size:
                self.repair()
                distance = _ZONE - int(written[-1]) if side == "before" else int(written[0]) + 1
                raise LaunchError(f"{what}: written {distance} bytes {side} an array of {self.size} bytes")


def check_canaries(what: str = "a kernel") -> None:
    """Raise if memory beside an array has been written; every launch does so for its own arrays."""
    for memory in list(_memories):
        memory.check(what)


class OnDevice(Array):
    """An array of the device: only kernels and this module's functions read and write it."""

    memory: Memory | None
    device = SimpleNamespace(id=0)  # type: ignore[assignment]  # NumPy's own is a name

    def __array_finalize__(self, parent: Array | None) -> None:
        self.memory = getattr(parent, "memory", None)

    def __array_ufunc__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("the stand-in computes by kernels only; take the values to the host by .get()")

    def __array_function__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("NumPy's functions are for arrays of the host; take the values there by .get()")

    def __repr__(self) -> str:
        return f"OnDevice({plain(self)!r})"

    __str__ = __repr__

    def __getitem__(self, key: Any) -> Any:
        # With an Ellipsis, one element is an array without dimensions, as in CuPy.
        keys = key if isinstance(key, tuple) else (key,)
        if any(isinstance(one, np.ndarray | list) for one in keys):
            # Rows brought together in memory of their own; indices of the host are sent there.
            refuse_in_capture("sending indices")
            found = tuple(plain(one) if isinstance(one, OnDevice) else one for one in keys)
            return asarray(plain(self)[found])
        return super().__getitem__(keys if any(one is Ellipsis for one in keys) else (*keys, Ellipsis))

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, np.ndarray) and not isinstance(value, OnDevice):
            raise TypeError("an array of the host cannot be assigned to one of the device: use .set()")
        do(lambda: plain(self).__setitem__(key, value))

    def __dlpack__(self, **_: Any) -> Any:
        return self[...]

    def __dlpack_device__(self) -> Any:
        return (2, 0)

    @property
    def data(self) -> Any:
        """CuPy's name for the place in memory: an object that has the address."""
        return SimpleNamespace(ptr=address_of(self))

    def fill(self, value: Any) -> None:
        self[...] = value

    def copy(self, order: Any = "C") -> Any:
        """A copy in memory of its own."""
        made = empty(self.shape, self.dtype)
        plain(made)[...] = plain(self)
        return made

    def set(self, host: Array, stream: Stream | None = None) -> None:
        """Copy from an array of the host, of the same shape and dtype."""
        refuse_in_capture("copying from the host")
        if not isinstance(host, np.ndarray) or isinstance(host, OnDevice):
            raise TypeError("only arrays of the host can be set")
        if host.dtype != self.dtype or host.shape != self.shape:
            raise ValueError(f"{host.dtype} {host.shape} cannot be set into {self.dtype} {self.shape}")
        if not (self.flags.c_contiguous or self.flags.f_contiguous):
            raise RuntimeError("cannot set to a non-contiguous array")
        plain(self)[...] = host

    def get(self, stream: Stream | None = None, out: Array | None = None) -> Array:
        """Copy to the host."""
        refuse_in_capture("copying to the host")
        if out is None:
            return np.array(plain(self), order="C")
        if not isinstance(out, np.ndarray) or isinstance(out, OnDevice):
            raise TypeError("only arrays of the host can be got into")
        if out.dtype != self.dtype or out.shape != self.shape or not out.flags.forc:
            raise ValueError(f"{self.dtype} {self.shape} cannot be got into {out.dtype} {out.shape}")
        out[...] = plain(self)
        return out


def plain(array: Any) -> Array:
    """The same memory as NumPy sees it; for arrays of the device only."""
    if not isinstance(array, OnDevice):
        raise TypeError(f"an array of the device is needed, not {type(array)}")
    return array.view(np.ndarray)


def address_of(array: OnDevice) -> int:
    """Where the first element lies."""
    address, memory = plain(array).ctypes.data, array.memory
    if memory is None or not memory.address <= address <= memory.address + memory.size:
        raise TypeError("this array is not in the device's memory: NumPy has copied it")
    return address


def empty(shape: int | Sequence[int], dtype: Any = float) -> OnDevice:
    """An array of garbage: bytes 0xFF, which is not a number."""
    refuse_in_capture("allocating")
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    memory = Memory(prod(shape) * np.dtype(dtype).itemsize, dtype)
    made = np.ndarray(shape, dtype, memory.all.data, memory.begin).view(OnDevice)
    made.memory = memory
    return made


def zeros(shape: int | Sequence[int], dtype: Any = float) -> OnDevice:
    """An array of zeros."""
    made = empty(shape, dtype)
    plain(made)[...] = 0
    return made


def asarray(host: Any) -> OnDevice:
    """A copy on the device; what is there already stays as it is."""
    if isinstance(host, OnDevice):
        return host
    values = np.asarray(host)
    made = empty(values.shape, values.dtype)
    plain(made)[...] = values
    return made


def asnumpy(array: Any) -> Array:
    """A copy on the host; what is there already stays as it is."""
    return array.get() if isinstance(array, OnDevice) else np.asarray(array)


def matmul(a: OnDevice, b: OnDevice, out: OnDevice | None = None) -> OnDevice:
    """The product of matrices."""
    refuse_in_capture("cuBLAS")
    product = np.matmul(plain(a), plain(b))
    if out is None:
        return asarray(product)
    if out.shape != product.shape or out.dtype != product.dtype:
        raise ValueError(f"the product is {product.dtype} {product.shape}, out {out.dtype} {out.shape}")
    plain(out)[...] = product
    return out


def argsort(a: OnDevice) -> OnDevice:
    """The indices that sort; equal values keep their order."""
    refuse_in_capture("sorting")
    return asarray(np.argsort(plain(a), kind="stable"))


def take(a: OnDevice, indices: OnDevice, axis: int, out: OnDevice) -> OnDevice:
    """Entries along an axis."""
    refuse_in_capture("taking")
    plain(out)[...] = np.take(plain(a), plain(indices), axis=axis)
    return out


def as_strided(a: OnDevice, shape: Sequence[int], strides: Sequence[int]) -> OnDevice:
    """The same memory with other strides; it must stay near the array's."""
    memory = a.memory
    if memory is None:
        raise TypeError("this array is not in the device's memory")
    begin = memory.begin + address_of(a) - memory.address
    made = np.ndarray(tuple(shape), a.dtype, memory.all.data, begin, tuple(strides)).view(OnDevice)
    made.memory = memory
    return made


class DeviceTensor:
    """An array of another library: how to share its memory, and what PyTorch's tensors have too."""

    def __init__(self, array: OnDevice, requires_grad: bool = False) -> None:
        self._array = array
        self.shape = array.shape
        self.ndim = array.ndim
        self.dtype = array.dtype
        self.requires_grad = requires_grad

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, key: Any) -> DeviceTensor:
        return DeviceTensor(self._array[key], self.requires_grad)

    def detach(self) -> DeviceTensor:
        """The same memory, of which no gradients are kept."""
        return DeviceTensor(self._array)

    def cpu(self) -> Any:
        """A copy on the host, which is known by its ``numpy``."""
        return SimpleNamespace(numpy=self._array.get)

    def __dlpack__(self, stream: Any = None, **_: Any) -> Any:
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self._array.__dlpack__(stream=stream)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, 0)


def from_dlpack(obj: Any) -> OnDevice:
    """The array of another library, in the same memory."""
    if obj.__dlpack_device__()[0] != 2:
        raise TypeError("the memory is not on the device")
    array: OnDevice = obj.__dlpack__()
    return array
