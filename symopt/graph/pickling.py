"""Graphs as flat lists that pickle: no recursion on their depth, and interned again when they come back."""

from __future__ import annotations

import copyreg
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from symopt.graph.construct import make_constant, make_iota, make_size
from symopt.graph.nodes import KINDS, LEAVES, Constant, Iota, Node, Size
from symopt.graph.provenance import BuiltFor, Location
from symopt.graph.traversal import rebuild, topological

#: A leaf; or the kind of a node, the places of its operands in the list, and its other fields.
Packed = Node | tuple[type[Node], tuple[int, ...], dict[str, Any]]


def pack(nodes: Sequence[Node]) -> tuple[list[Packed], list[int]]:
    """All that ``nodes`` depend on, operands first; and the places of ``nodes`` among them."""
    order = topological(nodes)
    place = {node: i for i, node in enumerate(order)}
    return [_packed(node, place) for node in order], [place[node] for node in nodes]


def _packed(node: Node, place: dict[Node, int]) -> Packed:
    if isinstance(node, LEAVES):
        return node
    fields = {f.name: getattr(node, f.name) for f in dataclasses.fields(node) if f.name != "operands"}
    return type(node), tuple(place[operand] for operand in node.operands), fields


def unpack(packed: Sequence[Packed], places: Sequence[int]) -> list[Node]:
    """The nodes that :func:`pack` was given, interned with those that there are."""
    made: list[Node] = []
    for entry in packed:
        made.append(entry if isinstance(entry, Node) else _made(made, *entry))
    return [made[i] for i in places]


def _made(made: Sequence[Node], kind: type[Node], operands: Sequence[int], fields: dict[str, Any]) -> Node:
    node = kind(operands=tuple(made[i] for i in operands), **fields)
    return rebuild(node, node.operands)


# Inputs, shared values and draws pickle as any object does: each is one object within one pickle.


def _reduce(node: Node) -> tuple[Any, ...]:
    if isinstance(node, Constant):
        return _leaf, (make_constant, (node.value, node.weak), node.origin)
    if isinstance(node, Size):
        return _leaf, (make_size, (node.dim,), node.origin)
    if isinstance(node, Iota):
        return _leaf, (make_iota, node.shape, node.origin)
    return _only, pack([node])


def _leaf(make: Callable[..., Node], arguments: tuple[Any, ...], origin: Location | None) -> Node:
    with BuiltFor(origin):
        return make(*arguments)


def _only(packed: Sequence[Packed], places: Sequence[int]) -> Node:
    (node,) = unpack(packed, places)
    return node


for _kind in KINDS:
    if _kind not in LEAVES or _kind in (Constant, Size, Iota):
        copyreg.pickle(_kind, _reduce)
