"""The rows of a fused kernel of the C backend: what threads share, and where a block of rows begins."""

from __future__ import annotations

from symopt.backends.c.scope import SPLIT, CScope
from symopt.backends.c.short_rows import is_short
from symopt.backends.cfamily.axes import Axis
from symopt.backends.cfamily.kernel_places import INDICES, KernelPlaces
from symopt.backends.cfamily.spelling import times, total
from symopt.graph.dimensions import Dim, product
from symopt.lowering.program import Buffer, Loop, memory


class Rows(KernelPlaces):
    """The loops and the memory of one kernel, of which a thread does a block of rows."""

    scope: CScope

    def __init__(self, loop: Loop, scope: CScope) -> None:
        super().__init__(loop, scope)
        self.needs_low = False
        self.whole: set[object] = set()  # memory that is read at other rows
        self.rows_axis = next((axis for axis, dim in enumerate(loop.domain) if dim != 1), None)
        if self.rows_axis is not None and not scope.is_split(loop.domain[self.rows_axis]):
            self.rows_axis = None
        self.flat = is_short(loop) and not loop.reductions and len(self.axes) > 1 and self._few_rows(self.axes[-2])

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

    def row_stride(self, strides: tuple[Dim, ...]) -> Dim:
        """How far it is from row to row."""
        return 0 if self.rows_axis is None else strides[self.rows_axis]

    def global_index(self, depth: int) -> str:
        """The index along an axis, counted over all rows."""
        if self.axes[depth].members[0] != self.rows_axis:
            return INDICES[depth]
        self.needs_low = True
        rest = product(tuple(self.loop.domain[member] for member in self.axes[depth].members[1:]))
        return f"({times('low', self.scope.sizes.dim(rest))} + {INDICES[depth]})"

    def far(self, buffer: Buffer, offset: Dim) -> str:
        """The name of the argument for memory that is read at any row."""
        self.whole.add(memory(buffer))
        return self.pointer(buffer, offset, 0, constant=True)
