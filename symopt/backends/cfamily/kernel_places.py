"""Where a fused kernel reads and writes: its loops, the pointers that it is given, and the text of an element."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from symopt.backends.cfamily.axes import Axis, merged_axes
from symopt.backends.cfamily.places import Place, place_of, row_major
from symopt.backends.cfamily.scope import Scope
from symopt.backends.cfamily.spelling import number_text, times, total
from symopt.graph.dimensions import Dim, Shape
from symopt.graph.nodes import Constant, Embed, Iota, Node
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer, Loop, memory

INDICES = "ijklm"


@dataclass(frozen=True)
class Pointer:
    """An argument of a kernel: memory from an offset on, which moves by ``stride`` from row to row."""

    name: str
    buffer: Buffer
    offset: Dim
    stride: Dim
    constant: bool


def moved_axes(node: Embed) -> list[int]:
    """The axes along which an Embed has other places than its operand."""
    pairs = zip(node.starts, node.steps, node.shape, node.operands[0].shape, strict=True)
    return [axis for axis, (start, step, dim, count) in enumerate(pairs) if (start, step) != (0, 1) or dim != count]


@dataclass
class Given:
    """What a function is given: pointers, scalars that are passed by value, and which memory it writes."""

    names: Names
    pointers: dict[tuple[object, Dim, Dim], Pointer] = field(default_factory=dict)
    values: dict[str, Buffer] = field(default_factory=dict)
    written: set[object] = field(default_factory=set)


class KernelPlaces(ABC):
    """The loops and the memory of one kernel.

    ``given`` is what its function is given, if it is one of several kernels in it; ``apart`` are axes whose own index
    is needed.
    """

    def __init__(self, loop: Loop, scope: Scope, given: Given | None = None, apart: Sequence[int] = ()) -> None:
        self.loop = loop
        self.scope = scope
        given = given or Given(Names(scope.taken))
        given.written.update(memory(buffer) for _, buffer in loop.writes)
        self.names, self.pointers, self.values, self.written = given.names, given.pointers, given.values, given.written
        self._apart = set(apart)
        self.reads = list(dict.fromkeys(loop.reads()))
        self.places = {node: self.place(node) for node in self.reads}
        self.axes = self._axes()

    @abstractmethod
    def index(self, strides: tuple[Dim, ...]) -> str:
        """Where the element of this turn is, from the pointer on."""

    @abstractmethod
    def global_index(self, depth: int) -> str:
        """The index along an axis, counted over all of it."""

    @abstractmethod
    def row_stride(self, strides: tuple[Dim, ...]) -> Dim:
        """How far it is from row to row, where a pointer moves so."""

    @abstractmethod
    def far(self, buffer: Buffer, offset: Dim) -> str:
        """The name of the argument for memory that is read at any place."""

    def place(self, node: Node) -> Place:
        """The place of a node that is materialized or looks at what is."""
        return place_of(node, self.scope.buffers)

    def _axes(self) -> list[Axis]:
        walks = [place.strides for node, place in self.places.items() if node.shape == self.loop.domain]
        walks.append(row_major(self.loop.domain))
        embeds = [node for node in self.loop.body if isinstance(node, Embed)]
        walks += [self.place(node.operands[0]).strides for node in embeds]
        apart = self._apart | {axis for node in embeds for axis in moved_axes(node)}
        return merged_axes(self.loop.domain, walks, [node.axes for node, _ in self.loop.reductions], apart)

    def pointer(self, buffer: Buffer, offset: Dim, stride: Dim, constant: bool) -> str:
        """The name of the argument for a place in memory."""
        key = (memory(buffer), offset, stride)
        found = self.pointers.get(key)
        if found is None:
            constant = constant and memory(buffer) not in self.written
            found = Pointer(self.names.fresh(buffer.name), buffer, offset, stride, constant)
            self.pointers[key] = found
        return found.name

    def read(self, node: Node) -> str:
        """The text of a node that the body reads."""
        place = self.places[node]
        base = place.base
        buffer = self.scope.buffers.get(base)
        if isinstance(base, Constant) and base.value.size == 1:
            return number_text(base.value.reshape(())[()], base.dtype)
        if isinstance(base, Iota):
            return self._counted(place)
        assert buffer is not None
        if buffer.role == "scalar":
            self.values[buffer.name] = buffer
            return buffer.name
        name = self.pointer(buffer, place.offset, self.row_stride(place.strides), constant=True)
        return f"{name}[{self.index(place.strides)}]"

    def _counted(self, place: Place) -> str:
        """An element of 0, 1, 2, ..., which is its own place."""
        terms = [self.scope.sizes.dim(place.offset)]
        for depth, axis in enumerate(self.axes):
            stride = place.strides[axis.last]
            if stride != 0:
                terms.append(times(self.global_index(depth), self.scope.sizes.dim(stride)))
        text = total(terms)
        return text if text.isalnum() else f"({text})"

    def is_overwritten(self, node: Node) -> bool:
        """Whether a node that the body reads lies where the kernel writes."""
        buffer = self.scope.buffers.get(self.places[node].base) if node in self.places else None
        return buffer is not None and buffer.role != "scalar" and memory(buffer) in self.written


def keeps_to_rows(place: Place, domain: Shape, axis: int, row: Dim) -> bool:
    """Whether what looks at memory in rows of ``row`` elements reads row ``i`` where the index of an axis is ``i``."""
    if place.strides[axis] != row or not isinstance(place.offset, int) or place.offset < 0:
        return False
    reach: Dim = place.offset
    for other, dim in enumerate(domain):
        stride = place.strides[other]
        if other == axis or stride == 0:
            continue
        if isinstance(stride, int) and stride < 0:
            return False
        reach = reach + (dim - 1) * stride
    room = row - 1 - reach
    return isinstance(room, int) and room >= 0
