"""Kernels with several functions like exp, which are computed one after the other for a chunk of elements.

A call of the vector library leaves no vector in its register. In a loop of its own each function has little to keep
there, and memory is read ahead by the processor as it cannot past several calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from symopt.backends.cfamily.operations import HEAVY
from symopt.graph.nodes import Elementwise, Embed, Node
from symopt.lowering.program import Loop

#: Elements of a chunk: what several functions give for them stays in the nearest cache.
CHUNK = 512


def with_calls_apart(loop: Loop) -> tuple[dict[Elementwise, Loop], Loop]:
    """For each function of the body a loop that ends with it, and the loop of the rest; all read what others give."""
    calls = [node for node in loop.body if isinstance(node, Elementwise) and node.op.name in HEAVY]
    if len(calls) < 2 or any(isinstance(node, Embed) for node in loop.body):
        return {}, loop
    known = frozenset(calls)
    bodies = {call: (*_needed(call.operands, loop, known), call) for call in calls}
    first = {call: replace(loop, body=body, stores=(), reductions=()) for call, body in bodies.items()}
    ends = [*(node for node, _ in loop.stores), *(node.operands[0] for node, _ in loop.reductions)]
    return first, replace(loop, body=_needed(ends, loop, known))


def _needed(ends: Iterable[Node], loop: Loop, known: frozenset[Node]) -> tuple[Node, ...]:
    """The nodes of the body that lead to some ends, from what is known on; in their order."""
    found: set[Node] = set()
    left = [node for node in ends if node not in known]
    body = frozenset(loop.body)
    while left:
        node = left.pop()
        if node in body and node not in found:
            found.add(node)
            left += [operand for operand in node.operands if operand not in known]
    return tuple(node for node in loop.body if node in found)
