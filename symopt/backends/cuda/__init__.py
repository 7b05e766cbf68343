"""The CUDA backend: generated CUDA C, compiled by NVRTC and run through CuPy."""

from symopt.backends.cuda.build import CudaBackend

__all__ = ["CudaBackend"]
