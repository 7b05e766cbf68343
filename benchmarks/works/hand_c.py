"""C written by hand, compiled by gcc and called through ctypes with prepared arguments."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

FLAGS = ("-O3", "-march=native", "-mprefer-vector-width=512", "-fopenmp", "-fno-math-errno", "-fno-trapping-math")


def load(source: str) -> ctypes.CDLL:
    """Compiles and loads a source; raises with gcc's words where it can't."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "step.c")
        path.write_text(source)
        library = path.with_suffix(".so")
        done = subprocess.run(
            ["gcc", *FLAGS, "-shared", "-fPIC", str(path), "-o", str(library), "-lm"], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"gcc failed: {done.stderr}")
        return ctypes.CDLL(str(library))


def pointers(arrays: list[np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
    """A table of the arrays' addresses, which keeps the arrays alive."""
    table = (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
    table.arrays = arrays  # type: ignore[attr-defined]
    return table
