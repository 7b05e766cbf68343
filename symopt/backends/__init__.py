"""Backends: each emits source from a task, and builds what runs it."""

from __future__ import annotations

from symopt.backends.c import CBackend, cache_info, clear_cache, export
from symopt.backends.cuda import CudaBackend
from symopt.backends.cuda.device import Device
from symopt.backends.cuda.mirror import put_on_device
from symopt.backends.numexpr import NumexprBackend
from symopt.backends.numpy import NumpyBackend
from symopt.backends.task import Backend, BackendRecord, Runner, StepByStep, Task, checked_arrays
from symopt.errors import Unsupported

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendRecord",
    "Runner",
    "StepByStep",
    "Task",
    "automatic",
    "backends",
    "cache_info",
    "clear_cache",
    "checked_arrays",
    "device",
    "export",
    "find",
    "put_on_device",
]

#: The backend for what lives on a device.
ON_DEVICE = "cuda"
#: By name: ``auto`` takes the first that is available.
BACKENDS: dict[str, Backend] = {
    backend.name: backend for backend in (CBackend(), NumexprBackend(), NumpyBackend(), CudaBackend())
}


def backends() -> dict[str, BackendRecord]:
    """For every backend, whether it can run here, and why not (or with what).

    >>> backends()["numpy"].available
    True
    """
    return {name: BackendRecord(name, *backend.status()) for name, backend in BACKENDS.items()}


def automatic(on_device: bool = False) -> str:
    """The name of the backend that ``auto`` stands for here: ``cuda`` only where something lives ``on_device``."""
    if on_device and BACKENDS[ON_DEVICE].status()[0]:
        return ON_DEVICE
    return next(name for name, backend in BACKENDS.items() if backend.status()[0])


def find(name: str, task: Task | None = None) -> Backend:
    """The backend called ``name``, or what ``auto`` stands for, given a task."""
    if name == "auto":
        name = automatic(task is not None and task.is_on_device)
    if name not in BACKENDS:
        raise Unsupported(f"there is no backend {name!r}: use one of {', '.join(['auto', *BACKENDS])}")
    return BACKENDS[name]


def device() -> Device:
    """The device that the backend for it works on.

    Raises
    ------
    Unsupported : there is none; it says why.
    """
    backend = BACKENDS[ON_DEVICE]
    assert isinstance(backend, CudaBackend)
    return backend.device()
