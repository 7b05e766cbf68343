"""Kernels over short rows, apart from the sums along them.

A row of ten classes is no good for vectors: exp of its elements would be taken one by one. So what is summed along
short rows is stored first, by a kernel that runs over all elements as if they were one long row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from symopt.backends.cfamily.operations import HEAVY
from symopt.graph.nodes import Elementwise, Embed, Node
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer, Kernel, Loop, Program

#: Elements of a row up to which it is short.
SHORT = 32


def is_short(loop: Loop) -> bool:
    """Whether a kernel has functions to compute over short rows."""
    long = [dim for dim in loop.domain if dim != 1]
    if len(long) < 2 or not isinstance(long[-1], int) or long[-1] > SHORT:
        return False
    heavy = any(isinstance(node, Elementwise) and node.op.name in HEAVY for node in loop.body)
    return heavy and not any(isinstance(node, Embed) for node in loop.body)


def with_sums_apart(program: Program) -> Program:
    """The same program, in which sums along short rows are kernels of their own."""
    names = Names(buffer.name for buffer in program.buffers.values())
    slot = 1 + max((buffer.slot for buffer in program.buffers.values()), default=-1)
    buffers, kernels = dict(program.buffers), []
    for kernel in program.kernels:
        if isinstance(kernel, Loop) and kernel.reductions and is_short(kernel):
            for node in _unstored(kernel):
                buffers[node] = Buffer(names.fresh("t0"), "temporary", node.dtype, node.shape, node, slot)
                slot += 1
            kernels += _apart(kernel, buffers)
        else:
            kernels.append(kernel)
    changed = replace(program, kernels=tuple(kernels), buffers=buffers)
    changed.verify()
    return changed


def _unstored(loop: Loop) -> Iterable[Node]:
    """What is summed and not stored."""
    stored = {node for node, _ in loop.stores}
    summed = (reduction.operands[0] for reduction, _ in loop.reductions)
    return dict.fromkeys(node for node in summed if node in set(loop.body) - stored)


def _apart(loop: Loop, buffers: dict[Node, Buffer]) -> list[Kernel]:
    new = tuple((node, buffers[node]) for node in _unstored(loop))
    return [
        Loop(loop.domain, loop.body, (*loop.stores, *new), ()),
        Loop(loop.domain, (), (), loop.reductions),
    ]
