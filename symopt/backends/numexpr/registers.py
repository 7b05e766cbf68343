"""The order of statements in a fused kernel, and where each puts its result.

Ufuncs run statement by statement, not element by element. So a statement that overwrites a buffer must come after every
statement that reads what was in it; where statements wait for each other in a circle, one keeps its result in scratch
memory and is copied at the end.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from symopt.graph.dimensions import product
from symopt.graph.nodes import Broadcast, DType, Elementwise, Embed, Node
from symopt.lowering.program import Buffer, Loop, base_of, memory, unstretched


@dataclass(frozen=True, slots=True)
class Statement:
    """One call: what it computes, and the values that it reads (of other statements, or from outside)."""

    node: Node
    reads: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Register:
    """Scratch memory of the kernel's own domain."""

    dtype: DType
    number: int


Place = Register | Buffer


@dataclass(frozen=True)
class Assignment:
    """Statements in order, the place of every result, and the copies that come last."""

    order: list[Statement]
    place: dict[Node, Place]
    copies: list[tuple[Node, Buffer]]

    def registers(self) -> dict[DType, int]:
        """How many registers of each dtype there are."""
        count: dict[DType, int] = {}
        for place in self.place.values():
            if isinstance(place, Register):
                count[place.dtype] = max(count.get(place.dtype, 0), place.number + 1)
        return count


def one_by_one(loop: Loop) -> list[Statement]:
    """A statement for every node of the body, as ufuncs need.

    A ufunc that stretches a row or a column allocates memory at every call; so these are first copied to full size.
    """
    statements: dict[Node, Statement] = {}
    for node in loop.body:
        if _is_ufunc(node):
            for operand in node.operands:
                if isinstance(operand, Broadcast) and unstretched(operand).shape != ():
                    statements.setdefault(operand, Statement(operand, operand.operands))
        statements[node] = Statement(node, node.operands)
    return list(statements.values())


def _is_ufunc(node: Node) -> bool:
    """Whether a node becomes one call of a ufunc; the others are np.copyto, which stretches without allocating."""
    return isinstance(node, Elementwise) and node.op.kind != "cast" and node.op.name not in ("where", "identity")


def assign(loop: Loop, statements: Sequence[Statement], buffers: Mapping[Node, Buffer]) -> Assignment:
    """Order and places for ``statements``, which compute the body of ``loop``."""
    inside = {statement.node for statement in statements}
    writer_of = {memory(buffer): node for node, buffer in loop.stores}

    def overwriter(read: Node) -> Node | None:
        buffer = buffers.get(base_of(read, buffers)) if read not in inside else None
        return writer_of.get(memory(buffer)) if buffer is not None else None

    needs = {s.node: {read for read in s.reads if read in inside} for s in statements}
    overwrites = [(s.node, writer) for s in statements for writer in map(overwriter, s.reads) if writer is not None]
    deferred = {writer for reader, writer in overwrites if reader is writer and not writes_last(writer)}
    # A reduction of something from outside runs after all statements, so what it reads must still be there.
    late = (overwriter(reduction.operands[0]) for reduction, _ in loop.reductions)
    deferred |= {node for node in late if node is not None}
    before = {node: set(found) for node, found in needs.items()}
    for reader, writer in overwrites:
        if writer is not reader and writer not in deferred:
            before[writer].add(reader)
    targets = dict(loop.stores)
    order = _in_order([s.node for s in statements], needs, before, set(targets) - deferred, deferred)
    by_node = {statement.node: statement for statement in statements}
    ordered = [by_node[node] for node in order]
    place = _places(loop, ordered, {n: b for n, b in targets.items() if n not in deferred}, deferred)
    return Assignment(ordered, place, [(node, targets[node]) for node in order if node in deferred])


def _in_order(
    nodes: Sequence[Node],
    needs: Mapping[Node, set[Node]],
    before: Mapping[Node, set[Node]],
    stores: set[Node],
    deferred: set[Node],
) -> list[Node]:
    """``nodes`` so that what is in ``before`` comes before; stores that wait in a circle join ``deferred``."""
    position = {node: i for i, node in enumerate(nodes)}
    waiting = {node: len(before[node]) for node in nodes}
    followers: dict[Node, list[Node]] = {node: [] for node in nodes}
    for node, earlier in before.items():
        for one in earlier:
            followers[one].append(node)
    ready = [position[node] for node in nodes if not waiting[node]]
    order: list[Node] = []
    done: set[Node] = set()
    while len(order) < len(nodes):
        if not ready:
            # Only the wish not to overwrite can close a circle: free the first store whose own operands are there.
            node = next(n for n in nodes if n in stores and n not in done and needs[n] <= done)
            deferred.add(node)
            ready.append(position[node])
        node = nodes[heapq.heappop(ready)]
        if node in done:
            continue
        order.append(node)
        done.add(node)
        for follower in followers[node]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, position[follower])
    return order


def _places(
    loop: Loop, order: Sequence[Statement], targets: Mapping[Node, Buffer], deferred: Iterable[Node]
) -> dict[Node, Place]:
    last = {read: i for i, statement in enumerate(order) for read in statement.reads}
    at_the_end = [*deferred, *(reduction.operands[0] for reduction, _ in loop.reductions)]
    last.update(dict.fromkeys(at_the_end, len(order)))
    free: dict[DType, list[int]] = {}
    used: dict[DType, int] = {}
    place: dict[Node, Place] = {}
    # NumPy takes a vector of one element for an overlap with itself, and copies it first.
    single = loop.domain != () and product(loop.domain) == 1
    for i, statement in enumerate(order):
        node = statement.node
        dying = (place[read] for read in dict.fromkeys(statement.reads) if read in place and last[read] == i)
        released = [register for register in dying if isinstance(register, Register)]
        may_overwrite = writes_last(node) and not single
        if may_overwrite:
            _release(released, free)
        if node in targets:
            place[node] = targets[node]
        else:
            numbers = free.setdefault(node.dtype, [])
            number = heapq.heappop(numbers) if numbers else used.get(node.dtype, 0)
            used[node.dtype] = max(used.get(node.dtype, 0), number + 1)
            place[node] = Register(node.dtype, number)
        if not may_overwrite:
            _release(released, free)
    return place


def _release(registers: Iterable[Register], free: dict[DType, list[int]]) -> None:
    for register in registers:
        heapq.heappush(free.setdefault(register.dtype, []), register.number)


def writes_last(node: Node) -> bool:
    """Whether a statement has read all of its operands before it writes, element by element."""
    return not isinstance(node, Embed) and not (isinstance(node, Elementwise) and node.op.name == "where")
