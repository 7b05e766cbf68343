"""What a run of the benchmarks is told, kept in the environment, where the contestants' processes find it."""

from __future__ import annotations

import os
from pathlib import Path

THREADS = 2


def backend() -> str:
    """The backend of the contestant symopt."""
    return os.environ.get("BENCH_BACKEND", "auto")


def march() -> str:
    """The processor that hand-written C is compiled for."""
    return os.environ.get("BENCH_MARCH", "native")


def cache() -> Path | None:
    """Where compiled C is kept, if anywhere."""
    folder = os.environ.get("BENCH_CACHE")
    return Path(folder) if folder else None


def caches(folder: Path) -> dict[str, str]:
    """The environment in which all contestants keep their compiled code in a folder, and so no user's is touched."""
    names = ["BENCH_CACHE", "SYMOPT_CACHE", "NUMBA_CACHE_DIR", "CUPY_CACHE_DIR"]
    names += ["TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"]
    return {name: str(folder) for name in names} | {
        "JAX_COMPILATION_CACHE_DIR": str(folder),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "PYTENSOR_FLAGS": f"base_compiledir={folder},gcc__cxxflags=-O3 -march={march()} -Wno-c++11-narrowing",
    }


def apply(backend: str, march: str) -> None:
    """Sets the environment, and the cores: two, because not every library can be told a number of threads."""
    os.environ |= {"BENCH_BACKEND": backend, "BENCH_MARCH": march}
    if march != "native":
        os.environ["SYMOPT_CFLAGS"] = f"-march={march}"
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(THREADS)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
