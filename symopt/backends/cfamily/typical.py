"""Sizes that code is chosen for, where they are known at run time only."""

from __future__ import annotations

from collections.abc import Mapping

from symopt.graph.dimensions import Dim, resolve


def typical(dim: Dim, sizes: Mapping[str, int]) -> int:
    """A dimension for the given sizes, and 100 for those that are not given."""
    return resolve(dim, _Typical(sizes))


class _Typical(dict[str, int]):
    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> int:
        return 100
