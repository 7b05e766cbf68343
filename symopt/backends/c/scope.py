"""Names, memory and functions of a generated C file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from symopt.backends.c.text import function, wrapped
from symopt.backends.cfamily.operations import Operations
from symopt.backends.cfamily.spelling import RESERVED, WIDTH, Sizes, c_type, number_text
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Constant, Contract, DType, Node, Shared
from symopt.lowering.explain import words
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer, Library, Loop, Program, memory

#: Elements over an axis of known length from which on threads share it.
SPLIT = 4096
#: Constants of up to this many elements are written into the source.
SHORT_CONSTANT = 64


@dataclass(frozen=True)
class Field:
    """A pointer that the function is given: whose memory it is, and how many elements it needs.

    ``role`` is that of a buffer, or ``"output"`` or ``"partial"``; a partial has ``count`` elements for each block.
    ``margin`` are the numbers of zeros before and after the elements.
    """

    name: str
    role: str
    dtype: DType
    buffer: Buffer
    count: Dim
    margin: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Call:
    """A function of the file, and the run-time sizes that it takes first."""

    name: str
    sizes: tuple[str, ...]

    def __call__(self, *arguments: str) -> list[str]:
        """The lines of a call."""
        return wrapped(self.name, [*self.sizes, *arguments], ";", WIDTH - 16)


class Scope:
    """What the writers of kernels share."""

    def __init__(self, program: Program, blas: bool = False) -> None:
        self.blas = blas
        self.by_blas: set[str] = set()  # dtypes of products by a BLAS
        self.program = program
        self.buffers = program.buffers
        self.operations = Operations()
        self.names = Names({*RESERVED, *(buffer.name for buffer in self.buffers.values())})
        self.sizes = Sizes({name: self.names.fresh("n" if name.startswith("_") else name) for name in program.sizes})
        self.fields: dict[object, Field] = {}
        self.margins: dict[object, tuple[int, int]] = {}
        self.tables: dict[str, str] = {}  # small constants by name
        self.functions: list[str] = []
        self.contracted: list[str] = []  # functions that may round once where they multiply and add
        self.products: set[str] = set()  # dtypes of products
        self.draws: set[str] = set()
        self.sparse: set[Library] = set()  # scatters of which only the rows that get something are read
        self.scalars: dict[Node, str] = {}  # outputs that are weak numbers
        self._known: dict[str, str] = {}
        self._split = self._split_extents()

    @property
    def taken(self) -> set[str]:
        """Names that no variable of a kernel may have."""
        return {*RESERVED, *self.sizes.names.values()}

    # ------------------------------------------------------------------------------------------------------- threads

    def _split_extents(self) -> set[Dim]:
        found: set[Dim] = set()
        for kernel in self.program.kernels:
            domain, work = _domain(kernel)
            long = [dim for dim in domain if dim != 1]
            if long and (not isinstance(work, int) or work > SPLIT):
                found.add(long[0])
        return found

    def is_split(self, extent: Dim) -> bool:
        """Whether threads share an axis of this length."""
        # A BLAS has threads of its own, which would fight with ours.
        return extent in self._split and not self.blas

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

    def field(self, buffer: Buffer) -> Field:
        """The pointer to the memory of a buffer; buffers that share memory have one."""
        key = memory(buffer)
        if key not in self.fields:
            self.fields[key] = Field(buffer.name, buffer.role, buffer.dtype, buffer, product(buffer.shape))
        return self.fields[key]

    def widen(self, buffer: Buffer, before: int, after: int) -> None:
        """Have zeros around a temporary, for kernels that read beyond its ends."""
        old = self.margins.get(memory(buffer), (0, 0))
        self.margins[memory(buffer)] = (max(old[0], before), max(old[1], after))

    def shared(self, node: Shared) -> Field:
        """The pointer to a shared value, which may be a number that no kernel reads."""
        known = self.buffers.get(node)
        if known is not None:
            return self.field(known)
        key = node.storage
        if key not in self.fields:
            buffer = Buffer(self.names.fresh(node.name), "shared", node.dtype, node.shape, node)
            self.fields[key] = Field(buffer.name, "shared", node.dtype, buffer, product(node.shape))
        return self.fields[key]

    def partials(self, node: Node, dtype: DType) -> Buffer:
        """Memory for the results of the blocks."""
        buffer = Buffer(self.names.fresh("p0"), "partial", dtype, node.shape, node)
        self.fields[memory(buffer)] = Field(buffer.name, "partial", dtype, buffer, product(node.shape))
        return buffer

    def type_of(self, buffer: Buffer) -> str:
        return c_type(buffer.dtype)

    # ------------------------------------------------------------------------------------------------------ functions

    def function(self, name: str, arguments: Sequence[str], lines: Sequence[str], contracted: bool = False) -> Call:
        """How a function of this text is called: an earlier one, if it differs in names alone.

        The run-time sizes that the text has are passed by themselves.
        """
        words_of = set(re.findall(r"\w+", "\n".join(lines)))
        sizes = [size for size in self.sizes.names.values() if size in words_of]
        arguments = [*(f"Index {size}" for size in sizes), *arguments]
        text = "\n".join(lines)
        form = ", ".join(arguments)
        for number, argument in enumerate(arguments):
            own = argument.split()[-1].lstrip("*")
            form, text = (re.sub(rf"(?<![\w>]){re.escape(own)}\b", f"@{number}", one) for one in (form, text))
        key = f"{form}\n{text}"
        if key not in self._known:
            self._known[key] = self.names.fresh(name)
            made = function(f"static void {self._known[key]}", arguments, lines)
            (self.contracted if contracted else self.functions).append(made)
        return Call(self._known[key], tuple(sizes))

    def comment(self, kernel: Loop | Library) -> str:
        """What a kernel computes, in words."""
        text = words(kernel)
        for size, name in self.sizes.names.items():
            text = re.sub(rf"\b{re.escape(size)}\b", name, text)
        return text.replace("*/", "* /")


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
