"""Numexpr's statements: each is one expression with one output, cut where a value is stored or used by several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symopt.backends.numexpr.dialect import NUMEXPR, NUMEXPR_TYPES
from symopt.backends.numexpr.plan import NUMEXPR_NODES
from symopt.backends.numexpr.registers import Statement
from symopt.backends.numexpr.spelling import number_text
from symopt.graph.construct import constant_value
from symopt.graph.nodes import Elementwise, Node
from symopt.lowering.program import Loop


@dataclass(frozen=True)
class Segment:
    """An expression over ``reads``, with the nodes inside it in order."""

    statement: Statement
    inside: tuple[Node, ...]


def cut(loop: Loop) -> list[Segment]:
    """The expressions that together compute the body of ``loop``."""
    roots = {node for node, _ in loop.stores} | {reduction.operands[0] for reduction, _ in loop.reductions}
    owner = _owners(loop, roots)
    owner = _owners(loop, roots | _too_long(loop, owner))
    members: dict[Node, list[Node]] = {}
    for node in loop.body:
        members.setdefault(owner[node], []).append(node)
    return [_segment(root, members[root]) for root in loop.body if owner[root] is root]


def _owners(loop: Loop, roots: set[Node]) -> dict[Node, Node]:
    """For every node of the body the root in whose expression it stands. What two expressions need is a root."""
    users: dict[Node, set[Node]] = {node: set() for node in loop.body}
    owner: dict[Node, Node] = {}
    for node in reversed(loop.body):
        single = len(users[node]) == 1 and node not in roots
        owner[node] = next(iter(users[node])) if single else node
        for operand in node.operands:
            if operand in users:
                users[operand].add(owner[node])
    return owner


def _too_long(loop: Loop, owner: dict[Node, Node]) -> set[Node]:
    """Nodes to be roots as well: a text that uses them, perhaps several times, would have too many operations."""
    found: set[Node] = set()
    length: dict[Node, int] = {}  # operations in the text of a node, 0 for a name
    for node in loop.body:
        operands = node.operands
        times = [_occurrences(node, i) for i in range(len(operands))]
        total = 1 + sum(n * length.get(operand, 0) for n, operand in zip(times, operands, strict=True))
        if total > NUMEXPR_NODES:
            found.update(operand for operand in operands if length.get(operand, 0))
            total = 1
        length[node] = 0 if owner[node] is node else total
    return found


def _occurrences(node: Node, position: int) -> int:
    pattern = NUMEXPR.get(node.op.name) if isinstance(node, Elementwise) else None
    return pattern.count(f"{{{position}}}") if pattern else 1


def _segment(root: Node, inside: list[Node]) -> Segment:
    within = set(inside)
    reads = dict.fromkeys(
        operand
        for node in inside
        for i, operand in enumerate(node.operands)
        if operand not in within and not (_is_literal(operand) and not _gives_dtype(node, i))
    )
    return Segment(Statement(root, tuple(reads)), tuple(inside))


def _is_literal(node: Node) -> bool:
    """Whether a number can stand in the text: whole ones do not change the dtype, others would make it float64."""
    value = constant_value(node)
    if value is None or value.size != 1:
        return False
    number = float(value.reshape(()))
    return number.is_integer() and abs(number) < 1e6 and not (number == 0 and np.signbit(number))


def _gives_dtype(node: Node, position: int) -> bool:
    """Whether an operand must bring its dtype along: where(c, 1, 0) would be an integer."""
    return position == 2 and all(map(_is_literal, node.operands[1:]))


def expression(segment: Segment) -> tuple[str, list[tuple[str, str]]]:
    """The text of a segment, and its signature: names ``a0``, ``a1``, ... with numexpr's types."""
    text: dict[Node, str] = {read: f"a{i}" for i, read in enumerate(segment.statement.reads)}
    for node in segment.inside:
        assert isinstance(node, Elementwise)
        pattern = NUMEXPR[node.op.name]
        assert pattern is not None
        text[node] = pattern.format(*(text.get(operand) or _literal(operand) for operand in node.operands))
    signature = [(text[read], NUMEXPR_TYPES[read.dtype.name]) for read in segment.statement.reads]
    return text[segment.statement.node], signature


def _literal(node: Node) -> str:
    value = constant_value(node)
    assert value is not None
    if value.dtype.kind == "b":
        return number_text(value)
    number = int(value.reshape(()))
    return str(number) if number >= 0 else f"({number})"
