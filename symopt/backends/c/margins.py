"""Reads of an Embed between zeros: memory with a margin, so that no place has to be looked at."""

from __future__ import annotations

from dataclasses import replace

from symopt.backends.c.rows import Rows
from symopt.backends.cfamily.embeds import EmbedWriter
from symopt.backends.cfamily.kernel_places import moved_axes
from symopt.backends.cfamily.places import Place, row_major
from symopt.backends.cfamily.spelling import times, total
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Embed


class MarginWriter:
    """The texts of the Embeds of one kernel, some of them of operands that lie between zeros."""

    def __init__(self, writer: Rows) -> None:
        self.writer = writer
        self._others = EmbedWriter(writer)

    def text(self, node: Embed) -> str:
        """What an Embed has at this place: an element of its operand, or zero."""
        place = self.writer.place(node.operands[0])
        return self._shifted(node, place) if self._between_zeros(node, place) else self._others.text(node)

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
        name = self.writer.far(buffer, 0)
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
