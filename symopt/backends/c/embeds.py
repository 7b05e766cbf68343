"""Reads of an Embed: its operand at another place, or zero."""

from __future__ import annotations

from dataclasses import replace

from symopt.backends.c.kernel_places import KernelPlaces, moved_axes
from symopt.backends.cfamily.places import Place, row_major
from symopt.backends.cfamily.spelling import number_text, times, total
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Constant, Embed, Iota, Node
from symopt.lowering.program import memory


class EmbedWriter:
    """The texts of the Embeds of one kernel."""

    def __init__(self, writer: KernelPlaces) -> None:
        self.writer = writer

    def text(self, node: Embed) -> str:
        """What an Embed has at this place: an element of its operand, or zero."""
        (operand,) = node.operands
        place, sizes = self.writer.place(operand), self.writer.scope.sizes
        if self._between_zeros(node, place):
            return self._shifted(node, place)
        conditions: list[str] = []
        terms: list[str] = []
        depth_of = {member: depth for depth, axis in enumerate(self.writer.axes) for member in axis.members}
        for axis, (start, step, count) in enumerate(zip(node.starts, node.steps, operand.shape, strict=True)):
            if axis not in moved_axes(node):
                depth = depth_of.get(axis)
                if depth is not None and axis == self.writer.axes[depth].last and place.strides[axis] != 0:
                    terms.append(times(self.writer.global_index(depth), sizes.dim(place.strides[axis])))
                continue
            index = self.writer.global_index(depth_of[axis]) if axis in depth_of else "0"
            shifted = f"({index} - {sizes.dim(start)})" if start != 0 else index
            if step < 0:
                shifted = f"({sizes.dim(start)} - {index})"
            if abs(step) != 1:
                conditions.append(f"{shifted} % {abs(step)} == 0")
                # A negative index must not round to zero.
                conditions.append(f"{shifted} >= 0")
                shifted = f"({shifted} / {abs(step)})"
            else:
                conditions.append(f"{shifted} >= 0")
            conditions.append(f"{shifted} < {sizes.dim(count)}")
            if place.strides[axis] != 0:
                terms.append(times(shifted, sizes.dim(place.strides[axis])))
        value = self._embedded(place, total(terms), operand)
        zero = number_text(0, node.dtype)
        return f"({' && '.join(conditions)} ? {value} : {zero})" if conditions else value

    def _between_zeros(self, node: Embed, place: Place) -> bool:
        """Whether the operand can lie between zeros, so that an Embed is a read at another place: whole rows move."""
        buffer, (operand,) = self.writer.scope.buffers.get(place.base), node.operands
        if buffer is None or buffer.role != "temporary" or place != Place(place.base, 0, row_major(operand.shape)):
            return False
        first = next((axis for axis, dim in enumerate(node.shape) if dim != 1), None)
        return (
            first is not None
            and moved_axes(node) == [first]
            and node.steps[first] == 1
            and all(isinstance(dim, int) for dim in (*node.shape, *operand.shape, *node.starts))
            and buffer.shape == place.base.shape
        )

    def _shifted(self, node: Embed, place: Place) -> str:
        (operand,) = node.operands
        (axis,) = moved_axes(node)
        row = product(tuple(operand.shape[axis + 1 :]))
        start, count, dim = node.starts[axis], operand.shape[axis], node.shape[axis]
        assert isinstance(row, int)
        assert isinstance(start, int)
        assert isinstance(count, int)
        assert isinstance(dim, int)
        # A single row goes on as well: into the zeros.
        place = replace(place, strides=(*place.strides[:axis], row, *place.strides[axis + 1 :]))
        buffer = self.writer.scope.buffers[place.base]
        self.writer.scope.widen(buffer, start * row, (dim - start - count) * row)
        self.writer.whole.add(memory(buffer))
        name = self.writer.pointer(buffer, 0, 0, constant=True)
        index = total(
            [
                times(self.writer.global_index(depth), self.writer.scope.sizes.dim(stride))
                for depth, stride in self._steps(place)
            ]
        )
        return f"{name}[{index}]" if start == 0 else f"{name}[{index} - {start * row}]"

    def _steps(self, place: Place) -> list[tuple[int, Dim]]:
        """The loops along which an operand of an Embed goes on, and by how much."""
        walks = ((depth, place.strides[axis.last]) for depth, axis in enumerate(self.writer.axes))
        return [(depth, stride) for depth, stride in walks if stride != 0]

    def _embedded(self, place: Place, index: str, operand: Node) -> str:
        base, buffer = place.base, self.writer.scope.buffers.get(place.base)
        if isinstance(base, Constant) and base.value.size == 1:
            return number_text(base.value.reshape(())[()], base.dtype)
        if isinstance(base, Iota):
            return f"({total([self.writer.scope.sizes.dim(place.offset), index])})"
        assert buffer is not None
        if buffer.role == "scalar":
            self.writer.values[buffer.name] = buffer.dtype
            return buffer.name
        self.writer.whole.add(memory(buffer))
        return f"{self.writer.pointer(buffer, place.offset, 0, constant=True)}[{index}]"
