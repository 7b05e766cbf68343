"""C written by hand, the limit: a file for each work, compiled by gcc and called through ctypes.

Every file has one function, ``run(void **table, long steps)``, with all sizes and constants as macros.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from benchmarks import settings
from benchmarks.arrays import on_cache_lines
from benchmarks.contest import Contestant

HERE = Path(__file__).parent
# The last two: gcc would make one scalar sincos of a sine and a cosine, and stop vectorizing.
FLAGS = (
    *("-O3", "-mprefer-vector-width=512", "-fopenmp", "-fno-math-errno", "-fno-trapping-math"),
    *("-fno-builtin-sin", "-fno-builtin-cos"),
)


def command(name: str, macros: Mapping[str, float]) -> list[str]:
    """gcc's command for a source, less the output."""
    defines = [f"-D{key}={value!r}" for key, value in {"THREADS": settings.THREADS, **macros}.items()]
    return ["gcc", *FLAGS, f"-march={settings.march()}", *defines, "-shared", "-fPIC", str(HERE / f"{name}.c")]


def build(to_run: list[str], library: Path) -> None:
    """Compiles; raises with gcc's words where it can't."""
    done = subprocess.run([*to_run, "-o", str(library), "-lmvec", "-lm"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"gcc failed: {done.stderr}")


def load(name: str, **macros: float) -> ctypes.CDLL:
    """The compiled source, from the cache if there is one and it is there."""
    to_run = command(name, macros)
    folder = settings.cache()
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            build(to_run, library := Path(temporary, "limit.so"))
            return ctypes.CDLL(str(library))
    text = " ".join(to_run) + "".join(path.read_text() for path in sorted(HERE.glob("*.[ch]")))
    library = folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.so"
    if not library.exists():
        unfinished = library.with_suffix(f".{os.getpid()}")
        build(to_run, unfinished)
        unfinished.replace(library)
    return ctypes.CDLL(str(library))


def runner(library: ctypes.CDLL, arrays: list[np.ndarray]) -> Callable[[int], object]:
    """``run`` on a table of the arrays' addresses, which keeps the arrays alive."""
    table = (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
    function = library.run
    function.argtypes, function.restype = (ctypes.c_void_p, ctypes.c_long), None
    address = ctypes.addressof(table)
    run = functools.partial(function, address)
    run.keep = (table, arrays)  # type: ignore[attr-defined]
    return run


def contestant(library: ctypes.CDLL, given: list[np.ndarray], results: list[int]) -> Contestant:
    """A limit whose table has copies of these arrays; the results are those of them at these places."""
    arrays = [on_cache_lines(array) for array in given]
    return Contestant(runner(library, arrays), lambda: [arrays[i] for i in results])
