"""Where a fused kernel reads and writes: its loops, the pointers that it is given, and the text of an element."""

from __future__ import annotations

from dataclasses import dataclass

from symopt.backends.c.scope import SPLIT, Scope
from symopt.backends.c.short_rows import is_short
from symopt.backends.cfamily.axes import Axis, merged_axes
from symopt.backends.cfamily.places import Place, place_of, row_major
from symopt.backends.cfamily.spelling import number_text, times, total
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Constant, DType, Embed, Iota, Node
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


class KernelPlaces:
    """The loops and the memory of one kernel."""

    def __init__(self, loop: Loop, scope: Scope) -> None:
        self.loop = loop
        self.scope = scope
        self.names = Names(scope.taken)
        self.pointers: dict[tuple[object, Dim, Dim], Pointer] = {}
        self.values: dict[str, DType] = {}  # scalars that are passed by value
        self.needs_low = False
        self.whole: set[object] = set()  # memory that is read at other rows
        self.written = {memory(buffer) for _, buffer in loop.writes}
        self.rows_axis = next((axis for axis, dim in enumerate(loop.domain) if dim != 1), None)
        if self.rows_axis is not None and not scope.is_split(loop.domain[self.rows_axis]):
            self.rows_axis = None
        self.reads = list(dict.fromkeys(loop.reads()))
        self.places = {node: self.place(node) for node in self.reads}
        self.axes = self._axes()
        self.flat = is_short(loop) and not loop.reductions and len(self.axes) > 1 and self._few_rows(self.axes[-2])

    def place(self, node: Node) -> Place:
        """The place of a node that is materialized or looks at what is."""
        return place_of(node, self.scope.buffers)

    def _axes(self) -> list[Axis]:
        walks = [place.strides for node, place in self.places.items() if node.shape == self.loop.domain]
        walks.append(row_major(self.loop.domain))
        embeds = [node for node in self.loop.body if isinstance(node, Embed)]
        walks += [self.place(node.operands[0]).strides for node in embeds]
        apart = {axis for node in embeds for axis in moved_axes(node)}
        return merged_axes(self.loop.domain, walks, [node.axes for node, _ in self.loop.reductions], apart)

    def _few_rows(self, axis: Axis) -> bool:
        """Whether the elements of an axis and a short one can be counted in an int: those of a block can."""
        count = product(tuple(self.loop.domain[member] for member in axis.members if member != self.rows_axis))
        return isinstance(count, int) and count <= SPLIT

    def index(self, strides: tuple[Dim, ...]) -> str:
        """Where the element of this turn is, from the pointer on."""
        if self.flat and self._goes_on(strides):
            outer = [(depth, axis) for depth, axis in enumerate(self.axes[:-2]) if strides[axis.last] != 0]
            terms = [times(INDICES[depth], self.scope.sizes.dim(strides[axis.last])) for depth, axis in outer]
            return total([*terms, times("e", self.scope.sizes.dim(strides[self.axes[-1].last]))])
        terms = [
            times(INDICES[depth], self.scope.sizes.dim(strides[axis.last]))
            for depth, axis in enumerate(self.axes)
            if strides[axis.last] != 0
        ]
        return total(terms)

    def _goes_on(self, strides: tuple[Dim, ...]) -> bool:
        """Whether the short rows of something lie one after the other."""
        rows, row = self.axes[-2:]
        return strides[rows.last] == strides[row.last] * self.loop.domain[row.last] and strides[row.last] != 0

    def pointer(self, buffer: Buffer, offset: Dim, stride: Dim, constant: bool) -> str:
        """The name of the argument for a place in memory."""
        key = (memory(buffer), offset, stride)
        found = self.pointers.get(key)
        if found is None:
            constant = constant and memory(buffer) not in self.written
            found = Pointer(self.names.fresh(buffer.name), buffer, offset, stride, constant)
            self.pointers[key] = found
        return found.name

    def row_stride(self, strides: tuple[Dim, ...]) -> Dim:
        """How far it is from row to row."""
        return 0 if self.rows_axis is None else strides[self.rows_axis]

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
            self.values[buffer.name] = buffer.dtype
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

    def global_index(self, depth: int) -> str:
        """The index along an axis, counted over all rows."""
        if self.axes[depth].members[0] != self.rows_axis:
            return INDICES[depth]
        self.needs_low = True
        rest = product(tuple(self.loop.domain[member] for member in self.axes[depth].members[1:]))
        return f"({times('low', self.scope.sizes.dim(rest))} + {INDICES[depth]})"

    def is_overwritten(self, node: Node) -> bool:
        """Whether a node that the body reads lies where the kernel writes."""
        buffer = self.scope.buffers.get(self.places[node].base) if node in self.places else None
        return buffer is not None and buffer.role != "scalar" and memory(buffer) in self.written
