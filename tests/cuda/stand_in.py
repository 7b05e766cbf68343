"""A stand-in for CuPy that runs CUDA sources on the CPU: what the cuda backend uses of the module, and no more.

It is stricter than CuPy where strictness finds mistakes: parameters must have the types that the source declares, no
memory may be written beside an array, a graph may not outlive its memory, and only kernels compute.
"""

from __future__ import annotations

import struct
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.cuda.arrays import (
    DeviceTensor,
    OnDevice,
    address_of,
    argsort,
    as_strided,
    asarray,
    asnumpy,
    check_canaries,
    empty,
    from_dlpack,
    matmul,
    take,
    zeros,
)
from tests.cuda.compiled import CompiledKernel, LaunchError, Module
from tests.cuda.streams import Event, Stream, current_stream, do, forget_captures

__all__ = [
    "ORDERS",
    "DeviceTensor",
    "LaunchError",
    "check_canaries",
    "forget_captures",
    "thread_order",
    # what CuPy has too
    "RawModule",
    "argsort",
    "asarray",
    "asnumpy",
    "cuda",
    "empty",
    "from_dlpack",
    "lib",
    "matmul",
    "ndarray",
    "take",
    "zeros",
]

ORDERS = ("forward", "reverse", "strided")
#: In which the threads of a block, and the blocks of a grid, take their turns.
order = "forward"
#: Processor time after which a launch counts as hanging.
seconds_per_launch = 20.0


@contextmanager
def thread_order(name: str) -> Iterator[None]:
    """Inside, threads and blocks run in another order."""
    global order
    before, order = order, ORDERS[ORDERS.index(name)]
    try:
        yield
    finally:
        order = before


# ------------------------------------------------------------------------------------------------------------- kernels


class RawModule:
    """A source with kernels; it is compiled when the first is asked for."""

    def __init__(self, *, code: str, options: Sequence[str] = ()) -> None:
        self._code = code
        self._flags = [option for option in options if option.startswith("-D")]  # the others are NVRTC's

    @cached_property
    def _module(self) -> Module:
        return Module(self._code, self._flags)

    def get_function(self, name: str) -> Kernel:
        """A kernel by its name."""
        return Kernel(self._module.kernel(name))


class Kernel:
    """A kernel, called with grid, block and arguments."""

    def __init__(self, compiled: CompiledKernel) -> None:
        self._compiled = compiled

    def __call__(self, grid: Sequence[int], block: Sequence[int], args: Sequence[Any]) -> None:
        kernel = self._compiled
        sizes = (*_three(grid), *_three(block))
        _check_sizes(kernel, sizes)
        if len(args) != len(kernel.parameters):
            raise TypeError(f"kernel {kernel.name} has {len(kernel.parameters)} parameters, not {len(args)}")
        values = b"".join(
            _argument(value, parameter, f"argument {number} of kernel {kernel.name}")
            for number, (value, parameter) in enumerate(zip(args, kernel.parameters, strict=True))
        )
        # Only weakly: a graph does not keep memory from being freed.
        used = [weakref.ref(value.memory) for value in args if isinstance(value, OnDevice) and value.memory]

        def launch() -> None:
            memories = [reference() for reference in used]
            if None in memories:
                raise LaunchError(f"kernel {kernel.name}: the memory of an argument has been freed")
            kernel.launch(sizes, values, ORDERS.index(order), seconds_per_launch)
            for memory in memories:
                if memory is not None:
                    memory.check(f"kernel {kernel.name}")

        do(launch)


def _three(sizes: Sequence[int]) -> tuple[int, ...]:
    return (*(int(size) for size in sizes), 1, 1, 1)[:3]


def _check_sizes(kernel: CompiledKernel, sizes: tuple[int, ...]) -> None:
    limits = (2**31 - 1, 65535, 65535, 1024, 1024, 64)
    if any(not 1 <= size <= limit for size, limit in zip(sizes, limits, strict=True)):
        raise LaunchError(f"kernel {kernel.name}: no such grid or block: {sizes[:3]}, {sizes[3:]}")
    if prod(sizes[3:]) > kernel.largest_block:
        raise LaunchError(f"kernel {kernel.name}: {sizes[3:]} is too big a block, the limit is {kernel.largest_block}")


def _argument(value: Any, parameter: str, what: str) -> bytes:
    """Eight bytes that begin with the value."""
    if isinstance(value, OnDevice):
        _check_type(value.dtype, "*", parameter, what)
        address = address_of(value)
        if address % np.dtype(parameter[1]).alignment:
            raise LaunchError(f"{what}: misaligned")
        return struct.pack("Q", address)
    if isinstance(value, bool | int | float):  # a C bool, long long or double
        value = np.asarray(value)[()]
    if not isinstance(value, np.generic):
        raise TypeError(f"{what}: {type(value)} cannot be passed to a kernel")
    _check_type(value.dtype, ".", parameter, what)
    return value.tobytes().ljust(8, b"\xff")


def _check_type(dtype: np.dtype[Any], kind: str, parameter: str, what: str) -> None:
    """Integers may differ in sign; bytes may be any memory."""
    declared = np.dtype(parameter[1])
    fits = declared.itemsize == dtype.itemsize and (declared.kind == "f") == (dtype.kind == "f")
    is_unknown = declared.kind == "V" or (kind == "*" and dtype == np.uint8)
    if kind != parameter[0] or not (fits or is_unknown):
        names = {"*": "an array", ".": "a number"}
        raise TypeError(f"{what} is {names[kind]} of {dtype}, the source has {names[parameter[0]]} of {declared}")


# -------------------------------------------------------------------------------------------------------- the machine


class Device:
    """The only one."""

    compute_capability = "90"

    def __init__(self, device: int = 0) -> None:
        self.id = device
        self.attributes = {"MultiProcessorCount": 2}


def _alloc_pinned_memory(size: int) -> bytearray:
    """Memory of the host; larger than asked for, as CuPy's is."""
    return bytearray(b"\xff" * (size + -size % 512))


def attributes_of_memory(address: int) -> SimpleNamespace:
    """What the runtime knows of memory of the host: whether it is pinned."""
    return SimpleNamespace(type=int(address in pinned))


#: Addresses of memory of the host that counts as pinned.
pinned: set[int] = set()
ndarray = OnDevice
lib = SimpleNamespace(stride_tricks=SimpleNamespace(as_strided=as_strided))
cuda = SimpleNamespace(
    Stream=Stream,
    Event=Event,
    Device=Device,
    get_current_stream=current_stream,
    alloc_pinned_memory=_alloc_pinned_memory,
    is_available=lambda: True,
    runtime=SimpleNamespace(getDeviceCount=lambda: 1, pointerGetAttributes=attributes_of_memory),
)
