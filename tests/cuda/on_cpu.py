"""The cuda backend without a GPU: where CuPy finds none, the tests run it on the CPU by the stand-in."""

from __future__ import annotations

from symopt.backends import BACKENDS
from symopt.backends.cuda import CudaBackend
from tests.cuda import stand_in
from tests.cuda.compiled import PROBLEM

NAME = "cuda"
#: Whether the tests run generated CUDA on the CPU.
ON_CPU = not BACKENDS[NAME].status()[0] and PROBLEM is None


def use() -> None:
    """Have ``backend="cuda"`` run by the stand-in."""
    BACKENDS[NAME] = CudaBackend(lambda: (stand_in, "the tests' stand-in for CuPy, on the CPU"))
