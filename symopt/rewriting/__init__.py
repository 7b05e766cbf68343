"""Rewriting: stable forms, and simplifications that keep every value."""

from collections.abc import Sequence

from symopt.graph.nodes import Node
from symopt.rewriting.algebra import ALGEBRA
from symopt.rewriting.engine import rewrite
from symopt.rewriting.stability import STABILITY

__all__ = ["ALGEBRA", "STABILITY", "rewrite", "simplify", "stabilize"]


def stabilize(outputs: Sequence[Node]) -> list[Node]:
    """``outputs`` with the stable forms of what would overflow or cancel."""
    return rewrite(outputs, STABILITY)


def simplify(outputs: Sequence[Node]) -> list[Node]:
    """``outputs`` stable, and simplified."""
    return rewrite(outputs, STABILITY, ALGEBRA)
