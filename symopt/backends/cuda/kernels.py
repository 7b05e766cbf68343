"""What all forms of a fused kernel have in common: indices, statements, arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from symopt.backends.cfamily.body import Body
from symopt.backends.cfamily.embeds import EmbedWriter
from symopt.backends.cfamily.kernel_places import INDICES, Given, KernelPlaces
from symopt.backends.cfamily.places import row_major
from symopt.backends.cfamily.spelling import bare, c_type, times, total
from symopt.backends.cuda.jobs import Blocks, Job
from symopt.backends.cuda.scope import CudaScope, Formals
from symopt.backends.cuda.sums import Sum
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Node, Reduce
from symopt.lowering.program import Buffer, Loop, memory


class Kernel(KernelPlaces):
    """A fused kernel, of which a thread does elements.

    ``element`` is the name of the index that counts all elements in row-major order, where a form has one.
    ``full`` are reductions over everything, ``partial`` those that keep some axis, and ``trivial`` those over axes of
    length 1, which only copy.
    """

    scope: CudaScope

    def __init__(
        self, loop: Loop, scope: CudaScope, number: int, given: Given | None = None, apart: Sequence[int] = ()
    ) -> None:
        super().__init__(loop, scope, given, apart)
        self.number = number
        self.element = ""
        self.own = {memory(buffer) for _, buffer in loop.writes}  # not what others of its function write
        self.full: list[Sum] = []
        self.partial: list[Sum] = []
        self.trivial: list[tuple[Reduce, Buffer]] = []
        for position, (node, buffer) in enumerate(loop.reductions):
            reduced = [axis.reduced[position] for axis in self.axes]
            if not any(reduced):
                self.trivial.append((node, buffer))
            else:
                kind = self.full if all(reduced) else self.partial
                kind.append(Sum(node, buffer, self.names.fresh("s0")))

    @property
    def sums(self) -> list[Sum]:
        """All that is collected."""
        return [*self.partial, *self.full]

    @property
    def count(self) -> Dim:
        """The number of elements."""
        return product(self.loop.domain)

    # ---------------------------------------------------------------------------------------------------------- indices

    def extent(self, depth: int) -> Dim:
        """The length of an axis."""
        return product(tuple(self.loop.domain[member] for member in self.axes[depth].members))

    def index(self, strides: tuple[Dim, ...]) -> str:
        """Where the element of this turn is, from the pointer on."""
        steps = row_major(self.loop.domain)
        if not self.axes:
            return "0"
        if self.element and all(strides[axis.last] == steps[axis.last] for axis in self.axes):
            return self.element
        return total(
            [
                times(INDICES[depth], self.scope.sizes.dim(strides[axis.last]))
                for depth, axis in enumerate(self.axes)
                if strides[axis.last] != 0
            ]
        )

    def global_index(self, depth: int) -> str:
        """The index along an axis."""
        return self.element if self.element and len(self.axes) == 1 else INDICES[depth]

    def row_stride(self, strides: tuple[Dim, ...]) -> Dim:
        """Pointers stay where they are."""
        return 0

    def far(self, buffer: Buffer, offset: Dim) -> str:
        """The name of the argument for memory that is read at any place."""
        return self.pointer(buffer, offset, 0, constant=True)

    def unravelled(self, counter: str, depths: Sequence[int], inner: Sequence[str]) -> list[str]:
        """Lines that take the indices that ``inner`` has out of a counter over some axes."""
        used = set(re.findall(r"\w+", "\n".join(inner)))
        lines = []
        step: Dim = 1
        for place, depth in reversed(list(enumerate(depths))):
            text = counter if step == 1 else f"{counter} / {self.scope.sizes.divisor(step)}"
            if place:
                text += f" % {self.scope.sizes.divisor(self.extent(depth))}"
            if INDICES[depth] in used and text != INDICES[depth]:
                lines.append(f"const Index {INDICES[depth]} = {text};")
            step = step * self.extent(depth)
        return lines[::-1]

    def counter(self, name: str, depths: Sequence[int]) -> str:
        """The name of a counter over some axes: of a single one, its index."""
        return INDICES[depths[0]] if len(depths) == 1 else name

    # ------------------------------------------------------------------------------------------------------------- text

    def body(self, read: Callable[[Node], str] | None = None) -> Body:
        """The statements of one element."""
        embeds = EmbedWriter(self)
        operations = self.scope.operations
        return Body(self.loop, operations, read or self.read, embeds.text, self.is_overwritten, self.names)

    def statements(self, sums: Sequence[Sum]) -> list[str]:
        """The lines of one element: what it computes, stores and adds to these sums."""
        body = self.body()
        # A value may get a name when it is asked for: the lines are complete only then.
        last = [*self.stores(body), *(one.add(body.text(one.node.operands[0])) for one in sums)]
        return [*body.lines, *last]

    def stores(self, body: Body) -> list[str]:
        """The lines that store what belongs to one element."""
        strides = row_major(self.loop.domain)
        lines = []
        for node, buffer in self.loop.stores:
            value = bare(body.text(node))
            lines.append(f"{self.target(buffer)}[{self.index(strides)}] = {value};")
        for reduction, buffer in self.trivial:
            value = bare(body.text(reduction.operands[0]))
            lines.append(f"{self.target(buffer)}[{self.index(self.out_strides(reduction))}] = {value};")
        return lines

    def target(self, buffer: Buffer) -> str:
        """The name of the argument for what is written."""
        return self.pointer(buffer, 0, 0, constant=False)

    def out_strides(self, node: Reduce) -> tuple[Dim, ...]:
        """The strides of a result over the axes of the domain; 0 along those that are reduced."""
        kept = iter(row_major(node.shape))
        return tuple(0 if axis in node.axes else next(kept) for axis in range(len(self.loop.domain)))

    def formals(self) -> tuple[Formals, list[str]]:
        """The arguments, and lines that read the numbers among them."""
        formals, lines = Formals(self.scope, self.names), []
        for name, buffer in self.values.items():
            place = formals.pointer(self.scope.field(buffer), name=f"at_{name}")
            lines.append(f"const {c_type(buffer.dtype)} {name} = *{place};")
        formals.pointers(list(self.pointers.values()))
        return formals, lines

    def job(self, formals: Formals, lines: Sequence[str], blocks: Blocks, kernels: Sequence[Kernel] = ()) -> Job:
        """The job of these lines, which do this kernel, or several."""
        loops = [kernel.loop for kernel in kernels or (self,)]
        lasts = any(buffer.role == "shared" for loop in loops for _, buffer in loop.writes)
        work: Dim = 0
        for loop in loops:
            work = work + product(loop.domain)
        more = f"; and {len(loops) - 1} more, row by row" if len(loops) > 1 else ""
        return formals.job(f"kernel_{self.number}", lines, blocks, self.scope.comment(self.loop) + more, work, lasts)
