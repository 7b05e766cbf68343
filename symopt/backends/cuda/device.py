"""The device: CuPy, or what stands in for it, and what can be said of it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from symopt.backends.cuda.jobs import THREADS
from symopt.errors import CompileError, DataError, Unsupported
from symopt.graph.nodes import Array

#: Options of NVRTC. What multiplies and adds is rounded twice, as in NumPy, but for products of matrices.
OPTIONS = ("-std=c++17", "--fmad=false")
INSTALL = 'pip install "symopt-compiler[cuda13]" (or [cuda12], as your driver wants it)'
#: The runtime's number for memory of the host that is pinned.
PINNED = 1


def find_cupy() -> tuple[Any | None, str]:
    """CuPy and the GPU that it works on; or None, and why not."""
    if find_spec("cupy") is None:
        return None, f"CuPy is not installed: {INSTALL}"
    try:
        import cupy

        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # of several kinds: no driver, an old one, a broken installation
        return None, f"CuPy cannot be used: {error}"
    if not count:
        return None, "CuPy finds no GPU"
    try:
        (compiler, _), driver = cupy.cuda.nvrtc.getVersion(), cupy.cuda.runtime.driverGetVersion() // 1000
    except Exception as error:  # no library
        return None, f"CuPy cannot compile: {error}; {INSTALL}"
    if compiler > driver:
        return None, f"NVRTC is of CUDA {compiler}, and the driver knows CUDA {driver} at most: install a newer driver"
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    return cupy, f"generated CUDA by CuPy {cupy.__version__} on {properties['name'].decode()}"


class Device:
    """What the backend does with a device.

    ``xp`` is CuPy, or a namespace shaped like it. ``touches`` counts how often the host has looked at or written what
    lies on the device: as long as it stays, nothing has to be brought up to date.
    """

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.id: int = xp.cuda.Device().id
        self.processors: int = xp.cuda.Device().attributes["MultiProcessorCount"]
        self.touches = 0

    def load(self, source: str) -> Callable[[str], Any]:
        """The kernels of a source by name; compiled by NVRTC, which CuPy keeps on disk."""
        module = self.xp.RawModule(code=source, options=OPTIONS)

        def kernel(name: str) -> Any:
            try:
                return module.get_function(name)
            except Exception as error:
                if type(error).__name__ != "CompileException":
                    error.add_note(f"CuPy compiles with NVRTC and the headers of CUDA: {INSTALL}")
                    raise
                numbered = "\n".join(f"{i:4} {line}" for i, line in enumerate(source.splitlines(), 1))
                raise CompileError(f"NVRTC {' '.join(OPTIONS)}\n{error}\n{numbered}") from None

        return kernel

    def is_array(self, value: Any) -> bool:
        """Whether ``value`` is an array of this device."""
        return isinstance(value, self.xp.ndarray)

    def adopt(self, value: Any) -> Any:
        """An array of this device for anything that lies on it, without a copy."""
        # A tensor of PyTorch that has a gradient shares only what is detached from it.
        shared = value.detach() if hasattr(value, "detach") else value
        array = value if self.is_array(value) else self.xp.from_dlpack(shared)
        if array.device.id != self.id:
            raise DataError(f"an array lives on GPU {array.device.id}; copy it to GPU {self.id}, where symopt works")
        return array

    def check_current(self) -> None:
        """Raise if another GPU is CuPy's current one: kernels would run there, without our memory."""
        current = self.xp.cuda.Device().id
        if current != self.id:
            raise Unsupported(
                f"CuPy's current device is GPU {current}; symopt has worked on GPU {self.id} and stays there: call it "
                f"within cupy.cuda.Device({self.id})"
            )

    def empty(self, count: int, dtype: Any) -> Any:
        """Memory of no particular content."""
        return self.xp.empty((max(count, 1),), dtype)

    def sent(self, host: Array) -> Any:
        """A copy of an array of the host."""
        array = self.xp.empty(host.shape, host.dtype)
        self.send(host, array)
        return array

    def send(self, host: Array, to: Any) -> None:
        """Copies an array of the host, which may change afterwards."""
        if not host.size:
            return
        host = np.asarray(host, order="C")
        to.set(host)
        # What is pinned is read later, without a copy of it; anything else has been copied by now.
        if self.xp.cuda.runtime.pointerGetAttributes(host.ctypes.data).type == PINNED:
            self.xp.cuda.get_current_stream().synchronize()

    def view(self, array: Any, offset: int, shape: tuple[int, ...], steps: tuple[int, ...]) -> Any:
        """Elements from an offset on, at given steps."""
        flat = array.reshape(-1)[offset:]
        size = flat.dtype.itemsize
        return self.xp.lib.stride_tricks.as_strided(flat, shape, tuple(step * size for step in steps))

    def recorded(self, work: Callable[[], None]) -> Any:
        """A CUDA graph of what ``work`` launches; it is not run."""
        stream = self.xp.cuda.Stream(non_blocking=True)
        with stream:
            stream.begin_capture()
            try:
                work()
            finally:
                graph = stream.end_capture()
        return graph


BLOCK = (THREADS,)
