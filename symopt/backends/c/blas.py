"""Products by the BLAS that SciPy ships, where the user chooses so."""

from __future__ import annotations

import ctypes
import os

from symopt.errors import Unsupported

ROUTINES = {"float32": "sgemm", "float64": "dgemm"}


def wants_blas() -> bool:
    """Whether ``$SYMOPT_PRODUCTS`` leaves products to a BLAS.

    Raises
    ------
    Unsupported : it says something else than ``blas`` or ``own``.
    """
    chosen = os.environ.get("SYMOPT_PRODUCTS", "own")
    if chosen not in ("own", "blas"):
        raise Unsupported(f"SYMOPT_PRODUCTS is {chosen!r}: use 'own' (the default), or 'blas' for SciPy's")
    return chosen == "blas"


def address(dtype_name: str) -> int:
    """Where the routine for a dtype lies in memory."""
    try:
        from scipy.linalg import cython_blas
    except ImportError:
        raise Unsupported(
            "SYMOPT_PRODUCTS=blas takes SciPy's BLAS, and SciPy is not installed: pip install 'symopt-compiler[c]'"
        ) from None
    capsule = cython_blas.__pyx_capi__[ROUTINES[dtype_name]]
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    found = pointer(capsule, name(capsule))
    assert isinstance(found, int)
    return found
