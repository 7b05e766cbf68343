"""The C backend: generated C, compiled by the machine's compiler and kept on disk."""

from symopt.backends.c.build import CBackend

__all__ = ["CBackend"]
