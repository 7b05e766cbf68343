"""The reference: NumPy interprets the graph before any rewrite."""

from symopt.backends.numpy.reference import NumpyBackend

__all__ = ["NumpyBackend"]
