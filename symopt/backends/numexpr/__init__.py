"""The default backend: generated Python over NumPy's ufuncs and numexpr. It needs no compiler."""

from symopt.backends.numexpr.build import NumexprBackend

__all__ = ["NumexprBackend"]
