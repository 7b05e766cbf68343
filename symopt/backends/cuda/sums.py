"""Sums, products and extremes within a kernel, and of what its blocks leave."""

from __future__ import annotations

from dataclasses import dataclass

from symopt.backends.cfamily.scope import Field
from symopt.backends.cfamily.spelling import bare, c_type
from symopt.backends.cfamily.sums import DOUBLE, identity
from symopt.backends.cuda.jobs import Blocks, Job, columns
from symopt.backends.cuda.scope import CudaScope, Formals
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import DType, Reduce
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer

OPERATIONS = {"sum": "Add", "prod": "Multiply", "max": "Max", "min": "Min"}


def across(columns: Dim) -> int:
    """How many columns stand side by side in a block: a power of two, for all of few."""
    if not isinstance(columns, int):
        return 32
    width = 1
    while width < min(columns, 32):
        width *= 2
    return width


@dataclass(frozen=True, eq=False)
class Sum:
    """One reduction of a kernel, collected by each thread in the variable ``name``."""

    node: Reduce
    result: Buffer
    name: str

    @property
    def dtype(self) -> DType:
        """The dtype in which it is collected: float64 for a sum of float32, which makes it as good as any."""
        return DOUBLE if self.node.op == "sum" and self.node.dtype.name == "float32" else self.node.dtype

    @property
    def kind(self) -> str:
        """The C type of the variable: threads exchange numbers of 4 bytes and 8.

        Sums of integers wrap around, as in NumPy: unsigned ones do in C.
        """
        wraps = self.node.op in ("sum", "prod") and self.dtype.kind == "i"
        if self.dtype.itemsize < 4:
            return "unsigned" if wraps else "int"
        return f"{'unsigned ' if wraps else ''}{c_type(self.dtype)}"

    @property
    def operation(self) -> str:
        """The operation by which two values are combined."""
        return OPERATIONS[self.node.op]

    @property
    def declaration(self) -> str:
        """The variable, before anything is added."""
        return f"{self.kind} {self.name} = {bare(identity(self.node, self.dtype))};"

    def add(self, value: str) -> str:
        """The line that adds an element."""
        operator = {"sum": "+=", "prod": "*="}.get(self.node.op)
        if operator:
            return f"{self.name} {operator} {bare(value)};"
        # What C makes of small integers is an int.
        cast = "" if self.node.dtype.kind == "f" else f"({self.kind})"
        return f"{self.name} = {self.operation}::of({self.name}, {cast}{value if cast else bare(value)});"

    def add_four(self, values: str) -> str:
        """The line that adds four elements: of float32, so that there are fewer additions of float64."""
        four = [f"{values}[{k}]" for k in range(4)]
        if self.node.op in ("sum", "prod"):
            sign = "+" if self.node.op == "sum" else "*"
            return self.add(f"(({four[0]} {sign} {four[1]}) {sign} ({four[2]} {sign} {four[3]}))")
        pairs = [f"{self.operation}::of({a}, {b})" for a, b in (four[:2], four[2:])]
        return self.add(f"{self.operation}::of({', '.join(pairs)})")

    def stored(self, text: str) -> str:
        """A combined value in the dtype of the result."""
        return text if self.kind == c_type(self.node.dtype) else f"({c_type(self.node.dtype)}){text}"

    def combination(self, scope: CudaScope, parts: Field, blocks: Blocks) -> Job:
        """The second pass: what the blocks have left is combined in a fixed order."""
        scope.pieces.add("sums.cu")
        formals, size = Formals(scope, Names(scope.taken)), product(self.node.shape)
        formals.parts("parts", blocks)
        source, target = formals.pointer(parts), formals.pointer(scope.field(self.result), writes=True)
        nothing = identity(self.node, self.dtype)
        if self.kind != c_type(self.dtype):
            nothing = f"({self.kind}){nothing}"
        width = across(size)
        numbers = f"parts, {scope.sizes.dim(size)}, {nothing}"
        lines = [f"combine<{self.operation}, {width}>(block, {numbers}, {source}, {target});"]
        comment = f"{self.result.name}: what blocks have left"
        return formals.job("combine", lines, columns(size, width), comment, 0, self.result.role == "shared")
