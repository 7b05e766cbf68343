"""Graphs with other dimensions in the place of named sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from symopt.graph.construct import make_iota, make_size
from symopt.graph.dimensions import Dim, replace
from symopt.graph.nodes import Embed, Input, Iota, Node, Random, Size, Slice
from symopt.graph.traversal import rebuild, topological


def with_sizes(nodes: Sequence[Node], known: Mapping[str, Dim]) -> list[Node]:
    """``nodes`` in which each size that ``known`` names is what it is known to be."""
    if not known:
        return list(nodes)
    new: dict[Node, Node] = {}
    for node in topological(nodes):
        new[node] = _resized(node, tuple(new[operand] for operand in node.operands), known)
    return [new[node] for node in nodes]


def _resized(node: Node, operands: tuple[Node, ...], known: Mapping[str, Dim]) -> Node:
    shape = tuple(replace(dim, known) for dim in node.shape)
    if isinstance(node, (Input, Random)):
        return node if shape == node.shape else dataclasses.replace(node, shape=shape)
    if isinstance(node, Size):
        return make_size(replace(node.dim, known))
    if isinstance(node, Iota):
        return make_iota(shape[0])
    if not node.operands:
        return node
    if isinstance(node, (Slice, Embed)):
        node = dataclasses.replace(node, starts=tuple(replace(start, known) for start in node.starts))
    return rebuild(dataclasses.replace(node, shape=shape), operands)
