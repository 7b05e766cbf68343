"""Norms."""

from __future__ import annotations

from typing import Any

from symopt.errors import Unsupported
from symopt.graph.construct import as_node, elementwise
from symopt.graph.nodes import Node
from symopt.graph.provenance import here
from symopt.tensor.reductions import Axis, axes_of, root, sum


def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Node:
    """The Euclidean norm over ``axis`` (of the flattened tensor for None), with derivative 0 at 0.

    ``ord`` is 2 for vectors, ``"fro"`` for matrices (over two axes), or None for either.
    """
    node = as_node(x)
    over = len(axes_of(node, axis))
    if ord is not None and (ord, over) not in ((2, 1), ("fro", 2)):
        raise Unsupported(
            f"norm knows the Euclidean norm only, not ord={ord!r} over {over} axes: write others with abs, max and sum",
            here(),
        )
    return root(sum(elementwise("square", node), axis, keepdims))
