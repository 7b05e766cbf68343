"""Arrays that start where vector instructions and cache lines do."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: Bytes of a cache line, and of the widest vector register. NumPy's own large arrays start 16 bytes past one, which
#: makes ufuncs that write to them up to twice as slow.
ALIGNMENT = 64


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """An aligned array of no particular values."""
    kind = np.dtype(dtype)
    count = int(np.prod(shape)) * kind.itemsize
    memory = np.empty(count + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + count].view(kind).reshape(shape)


def copy(value: Any, dtype: Any = None) -> Array:
    """An aligned copy in row-major order."""
    source = np.asarray(value, dtype=dtype)
    result = empty(source.shape, source.dtype)
    result[...] = source
    return result
