"""What the writers of CUDA kernels share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from symopt.backends.cfamily.kernel_places import Pointer
from symopt.backends.cfamily.operations import Operations
from symopt.backends.cfamily.scope import Field, Scope
from symopt.backends.cfamily.spelling import RESERVED, c_type
from symopt.backends.cuda.jobs import CALL, FAILURE, THREADS, TILE, Actual, At, Blocks, Job
from symopt.graph.dimensions import Dim
from symopt.graph.nodes import DType, Node
from symopt.graph.promotion import INT64
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer, Program, memory

INLINE = "static __device__ __forceinline__"
_WORDS = """
and and_eq bitand bitor compl not not_eq or or_eq xor xor_eq alignas alignof catch throw try friend using virtual
explicit export mutable constexpr consteval constinit decltype nullptr static_cast dynamic_cast reinterpret_cast
const_cast typeid noexcept static_assert thread_local wchar_t char8_t char16_t char32_t concept requires co_await
co_return co_yield warpSize dim3 min max THREADS PACK TILE Pack Add Multiply Max Min FOR_EACH
"""
_LOCAL = """
aligned at at_failure before chunk chunks column copy end first four lane left length order p packs place q r
right row share step sum tile tiles turn two whole words
"""
#: The functions of the pieces of source.
_FUNCTIONS = """
combine draw is_aligned lanes_of lanes_reduce multiply_add note_failure pack philox product put random_words reduce
row_of running_sum
"""
_NUMBERED = frozenset(f"{stem}_{k}" for stem in ("end", "rows", "count", "parts") for k in range(100))
WORDS = _NUMBERED | RESERVED | frozenset(f"{_WORDS} {_LOCAL} {_FUNCTIONS}".split())


class CudaScope(Scope):
    """Names, memory and functions of one file, and which pieces of source it needs."""

    def __init__(self, program: Program) -> None:
        super().__init__(program, Operations(INLINE, for_gcc=False), WORDS)
        self.pieces: set[str] = set()
        self._slot = max((buffer.slot for buffer in self.buffers.values()), default=-1)
        self.fails = False  # whether an index may be out of range
        self.blocks: dict[str, Blocks] = {}  # by the name of a partial: who leaves a part

    def temporary(self, name: str, node: Node, dtype: DType, count: Dim) -> Field:
        """Memory that a kernel needs for itself."""
        self._slot += 1
        buffer = Buffer(self.names.fresh(name), "temporary", dtype, (count,), node, self._slot)
        made = self.fields[memory(buffer)] = Field(buffer.name, buffer.role, dtype, buffer, count)
        return made

    def parts(self, node: Node, dtype: DType, blocks: Blocks) -> Field:
        """Memory for what each of some blocks leaves."""
        one = self.field(self.partials(node, dtype))
        self.blocks[one.name] = blocks
        return one

    def failure(self) -> Field:
        """Where the number of a kernel is noted that has found an index out of range, and the index."""
        return self._lasting(FAILURE, "failure", 2)

    def call_number(self) -> Field:
        """The number of the call, which draws depend on."""
        return self._lasting(CALL, "call", 1)

    def _lasting(self, key: str, name: str, count: int) -> Field:
        if key not in self.fields:
            # A buffer is of a node; these are of none in particular.
            buffer = Buffer(self.names.fresh(name), key, INT64, (count,), self.program.kernels[0].writes[0][0])
            self.fields[key] = Field(buffer.name, key, INT64, buffer, count)
        return self.fields[key]

    def key(self, one: Field) -> object:
        """What identifies the memory of a field."""
        return one.role if one.role in (FAILURE, CALL) else memory(one.buffer)


def pointer_type(kind: str, constant: bool) -> str:
    """A pointer as it is declared.

    Only memory that nobody writes is promised to be looked at by no other pointer: what is written, other threads of a
    row may read behind a barrier, and the compiler would move these reads before it.
    """
    return f"const {kind} *__restrict__ " if constant else f"{kind} *"


@dataclass
class Formals:
    """The arguments of a device function: their declarations, and what a call gives for them."""

    scope: CudaScope
    names: Names
    texts: list[str] = field(default_factory=list)
    actuals: list[Actual] = field(default_factory=list)
    reads: set[object] = field(default_factory=set)
    writes: set[object] = field(default_factory=set)

    def pointer(self, one: Field, offset: Dim = 0, writes: bool = False, name: str = "") -> str:
        """A pointer, under a name that is not taken."""
        name = self.names.fresh(name or one.name)
        self.add(name, At(one, offset, not writes))
        return name

    def add(self, name: str, at: At) -> None:
        """A pointer of a given name."""
        self.texts.append(f"{pointer_type(c_type(at.field.dtype), at.constant)}{name}")
        self.actuals.append(at)
        (self.reads if at.constant else self.writes).add(self.scope.key(at.field))

    def size(self, name: str, count: Dim) -> None:
        """A number of elements."""
        self.texts.append(f"Index {name}")
        self.actuals.append(count)

    def parts(self, name: str, blocks: Blocks) -> None:
        """How many blocks another job has."""
        self.texts.append(f"Index {name}")
        self.actuals.append(blocks)

    def pointers(self, found: Sequence[Pointer]) -> None:
        """The pointers of a fused kernel; what it writes, it may read as well."""
        for one in found:
            self.add(one.name, At(self.scope.field(one.buffer), one.offset, one.constant))

    def job(
        self, stem: str, lines: Sequence[str], blocks: Blocks, comment: str, work: Dim = 0, lasts: bool = False
    ) -> Job:
        """The job of a function of these lines; ``lasts``: it writes what outlives the step."""
        formals = ["unsigned block", "unsigned blocks", *self.texts]
        call = self.scope.define(f"{INLINE} void", stem, formals, lines, self.scope.functions)
        reads = self.reads | ({FAILURE} if lasts else set())
        return Job(
            call.name,
            call.sizes,
            tuple(self.texts),
            tuple(self.actuals),
            blocks,
            frozenset(reads),
            frozenset(self.writes),
            comment,
            work,
            frozenset(_shared_memory(lines, self.texts)),
        )


def _shared_memory(lines: Sequence[str], formals: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The functions with shared memory that lines call, and its bytes: at most those of float64.

    They are templates, and each type has memory of its own.
    """
    text = "\n".join(lines)
    types = " ".join(
        sorted({formal.split("*")[0].removeprefix("const ").strip() for formal in formals if "*" in formal})
    )
    for call in re.findall(r"\b(?:reduce|combine)<[^>]*>|\brunning_sum\(", text):
        yield f"{call} {types}", 8 * THREADS
    if re.search(r"\bproduct\(", text):
        yield f"product {types}", 4 * TILE * TILE * (4 if types == "float" else 8)
