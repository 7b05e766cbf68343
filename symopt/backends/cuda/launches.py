"""The kernels that are launched: each gives its blocks to one or several device functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from symopt.backends.cfamily.scope import Field
from symopt.backends.cfamily.spelling import WIDTH, bare, c_type, total
from symopt.backends.cfamily.text import block, function, wrapped
from symopt.backends.cuda.jobs import FAILURE, At, Blocks, Job
from symopt.backends.cuda.schedule import Launch
from symopt.backends.cuda.scope import CudaScope, pointer_type
from symopt.graph.dimensions import Dim, Dimension, names_in

KERNEL = 'extern "C" __global__ void __launch_bounds__(THREADS)'


@dataclass(frozen=True, eq=False)
class End:
    """How many blocks there are up to the end of a section."""

    section: int


@dataclass(frozen=True, eq=False)
class Table:
    """The arguments of many calls of one function, a row each."""

    jobs: tuple[Job, ...]


#: What a launch is given: memory, a run-time size, a number of blocks, or a table with its length.
Parameter = Field | str | End | Blocks | Table


@dataclass
class Kernel:
    """A kernel, and what it is given for each of its parameters."""

    launch: Launch
    parameters: list[Parameter] = field(default_factory=list)
    text: str = ""


class KernelWriter:
    """Writes the kernel of one launch."""

    def __init__(self, launch: Launch, scope: CudaScope) -> None:
        self.launch = launch
        self.scope = scope
        self.structs: list[str] = []
        self._formals: list[str] = []
        self._parameters: list[Parameter] = []
        self._known: set[object] = set()
        self._parts = 0

    def write(self) -> Kernel:
        """The kernel, after the structures that it needs."""
        several = len(self.launch.sections) > 1
        lines = ["const unsigned block = blockIdx.x;"] if several else []
        for number, jobs in enumerate(self.launch.sections):
            begin = f"end_{number}" if number else "0"
            if several:
                self._add(f"unsigned end_{number + 1}", End(number), ("end", number))
            first = ("block" if begin == "0" else f"block - {begin}") if several else "blockIdx.x"
            count = ("end_1" if begin == "0" else f"end_{number + 1} - {begin}") if several else "gridDim.x"
            inner = self._section(jobs, number + 1, first, count)
            if not several:
                lines += inner
                continue
            head = f"if (block < end_{number + 1})"
            if number:
                head = f"{lines.pop()} else {head}"
            lines += block(inner, head)
        kernel = function(f"{KERNEL} {self.launch.name}", self._formals, lines)
        return Kernel(self.launch, self._parameters, "\n\n".join([*self.structs, kernel]))

    def _section(self, jobs: Sequence[Job], number: int, first: str, count: str) -> list[str]:
        one = jobs[0]
        for size in one.sizes:
            name = next(key for key, text in self.scope.sizes.names.items() if text == size)
            self._add(f"Index {size}", name, ("size", size))
        lines = [f"/* {one.comment}{f'; and {len(jobs) - 1} more' if len(jobs) > 1 else ''} */"]
        if self.scope.fails and FAILURE in one.reads:
            self._add("const long long *__restrict__ failure", self.scope.failure(), FAILURE)
            lines.append("if (*failure) return;  /* an index was out of range */")
        if len(jobs) == 1:
            texts = [*one.sizes, first, count, *(self._actual(actual) for actual in one.actuals)]
            return [*lines, *wrapped(one.function, texts, ";", WIDTH - 8)]
        return [*lines, *self._table(tuple(jobs), number, first)]

    def _table(self, jobs: tuple[Job, ...], number: int, first: str) -> list[str]:
        one = jobs[0]
        self.scope.pieces.add("table.cu")
        row = f"{self.launch.name.capitalize()}Row{number}"
        fields = [formal.replace("__restrict__ ", "") for formal in one.formals]
        members = [f"{text};" for text in ("unsigned first, blocks", *fields)]
        self.structs.append("\n".join([f"struct {row} {{  /* a call of {one.function} */", *_in(members), "};"]))
        self._add(f"const {row} *__restrict__ rows_{number}", Table(jobs), ("table", number))
        self._formals.append(f"int count_{number}")
        names = [formal.split()[-1].lstrip("*") for formal in fields]
        texts = [*one.sizes, f"{first} - row->first", "row->blocks", *(f"row->{name}" for name in names)]
        line = f"const {row} *row = row_of(rows_{number}, count_{number}, {first});"
        return [line, *wrapped(one.function, texts, ";", WIDTH - 8)]

    def _actual(self, actual: At | Dim | Blocks) -> str:
        """The text of an argument."""
        if isinstance(actual, At):
            name = actual.field.name
            kind = pointer_type(c_type(actual.field.dtype), self._is_constant(actual.field))
            self._add(f"{kind}{name}", actual.field, ("field", name))
            return total([name, self._dim(actual.offset)])
        if isinstance(actual, (int, Dimension)):
            return bare(self._dim(actual))
        self._parts += 1
        name = f"parts_{self._parts}"
        self._add(f"Index {name}", actual, name)
        return name

    def _dim(self, dim: Dim) -> str:
        for size in names_in(dim):
            name = self.scope.sizes.names[size]
            self._add(f"Index {name}", size, ("size", name))
        return self.scope.sizes.dim(dim)

    def _is_constant(self, one: Field) -> bool:
        """Whether nothing in this launch writes it."""
        key = self.scope.key(one)
        return not any(key in job.writes for jobs in self.launch.sections for job in jobs)

    def _add(self, formal: str, parameter: Parameter, key: object) -> None:
        if key not in self._known:
            self._known.add(key)
            self._formals.append(formal)
            self._parameters.append(parameter)


def _in(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]
