"""The C backend: generated C, compiled by the machine's compiler and kept on disk."""

from symopt.backends.c.build import CBackend
from symopt.backends.c.cache import cache_info, clear_cache
from symopt.backends.c.export import export

__all__ = ["CBackend", "cache_info", "clear_cache", "export"]
