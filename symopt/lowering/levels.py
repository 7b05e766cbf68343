"""Which kernel every node belongs to.

Every node gets a *level*. Pointwise nodes of one shape on one level are one kernel; kernels run level by level. An
edge of the graph either stays within a level (*inline*: a pointwise node or a reduction reads a pointwise node of the
same shape at its own place) or leads to a higher one. Nodes are first placed as early as they can be, then sunk to
where they are used, so that a value is computed beside its consumer instead of being stored for it.

Updates are stored in place, so all that reads a variable's old value comes before the node of its new value, or
stands in the same kernel at the same place; and so does all that may fail. Where variables chase each other round a
cycle, some get their new value by a copy at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symopt.graph.dimensions import Shape
from symopt.graph.nodes import Elementwise, Node, Reduce, ScatterAdd, Shared, Take
from symopt.lowering.program import POINTWISE, base_of, is_leaf, is_view

#: Sweeps over the graph after which placement counts as a cycle; without one, two or three are enough.
SWEEPS = 24


@dataclass
class Placement:
    """The level of every computed node, and the variables that are stored in place (others are copied at the end)."""

    level: dict[Node, int]
    in_place: dict[Shared, Node]


def domain_of(node: Node) -> Shape | None:
    """The iteration space of a node that can be part of a fused kernel."""
    if isinstance(node, POINTWISE):
        return node.shape
    return node.operands[0].shape if isinstance(node, Reduce) else None


def _is_inline(producer: Node, consumer: Node, operand: Node) -> bool:
    """Whether ``consumer`` may read ``producer``, its ``operand`` seen through views, within one kernel."""
    return operand is producer and isinstance(producer, POINTWISE) and _inlines_reads(consumer)


def _inlines_reads(consumer: Node) -> bool:
    # Embed reads its operand at shifted places.
    return isinstance(consumer, (Elementwise, Reduce))


def place(order: Sequence[Node], updates: Sequence[tuple[Shared, Node]], outputs: Sequence[Node]) -> Placement:
    """Levels for the computed nodes of ``order`` (topological)."""
    computed = [node for node in order if not is_leaf(node) and not is_view(node)]
    computed_set = set(computed)
    # For every computed node, what it must not come before: (node, 0 if the same kernel will do, else 1).
    after: dict[Node, list[tuple[Node, int]]] = {}
    readers: dict[Node, list[tuple[Node, bool]]] = {}
    for node in computed:
        after[node] = []
        for operand in node.operands:
            base = base_of(operand)
            if base in computed_set:
                after[node].append((base, 0 if _is_inline(base, node, operand) else 1))
            elif isinstance(base, Shared):
                readers.setdefault(base, []).append((node, operand is base and _inlines_reads(node)))
    in_place: dict[Shared, Node] = {}
    for variable, node in updates:
        # Another variable's in-place store must not be this one's too.
        if isinstance(node, POINTWISE) and node in computed_set and node not in in_place.values():
            in_place[variable] = node
    # An index may be out of range, which must be known before anything is written.
    may_fail = [(node, 1) for node in computed if isinstance(node, (Take, ScatterAdd))]
    while True:
        edges = {node: list(found) for node, found in after.items()}
        for variable, node in in_place.items():
            edges[node] += may_fail
            for reader, direct in readers.get(variable, ()):
                together = direct and domain_of(reader) == node.shape
                if reader is not node or not together:
                    edges[node].append((reader, 0 if together else 1))
        level, moving = _earliest(computed, edges)
        stuck = [variable for variable, node in in_place.items() if node in moving]
        if not stuck:
            break
        del in_place[stuck[-1]]
    roots = {node for _, node in updates} | {base_of(node) for node in outputs}
    _sink(computed, edges, level, roots, in_place)
    return Placement(level, in_place)


def _earliest(computed: Sequence[Node], edges: dict[Node, list[tuple[Node, int]]]) -> tuple[dict[Node, int], set[Node]]:
    """The lowest level of every node, and the nodes that never came to rest, which are caught in a cycle."""
    level = dict.fromkeys(computed, 0)
    moving: set[Node] = set()
    for _ in range(SWEEPS):
        moving = set()
        for node in computed:
            needed = max((level[other] + gap for other, gap in edges[node]), default=0)
            if needed > level[node]:
                level[node] = needed
                moving.add(node)
        if not moving:
            break
    return level, moving


def _sink(
    computed: Sequence[Node],
    edges: dict[Node, list[tuple[Node, int]]],
    level: dict[Node, int],
    roots: set[Node],
    in_place: dict[Shared, Node],
) -> None:
    """Move nodes to the latest level at which all their consumers still find them; updates of one shape go together."""
    followers: dict[Node, list[tuple[Node, int]]] = {node: [] for node in computed}
    for node, found in edges.items():
        for other, gap in found:
            followers[other].append((node, gap))
    stores = set(in_place.values())
    latest: dict[Shape, int] = {}
    for node in stores:
        latest[node.shape] = max(latest.get(node.shape, 0), level[node])
    for node in reversed(computed):
        if not isinstance(node, (*POINTWISE, Reduce)):
            continue
        bounds = [level[other] - gap for other, gap in followers[node] if other is not node]
        if node in stores:
            bounds.append(latest[node.shape])
        elif node in roots or not bounds:
            continue
        level[node] = max(level[node], min(bounds))
