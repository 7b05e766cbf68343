"""Sums, products and extremes within a kernel, and of the partial ones of its blocks.

A float32 sum is collected in float64, which costs next to nothing and makes it as good as any. Sums over the rows that
threads share are collected block by block and added up in order, so that they are the same for any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from symopt.backends.c.item import Access, Item
from symopt.backends.c.scope import CScope
from symopt.backends.cfamily.spelling import c_type, number_text
from symopt.backends.cfamily.sums import DOUBLE, identity
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import DType, Reduce
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer, memory


@dataclass(eq=False)
class Accumulator:
    """How one reduction is collected.

    From ``depth`` on all loops are summed over, into the variable ``name``. ``in_memory``: a loop outside of these is
    summed over too, and the result is added up where it lies. ``partial``: ``home`` has a result for each block.
    """

    node: Reduce
    result: Buffer
    home: Buffer
    name: str
    dtype: DType
    depth: int
    loops: int
    in_memory: bool
    partial: bool
    scope: CScope = field(repr=False)

    @property
    def size(self) -> Dim:
        """The number of elements of the result."""
        return product(self.node.shape)

    @property
    def identity(self) -> str:
        """What nothing adds up to."""
        return identity(self.node, self.dtype)

    @property
    def _adds(self) -> bool:
        return self.node.op in ("sum", "prod")

    @property
    def _extreme_of_floats(self) -> bool:
        return self.node.op in ("max", "min") and self.dtype.kind == "f"

    @property
    def declaration(self) -> str:
        # A sum of integers wraps around, as in NumPy: unsigned ones do in C.
        unsigned = "unsigned " if self._adds and self.dtype.kind == "i" else ""
        text = f"{unsigned}{c_type(self.dtype)} {self.name} = {self.identity};"
        # OpenMP's max drops NaN: whether there was one is collected apart.
        return f"{text} int {self.name}_nan = 0;" if self._extreme_of_floats else text

    @property
    def clauses(self) -> list[str]:
        """What the innermost loop has to be told to be vectorized."""
        operator = {"sum": "+", "prod": "*", "max": "max", "min": "min"}[self.node.op]
        if self.dtype.kind == "b":
            operator = {"max": "|", "min": "&"}[self.node.op]
        found = [f"reduction({operator}:{self.name})"]
        return [*found, f"reduction(|:{self.name}_nan)"] if self._extreme_of_floats else found

    def add(self, place: str, value: str) -> list[str]:
        """Add an element to the variable."""
        operator = {"sum": "+=", "prod": "*="}.get(self.node.op)
        if self.dtype.kind == "b":
            operator = {"max": "|=", "min": "&="}[self.node.op]
        if operator is not None:
            return [f"{place} {operator} {value};"]
        sign = ">" if self.node.op == "max" else "<"
        element = f"{place}_of"
        lines = [f"const {c_type(self.dtype)} {element} = {value};"]
        lines.append(f"{place} = {element} {sign} {place} ? {element} : {place};")
        return [*lines, f"{place}_nan |= {element} != {element};"] if self._extreme_of_floats else lines

    def add_in_memory(self, place: str, value: str) -> list[str]:
        """Add an element to what lies in memory."""
        if not self.in_memory:
            return [f"{place} = {value};"]
        operator = {"sum": "+=", "prod": "*="}.get(self.node.op)
        if self.dtype.kind == "b":
            operator = {"max": "|=", "min": "&="}[self.node.op]
        if operator is not None and self.dtype.kind not in "iu":
            return [f"{place} {operator} {value};"]
        name = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}[self.node.op]
        return [f"{place} = {self.scope.operations.helper(name, self.node.dtype)}({place}, {value});"]

    def finish(self, place: str) -> list[str]:
        """Store the variable."""
        value = self.name
        if self._extreme_of_floats:
            value = f"{self.name}_nan ? {number_text(np.nan, self.dtype)} : {self.name}"
        if self.dtype != self.home.dtype or (self._adds and self.dtype.kind == "i"):
            value = f"({c_type(self.home.dtype)}){value}"
        return self.add_in_memory(place, value)

    def combination(self, item: Item, scope: CScope) -> Item:
        """The piece of work that adds the results of the blocks up."""
        size, old, new = scope.sizes.dim(self.size), c_type(self.home.dtype), c_type(self.node.dtype)
        wide = DOUBLE if self.node.op == "sum" and self.node.dtype.kind == "f" else self.node.dtype
        several = self.size != 1
        arguments = ["Index blocks", *(["Index size"] if several else [])]
        arguments += [f"const {old} *restrict parts", f"{new} *restrict whole"]
        one = Accumulator(self.node, self.result, self.result, "all", wide, 0, 1, False, False, scope)
        lines = [one.declaration, "for (Index b = 0; b < blocks; b++) {"]
        lines += [f"    {line}" for line in one.add("all", "parts[b * size + i]" if several else "parts[b]")]
        lines += ["}", *one.finish("whole[i]" if several else "*whole")]
        if several:
            lines = ["for (Index i = 0; i < size; i++) {", *(f"    {line}" for line in lines), "}"]
        function = scope.function("combine", arguments, lines)

        def call(low: str, rows: str, block: str) -> list[str]:
            assert item.group is not None
            assert item.extent is not None
            blocks = "1" if item.group.extent is None else scope.blocks_text(item.extent, item.group.block)
            sizes = [size] if several else []
            return function(blocks, *sizes, scope.reference(self.home), scope.reference(self.result))

        accesses = (Access(memory(self.home), False, None), Access(memory(self.result), True, None))
        return Item(None, accesses, call, is_small=True)


def accumulator(
    node: Reduce, result: Buffer, reduced: tuple[bool, ...], rows_are_first: bool, scope: CScope, names: Names
) -> Accumulator:
    """How a reduction is collected in loops of which ``reduced`` says whether they are summed over."""
    depth = len(reduced)
    while depth and reduced[depth - 1]:
        depth -= 1
    partial = rows_are_first and reduced[0]
    in_memory = any(reduced[:depth])
    wide = node.op == "sum" and node.dtype.name == "float32" and not in_memory and depth < len(reduced)
    dtype = DOUBLE if wide else node.dtype
    home = scope.partials(node, dtype if depth == 0 else node.dtype) if partial else result
    return Accumulator(node, result, home, names.fresh("s0"), dtype, depth, len(reduced), in_memory, partial, scope)
