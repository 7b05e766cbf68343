"""Names, memory and functions of a generated file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from symopt.backends.cfamily.operations import Operations
from symopt.backends.cfamily.spelling import RESERVED, WIDTH, Sizes, c_type
from symopt.backends.cfamily.text import function, wrapped
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import DType, Node, Shared
from symopt.lowering.explain import words
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer, Library, Loop, Program, base_of, is_scalar_slot, memory

#: The names of variables that lines declare.
_LOCAL = re.compile(
    r"^\s*(?:const )?(?!return\b)(?:unsigned |signed )?(?:long long|[A-Za-z_]\w*(?:<[^<>]*>)?) "
    r"([A-Za-z_]\w*)(?= = |;|\[)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Field:
    """A pointer that the code is given: whose memory it is, and how many elements it needs.

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

    def __init__(self, program: Program, operations: Operations, reserved: frozenset[str] = RESERVED) -> None:
        self.program = program
        self.buffers = program.buffers
        self.operations = operations
        self.names = Names({*reserved, *(buffer.name for buffer in self.buffers.values())})
        self.sizes = Sizes({name: self.names.fresh("n" if name.startswith("_") else name) for name in program.sizes})
        self.fields: dict[object, Field] = {}
        self.functions: list[str] = []
        self.scalars: dict[Node, str] = {}  # outputs that are weak numbers
        self._reserved = reserved
        self._known: dict[str, str] = {}

    @property
    def taken(self) -> set[str]:
        """Names that no variable of a kernel may have."""
        return {*self._reserved, *self.sizes.names.values()}

    # -------------------------------------------------------------------------------------------------------- memory

    def field(self, buffer: Buffer) -> Field:
        """The pointer to the memory of a buffer; buffers that share memory have one."""
        key = memory(buffer)
        if key not in self.fields:
            self.fields[key] = Field(buffer.name, buffer.role, buffer.dtype, buffer, product(buffer.shape))
        return self.fields[key]

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

    def kept_numbers(self) -> dict[Node, Field]:
        """Fields for outputs that are numbers and nowhere in memory."""
        found: dict[Node, Field] = {}
        for output in self.program.outputs:
            node = base_of(output, self.buffers)
            if (node.weak or is_scalar_slot(node)) and node not in found:
                buffer = Buffer(self.names.fresh("number"), "output", node.dtype, (), node)
                found[node] = self.fields[buffer] = Field(buffer.name, "output", node.dtype, buffer, 1)
        return found

    def type_of(self, buffer: Buffer) -> str:
        """The C type of the elements of a buffer."""
        return c_type(buffer.dtype)

    # ------------------------------------------------------------------------------------------------------ functions

    def define(self, head: str, name: str, arguments: Sequence[str], lines: Sequence[str], into: list[str]) -> Call:
        """How a function of this text is called: an earlier one, if it differs in names alone.

        The run-time sizes that the text has are passed by themselves.
        """
        words_of = set(re.findall(r"\w+", "\n".join(lines)))
        sizes = [size for size in self.sizes.names.values() if size in words_of]
        arguments = [*(f"Index {size}" for size in sizes), *arguments]
        text = "\n".join(lines)
        form = ", ".join(arguments)
        for number, argument in enumerate(arguments):
            own = argument.split()[-1].lstrip("*&")
            form, text = (re.sub(rf"(?<![\w>]){re.escape(own)}\b", f"@{number}", one) for one in (form, text))
        for number, local in enumerate(dict.fromkeys(_LOCAL.findall(text))):
            text = re.sub(rf"(?<![\w>.]){re.escape(local)}\b", f"%{number}", text)
        key = f"{form}\n{text}"
        if key not in self._known:
            self._known[key] = self.names.fresh(name)
            into.append(function(f"{head} {self._known[key]}", arguments, lines))
        return Call(self._known[key], tuple(sizes))

    def comment(self, kernel: Loop | Library) -> str:
        """What a kernel computes, in words."""
        text = words(kernel)
        for size, name in self.sizes.names.items():
            text = re.sub(rf"\b{re.escape(size)}\b", name, text)
        return text.replace("*/", "* /")
