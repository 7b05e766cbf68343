"""Small questions that rules ask of nodes."""

from __future__ import annotations

from typing import TypeGuard

from symopt.graph.construct import constant_value
from symopt.graph.nodes import Broadcast, Elementwise, Node, Reshape


def applies(node: Node, name: str) -> TypeGuard[Elementwise]:
    """Whether ``node`` is the scalar operation ``name``."""
    return isinstance(node, Elementwise) and node.op.name == name


def is_number(node: Node, number: float) -> bool:
    """Whether every element of ``node`` is known to be ``number``."""
    value = constant_value(node)
    return value is not None and value.size == 1 and bool(value.reshape(()) == number)


def other_operand(node: Elementwise, number: float) -> Node | None:
    """Of a commutative operation with ``number`` on one side, the operand on the other."""
    left, right = node.operands
    if is_number(left, number):
        return right
    return left if is_number(right, number) else None


def unshaped(node: Node) -> Node:
    """The node behind broadcasts, and behind reshapes that only add or drop axes of length 1."""
    while True:
        if isinstance(node, Broadcast) or (isinstance(node, Reshape) and _same_but_ones(node)):
            node = node.operands[0]
        else:
            return node


def _same_but_ones(node: Reshape) -> bool:
    return [d for d in node.shape if d != 1] == [d for d in node.operands[0].shape if d != 1]
