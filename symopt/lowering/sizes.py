"""Sizes that a graph declares equal, made one.

``x + y`` over inputs of sizes n and m needs n == m, which is checked at each call. Below, the two are one size: so the
operation stretches nothing, and fuses with what else runs over n.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from symopt.graph.construct import make_iota, make_size
from symopt.graph.dimensions import Dim, names_in, replace, symbol
from symopt.graph.nodes import Embed, Input, Iota, Node, Random, Size, Slice
from symopt.graph.traversal import rebuild, topological
from symopt.graph.verify import Guard, guards_of


def guards_in(given: Sequence[Node]) -> tuple[Guard, ...]:
    """The conditions on run-time sizes that a graph brings, each once."""
    found = (guard for node in topological(given) for guard in guards_of(node))
    return tuple({(g.left, g.relation, g.right): g for g in found}.values())


def with_equal_sizes(inputs: Sequence[Input], given: Sequence[Node]) -> tuple[list[Input], list[Node]]:
    """The same inputs and graph with one name for sizes that must be equal."""
    known = _equalities(guards_in(given))
    if not known:
        return list(inputs), list(given)
    new: dict[Node, Node] = {}
    for node in topological([*inputs, *given]):
        new[node] = _renamed(node, tuple(new[operand] for operand in node.operands), known)
    return [new[node] for node in inputs], [new[node] for node in given]  # type: ignore[misc]


def _equalities(guards: Sequence[Guard]) -> dict[str, Dim]:
    """What each size that need not be kept is equal to."""
    known: dict[str, Dim] = {}
    for guard in guards:
        left, right = replace(guard.left, known), replace(guard.right, known)
        if guard.relation != "==" or left == right:
            continue
        name = symbol(left)
        if name is None or name in names_in(right):
            name, right = symbol(right), left
        if name is None or name in names_in(right):
            continue
        known = {key: replace(value, {name: right}) for key, value in known.items()} | {name: right}
    return known


def _renamed(node: Node, operands: tuple[Node, ...], known: Mapping[str, Dim]) -> Node:
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
