"""Which temporaries share memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import DType, Node
from symopt.lowering.program import Buffer, Kernel, Library, Loop, base_of


def share_slots(
    kernels: Sequence[Kernel], buffers: dict[Node, Buffer], kept: set[Node]
) -> tuple[list[Kernel], dict[Node, Buffer]]:
    """The same kernels with temporaries in slots: one takes over the slot of another of its size that is read no more.

    ``kept`` are nodes that are needed after the last kernel.
    """
    last: dict[Node, int] = {}
    for position, kernel in enumerate(kernels):
        for read in kernel.reads():
            last[base_of(read, buffers)] = position
    for node in kept:
        last[node] = len(kernels)
    placed = dict(buffers)
    free: dict[tuple[DType, Dim], list[int]] = {}
    slots = 0
    expiring: dict[int, list[Buffer]] = {}
    for position, kernel in enumerate(kernels):
        dying = _dying_in_place(kernel, position, last, placed)
        for node, buffer in kernel.writes:
            if buffer.role != "temporary":
                continue
            key = (buffer.dtype, product(buffer.shape))
            heir = next((b for b in dying if (b.dtype, b.shape) == (buffer.dtype, buffer.shape)), None)
            if heir is not None and isinstance(kernel, Loop) and node.shape == kernel.domain:
                dying.remove(heir)
                expiring[position].remove(heir)
                slot = heir.slot
            elif free.get(key):
                slot = free[key].pop()
            else:
                slot, slots = slots, slots + 1
            placed[node] = replace(buffer, slot=slot)
            expiring.setdefault(last.get(node, position), []).append(placed[node])
        for buffer in expiring.pop(position, []):
            free.setdefault((buffer.dtype, product(buffer.shape)), []).append(buffer.slot)
    return [_with_buffers(kernel, placed) for kernel in kernels], placed


def own_slots(
    kernels: Sequence[Kernel], buffers: dict[Node, Buffer], kept: set[Node]
) -> tuple[list[Kernel], dict[Node, Buffer]]:
    """The same kernels with a slot for each temporary: for threads that would wait where memory is used again."""
    temporaries = [node for node, buffer in buffers.items() if buffer.role == "temporary"]
    placed = dict(buffers)
    placed.update((node, replace(buffers[node], slot=slot)) for slot, node in enumerate(temporaries))
    return [_with_buffers(kernel, placed) for kernel in kernels], placed


def _dying_in_place(kernel: Kernel, position: int, last: dict[Node, int], placed: dict[Node, Buffer]) -> list[Buffer]:
    """Temporaries that this kernel is the last to read, and reads nowhere but at its own place."""
    if not isinstance(kernel, Loop):
        return []
    direct: set[Node] = set()
    elsewhere = {base_of(read, placed) for read in kernel.read_elsewhere()}
    for read in kernel.reads():
        base = base_of(read, placed)
        (direct if base is read and read.shape == kernel.domain else elsewhere).add(base)
    candidates = [
        placed[node]
        for node in sorted(direct - elsewhere, key=lambda n: placed[n].name if n in placed else "")
        if node in placed and placed[node].role == "temporary" and last[node] == position
    ]
    return candidates


def _with_buffers(kernel: Kernel, placed: dict[Node, Buffer]) -> Kernel:
    if isinstance(kernel, Library):
        return replace(kernel, buffer=placed[kernel.node])
    return replace(
        kernel,
        stores=tuple((node, placed[node]) for node, _ in kernel.stores),
        reductions=tuple((node, placed[node]) for node, _ in kernel.reductions),
    )
