"""Backends: each emits source from a task, and builds what runs it."""

from __future__ import annotations

from symopt.backends.c import CBackend, cache_info, clear_cache, export
from symopt.backends.cuda import CudaBackend
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
    "export",
    "find",
]

#: By name: ``auto`` takes the first that is available, which is never ``cuda``, as what a user has lies on the host.
BACKENDS: dict[str, Backend] = {
    backend.name: backend for backend in (CBackend(), NumexprBackend(), NumpyBackend(), CudaBackend())
}


def backends() -> dict[str, BackendRecord]:
    """For every backend, whether it can run here, and why not (or with what).

    >>> backends()["numpy"].available
    True
    """
    return {name: BackendRecord(name, *backend.status()) for name, backend in BACKENDS.items()}


def automatic() -> str:
    """The name of the backend that ``auto`` stands for here."""
    return next(name for name, backend in BACKENDS.items() if backend.status()[0])


def find(name: str) -> Backend:
    """The backend called ``name``, or what ``auto`` stands for."""
    if name == "auto":
        name = automatic()
    if name not in BACKENDS:
        raise Unsupported(f"there is no backend {name!r}: use one of {', '.join(['auto', *BACKENDS])}")
    return BACKENDS[name]
