"""Numexpr's statements: each is one expression with one output, cut where a value is stored or used by several."""

from __future__ import annotations

from dataclasses import dataclass

from symopt.backends.numexpr.dialect import NUMEXPR, NUMEXPR_TYPES
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
    users: dict[Node, set[Node]] = {node: set() for node in loop.body}
    owner: dict[Node, Node] = {}
    for node in reversed(loop.body):
        # A value that two expressions need, or one needs twice, is computed once, on its own.
        single = len(users[node]) == 1 and node not in roots
        owner[node] = next(iter(users[node])) if single else node
        for operand in node.operands:
            if operand in users:
                users[operand].add(owner[node])
    members: dict[Node, list[Node]] = {}
    for node in loop.body:
        members.setdefault(owner[node], []).append(node)
    return [_segment(root, members[root]) for root in loop.body if owner[root] is root]


def _segment(root: Node, inside: list[Node]) -> Segment:
    within = set(inside)
    reads = dict.fromkeys(
        operand for node in inside for operand in node.operands if operand not in within and not _is_literal(operand)
    )
    return Segment(Statement(root, tuple(reads)), tuple(inside))


def _is_literal(node: Node) -> bool:
    """Whether a number can stand in the text: whole ones do not change the dtype, others would make it float64."""
    value = constant_value(node)
    return (
        value is not None
        and value.size == 1
        and float(value.reshape(())).is_integer()
        and abs(float(value.reshape(()))) < 1e6
    )


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
    return str(int(value.reshape(()))) if value.dtype.kind != "b" else number_text(value)
