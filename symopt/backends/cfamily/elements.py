"""The text of a single element of a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symopt.backends.cfamily.places import place_of
from symopt.backends.cfamily.scope import Scope
from symopt.backends.cfamily.spelling import number_text, times, total
from symopt.graph.dimensions import Dim
from symopt.graph.nodes import Constant, Iota, Node
from symopt.lowering.program import Buffer


def element(
    node: Node,
    indices: Sequence[str],
    scope: Scope,
    pointer: Callable[[Buffer, Dim], str],
    number: Callable[[Buffer], str],
) -> str:
    """Element ``indices`` of a node that is materialized or looks at what is.

    ``pointer`` gives the name of memory from an offset on, ``number`` that of a number that is passed.
    """
    place, dim = place_of(node, scope.buffers), scope.sizes.dim
    terms = [times(i, dim(stride)) for i, stride in zip(indices, place.strides, strict=True) if stride != 0]
    base = place.base
    if isinstance(base, Constant) and base.value.size == 1:
        return number_text(base.value.reshape(())[()], base.dtype)
    if isinstance(base, Iota):
        return f"({total([dim(place.offset), *terms])})"
    buffer = scope.buffers[base]
    return number(buffer) if buffer.role == "scalar" else f"{pointer(buffer, place.offset)}[{total(terms)}]"
