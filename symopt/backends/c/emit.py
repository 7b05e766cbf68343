"""From a program to the text of a C file. Pure: the same program and sizes give the same text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from symopt.backends.c.item import FAILURE, Access, Group, Item
from symopt.backends.c.library import write_library
from symopt.backends.c.loops import write_loop
from symopt.backends.c.products import product_text
from symopt.backends.c.scalars import Numbers, numbers
from symopt.backends.c.schedule import schedule
from symopt.backends.c.scope import Field, Scope
from symopt.backends.cfamily.operations import VECTOR_FUNCTIONS
from symopt.backends.cfamily.places import place_of
from symopt.backends.cfamily.spelling import WIDTH, c_type, number_text, times, total
from symopt.graph.dimensions import names_in, product, symbol
from symopt.graph.nodes import Constant, Input, Iota, Node, Shared
from symopt.lowering.program import Buffer, Loop, Program, base_of, is_leaf, is_scalar_slot, memory


@dataclass(frozen=True)
class Module:
    """The text, the memory that it is given, and what tells how much of it there is.

    ``blocks`` is the number of rows to a block of each field of partial results; ``sizes`` are the run-time sizes in
    the order in which they are passed. ``threads`` says whether threads share anything, and ``epochs`` whether there
    is a function for whole epochs.
    """

    source: str
    fields: tuple[Field, ...]
    numbers: dict[Node, Field]
    blocks: dict[str, tuple[object, int]]
    sizes: tuple[str, ...]
    threads: bool
    epochs: bool
    failures: dict[int, Node]


@cache
def _text(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def emit(program: Program, sizes: Mapping[str, int] | None = None, title: str = "a function") -> Module:
    """The module of ``program``; ``sizes`` are typical run-time sizes, which blocks are chosen for."""
    scope = Scope(program)
    weak = numbers(scope)
    items: list[Item] = []
    failures: dict[int, Node] = {}
    for number, kernel in enumerate(program.kernels, 1):
        made = write_loop(kernel, scope, number) if isinstance(kernel, Loop) else write_library(kernel, scope, number)
        items += made
        if any(item.may_fail for item in made) and not isinstance(kernel, Loop):
            failures[number] = kernel.node
    items += [_copy(variable, buffer, scope) for variable, buffer in program.copies]
    groups = schedule(items, sizes or {})
    kept = _kept_numbers(scope)
    writer = _Writer(scope, groups, weak, kept, bool(failures))
    step = writer.step()
    writer.add_fields()
    source = writer.assemble(step, title)
    blocks = {
        field.name: (group.extent, group.block)
        for group in groups
        for item in group.items
        for field in scope.fields.values()
        if field.role == "partial" and any(a.writes and a.memory == memory(field.buffer) for a in item.accesses)
    }
    fields = tuple(replace(field, margin=scope.margins.get(key, (0, 0))) for key, field in scope.fields.items())
    return Module(
        source, fields, kept, blocks, tuple(program.sizes), writer.threads, writer.epochs, failures
    )


def has_epochs(inputs: Sequence[Input], outputs: Sequence[Node]) -> bool:
    """Whether there is a function for whole epochs: all inputs have rows in one number, and outputs are numbers."""
    lengths = {symbol(node.shape[0]) if node.ndim else None for node in inputs}
    others = {name for node in inputs for dim in node.shape[1:] for name in names_in(dim)}
    return len(lengths) == 1 and lengths.isdisjoint({None}) and not others - lengths and all(
        node.shape == () for node in outputs
    )


def _copy(variable: Shared, buffer: Buffer, scope: Scope) -> Item:
    """An update that others' reads have kept from being stored in place."""
    target, bytes_each = scope.shared(variable), buffer.dtype.itemsize
    count = times(scope.sizes.dim(product(buffer.shape)), str(bytes_each))

    def call(low: str, rows: str, block: str) -> list[str]:
        return [f"__builtin_memcpy(m->{target.name}, {scope.reference(buffer)}, {count});"]

    accesses = (Access(memory(buffer), False, None), Access(variable.storage, True, None), Access(FAILURE, False, None))
    return Item(None, accesses, call, f"{target.name}: others have read the old value by now", is_small=True)


def _kept_numbers(scope: Scope) -> dict[Node, Field]:
    """Fields for outputs that are numbers and nowhere in memory."""
    found: dict[Node, Field] = {}
    for output in scope.program.outputs:
        node = base_of(output, scope.buffers)
        if (node.weak or is_scalar_slot(node)) and node not in found:
            buffer = Buffer(scope.names.fresh("number"), "output", node.dtype, (), node)
            found[node] = scope.fields[buffer] = Field(buffer.name, "output", node.dtype, buffer, 1)
    return found


class _Writer:
    """The functions that call the kernels."""

    def __init__(self, scope: Scope, groups: Sequence[Group], weak: Numbers, numbers: Mapping[Node, Field], fails: bool) -> None:
        self._weak = weak
        self._numbers = numbers
        self.scope = scope
        self.groups = groups
        self.fails = fails
        self.threads = any(group.extent is not None for group in groups)
        self.epochs = has_epochs(scope.program.inputs, scope.program.outputs)
        self.draws = bool(scope.program.streams)

    # ----------------------------------------------------------------------------------------------------------- step

    def kept(self) -> list[str]:
        """Lines that store outputs that are numbers."""
        lines = []
        for node, field in self._numbers.items():
            value = self.scope.buffers[node].name if is_scalar_slot(node) else self.scope.scalars[node]
            lines.append(f"{'if (me == 0) ' if self.threads else ''}*m->{field.name} = {value};")
        return lines

    def step(self) -> list[str]:
        """The lines of a step; only then is it known which fixed numbers it needs."""
        lines = [*self._weak.varying, *self.kept()]
        fresh = False  # whether a failure has yet to be looked for
        for group in self.groups:
            if self.threads and (group.barrier or fresh):
                lines.append("BARRIER")
            if fresh:
                lines.append("if (m->failure[0]) return;")
            fresh = any(item.may_fail for item in group.items)
            lines += self._group(group)
        needed = set(re.findall(r"\w+", "\n".join(lines)))
        self._passed = [(kind, name) for kind, name in self._weak.passed if name in needed]
        self._fixed = _needed(self._weak.fixed, {name for _, name in self._passed})
        return lines

    def _group(self, group: Group) -> list[str]:
        if group.extent is None:
            return self._unshared(group)
        extent = self.scope.sizes.dim(group.extent)
        blocks = self.scope.blocks_text(group.extent, group.block)
        if len(group.items) == 1 and self._is_seamless(group):
            (item,) = group.items
            return [
                f"/* {item.comment} */",
                "{",
                f"    const Index low = share({blocks}, me, team) * {group.block};",
                f"    const Index high = least(share({blocks}, me + 1, team) * {group.block}, {extent});",
                *_conditional("low < high", item.call("low", "high - low", "0")),
                "}",
            ]
        lines = [f"const Index end = share({blocks}, me + 1, team);"]
        lines.append(f"for (Index block = share({blocks}, me, team); block < end; block++) {{")
        lines.append(f"    const Index low = block * {group.block}, rows = least({group.block}, {extent} - low);")
        for item in group.items:
            lines += [f"    /* {item.comment} */", *(f"    {call}" for call in item.call("low", "rows", "block"))]
        lines.append("}")
        return ["{", *(f"    {line}" for line in lines), "}"]

    def _is_seamless(self, group: Group) -> bool:
        """Whether a thread may do its rows in one go: where blocks would begin, a vector begins all the same."""
        (item,) = group.items
        if item.partials:
            return False
        if item.is_product:
            return True
        return isinstance(item.elements, int) and item.elements * group.block % 64 == 0

    def _unshared(self, group: Group) -> list[str]:
        lines = []
        for item in group.items:
            lines += [f"/* {item.comment} */"] if item.comment else []
            rows = "0" if item.extent is None else self.scope.sizes.dim(item.extent)
            lines += item.call("0", rows, "0")
        return ["if (me == 0) {", *(f"    {line}" for line in lines), "}"] if self.threads else lines

    # ----------------------------------------------------------------------------------------------------- whole file

    def assemble(self, step: list[str], title: str) -> str:
        scope = self.scope
        title = title.replace("*/", "* /")
        memory_lines = [_declaration(field) for field in scope.fields.values()]
        parts = [
            f"/* {title}: generated by symopt. */",
            "typedef long long Index;",
            "typedef struct {\n" + "\n".join(f"    {line}" for line in memory_lines or ["char *nothing;"]) + "\n} Memory;",
            *self._declarations(),
            *[text for _, text in sorted(scope.operations.helpers.items())],
            *(["\n".join(scope.tables.values())] if scope.tables else []),
        ]
        if scope.products:
            parts.append(_text("contract.c").strip())
            parts += [product_text(name).strip() for name in sorted(scope.products)]
            parts += [*scope.contracted, CONTRACT_END]
        if scope.draws:
            parts.append(_text("random.c").strip())
        parts += scope.functions
        if self.threads:
            parts.append(_text("threads.c").strip())
        parts.append(self._function("static void step", ["const Memory *restrict m", *self._step_arguments()], step))
        parts.append(self._run())
        if self.epochs:
            parts.append(self._epoch())
        return "\n\n".join(parts) + "\n"

    def _declarations(self) -> list[str]:
        """Prototypes of C's functions: without a header, the compiler learns which have vector forms."""
        called = self.scope.operations.called
        lines = []
        for name in sorted(called):
            stem = name[:-1] if called[name].name == "float32" else name
            real = c_type(called[name])
            arguments = f"{real}, {real}" if stem in ("pow", "atan2", "fmod", "copysign") else real
            lines.append(f"{'VECTOR ' if stem in VECTOR_FUNCTIONS else ''}extern {real} {name}({arguments});")
        if any(line.startswith("VECTOR") for line in lines):
            lines = [_text("vector.c").strip(), *lines]
        return ["\n".join(lines)] if lines else []

    def _step_arguments(self) -> list[str]:
        arguments = [f"Index {name}" for name in self.scope.sizes.names.values()]
        arguments += ["Index call"] if self.draws else []
        arguments += [f"{kind} {name}" for kind, name in self._passed]
        return arguments + (["int me", "int team"] if self.threads else [])

    def _step_call(self, m: str, sizes: Sequence[str], call: str, me: str, team: str) -> str:
        texts = [m, *sizes, *([call] if self.draws else []), *(name for _, name in self._passed)]
        return f"step({', '.join([*texts, *([me, team] if self.threads else [])])});"

    def _function(self, head: str, arguments: Sequence[str], lines: Sequence[str]) -> str:
        first = f"{head}({', '.join(arguments)})"
        if len(first) > WIDTH:
            first = f"{head}(\n        {', '.join(arguments)})"
        body = "\n".join(f"    {line}" if line and not line.startswith("#") else line for line in lines)
        return f"{first}\n{{\n{body}\n}}"

    def _run(self) -> str:
        """The function that takes steps on the same inputs."""
        names = list(self.scope.sizes.names.values())
        lines = [f"const Index {name} = sizes[{i}];" for i, name in enumerate(names)]
        lines += self._fixed
        stop = ["if (m->failure[0]) return;"] if self.fails else []
        loop = "for (Index s = 0; s < steps; s++)"
        one = self._step_call("m", names, "call + s", "0", "1")
        unused = [*(["sizes"] if not names else []), *(["call"] if not self.draws else [])]
        unused += [] if self.threads else ["threads"]
        lines += [f"(void){name};" for name in unused]
        if not self.threads:
            lines += [f"{loop} {{", f"    {one}", *(f"    {line}" for line in stop), "}"]
            return self._function("void run", RUN, lines)
        shared = self._step_call("m", names, "call + s", "me", "team")
        lines += [
            "if (threads <= 1) {",
            f"    {loop} {{",
            *(f"        {line}" for line in [one, *stop]),
            "    }",
            "    return;",
            "}",
            "#pragma omp parallel num_threads((int)threads)",
            "{",
            "    const int me = THREAD, team = THREADS;",
            f"    {loop} {{",
            f"        {shared}",
            "        BARRIER",
            *(["        if (m->failure[0]) break;"] if self.fails else []),
            "    }",
            "}",
        ]
        return self._function("void run", RUN, lines)

    # ----------------------------------------------------------------------------------------------------- epochs

    def _batched(self) -> list[tuple[Field, str]]:
        """The inputs that are read, with the elements of a row."""
        scope = self.scope
        found = []
        for node in scope.program.inputs:
            field = scope.fields.get(memory(scope.buffers[node])) if node in scope.buffers else None
            if field is not None:
                found.append((field, scope.sizes.dim(product(node.shape[1:]))))
        return found

    def add_fields(self) -> None:
        """Memory for the rows of a batch, and for what is known of an index out of range."""
        if self.epochs:
            for node in self.scope.program.outputs:
                self._output(node)
        for field, _ in self._batched() if self.epochs else []:
            name = self.scope.names.fresh(f"{field.name}_rows")
            self.scope.fields["rows of", field.name] = Field(name, "rows", field.dtype, field.buffer, field.count)
        if self.fails:
            buffer = Buffer("failure", "failure", np.dtype(np.int64), (2,), self.scope.program.kernels[0].writes[0][0])
            self.scope.fields["failure"] = Field("failure", "failure", buffer.dtype, buffer, 2)

    def _epoch(self) -> str:
        """The function that takes a step on every batch."""
        (n,) = self.scope.sizes.names.values()
        team = ("me", "team") if self.threads else ("0", "1")
        body = [
            f"const Index low = b * batch, {n} = total - low < batch ? total - low : batch;",
            "Memory now = *m;",
        ]
        gathers = []
        for field, row in self._batched():
            rows = self.scope.fields["rows of", field.name].name
            body.append(f"now.{field.name} = order ? m->{rows} : m->{field.name} + {times('low', row)};")
            share = f"share({n}, {team[0]}, {team[1]})" if self.threads else "0"
            end = f"share({n}, {team[0]} + 1, {team[1]})" if self.threads else n
            gathers += [
                f"for (Index i = {share}; i < {end}; i++)",
                f"    __builtin_memcpy(m->{rows} + {times('i', row)}, "
                f"m->{field.name} + {times('order[low + i]', row)}, {row} * sizeof *m->{field.name});",
            ]
        if gathers:
            body += ["if (order) {", *(f"    {line}" for line in gathers)]
            body += [*(["    BARRIER"] if self.threads else []), "}"]
        body.append(self._step_call("&now", [n], "call + b - first", *team))
        body += ["BARRIER"] if self.threads else []
        body += ["if (m->failure[0]) break;"] if self.fails else []
        sums = [
            f"sums[{k}] += (double){n} * (double){self._output(node)};"
            for k, node in enumerate(self.scope.program.outputs)
        ]
        if sums:
            body += [f"if (me == 0) {{ {' '.join(sums)} }}"] if self.threads and len(sums) == 1 else (
                ["if (me == 0) {", *(f"    {line}" for line in sums), "}"] if self.threads else sums
            )
        loop = ["for (Index b = first; b < last; b++) {", *(f"    {line}" for line in body), "}"]
        unused = [*(["call"] if not self.draws else []), *(["threads"] if not self.threads else [])]
        unused += [*(["sums"] if not sums else []), *(["order"] if not self._batched() else [])]
        lines = [*self._fixed, *(f"(void){name};" for name in unused)]
        if self.threads:
            lines += [
                "#pragma omp parallel num_threads((int)threads)",
                "{",
                "    const int me = THREAD, team = THREADS;",
                *(f"    {line}" for line in loop),
                "}",
            ]
        else:
            lines += loop
        return self._function("void epoch", EPOCH, lines)

    def _output(self, node: Node) -> str:
        place = place_of(node, self.scope.buffers)
        if place.base in self._numbers:
            return f"*now.{self._numbers[place.base].name}"
        if isinstance(place.base, Constant) and place.base.value.size == 1:
            return number_text(place.base.value.reshape(())[()], place.base.dtype)
        field = self.scope.field(self.scope.buffers[place.base])
        return f"now.{field.name}[{total([self.scope.sizes.dim(place.offset)])}]"


CONTRACT_END = "#if defined(__GNUC__) && !defined(__clang__)\n#pragma GCC pop_options\n#endif"
RUN = ("const Memory *restrict m", "const Index *sizes", "Index steps", "Index call", "Index threads")
EPOCH = (
    "const Memory *restrict m",
    "Index total",
    "Index batch",
    "Index first",
    "Index last",
    "const Index *order",
    "double *sums",
    "Index call",
    "Index threads",
)


def _conditional(condition: str, lines: Sequence[str]) -> list[str]:
    if len(lines) == 1:
        return [f"    if ({condition}) {lines[0]}"]
    return [f"    if ({condition}) {{", *(f"        {line}" for line in lines), "    }"]


def _needed(lines: Sequence[str], names: set[str]) -> list[str]:
    """The definitions that lead to the given names."""
    kept: list[str] = []
    for line in reversed(lines):
        left, right = line.split(" = ", 1)
        if left.split()[-1] in names:
            names = names | set(re.findall(r"[A-Za-z_]\w*", right))
            kept.append(line)
    return kept[::-1]


def _declaration(field: Field) -> str:
    const = "const " if field.role in ("input", "constant") else ""
    return f"{const}{c_type(field.dtype)} *{field.name};"
