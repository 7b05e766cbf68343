"""SymPy expressions in and out."""

from __future__ import annotations

from typing import Any


def from_sympy(expression: Any, symbols: Any) -> Any:
    raise NotImplementedError


def to_sympy(node: Any) -> Any:
    raise NotImplementedError
