"""Kernels of what is neither pointwise nor a product: gathers, scatters, joins, running sums and draws."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from symopt.backends.cfamily.elements import element
from symopt.backends.cfamily.places import row_major
from symopt.backends.cfamily.scope import Field
from symopt.backends.cfamily.spelling import c_type, number_text, times, total
from symopt.backends.cfamily.text import block
from symopt.backends.cuda.jobs import THREADS, At, Blocks, Job, Sort, passes
from symopt.backends.cuda.scope import CudaScope, Formals
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Concatenate, Cumulate, Node, Random, ScatterAdd, Take
from symopt.graph.promotion import INT64
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer, Library, memory

INDICES = "ijklmpqr"
#: Further names of variables: of indices into indices, of an element, and of two turns.
LOCAL = "cdfghest"
#: Elements of a line up to which one thread adds them up; else it is a block.
SHORT = 64


def write_library(kernel: Library, scope: CudaScope, number: int, atomic: bool) -> list[Job | Sort]:
    """The work of a kernel that is one node; ``atomic``: a scatter adds in any order."""
    # There is no atomic addition of one byte or two.
    if isinstance(kernel.node, ScatterAdd) and not (atomic and kernel.node.dtype.itemsize >= 4):
        return _sorted_scatter(kernel, scope, number)
    return _WRITERS[type(kernel.node)](kernel, scope, number)


class _Writer:
    """The function of one kernel: its arguments, and the texts of elements."""

    def __init__(self, kernel: Library, scope: CudaScope, out: Field | None = None) -> None:
        self.kernel = kernel
        self.scope = scope
        self.formals = Formals(scope, Names(scope.taken | set(INDICES) | set(LOCAL) | {"failure"}))
        self.numbers: dict[str, str] = {}
        self.known: dict[tuple[object, Dim], str] = {}
        self.out = self.formals.pointer(out or scope.field(kernel.buffer), writes=True, name="out")

    def element(self, node: Node, indices: Sequence[str]) -> str:
        """Element ``indices`` of an operand."""
        return element(node, indices, self.scope, self._pointer, self._number)

    def _pointer(self, buffer: Buffer, offset: Dim) -> str:
        key = memory(buffer), offset
        if key not in self.known:
            self.known[key] = self.formals.pointer(self.scope.field(buffer), offset)
        return self.known[key]

    def _number(self, buffer: Buffer) -> str:
        if buffer.name not in self.numbers:
            self.numbers[buffer.name] = self.formals.pointer(self.scope.field(buffer), name=f"at_{buffer.name}")
        return f"*{self.numbers[buffer.name]}"

    def place(self, indices: Sequence[str]) -> str:
        """An element of the result."""
        return f"{self.out}[{place(indices, self.kernel.node.shape, self.scope)}]"

    def each(self, counter: str, count: Dim, lines: Sequence[str]) -> list[str]:
        """A pass over all."""
        return block(lines, f"FOR_EACH({counter}, {self.scope.sizes.dim(count)})")

    def checked(self, number: int, length: Dim) -> list[str]:
        """Lines that leave out an index ``at`` that is out of range, and note it."""
        self.scope.fails = True
        self.scope.pieces.add("failure.cu")
        failure = self.scope.failure()
        self.formals.add("failure", At(failure, 0, False))
        note = f"note_failure(failure, {number}, at);"
        return block([note, "continue;"], f"if (at < 0 || at >= {self.scope.sizes.dim(length)})")

    def job(self, stem: str, lines: Sequence[str], count: Dim, blocks: Blocks | None = None) -> Job:
        """The job of these lines."""
        return self.formals.job(stem, lines, blocks or passes(count), self.scope.comment(self.kernel), count)


def place(indices: Sequence[str], shape: Sequence[Dim], scope: CudaScope) -> str:
    """Where an element lies in memory that is filled row by row."""
    strides = zip(indices, row_major(tuple(shape)), strict=True)
    return total([times(i, scope.sizes.dim(stride)) for i, stride in strides if stride != 0])


def unravelled(
    counter: str, shape: Sequence[Dim], names: Sequence[str], scope: CudaScope, inner: list[str]
) -> list[str]:
    """Lines that take the indices that ``inner`` has out of a counter."""
    used = set(re.findall(r"\w+", "\n".join(inner)))
    lines = []
    step: Dim = 1
    first = next((axis for axis, dim in enumerate(shape) if dim != 1), 0)
    for axis in range(len(shape) - 1, -1, -1):
        text = counter if step == 1 else f"{counter} / {scope.sizes.divisor(step)}"
        if axis > first:
            text += f" % {scope.sizes.divisor(shape[axis])}"
        if names[axis] in used:
            lines.append(f"const Index {names[axis]} = {'0' if shape[axis] == 1 else text};")
        step = step * shape[axis]
    return lines[::-1]


def _take(kernel: Library, scope: CudaScope, number: int) -> list[Job | Sort]:
    node = kernel.node
    assert isinstance(node, Take)
    values, indices = node.operands
    writer, axis, chosen = _Writer(kernel, scope), node.axis, indices.ndim
    names = INDICES[: node.ndim]
    at = writer.element(indices, names[axis : axis + chosen])
    value = writer.element(values, [*names[:axis], "at", *names[axis + chosen :]])
    inner = [f"const Index at = {at};", *writer.checked(number, values.shape[axis]), f"{writer.out}[e] = {value};"]
    inner = [*unravelled("e", node.shape, names, scope, inner), *inner]
    count = product(node.shape)
    return [writer.job(f"take_{number}", writer.each("e", count, inner), count)]


def _cleared(kernel: Library, scope: CudaScope) -> Job:
    """The job that fills the result with zeros."""
    writer, count = _Writer(kernel, scope), product(kernel.node.shape)
    lines = writer.each("e", count, [f"{writer.out}[e] = {number_text(0, kernel.node.dtype)};"])
    return writer.formals.job("clear", lines, passes(count), f"{kernel.buffer.name}: zeros", count)


def _sorted_scatter(kernel: Library, scope: CudaScope, number: int) -> list[Job | Sort]:
    """Indices are sorted, and one thread adds up what belongs to an element, in the order of the indices."""
    node = kernel.node
    assert isinstance(node, ScatterAdd)
    values, indices = node.operands
    axis, chosen, count = node.axis, indices.ndim, product(indices.shape)
    flat = scope.temporary("index", node, INT64, count)
    order = scope.temporary("order", node, INT64, count)
    first = _flat_indices(kernel, scope, flat, number)
    sort = Sort(
        flat, order, count, frozenset({scope.key(flat)}), frozenset({scope.key(order)}), f"order of {flat.name}"
    )
    writer = _Writer(kernel, scope)
    places, ordered = writer.formals.pointer(flat), writer.formals.pointer(order)
    around = (*values.shape[:axis], *values.shape[axis + chosen :])
    names = INDICES[: len(around)]
    outer, inner_names, which = names[:axis], names[axis:], LOCAL[:chosen]
    value = writer.element(values, [*outer, *which, *inner_names])
    wide = "double" if node.dtype.kind == "f" else c_type(node.dtype)
    taken = unravelled("t", indices.shape, which, scope, [value])
    has_turn = any(re.search(r"\bt\b", line) for line in taken)
    step = [*([f"const Index t = {ordered}[s];"] if has_turn else []), *taken, f"sum += {value};"]
    rest = scope.sizes.divisor(product(around))
    total_ = writer.place([*outer, "at", *inner_names])
    turn = f"for (Index s = first; s < {scope.sizes.dim(count)} && {places}[{ordered}[s]] == at; s++)"
    lines = [
        f"const Index first = e / {rest}, at = {places}[{ordered}[first]];",
        f"if (first > 0 && {places}[{ordered}[first - 1]] == at) continue;  /* another thread's */",
        *block(["continue;"], f"if (at < 0 || at >= {scope.sizes.dim(node.shape[axis])})"),
        f"{wide} sum = 0;",
        *block(step, turn),
        f"{total_} = ({c_type(node.dtype)})sum;",
    ]
    decomposed = unravelled("r", around, names, scope, lines)
    has_place = any(re.search(r"\br\b", line) for line in decomposed)
    lines = [*([f"const Index r = e % {rest};"] if has_place else []), *decomposed, *lines]
    work = product(values.shape)
    return [first, sort, _cleared(kernel, scope), writer.job(f"scatter_{number}", writer.each("e", work, lines), work)]


def _flat_indices(kernel: Library, scope: CudaScope, flat: Field, number: int) -> Job:
    """The job that writes indices one after the other, and looks whether they are in range."""
    node = kernel.node
    assert isinstance(node, ScatterAdd)
    indices = node.operands[1]
    writer, names = _Writer(kernel, scope, flat), INDICES[: indices.ndim]
    lines = [f"const Index at = {writer.element(indices, names)};", f"{writer.out}[e] = at;"]
    lines += writer.checked(number, node.shape[node.axis])
    lines = [*unravelled("e", indices.shape, names, scope, lines), *lines]
    count = product(indices.shape)
    return writer.job("indices", writer.each("e", count, lines), count)


def _atomic_scatter(kernel: Library, scope: CudaScope, number: int) -> list[Job | Sort]:
    node = kernel.node
    assert isinstance(node, ScatterAdd)
    values, indices = node.operands
    writer, axis, chosen = _Writer(kernel, scope), node.axis, indices.ndim
    names = INDICES[: values.ndim]
    at = writer.element(indices, names[axis : axis + chosen])
    place_text = writer.place([*names[:axis], "at", *names[axis + chosen :]])
    kind = {"i": "unsigned long long" if node.dtype.itemsize == 8 else "unsigned"}.get(node.dtype.kind)
    where = f"({kind} *)&{place_text}" if kind else f"&{place_text}"
    value = writer.element(values, names)
    add = f"atomicAdd({where}, {f'({kind})' if kind else ''}{value});"
    inner = [f"const Index at = {at};", *writer.checked(number, node.shape[axis]), add]
    inner = [*unravelled("e", values.shape, names, scope, inner), *inner]
    count = product(values.shape)
    return [_cleared(kernel, scope), writer.job(f"scatter_{number}", writer.each("e", count, inner), count)]


def _concatenate(kernel: Library, scope: CudaScope, number: int) -> list[Job | Sort]:
    node = kernel.node
    assert isinstance(node, Concatenate)
    writer, names, axis = _Writer(kernel, scope), INDICES[: node.ndim], node.axis
    past: Dim = 0
    texts = []
    for operand in node.operands:
        index = names[axis] if past == 0 else f"({names[axis]} - {scope.sizes.dim(past)})"
        value = writer.element(operand, [*names[:axis], index, *names[axis + 1 :]])
        past = past + operand.shape[axis]
        texts.append((value, f"{names[axis]} < {scope.sizes.dim(past)}"))
    inner = [f"{'else ' if k else ''}if ({upto}) {writer.out}[e] = {value};" for k, (value, upto) in enumerate(texts)]
    inner[-1] = f"{'else ' if len(texts) > 1 else ''}{writer.out}[e] = {texts[-1][0]};"
    inner = [*unravelled("e", node.shape, names, scope, inner), *inner]
    count = product(node.shape)
    return [writer.job(f"join_{number}", writer.each("e", count, inner), count)]


def _cumulate(kernel: Library, scope: CudaScope, number: int) -> list[Job | Sort]:
    node = kernel.node
    assert isinstance(node, Cumulate)
    (operand,) = node.operands
    writer, names, axis = _Writer(kernel, scope), list(INDICES[: node.ndim]), node.axis
    length, lines_in_all = node.shape[axis], product((*node.shape[:axis], *node.shape[axis + 1 :]))
    index, wide = names[axis], "double" if node.dtype.kind == "f" else c_type(node.dtype)
    text = scope.sizes.dim(length)
    others = [*names[:axis], *names[axis + 1 :]]
    around = (*node.shape[:axis], *node.shape[axis + 1 :])
    short = isinstance(length, int) and length <= SHORT
    counter = "turn" if node.reverse else index
    value, target = writer.element(operand, names), writer.place(names)
    used = index in re.findall(r"\w+", f"{value} {target}")
    back = [f"const Index {index} = {text} - 1 - turn;"] if node.reverse and used else []
    if short:
        inner = [*back, f"sum += {value};", f"{target} = ({c_type(node.dtype)})sum;"]
        loop = [f"{wide} sum = 0;", *block(inner, f"for (Index {counter} = 0; {counter} < {text}; {counter}++)")]
        lines = writer.each("e", lines_in_all, [*unravelled("e", around, others, scope, loop), *loop])
        return [writer.job(f"running_sum_{number}", lines, lines_in_all)]
    scope.pieces.add("scan.cu")
    inner = [
        f"const Index {counter} = first + threadIdx.x;",
        *back,
        f"{wide} whole, sum = before + running_sum({counter} < {text} ? ({wide}){value} : 0, whole);",
        f"if ({counter} < {text}) {target} = ({c_type(node.dtype)})sum;",
        "before += whole;",
    ]
    loop = [f"{wide} before = 0;", *block(inner, f"for (Index first = 0; first < {text}; first += THREADS)")]
    loop = [*unravelled("e", around, others, scope, loop), *loop]
    lines = block(loop, f"for (Index e = block; e < {scope.sizes.dim(lines_in_all)}; e += blocks)")
    return [writer.job(f"running_sum_{number}", lines, product(node.shape), passes(lines_in_all, 1))]


def _random(kernel: Library, scope: CudaScope, number: int) -> list[Job | Sort]:
    node = kernel.node
    assert isinstance(node, Random)
    scope.pieces.add("random.cu")
    writer = _Writer(kernel, scope)
    call = writer.formals.pointer(scope.call_number())
    seed, stream = node.seed & 0xFFFFFFFFFFFFFFFF, scope.program.streams[node]
    writer.formals.size("count", product(node.shape))
    line = f"draw(block, blocks, count, {seed}ULL, {stream}u, (unsigned)*{call}, {writer.out});"
    return [writer.job(f"draw_{number}", [line], product(node.shape), passes(product(node.shape), 4 * THREADS))]


_WRITERS: dict[type[Node], Callable[[Library, CudaScope, int], list[Job | Sort]]] = {
    Take: _take,
    ScatterAdd: _atomic_scatter,
    Concatenate: _concatenate,
    Cumulate: _cumulate,
    Random: _random,
}
