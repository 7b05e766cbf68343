"""Norms."""

from __future__ import annotations

from typing import Any

from symopt.errors import Unsupported
from symopt.graph.construct import as_node, elementwise
from symopt.graph.nodes import Node
from symopt.graph.provenance import here
from symopt.tensor.reductions import Axis, root, sum


def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Node:
    """The Euclidean norm over ``axis`` (of the flattened tensor for None), with derivative 0 at 0."""
    node = as_node(x)
    if ord is not None and not (ord == 2 and (axis is not None or node.ndim == 1)):
        raise Unsupported(
            f"norm knows the Euclidean norm only, not ord={ord!r}: write others with abs, max and sum", here()
        )
    return root(sum(elementwise("square", node), axis, keepdims))
