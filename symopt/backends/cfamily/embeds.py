"""Reads of an Embed: its operand at another place, or zero."""

from __future__ import annotations

from symopt.backends.cfamily.kernel_places import KernelPlaces, moved_axes
from symopt.backends.cfamily.places import Place
from symopt.backends.cfamily.spelling import number_text, times, total
from symopt.graph.nodes import Constant, Embed, Iota, Node


class EmbedWriter:
    """The texts of the Embeds of one kernel."""

    def __init__(self, writer: KernelPlaces) -> None:
        self.writer = writer

    def text(self, node: Embed) -> str:
        """What an Embed has at this place: an element of its operand, or zero."""
        (operand,) = node.operands
        place, sizes = self.writer.place(operand), self.writer.scope.sizes
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

    def _embedded(self, place: Place, index: str, operand: Node) -> str:
        base, buffer = place.base, self.writer.scope.buffers.get(place.base)
        if isinstance(base, Constant) and base.value.size == 1:
            return number_text(base.value.reshape(())[()], base.dtype)
        if isinstance(base, Iota):
            return f"({total([self.writer.scope.sizes.dim(place.offset), index])})"
        assert buffer is not None
        if buffer.role == "scalar":
            self.writer.values[buffer.name] = buffer
            return buffer.name
        return f"{self.writer.far(buffer, place.offset)}[{index}]"
