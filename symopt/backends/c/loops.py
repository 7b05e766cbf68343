"""C functions of fused kernels."""

from __future__ import annotations

import re
from collections.abc import Iterator

from symopt.backends.c.calls import CHUNK, with_calls_apart
from symopt.backends.c.item import FAILURE, Access, Item
from symopt.backends.c.margins import MarginWriter
from symopt.backends.c.pieces import SHORT
from symopt.backends.c.reductions import Accumulator, accumulator
from symopt.backends.c.rows import Rows
from symopt.backends.c.scope import SPLIT, CScope
from symopt.backends.cfamily.axes import Axis
from symopt.backends.cfamily.body import Body
from symopt.backends.cfamily.kernel_places import INDICES, Pointer, keeps_to_rows
from symopt.backends.cfamily.places import in_memory, row_major
from symopt.backends.cfamily.spelling import bare, c_type, times, total
from symopt.backends.cfamily.text import block
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Elementwise, Node
from symopt.lowering.program import Loop, memory

#: Elements of a matrix up to which loops of known lengths copy its transpose best.
FEW = 256


class LoopWriter(Rows):
    """Writes the function of one kernel, and tells how it is called."""

    def __init__(self, loop: Loop, scope: CScope, number: int) -> None:
        super().__init__(loop, scope)
        self.number = number
        # Functions that are computed first for a chunk, with their statements; where that is kept, and begins.
        self.calls: list[tuple[Elementwise, list[str]]] = []
        self.near: dict[Node, str] = {}
        self.chunk = ""
        self.accumulators = [
            accumulator(node, buffer, self._flags(position), self.rows_axis is not None, scope, self.names)
            for position, (node, buffer) in enumerate(loop.reductions)
        ]

    def _flags(self, number: int) -> tuple[bool, ...]:
        return tuple(axis.reduced[number] for axis in self.axes)

    # ---------------------------------------------------------------------------------------------------------- text

    def write(self) -> Item:
        """Add the function to the module; how it is called."""
        first, rest = with_calls_apart(self.loop) if self._is_long() else ({}, self.loop)
        self.near = {call: self.names.fresh(f"{call.op.name}_of") for call in first}
        self.chunk = self.names.fresh("from") if first else ""
        for call, loop in first.items():
            body = self._body(loop)
            self.calls.append((call, [*body.lines, f"{self._read(call)} = {bare(body.text(call))};"]))
        body = self._body(rest)
        strides = row_major(self.loop.domain)
        stores = []
        for node, buffer in self.loop.stores:
            value = body.text(node)
            name = self.pointer(buffer, 0, self.row_stride(strides), constant=False)
            stores.append(f"{name}[{self.index(strides)}] = {bare(value)};")
        updates = [line for one in self.accumulators for line in self._accumulate(one, body)]
        inner = [*body.lines, *stores, *updates]
        return self._item(self._transposing() or [*self._start(), *self._loops(inner, 0), *self._finish(0)])

    def _body(self, loop: Loop) -> Body:
        """The statements of one element of a part of the kernel."""
        return Body(loop, self.scope.operations, self._read, MarginWriter(self).text, self.is_overwritten, self.names)

    def _read(self, node: Node) -> str:
        """The text of a node that a part reads: from its own chunk, or from elsewhere."""
        if node in self.near:
            return f"{self.near[node]}[{INDICES[len(self.axes) - 1]} - {self.chunk}]"
        return self.read(node)

    def _is_long(self) -> bool:
        """Whether the innermost loop may run over more than a chunk."""
        if self.flat or not self.axes:
            return False
        dims = [self.loop.domain[member] for member in self.axes[-1].members]
        count = product(tuple(dims))
        return not isinstance(count, int) or count > CHUNK

    def _transposing(self) -> list[str]:
        """A call that copies a matrix whose rows were columns, where the kernel does nothing else."""
        if len(self.loop.body) != 1 or len(self.loop.stores) != 1 or self.loop.reductions or len(self.axes) != 2:
            return []
        ((node, buffer),) = self.loop.stores
        count = product(self.loop.domain)
        if not isinstance(node, Elementwise) or node.op.name != "identity" or node.dtype.name not in SHORT:
            return []
        if isinstance(count, int) and count <= FEW:
            return []
        outer, inner = self.axes
        place, strides = self.places[node.operands[0]], row_major(self.loop.domain)
        if place.strides[outer.last] != 1 or place.strides[inner.last] in (0, 1) or not in_memory(place.base):
            return []
        source = self.pointer(self.scope.buffers[place.base], place.offset, self.row_stride(place.strides), True)
        target = self.pointer(buffer, 0, self.row_stride(strides), constant=False)
        steps = [self.scope.sizes.dim(step) for step in (place.strides[inner.last], strides[outer.last])]
        sizes = f"{self._extent(outer)}, {self._extent(inner)}"
        function = self.scope.pieces.need("transpose", node.dtype.name)
        return [f"{function}({sizes}, {source}, {steps[0]}, {target}, {steps[1]});"]

    def _start(self) -> list[str]:
        """What is set before the loops: memory that sums are collected in."""
        lines = []
        for one in self.accumulators:
            if not one.in_memory:
                continue
            inside = [dim for axis, dim in enumerate(self.loop.domain) if axis not in one.node.axes]
            if self.rows_axis is not None and self.rows_axis not in one.node.axes:
                inside.remove(self.loop.domain[self.rows_axis])
                count = times("rows", self.scope.sizes.dim(product(tuple(inside))))
            else:
                count = self.scope.sizes.dim(product(tuple(inside)))
            lines += [f"for (Index i = 0; i < {count}; i++)", f"    {self._home(one)}[i] = {one.identity};"]
        return lines

    def _accumulate(self, one: Accumulator, body: Body) -> list[str]:
        value = bare(body.text(one.node.operands[0]))
        if one.depth < len(self.axes):
            return one.add(one.name, value)
        return one.add_in_memory(f"{self._home(one)}[{self.index(self._out_strides(one))}]", value)

    def _out_strides(self, one: Accumulator) -> tuple[Dim, ...]:
        """The strides of a result over the axes of the domain; 0 along those that are reduced."""
        kept = iter(row_major(one.node.shape))
        return tuple(0 if axis in one.node.axes else next(kept) for axis in range(len(self.loop.domain)))

    def _home(self, one: Accumulator) -> str:
        """The argument that the result is written to."""
        stride = self.row_stride(self._out_strides(one))
        return self.pointer(one.home, 0, stride, constant=False)

    def _loops(self, inner: list[str], depth: int) -> list[str]:
        if depth == len(self.axes):
            return inner
        extent = self._extent(self.axes[depth])
        lines = [one.declaration for one in self.accumulators if one.depth == depth]
        if self.calls and depth == len(self.axes) - 1:
            return [*lines, *self._in_chunks(inner, extent)]
        if depth == len(self.axes) - 1:
            clauses = [clause for one in self.accumulators if one.depth <= depth for clause in one.clauses]
            if clauses:
                lines.append(f"#pragma omp simd {' '.join(clauses)}")
        if self.flat and depth == len(self.axes) - 2:
            return [*lines, *self._one_long_row(inner)]
        index = INDICES[depth]
        lines.append(f"for (Index {index} = 0; {index} < {extent}; {index}++) {{")
        lines += [f"    {line}" for line in [*self._loops(inner, depth + 1), *self._finish(depth + 1)]]
        lines.append("}")
        return lines

    def _in_chunks(self, inner: list[str], extent: str) -> list[str]:
        """The innermost loop in chunks, of which functions are computed first."""
        index, end = INDICES[len(self.axes) - 1], self.names.fresh("end")
        loop = f"for (Index {index} = {self.chunk}; {index} < {end}; {index}++)"
        lines = [f"const Index {end} = {self.chunk} + {CHUNK} < {extent} ? {self.chunk} + {CHUNK} : {extent};"]
        lines += [f"{c_type(call.dtype)} {self.near[call]}[{CHUNK}];" for call, _ in self.calls]
        for _, statements in self.calls:
            lines += ["#pragma omp simd", *block(statements, loop)]
        clauses = [clause for one in self.accumulators for clause in one.clauses if one.depth < len(self.axes)]
        lines += [f"#pragma omp simd {' '.join(clauses)}"] if clauses else []
        lines += block(inner, loop)
        return block(lines, f"for (Index {self.chunk} = 0; {self.chunk} < {extent}; {self.chunk} += {CHUNK})")

    def _one_long_row(self, inner: list[str]) -> list[str]:
        """The last two loops as one, of which a vector takes elements from several short rows."""
        rows, row = self.axes[-2:]
        i, j, length = INDICES[len(self.axes) - 2], INDICES[len(self.axes) - 1], self._extent(row)
        used = set(re.findall(r"\w+", "\n".join(inner)))
        lines = [f"const int {i} = e / {length};"] if i in used else []
        lines += [f"const int {j} = e % {length};"] if j in used else []
        return block([*lines, *inner], f"for (int e = 0; e < (int)({self._extent(rows)}) * {length}; e++)")

    def _finish(self, depth: int) -> list[str]:
        """Store the sums whose loops have ended."""
        lines = []
        for one in self.accumulators:
            if one.depth == depth < len(self.axes):
                place = f"{self._home(one)}[{self.index(self._out_strides(one)) if depth else '0'}]"
                lines += one.finish(place)
        return lines

    def _extent(self, axis: Axis) -> str:
        dims = [self.loop.domain[member] for member in axis.members]
        if self.rows_axis not in axis.members:
            return self.scope.sizes.dim(product(tuple(dims)))
        rest = product(tuple(dims[1:]))
        return times("rows", self.scope.sizes.dim(rest))

    # ---------------------------------------------------------------------------------------------------------- calls

    def _item(self, lines: list[str]) -> Item:
        arguments = [f"const {self.scope.type_of(buffer)} {name}" for name, buffer in self.values.items()]
        for pointer in self.pointers.values():
            const = "const " if pointer.constant else ""
            arguments.append(f"{const}{self.scope.type_of(pointer.buffer)} *restrict {pointer.name}")
        shared = self.rows_axis is not None
        leading = (["Index low"] if self.needs_low else []) + (["Index rows"] if shared else [])
        function = self.scope.function(f"kernel_{self.number}", [*leading, *arguments], lines)
        extent = None if self.rows_axis is None else self.loop.domain[self.rows_axis]
        partials = [one for one in self.accumulators if one.partial]

        def call(low: str, rows: str, block: str) -> list[str]:
            texts = [*(["low"] if self.needs_low else []), *(["rows"] if shared else [])]
            texts = [{"low": low, "rows": rows}[text] for text in texts]
            texts += list(self.values)
            texts += [self._argument(pointer, low, block) for pointer in self.pointers.values()]
            return function(*texts)

        return Item(
            extent,
            tuple(self._accesses()),
            call,
            comment=self.scope.comment(self.loop),
            elements=product(tuple(d for axis, d in enumerate(self.loop.domain) if axis != self.rows_axis)),
            row_bytes=self._row_bytes(),
            partials=bool(partials),
            is_small=extent is None or self._is_small(),
            in_blocks=self.flat,
        )

    def _is_small(self) -> bool:
        count = product(self.loop.domain)
        return isinstance(count, int) and count <= SPLIT

    def _argument(self, pointer: Pointer, low: str, block: str) -> str:
        sizes = self.scope.sizes
        base = self.scope.reference(pointer.buffer)
        for one in self.accumulators:
            if one.partial and one.home is pointer.buffer:
                return base if block == "0" else f"{base} + {times(block, sizes.dim(one.size))}"
        terms = [sizes.dim(pointer.offset)]
        if pointer.stride != 0 and low != "0":
            terms.append(times(low, sizes.dim(pointer.stride)))
        offset = total(terms)
        return base if offset == "0" else f"{base} + {offset}"

    def _accesses(self) -> Iterator[Access]:
        for pointer in self.pointers.values():
            where = memory(pointer.buffer)
            row = None if where in self.whole else self._row(pointer)
            yield Access(where, not pointer.constant, row)
        if any(buffer.role == "shared" for _, buffer in self.loop.writes):
            yield Access(FAILURE, False, None)

    def _row(self, pointer: Pointer) -> Dim | None:
        """The length of a row, where the kernel keeps to its own."""
        if self.rows_axis is None:
            return None
        if any(one.partial and one.home is pointer.buffer for one in self.accumulators):
            return 1
        extent, shape = self.loop.domain[self.rows_axis], pointer.buffer.shape
        long = [dim for dim in shape if dim != 1]
        if not long or long[0] != extent or pointer.stride != product(tuple(long[1:])):
            return None
        return pointer.stride if self._within_row(pointer) else None

    def _within_row(self, pointer: Pointer) -> bool:
        """Whether no view behind a pointer reaches beyond its row."""
        assert self.rows_axis is not None
        views = (
            place
            for node, place in self.places.items()
            if node.shape == self.loop.domain and self.scope.buffers.get(place.base) is pointer.buffer
        )
        return all(keeps_to_rows(place, self.loop.domain, self.rows_axis, pointer.stride) for place in views)

    def _row_bytes(self) -> Dim:
        count: Dim = 0
        for pointer in self.pointers.values():
            stride = pointer.stride
            if isinstance(stride, int) and stride < 0:
                stride = -stride
            count = count + stride * pointer.buffer.dtype.itemsize
        return count


def write_loop(loop: Loop, scope: CScope, number: int) -> list[Item]:
    """The pieces of work of a fused kernel: itself, and sums over its partial sums."""
    writer = LoopWriter(loop, scope, number)
    item = writer.write()
    return [item, *(one.combination(item, scope) for one in writer.accumulators if one.partial)]
