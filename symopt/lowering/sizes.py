"""Sizes that a graph declares equal, made one.

``x + y`` over inputs of sizes n and m needs n == m, which is checked at each call. Below, the two are one size: so the
operation stretches nothing, and fuses with what else runs over n.
"""

from __future__ import annotations

from collections.abc import Sequence

from symopt.graph.dimensions import Dim, names_in, replace, symbol
from symopt.graph.nodes import Input, Node
from symopt.graph.resizing import with_sizes
from symopt.graph.traversal import topological
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
    new = with_sizes([*inputs, *given], known)
    return new[: len(inputs)], new[len(inputs) :]  # type: ignore[return-value]


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
