"""Kernels of which all sums are alike: sums along other axes are kernels of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symopt.graph.nodes import Node, Reduce
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer, Kernel, Loop, Program


def with_sums_alike(program: Program) -> Program:
    """The same program, in which the sums of a kernel that keep some axis all keep the same ones.

    What is summed otherwise is stored first, and read again.
    """
    names = Names(buffer.name for buffer in program.buffers.values())
    slot = 1 + max((buffer.slot for buffer in program.buffers.values()), default=-1)
    buffers, kernels = dict(program.buffers), list[Kernel]()
    for kernel in program.kernels:
        others = _others(kernel) if isinstance(kernel, Loop) else []
        if not isinstance(kernel, Loop) or not others:
            kernels.append(kernel)
            continue
        stored = {node for node, _ in kernel.stores}
        summed = dict.fromkeys(reduction.operands[0] for group in others for reduction, _ in group)
        new = [node for node in summed if node in set(kernel.body) - stored]
        for node in new:
            buffers[node] = Buffer(names.fresh("t0"), "temporary", node.dtype, node.shape, node, slot)
            slot += 1
        kernels += _apart(kernel, others, [(node, buffers[node]) for node in new])
    changed = replace(program, kernels=tuple(kernels), buffers=buffers)
    changed.verify()
    return changed


Reductions = list[tuple[Reduce, Buffer]]


def _others(loop: Loop) -> list[Reductions]:
    """Reductions that keep other axes than the first that keep any, by the axes that they keep."""
    groups: dict[frozenset[int], Reductions] = {}
    for node, buffer in loop.reductions:
        kept = frozenset(axis for axis, dim in enumerate(loop.domain) if dim != 1 and axis not in node.axes)
        reduced = any(loop.domain[axis] != 1 for axis in node.axes)
        if kept and reduced:
            groups.setdefault(kept, []).append((node, buffer))
    return list(groups.values())[1:]


def _apart(loop: Loop, others: Sequence[Reductions], new: Sequence[tuple[Node, Buffer]]) -> list[Kernel]:
    """What is read from memory may be overwritten by the kernel: its sums come before, and others after."""
    body = set(loop.body)
    moved = {node for group in others for node, _ in group}
    kept = tuple((node, buffer) for node, buffer in loop.reductions if node not in moved)
    before, after = list[Kernel](), list[Kernel]()
    for group in others:
        for side, inside in ((before, False), (after, True)):
            found = tuple(pair for pair in group if (pair[0].operands[0] in body) is inside)
            if found:
                side.append(Loop(loop.domain, (), (), found))
    return [*before, Loop(loop.domain, loop.body, (*loop.stores, *new), kept), *after]
