"""C functions of what is neither pointwise nor a product: gathers, scatters, joins, running sums and draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symopt.backends.c.item import FAILURE, Access, Item
from symopt.backends.c.products import write_product
from symopt.backends.c.scope import CScope
from symopt.backends.cfamily.elements import element
from symopt.backends.cfamily.places import row_major
from symopt.backends.cfamily.spelling import c_type, number_text, times, total
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Concatenate, Contract, Cumulate, Node, Random, ScatterAdd, Take
from symopt.lowering.program import Buffer, Library, memory

INDICES = "ijklmpqr"


def write_library(kernel: Library, scope: CScope, number: int) -> list[Item]:
    """The pieces of work of a kernel that is one node."""
    return _WRITERS[type(kernel.node)](kernel, scope, number)


class _Reader:
    """The text of single elements of operands, through pointers that the function is given."""

    def __init__(self, kernel: Library, scope: CScope) -> None:
        self.scope = scope
        self.kernel = kernel
        self.arguments: list[str] = []
        self.texts: list[str] = []
        self.accesses: list[Access] = []
        real = c_type(kernel.buffer.dtype)
        self.arguments.append(f"{real} *restrict out")
        self.texts.append(scope.reference(kernel.buffer))
        self.accesses.append(Access(memory(kernel.buffer), True, None))

    def element(self, node: Node, indices: Sequence[str]) -> str:
        """Element ``indices`` of an operand."""
        return element(node, indices, self.scope, self._pointer, self._number)

    def _number(self, buffer: Buffer) -> str:
        if buffer.name not in self.texts:
            self.arguments.append(f"const {c_type(buffer.dtype)} {buffer.name}")
            self.texts.append(buffer.name)
        return buffer.name

    def _pointer(self, buffer: Buffer, offset: Dim) -> str:
        name = f"x{len(self.arguments)}"
        self.arguments.append(f"const {c_type(buffer.dtype)} *restrict {name}")
        self.texts.append(total([self.scope.reference(buffer), self.scope.sizes.dim(offset)]))
        self.accesses.append(Access(memory(buffer), False, None))
        return name

    def item(self, stem: str, lines: list[str], may_fail: bool = False) -> Item:
        """The piece of work, which no threads share."""
        arguments, texts = list(self.arguments), list(self.texts)
        if may_fail:
            arguments.append("long long *restrict failure")
            texts.append("m->failure")
            self.accesses.append(Access(FAILURE, True, None))
        function = self.scope.function(stem, arguments, lines)

        def call(low: str, rows: str, block: str) -> list[str]:
            return function(*texts)

        return Item(None, tuple(self.accesses), call, self.scope.comment(self.kernel), is_small=True, may_fail=may_fail)


def _loops(sizes: Sequence[tuple[str, str]], inner: list[str]) -> list[str]:
    """Nested loops with ``inner`` inside."""
    if not sizes:
        return inner
    (index, length), *rest = sizes
    head = f"for (Index {index} = 0; {index} < {length}; {index}++) {{"
    return [head, *(f"    {line}" for line in _loops(rest, inner)), "}"]


def _ranges(shape: Sequence[Dim], scope: CScope, first: int = 0) -> list[tuple[str, str]]:
    return [(INDICES[first + axis], scope.sizes.dim(dim)) for axis, dim in enumerate(shape)]


def _out(indices: Sequence[str], node: Node, scope: CScope) -> str:
    strides = zip(indices, row_major(node.shape), strict=True)
    return f"out[{total([times(i, scope.sizes.dim(stride)) for i, stride in strides if stride != 0])}]"


def _checked(number: int, length: Dim, scope: CScope) -> list[str]:
    """Lines that leave the function where the index ``at`` is out of range."""
    return [
        f"if (at < 0 || at >= {scope.sizes.dim(length)}) {{",
        "    if (!failure[0]) {",
        f"        failure[0] = {number};",
        "        failure[1] = at;",
        "    }",
        "    return;",
        "}",
    ]


def _take(kernel: Library, scope: CScope, number: int) -> list[Item]:
    node = kernel.node
    assert isinstance(node, Take)
    values, indices = node.operands
    reader, axis, chosen = _Reader(kernel, scope), node.axis, indices.ndim
    ranges = _ranges(node.shape, scope)
    names = [index for index, _ in ranges]
    at = reader.element(indices, names[axis : axis + chosen])
    value = reader.element(values, [*names[:axis], "at", *names[axis + chosen :]])
    inner = [
        f"const Index at = {at};",
        *_checked(number, values.shape[axis], scope),
        f"{_out(names, node, scope)} = {value};",
    ]
    return [reader.item(f"take_{number}", _loops(ranges, inner), may_fail=True)]


def _scatter_add(kernel: Library, scope: CScope, number: int) -> list[Item]:
    node = kernel.node
    assert isinstance(node, ScatterAdd)
    values, indices = node.operands
    reader, axis, chosen = _Reader(kernel, scope), node.axis, indices.ndim
    ranges = _ranges(values.shape, scope)
    names = [index for index, _ in ranges]
    at = reader.element(indices, names[axis : axis + chosen])
    value = reader.element(values, names)
    inner = [
        f"const Index at = {at};",
        *_checked(number, node.shape[axis], scope),
        f"{_out([*names[:axis], 'at', *names[axis + chosen :]], node, scope)} += {value};",
    ]
    zero = number_text(0, node.dtype)
    if kernel in scope.sparse:  # only rows that get something are read
        clear = _loops(ranges, [*inner[:-1], inner[-1].replace("+= " + value, f"= {zero}")])
    else:
        clear = [f"for (Index i = 0; i < {scope.sizes.dim(product(node.shape))}; i++) out[i] = {zero};"]
    return [reader.item(f"scatter_{number}", [*clear, *_loops(ranges, inner)], may_fail=True)]


def _concatenate(kernel: Library, scope: CScope, number: int) -> list[Item]:
    node = kernel.node
    assert isinstance(node, Concatenate)
    reader, lines = _Reader(kernel, scope), []
    past: Dim = 0
    for operand in node.operands:
        ranges = _ranges(operand.shape, scope)
        names = [index for index, _ in ranges]
        value = reader.element(operand, names)
        places = list(names)
        if past != 0:
            places[node.axis] = f"({names[node.axis]} + {scope.sizes.dim(past)})"
        lines += _loops(ranges, [f"{_out(places, node, scope)} = {value};"])
        past = past + operand.shape[node.axis]
    return [reader.item(f"join_{number}", lines)]


def _cumulate(kernel: Library, scope: CScope, number: int) -> list[Item]:
    node = kernel.node
    assert isinstance(node, Cumulate)
    (operand,) = node.operands
    reader = _Reader(kernel, scope)
    ranges = _ranges(node.shape, scope)
    names = [index for index, _ in ranges]
    index, length = ranges.pop(node.axis)
    # The running sum of float32 is kept in float64: it is as good as any.
    wide = "double" if node.dtype.kind == "f" else c_type(node.dtype)
    from_end = f"{length} - 1 - {index}"
    names[node.axis] = f"({from_end})" if node.reverse else index
    inner = [
        f"{wide} sum = 0;",
        f"for (Index {index} = 0; {index} < {length}; {index}++) {{",
        f"    sum += {reader.element(operand, names)};",
        f"    {_out(names, node, scope)} = ({c_type(node.dtype)})sum;",
        "}",
    ]
    return [reader.item(f"running_sum_{number}", _loops(ranges, inner))]


def _random(kernel: Library, scope: CScope, number: int) -> list[Item]:
    node = kernel.node
    assert isinstance(node, Random)
    scope.draws.add(node.dtype.name)
    name = f"draw_{node.dtype.name}"
    seed, stream = node.seed & 0xFFFFFFFFFFFFFFFF, scope.program.streams[node]
    count = scope.sizes.dim(product(node.shape))

    def call(low: str, rows: str, block: str) -> list[str]:
        return [f"{name}({count}, {seed}ULL, {stream}u, (unsigned)call, {scope.reference(kernel.buffer)});"]

    return [Item(None, (Access(memory(kernel.buffer), True, None),), call, scope.comment(kernel), is_small=True)]


_WRITERS: dict[type[Node], Callable[[Library, CScope, int], list[Item]]] = {
    Contract: write_product,
    Take: _take,
    ScatterAdd: _scatter_add,
    Concatenate: _concatenate,
    Cumulate: _cumulate,
    Random: _random,
}
