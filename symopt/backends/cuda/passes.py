"""Kernels that go through elements one by one, and sums over all of them."""

from __future__ import annotations

from symopt.backends.cfamily.scope import Call
from symopt.backends.cfamily.spelling import bare, c_type
from symopt.backends.cfamily.text import block
from symopt.backends.cuda.jobs import PACK, SUM_BLOCKS, THREADS, Blocks, Job, passes
from symopt.backends.cuda.kernels import Kernel
from symopt.backends.cuda.scope import INLINE, Formals
from symopt.backends.cuda.sums import Sum
from symopt.graph.nodes import Embed, Iota, Node
from symopt.lowering.program import Buffer

FOUR = "for (int k = 0; k < PACK; k++)"
#: Elements of known number from which on four are read at once.
MANY = 1024


def write_pass(kernel: Kernel) -> list[Job]:
    """The jobs of a kernel without reductions that keep an axis."""
    kernel.element = "e"
    return _Packs(kernel).jobs() if _goes_on(kernel) else _one_by_one(kernel)


def _goes_on(kernel: Kernel) -> bool:
    """Whether all that is touched lies side by side in the same order, or is one number for all elements."""
    if len(kernel.axes) != 1 or kernel.trivial or (isinstance(kernel.count, int) and kernel.count < MANY):
        return False
    if any(isinstance(node, Embed) for node in kernel.loop.body):
        return False
    axis = kernel.axes[0].last
    steps = [place.strides[axis] for place in kernel.places.values()]
    if any(isinstance(place.base, Iota) for place in kernel.places.values()):
        return False
    return all(step in (0, 1) for step in steps) and (1 in steps or bool(kernel.loop.stores))


def _grid(kernel: Kernel, each: int) -> Blocks:
    return passes(kernel.count, each, SUM_BLOCKS if kernel.full else None)


def _is_one_block(kernel: Kernel, each: int) -> bool:
    return isinstance(kernel.count, int) and kernel.count <= each


def finished(kernel: Kernel, formals: Formals, blocks: Blocks, single: bool) -> tuple[list[str], list[Job]]:
    """Lines that leave the sums over everything, and the jobs of their second pass; ``single``: by one block alone."""
    lines, jobs = [], []
    for one in kernel.full:
        kernel.scope.pieces.add("sums.cu")
        whole = f"reduce<{one.operation}, 1>({one.name})"
        if single:
            target = formals.pointer(kernel.scope.field(one.result), writes=True)
            lines += [f"{one.name} = {whole};", f"if (threadIdx.x == 0) *{target} = {one.stored(one.name)};"]
        else:
            parts = kernel.scope.parts(one.node, one.dtype, blocks)
            target = formals.pointer(parts, writes=True)
            lines += [f"{one.name} = {whole};", f"if (threadIdx.x == 0) {target}[block] = {one.name};"]
            jobs.append(one.combination(kernel.scope, parts, blocks))
    return lines, jobs


def _one_by_one(kernel: Kernel) -> list[Job]:
    inner = kernel.statements(kernel.full)
    indices = kernel.unravelled("e", range(len(kernel.axes)), inner)
    formals, lines = kernel.formals()
    blocks = _grid(kernel, THREADS)
    lines += [one.declaration for one in kernel.full]
    if kernel.count == 1:
        lines += block(inner, "if (block == 0 && threadIdx.x == 0)")
    elif indices:
        lines += block([*indices, *inner], f"FOR_EACH(e, {kernel.scope.sizes.dim(kernel.count)})")
    else:  # one function for any number of elements
        formals.size("count", kernel.count)
        lines += block(inner, "FOR_EACH(e, count)")
    last, jobs = finished(kernel, formals, blocks, _is_one_block(kernel, THREADS))
    return [kernel.job(formals, [*lines, *last], blocks), *jobs]


class _Packs:
    """A kernel of which a thread does four elements at once, by a function for one of them."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.scope = kernel.scope
        self.streams: dict[str, Buffer] = {}  # by pointer: elements side by side
        self.numbers: dict[str, Buffer] = {}  # by pointer: one number for all
        self.read: set[str] = set()
        self.stored: set[str] = set()

    def jobs(self) -> list[Job]:
        """The jobs, with their functions."""
        self.scope.pieces.add("pack.cu")
        kernel = self.kernel
        body = kernel.body(self._read)
        values = [(buffer, bare(body.text(node))) for node, buffer in kernel.loop.stores]
        lines = [f"{one.name} = {bare(body.text(one.node.operands[0]))};" for one in kernel.full]
        for buffer, value in values:
            name = kernel.target(buffer)
            self.streams[name] = buffer
            self.stored.add(name)
            lines.append(f"{name} = {value};")
        element = self.scope.define(
            f"{INLINE} void", f"element_{kernel.number}", self._formals(), [*body.lines, *lines], self.scope.functions
        )
        return self._passes(element)

    def _read(self, node: Node) -> str:
        """The name that a node has in the function for one element, or a literal."""
        place = self.kernel.places[node]
        text = self.kernel.read(node)
        if "[" not in text:
            return text
        name = text.split("[")[0]
        buffer = self.scope.buffers[place.base]
        if place.strides[self.kernel.axes[0].last] == 0:
            self.numbers[name] = buffer
        else:
            self.streams[name] = buffer
            self.read.add(name)
        return name

    def _formals(self) -> list[str]:
        """What the function for one element is given."""
        given = {**self.kernel.values, **self.numbers, **self.streams}
        texts = []
        for name, buffer in given.items():
            texts.append(f"{self.scope.type_of(buffer)} {'&' if name in self.stored else ''}{name}")
        return [*texts, *(f"{self._type(one)} &{one.name}" for one in self.kernel.full)]

    def _type(self, one: Sum) -> str:
        return c_type(one.node.operands[0].dtype)

    def _passes(self, element: Call) -> list[Job]:
        """Four elements at a time, then those that are left."""
        kernel = self.kernel
        formals, lines = kernel.formals()
        packs = {name: kernel.names.fresh("pack0") for name in self.streams}
        four = {one: kernel.names.fresh(f"{one.name}_of_4") for one in kernel.full}
        single = {one: kernel.names.fresh(f"{one.name}_of") for one in kernel.full}
        formals.size("count", kernel.count)
        common = [*kernel.values, *(f"*{name}" for name in self.numbers)]
        lines += [one.declaration for one in kernel.full]
        lines += _aligned(list(self.streams))
        call = element(*common, *(f"{name}.at[k]" for name in packs.values()), *(f"{t}[k]" for t in four.values()))
        inner = [*self._loads(packs), *(f"{self._type(one)} {text}[PACK];" for one, text in four.items())]
        inner += [f"{FOUR} {call[0]}"] if len(call) == 1 and len(call[0]) < 72 else block(call, FOUR)
        inner += [f"put({name}, p, {packs[name]});" for name in packs if name in self.stored]
        inner += [one.add_four(text) for one, text in four.items()]
        rest = ["const Index e = PACK * packs + i;", *(f"{self._type(one)} {t};" for one, t in single.items())]
        rest += element(*common, *(f"{name}[e]" for name in packs), *single.values())
        rest += [one.add(text) for one, text in single.items()]
        lines += [*block(inner, "FOR_EACH(p, packs)"), *block(rest, "FOR_EACH(i, count - PACK * packs)")]
        each = THREADS * PACK
        blocks = _grid(kernel, each)
        last, jobs = finished(kernel, formals, blocks, _is_one_block(kernel, each))
        return [kernel.job(formals, [*lines, *last], blocks), *jobs]

    def _loads(self, packs: dict[str, str]) -> list[str]:
        lines = []
        for name, four in packs.items():
            kind = f"{'' if name in self.stored else 'const '}Pack<{self.scope.type_of(self.streams[name])}>"
            lines.append(f"{kind} {four} = pack({name}, p);" if name in self.read else f"{kind} {four};")
        return lines


def _aligned(names: list[str]) -> list[str]:
    """Lines that count the packs, which there are only where all memory begins as one."""
    head, lines = "const bool aligned = ", list[str]()
    for name in names:
        term = f"is_aligned({name})"
        if lines and len(lines[-1]) + len(term) < 100:
            lines[-1] += f" && {term}"
        else:
            lines.append(f"    && {term}" if lines else f"{head}{term}")
    return [*lines[:-1], f"{lines[-1]};", "const Index packs = aligned ? count / PACK : 0;"]
