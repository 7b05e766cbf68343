"""Arrays that live on a device, told by DLPack and copied to the host, without an import of the library they are of."""

from __future__ import annotations

from typing import Any

import numpy as np

from symopt.errors import DataError
from symopt.graph.provenance import here

Array = np.ndarray[Any, Any]

#: DLPack's numbers for memory of the host: ordinary, and pinned for CUDA or ROCm, which NumPy reads as any other.
_HOST = (1, 3, 11)


def lives_on_device(value: Any) -> bool:
    """Whether ``value`` is an array in memory of a device; CUDA's managed memory is such, pinned memory is the host's.

    >>> lives_on_device(np.ones(2)), lives_on_device([1.0, 2.0])
    (False, False)
    """
    find = getattr(value, "__dlpack_device__", None)
    return find is not None and find()[0] not in _HOST


def to_host(value: Any) -> Array:
    """``value`` as an array of the host; one that lives on a device is copied."""
    if not lives_on_device(value):
        return np.asarray(value)
    found = value.get() if hasattr(value, "get") else None  # CuPy
    if not isinstance(found, np.ndarray) and hasattr(value, "cpu"):  # PyTorch, whose trained tensors need detach
        found = (value.detach() if hasattr(value, "detach") else value).cpu().numpy()
    if not isinstance(found, np.ndarray):
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        raise DataError(f"this {name} lives on a device, without .get() or .cpu(): copy it to the host first", here())
    return found
