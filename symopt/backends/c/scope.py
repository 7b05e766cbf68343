"""What the writers of C kernels share: what threads share, small tables, and functions that may round once."""

from __future__ import annotations

from collections.abc import Sequence

from symopt.backends.c.pieces import CONTRACTED, PLAIN, SHORT, Pieces
from symopt.backends.cfamily import spelling
from symopt.backends.cfamily.operations import Operations
from symopt.backends.cfamily.scope import Call, Field, Scope
from symopt.backends.cfamily.spelling import c_type, number_text
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Constant, Contract
from symopt.lowering.program import Buffer, Library, Loop, Program, memory

__all__ = ["SPLIT", "WORDS", "CScope", "Field"]

_MACROS = ["ALWAYS_INLINE", "BARRIER", "KERNEL", "LANE_BYTES", "ONE_CODE", "THREAD", "THREADS", "TILE_ROWS", "VECTOR"]
_CALLED = [f"{name}_{short}" for name in PLAIN | CONTRACTED for short in SHORT.values()]
#: What no memory can be called: macros of the pieces, and those of their functions that kernels call.
WORDS = spelling.WORDS.union(_MACROS, _CALLED)

#: Elements over an axis of known length from which on threads share it.
SPLIT = 4096
#: Constants of up to this many elements are written into the source.
SHORT_CONSTANT = 64


class CScope(Scope):
    """What the writers of C kernels share."""

    def __init__(self, program: Program, blas: bool = False) -> None:
        super().__init__(program, Operations(), spelling.RESERVED | WORDS)
        self.blas = blas
        self.margins: dict[object, tuple[int, int]] = {}
        self.tables: dict[str, str] = {}  # small constants by name
        self.contracted: list[str] = []  # functions that may round once where they multiply and add
        self.pieces = Pieces()
        self.draws: set[str] = set()
        self.sparse: set[Library] = set()  # scatters of which only the rows that get something are read
        self._split = self._split_extents()

    # ------------------------------------------------------------------------------------------------------- threads

    def _split_extents(self) -> set[Dim]:
        found: set[Dim] = set()
        for kernel in self.program.kernels:
            domain, work = _domain(kernel)
            long = [dim for dim in domain if dim != 1]
            if long and (not isinstance(work, int) or work > SPLIT):
                found.add(long[0])
        return found

    @property
    def is_shared(self) -> bool:
        """Whether there is anything that threads share."""
        # A BLAS has threads of its own, which would fight with ours.
        return bool(self._split) and not self.blas

    def is_split(self, extent: Dim) -> bool:
        """Whether threads share an axis of this length."""
        return extent in self._split and self.is_shared

    def blocks_text(self, extent: Dim, block: int) -> str:
        """The number of blocks of rows."""
        if isinstance(extent, int):
            return str(-(-extent // block))
        text = self.sizes.dim(extent)
        return text if block == 1 else f"({text} + {block - 1}) / {block}"

    # -------------------------------------------------------------------------------------------------------- memory

    def reference(self, buffer: Buffer) -> str:
        """The text of a pointer to a buffer."""
        node = buffer.node
        if buffer.role == "constant" and isinstance(node, Constant) and node.value.size <= SHORT_CONSTANT:
            if buffer.name not in self.tables:
                numbers = ", ".join(number_text(one, node.dtype) for one in node.value.reshape(-1)) or "0"
                count = max(1, node.value.size)
                self.tables[buffer.name] = f"static const {c_type(node.dtype)} {buffer.name}[{count}] = {{{numbers}}};"
            return buffer.name
        return f"m->{self.field(buffer).name}"

    def widen(self, buffer: Buffer, before: int, after: int) -> None:
        """Have zeros around a temporary, for kernels that read beyond its ends."""
        old = self.margins.get(memory(buffer), (0, 0))
        self.margins[memory(buffer)] = (max(old[0], before), max(old[1], after))

    def function(self, name: str, arguments: Sequence[str], lines: Sequence[str], contracted: bool = False) -> Call:
        """How a function of this text is called."""
        head = "static KERNEL void" if self.is_shared else "static void"
        return self.define(head, name, arguments, lines, self.contracted if contracted else self.functions)


def _domain(kernel: Loop | Library) -> tuple[tuple[Dim, ...], Dim]:
    """The space that a kernel runs over, and the number of its terms."""
    if isinstance(kernel, Loop):
        return kernel.domain, product(kernel.domain)
    node = kernel.node
    if isinstance(node, Contract):
        sizes = dict(zip(node.left, node.operands[0].shape, strict=True))
        sizes.update(zip(node.right, node.operands[1].shape, strict=True))
        return node.shape, product(tuple(sizes.values()))
    return node.shape, product(node.shape)
