"""Kernels over the same rows that become one: a row goes through all of them before the threads turn to the next.

A softmax is a maximum, a sum and a quotient along each row. What one of these kernels leaves of a row is read by the
next for that row alone, and by the same threads: so nothing has to be launched in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from symopt.backends.cfamily.kernel_places import keeps_to_rows
from symopt.backends.cfamily.places import place_of, row_major
from symopt.backends.cuda.scope import CudaScope
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Node, Reduce
from symopt.lowering.program import Kernel, Loop, Program, base_of, memory

#: Memory that the kernels of a function touch together, at most: each is an argument.
MOST = 200
#: A kernel of the program with its number.
Numbered = tuple[int, Kernel]


def rows_axis(loop: Loop) -> int | None:
    """The first axis that is no axis of length 1."""
    return next((axis for axis, dim in enumerate(loop.domain) if dim != 1), None)


@dataclass
class _Chain:
    """Kernels found so far; ``local`` says of the memory they touch whether each keeps to its row there."""

    members: list[tuple[int, Loop]] = field(default_factory=list)
    rows: Dim = 0
    local: dict[object, bool] = field(default_factory=dict)
    written: set[object] = field(default_factory=set)


class Chains:
    """Finds the kernels of a program that can become one."""

    def __init__(self, program: Program, scope: CudaScope) -> None:
        self._program = program
        self._buffers = scope.buffers

    def find(self) -> Iterator[list[Numbered]]:
        """All kernels, in an order in which they may run; those that become one together."""
        chain = _Chain()
        for number, kernel in enumerate(self._program.kernels, 1):
            touched = self._touched(kernel) if isinstance(kernel, Loop) and _goes_by_rows(kernel) else None
            if isinstance(kernel, Loop) and touched is not None and self._joins(kernel, touched, chain):
                _append(chain, number, kernel, touched)
                continue
            if self._waits(kernel, chain) or touched is not None:
                yield from _closed(chain)
                chain = _Chain()
            if isinstance(kernel, Loop) and touched is not None:
                _append(chain, number, kernel, touched)
            else:
                yield [(number, kernel)]
        yield from _closed(chain)

    def _touched(self, loop: Loop) -> dict[object, bool]:
        """The memory of a kernel, and whether a row of it touches no other rows there."""
        axis = rows_axis(loop)
        assert axis is not None
        found: dict[object, bool] = {}
        elsewhere = loop.read_elsewhere()
        for node in dict.fromkeys(loop.reads()):
            place = place_of(node, self._buffers)
            buffer = self._buffers.get(place.base)
            if buffer is None or place.base.weak:
                continue
            row = _row(buffer.shape, loop.domain[axis])
            same = node.shape == loop.domain and node not in elsewhere and row is not None
            keeps = same and row is not None and keeps_to_rows(place, loop.domain, axis, row)
            found[memory(buffer)] = found.get(memory(buffer), True) and keeps
        for node, buffer in loop.writes:
            keeps = self._stays(node, loop, axis)
            found[memory(buffer)] = found.get(memory(buffer), True) and keeps
        return found

    def _stays(self, node: Node, loop: Loop, axis: int) -> bool:
        """Whether what is written for a row is a row of the result."""
        if not isinstance(node, Reduce):
            return row_major(node.shape)[axis] == product(loop.domain[axis + 1 :])
        return axis not in node.axes

    def _joins(self, loop: Loop, touched: dict[object, bool], chain: _Chain) -> bool:
        axis = rows_axis(loop)
        if not chain.members or axis is None or loop.domain[axis] != chain.rows:
            return False
        if len(chain.local.keys() | touched.keys()) > MOST:
            return False
        writes = {memory(buffer) for _, buffer in loop.writes}
        met = [key for key in touched if key in chain.local and (key in chain.written or key in writes)]
        return all(touched[key] and chain.local[key] for key in met)

    def _waits(self, kernel: Kernel, chain: _Chain) -> bool:
        """Whether a kernel reads what the chain writes, or writes what it touches."""
        reads = {memory(self._buffers[base]) for base in self._bases(kernel)}
        writes = {memory(buffer) for _, buffer in kernel.writes}
        return not chain.written.isdisjoint(reads | writes) or not writes.isdisjoint(chain.local)

    def _bases(self, kernel: Kernel) -> Iterator[Node]:
        for node in kernel.reads():
            base = base_of(node, self._buffers)
            if base in self._buffers and not base.weak:
                yield base


def _goes_by_rows(loop: Loop) -> bool:
    """Whether rows are done one by one: sums are along rows, or over everything."""
    axis = rows_axis(loop)
    if axis is None:
        return False
    long = {other for other, dim in enumerate(loop.domain) if dim != 1}
    summed = [long & set(node.axes) for node, _ in loop.reductions]
    return all(axes in (long, long - {axis}) for axes in summed)


def _row(shape: tuple[Dim, ...], rows: Dim) -> Dim | None:
    """The elements of a row of memory that has so many rows."""
    long = [dim for dim in shape if dim != 1]
    return product(tuple(long[1:])) if long and long[0] == rows else None


def _append(chain: _Chain, number: int, loop: Loop, touched: dict[object, bool]) -> None:
    axis = rows_axis(loop)
    assert axis is not None
    chain.rows = loop.domain[axis]
    chain.members.append((number, loop))
    for key, keeps in touched.items():
        chain.local[key] = chain.local.get(key, True) and keeps
    chain.written |= {memory(buffer) for _, buffer in loop.writes}


def _closed(chain: _Chain) -> Iterator[list[Numbered]]:
    """A chain that is worth it has sums along rows; others are kernels by themselves."""
    along_rows = [bool(loop.reductions) and _sums_rows(loop) for _, loop in chain.members]
    members: list[Numbered] = [*chain.members]
    if len(members) > 1 and any(along_rows):
        yield members
    else:
        yield from ([member] for member in members)


def _sums_rows(loop: Loop) -> bool:
    axis = rows_axis(loop)
    return any(axis not in node.axes and any(loop.domain[a] != 1 for a in node.axes) for node, _ in loop.reductions)
