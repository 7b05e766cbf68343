"""C functions of fused kernels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symopt.backends.c.embeds import EmbedWriter, moved_axes
from symopt.backends.c.item import FAILURE, Access, Item
from symopt.backends.c.reductions import Accumulator, accumulator
from symopt.backends.c.scope import SPLIT, Scope
from symopt.backends.c.short_rows import is_short
from symopt.backends.c.text import block
from symopt.backends.cfamily.axes import Axis, merged_axes
from symopt.backends.cfamily.body import Body
from symopt.backends.cfamily.operations import bare
from symopt.backends.cfamily.places import Place, place_of, row_major
from symopt.backends.cfamily.spelling import c_type, number_text, times, total
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Constant, DType, Embed, Iota, Node
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer, Loop, memory

INDICES = "ijklm"


@dataclass(frozen=True)
class Pointer:
    """An argument of a kernel: memory from an offset on, which moves by ``stride`` from row to row."""

    name: str
    buffer: Buffer
    offset: Dim
    stride: Dim
    constant: bool


class LoopWriter:
    """Writes the function of one kernel, and tells how it is called."""

    def __init__(self, loop: Loop, scope: Scope, number: int) -> None:
        self.loop = loop
        self.scope = scope
        self.number = number
        self.names = Names(scope.taken)
        self.pointers: dict[tuple[object, Dim, Dim], Pointer] = {}
        self.values: dict[str, DType] = {}  # scalars that are passed by value
        self.needs_low = False
        self.whole: set[object] = set()  # memory that is read at other rows
        self.written = {memory(buffer) for _, buffer in loop.writes}
        self.rows_axis = next((axis for axis, dim in enumerate(loop.domain) if dim != 1), None)
        if self.rows_axis is not None and not scope.is_split(loop.domain[self.rows_axis]):
            self.rows_axis = None
        self.reads = list(dict.fromkeys(loop.reads()))
        self.places = {node: self.place(node) for node in self.reads}
        self.axes = self._axes()
        self.flat = is_short(loop) and not loop.reductions and len(self.axes) > 1 and self._few_rows(self.axes[-2])
        self.accumulators = [
            accumulator(node, buffer, self._flags(number), self.rows_axis is not None, scope, self.names)
            for number, (node, buffer) in enumerate(loop.reductions)
        ]

    # ------------------------------------------------------------------------------------------------------- places

    def place(self, node: Node) -> Place:
        return place_of(node, self.scope.buffers)

    def _axes(self) -> list[Axis]:
        walks = [place.strides for node, place in self.places.items() if node.shape == self.loop.domain]
        walks.append(row_major(self.loop.domain))
        embeds = [node for node in self.loop.body if isinstance(node, Embed)]
        walks += [self.place(node.operands[0]).strides for node in embeds]
        apart = {axis for node in embeds for axis in moved_axes(node)}
        return merged_axes(self.loop.domain, walks, [node.axes for node, _ in self.loop.reductions], apart)

    def _few_rows(self, axis: Axis) -> bool:
        """Whether the elements of an axis and a short one can be counted in an int: those of a block can."""
        count = product(tuple(self.loop.domain[member] for member in axis.members if member != self.rows_axis))
        return isinstance(count, int) and count <= SPLIT

    def _flags(self, number: int) -> tuple[bool, ...]:
        return tuple(axis.reduced[number] for axis in self.axes)

    def _index(self, strides: tuple[Dim, ...]) -> str:
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

    def pointer(self, buffer: Buffer, offset: Dim, stride: Dim, constant: bool) -> str:
        """The name of the argument for a place in memory."""
        key = (memory(buffer), offset, stride)
        found = self.pointers.get(key)
        if found is None:
            constant = constant and memory(buffer) not in self.written
            found = Pointer(self.names.fresh(buffer.name), buffer, offset, stride, constant)
            self.pointers[key] = found
        return found.name

    def _row_stride(self, strides: tuple[Dim, ...]) -> Dim:
        return 0 if self.rows_axis is None else strides[self.rows_axis]

    # -------------------------------------------------------------------------------------------------------- values

    def read(self, node: Node) -> str:
        """The text of a node that the body reads."""
        place = self.places[node]
        base = place.base
        buffer = self.scope.buffers.get(base)
        if isinstance(base, Constant) and base.value.size == 1:
            return number_text(base.value.reshape(())[()], base.dtype)
        if isinstance(base, Iota):
            return self._counted(place)
        assert buffer is not None
        if buffer.role == "scalar":
            self.values[buffer.name] = buffer.dtype
            return buffer.name
        name = self.pointer(buffer, place.offset, self._row_stride(place.strides), constant=True)
        return f"{name}[{self._index(place.strides)}]"

    def _counted(self, place: Place) -> str:
        """An element of 0, 1, 2, ..., which is its own place."""
        terms = [self.scope.sizes.dim(place.offset)]
        for depth, axis in enumerate(self.axes):
            stride = place.strides[axis.last]
            if stride != 0:
                terms.append(times(self.global_index(depth), self.scope.sizes.dim(stride)))
        text = total(terms)
        return text if text.isalnum() else f"({text})"

    def global_index(self, depth: int) -> str:
        """The index along an axis, counted over all rows."""
        if self.axes[depth].members[0] != self.rows_axis:
            return INDICES[depth]
        self.needs_low = True
        rest = product(tuple(self.loop.domain[member] for member in self.axes[depth].members[1:]))
        return f"({times('low', self.scope.sizes.dim(rest))} + {INDICES[depth]})"

    def _kept(self, node: Node) -> bool:
        buffer = self.scope.buffers.get(self.places[node].base) if node in self.places else None
        return buffer is not None and buffer.role != "scalar" and memory(buffer) in self.written

    # ---------------------------------------------------------------------------------------------------------- text

    def write(self) -> Item:
        """Add the function to the module; how it is called."""
        embeds = EmbedWriter(self)
        body = Body(self.loop, self.scope.operations, self.read, embeds.text, self._kept, self.names)
        strides = row_major(self.loop.domain)
        stores = []
        for node, buffer in self.loop.stores:
            value = body.text(node)
            name = self.pointer(buffer, 0, self._row_stride(strides), constant=False)
            stores.append(f"{name}[{self._index(strides)}] = {bare(value)};")
        updates = [line for one in self.accumulators for line in self._accumulate(one, body)]
        inner = [*body.lines, *stores, *updates]
        lines = [*self._start(), *self._loops(inner, 0), *self._finish(0)]
        return self._item(lines)

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
        return one.add_in_memory(f"{self._home(one)}[{self._index(self._out_strides(one))}]", value)

    def _out_strides(self, one: Accumulator) -> tuple[Dim, ...]:
        """The strides of a result over the axes of the domain; 0 along those that are reduced."""
        kept = iter(row_major(one.node.shape))
        return tuple(0 if axis in one.node.axes else next(kept) for axis in range(len(self.loop.domain)))

    def _home(self, one: Accumulator) -> str:
        """The argument that the result is written to."""
        stride = self._row_stride(self._out_strides(one))
        return self.pointer(one.home, 0, stride, constant=False)

    def _loops(self, inner: list[str], depth: int) -> list[str]:
        if depth == len(self.axes):
            return inner
        extent = self._extent(self.axes[depth])
        lines = [one.declaration for one in self.accumulators if one.depth == depth]
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
                place = f"{self._home(one)}[{self._index(self._out_strides(one)) if depth else '0'}]"
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
        arguments = [f"const {c_type(dtype)} {name}" for name, dtype in self.values.items()]
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
        """Whether no view behind a pointer reaches beyond its row: plain ones don't, for others numbers must tell."""
        for node, place in self.places.items():
            if node.shape != self.loop.domain or self.scope.buffers.get(place.base) is not pointer.buffer:
                continue
            reach = place.offset
            for axis, dim in enumerate(self.loop.domain):
                stride = place.strides[axis]
                if axis == self.rows_axis or stride == 0:
                    continue
                if isinstance(stride, int) and stride < 0:
                    return False
                reach = reach + (dim - 1) * stride
            room = pointer.stride - 1 - reach
            if not isinstance(place.offset, int) or place.offset < 0 or not isinstance(room, int) or room < 0:
                return False
        return True

    def _row_bytes(self) -> Dim:
        count: Dim = 0
        for pointer in self.pointers.values():
            stride = pointer.stride
            if isinstance(stride, int) and stride < 0:
                stride = -stride
            count = count + stride * pointer.buffer.dtype.itemsize
        return count


def write_loop(loop: Loop, scope: Scope, number: int) -> list[Item]:
    """The pieces of work of a fused kernel: itself, and sums over its partial sums."""
    writer = LoopWriter(loop, scope, number)
    item = writer.write()
    return [item, *(one.combination(item, scope) for one in writer.accumulators if one.partial)]
