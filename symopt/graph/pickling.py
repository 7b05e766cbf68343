"""Graphs as flat lists that pickle: no recursion on their depth, and interned again when they come back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from symopt.graph.construct import make_constant, make_iota, make_size
from symopt.graph.nodes import Constant, Iota, Node, Size
from symopt.graph.traversal import rebuild, topological

#: The kind of a node, the places of its operands in the list, and its other fields.
Packed = tuple[type[Node], tuple[int, ...], dict[str, Any]]


def pack(nodes: Sequence[Node]) -> tuple[list[Packed], list[int]]:
    """All that ``nodes`` depend on, operands first; and the places of ``nodes`` among them."""
    order = topological(nodes)
    place = {node: i for i, node in enumerate(order)}
    packed = [(type(node), tuple(place[operand] for operand in node.operands), _fields(node)) for node in order]
    return packed, [place[node] for node in nodes]


def _fields(node: Node) -> dict[str, Any]:
    return {f.name: getattr(node, f.name) for f in dataclasses.fields(node) if f.name not in ("operands", "serial")}


def unpack(packed: Sequence[Packed], places: Sequence[int]) -> list[Node]:
    """The nodes that :func:`pack` was given. Inputs, shared values and draws are new ones, each once."""
    made: list[Node] = []
    for kind, operands, fields in packed:
        made.append(_made(kind(operands=tuple(made[i] for i in operands), **fields)))
    return [made[i] for i in places]


def _made(node: Node) -> Node:
    if isinstance(node, Constant):
        return make_constant(node.value, node.weak)
    if isinstance(node, Size):
        return make_size(node.dim)
    if isinstance(node, Iota):
        return make_iota(node.shape[0])
    return rebuild(node, node.operands) if node.operands else node
