"""The functions that call the kernels: a step, steps on the same inputs, and an epoch of batches."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symopt.backends.c.item import FAILURE, Group
from symopt.backends.c.scope import CScope, Field
from symopt.backends.cfamily.epochs import has_epochs
from symopt.backends.cfamily.numbers import Numbers, needed
from symopt.backends.cfamily.places import place_of
from symopt.backends.cfamily.spelling import c_type, number_text, times, total
from symopt.backends.cfamily.text import block, function, indented, wrapped
from symopt.graph.dimensions import product
from symopt.graph.nodes import Constant, Input, Node
from symopt.lowering.program import Buffer, is_scalar_slot, memory

RUN = ("const Memory *restrict m", "const Index *sizes", "Index steps", "Index call", "Index threads")
EPOCH = (
    *("const Memory *restrict m", "Index total", "Index batch", "Index first", "Index last"),
    *("const Index *order", "double *sums", "Index call", "Index threads"),
)
#: Numbers that steps change up to which they are copied.
FEW = 64
PARALLEL = ["#pragma omp parallel num_threads((int)threads)", "{", "    const int me = THREAD, team = THREADS;"]


@dataclass(frozen=True)
class Near:
    """Memory of which a run has a copy of its own: zeros before and after it, and when it is copied."""

    field: Field
    name: str
    count: int
    before: int
    after: int
    comes_in: bool
    goes_out: bool


def copies_in(near: Sequence[Near]) -> list[str]:
    """Lines that make the copies; a step finds them where it looks for the memory itself."""
    lines = ["Memory now = *m;  /* so few numbers that copies can live in registers */"]
    for one in near:
        real, name, own = c_type(one.field.dtype), one.field.name, one.name
        lines.append(f"{real} {own}[{max(1, one.before + one.count + one.after)}] = {{0}};")
        first = f"{own} + {one.before}" if one.before else own
        if one.comes_in:
            lines.append(f"__builtin_memcpy({first}, m->{name}, sizeof({real}) * {one.count});")
        lines.append(f"now.{name} = {first};")
    return lines


def copies_out(near: Sequence[Near]) -> list[str]:
    """Lines that bring back what lasts."""
    return [
        f"__builtin_memcpy(m->{one.field.name}, now.{one.field.name}, sizeof({c_type(one.field.dtype)}) * {one.count});"
        for one in near
        if one.goes_out
    ]


class Steps:
    """Writes these functions, the step first: only then is it known what it needs."""

    def __init__(
        self, scope: CScope, groups: Sequence[Group], weak: Numbers, numbers: Mapping[Node, Field], fails: bool
    ) -> None:
        self.scope = scope
        self.groups = groups
        self.fails = fails
        self.threads = any(group.extent is not None for group in groups)
        self.epochs = has_epochs(scope.program.inputs, scope.program.outputs)
        self._weak = weak
        self._numbers = numbers
        self._draws = bool(scope.program.streams)
        self._passed: list[tuple[str, str]] = []
        self._fixed: list[str] = []
        if fails:
            buffer = Buffer("failure", "failure", np.dtype(np.int64), (2,), scope.program.kernels[0].writes[0][0])
            scope.fields[FAILURE] = Field("failure", "failure", buffer.dtype, buffer, 2)

    @property
    def _barrier(self) -> list[str]:
        return ["BARRIER"] if self.threads else []

    # ----------------------------------------------------------------------------------------------------------- step

    def step(self) -> str:
        """One step, as one of the threads does it; where indices may be out of range, it says whether one was."""
        lines = [*self._weak.varying, *self._kept_numbers()]
        looked = not self.fails
        for group in self.groups:
            lines += self._barrier if group.barrier else []
            if not looked and any(access.memory == FAILURE and not access.writes for access in group.accesses):
                lines.append("if (m->failure[0]) return 1;")
                looked = True
            lines += self._group(group)
        if self.fails:
            lines += ["return 0;"] if looked else [*self._barrier, "return m->failure[0] != 0;"]
        words = set(re.findall(r"\w+", "\n".join(lines)))
        self._passed = [(kind, name) for kind, name in self._weak.passed if name in words]
        self._fixed = needed(self._weak.fixed, {name for _, name in self._passed})
        arguments = ["const Memory *restrict m", *(f"Index {name}" for name in self.scope.sizes.names.values())]
        arguments += ["Index call"] if self._draws else []
        arguments += [f"{kind} {name}" for kind, name in self._passed]
        arguments += ["int me", "int team"] if self.threads else []
        code = set(re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", "\n".join(lines))))
        lines = [*(f"(void){name};" for name in ("m", *self.scope.sizes.names.values()) if name not in code), *lines]
        kind = f"static {'ONE_CODE ' if self.threads else ''}{'int' if self.fails else 'void'}"
        return function(f"{kind} step", arguments, lines)

    def _kept_numbers(self) -> list[str]:
        """Lines that store outputs that are numbers."""
        lines = []
        for node, field in self._numbers.items():
            value = self.scope.buffers[node].name if is_scalar_slot(node) else self.scope.scalars[node]
            lines.append(f"{'if (me == 0) ' if self.threads else ''}*m->{field.name} = {value};")
        return lines

    def _group(self, group: Group) -> list[str]:
        if group.extent is None:
            return self._unshared(group)
        extent = self.scope.sizes.dim(group.extent)
        blocks = self.scope.blocks_text(group.extent, group.block)
        if _is_seamless(group):
            (item,) = group.items
            lines = [
                f"const Index low = share({blocks}, me, team) * {group.block};",
                f"const Index high = least(share({blocks}, me + 1, team) * {group.block}, {extent});",
                *block(item.call("low", "high - low", "0"), "if (low < high)"),
            ]
            return [f"/* {item.comment} */", *block(lines)]
        inner = [f"const Index low = block * {group.block}, rows = least({group.block}, {extent} - low);"]
        for item in group.items:
            inner += [f"/* {item.comment} */"] if item.comment else []
            inner += item.call("low", "rows", "block")
        loop = block(inner, f"for (Index block = share({blocks}, me, team); block < end; block++)")
        return block([f"const Index end = share({blocks}, me + 1, team);", *loop])

    def _unshared(self, group: Group) -> list[str]:
        lines = []
        for item in group.items:
            lines += [f"/* {item.comment} */"] if item.comment else []
            lines += item.call("0", "0" if item.extent is None else self.scope.sizes.dim(item.extent), "0")
        return block(lines, "if (me == 0)") if self.threads else lines

    def _call(self, m: str, sizes: Sequence[str], call: str, me: str, team: str) -> list[str]:
        """A call of the step; it leaves the loop around it if an index was out of range."""
        texts = [m, *sizes, *([call] if self._draws else []), *(name for _, name in self._passed)]
        texts += [me, team] if self.threads else []
        return wrapped("if (step", texts, ") break;") if self.fails else wrapped("step", texts, ";")

    # ------------------------------------------------------------------------------------------------------ many steps

    def run(self) -> str:
        """Steps on the same inputs."""
        names = list(self.scope.sizes.names.values())
        used = [
            *(["sizes"] if names else []),
            *(["call"] if self._draws else []),
            *(["threads"] if self.threads else []),
        ]
        lines = [f"(void){name};" for name in ("sizes", "call", "threads") if name not in used]
        lines += [f"const Index {name} = sizes[{i}];" for i, name in enumerate(names)]
        lines += self._fixed
        loop = "for (Index s = 0; s < steps; s++)"
        near = [] if self.threads else self._few()
        alone = block(self._call("&now" if near else "m", names, "call + s", "0", "1"), loop)
        if near:
            return function("void run", RUN, [*lines, *copies_in(near), *alone, *copies_out(near)])
        if not self.threads:
            return function("void run", RUN, [*lines, *alone])
        # After the last step all wait anyway, where the threads come together.
        wait = "if (s + 1 < steps) BARRIER"
        shared = block([*self._call("m", names, "call + s", "me", "team"), wait], loop)
        lines += block([*alone, "return;"], "if (threads <= 1)")
        return function("void run", RUN, [*lines, *PARALLEL, *indented(shared), "}"])

    def _few(self) -> list[Near]:
        """What steps change, if it is so little that copies of it can live in registers from step to step."""
        program = self.scope.program
        updated = {variable.storage for variable, _ in program.updates}
        bases = (place_of(node, self.scope.buffers).base for node in program.outputs)
        wanted = {memory(self.scope.buffers[base]) for base in bases if base in self.scope.buffers}
        found = []
        for key, field in self.scope.fields.items():
            before, after = self.scope.margins.get(key, (0, 0))
            changes = key in updated
            if changes or field.role == "temporary":
                if not isinstance(field.count, int):
                    return []
                own = self.scope.names.fresh(f"{field.name}_near")
                found.append(Near(field, own, field.count, before, after, changes, changes or key in wanted))
        return found if sum(one.before + one.count + one.after for one in found) <= FEW else []

    def epoch(self) -> list[str]:
        """A step on every batch, if all that is needed are rows; the outputs are added up, times their rows."""
        if not self.epochs:
            return []
        (n,) = self.scope.sizes.names.values()
        outputs = [self._output(node) for node in self.scope.program.outputs]
        batched = self._batched()
        body = [f"const Index low = b * batch, {n} = total - low < batch ? total - low : batch;", "Memory now = *m;"]
        body += self._rows(batched, n)
        body += self._call("&now", [n], "call + b - first", "me", "team")
        sums = [f"sums[{k}] += (double){n} * (double){output};" for k, output in enumerate(outputs)]
        body += self._barrier
        if sums:
            body += block(sums, "if (me == 0)") if self.threads else sums
            body += self._barrier if self._others_write_outputs() else []
        loop = block(body, "for (Index b = first; b < last; b++)")
        used = ["call"] if self._draws else []  # threads only by OpenMP
        used += [*(["sums"] if sums else []), *(["order"] if batched else [])]
        lines = [f"(void){name};" for name in ("order", "sums", "call", "threads") if name not in used]
        lines += self._fixed
        lines += [*PARALLEL, *indented(loop), "}"] if self.threads else loop
        return [function("void epoch", EPOCH, lines)]

    def _batched(self) -> list[tuple[Field, Field, str]]:
        """The inputs that are read, memory for the rows of a batch of each, and the elements of a row."""
        scope, found = self.scope, []
        for node in scope.program.inputs:
            field = scope.fields.get(memory(scope.buffers[node])) if node in scope.buffers else None
            if field is not None:
                name = scope.names.fresh(f"{field.name}_rows")
                rows = Field(name, "rows", field.dtype, field.buffer, field.count)
                scope.fields["rows of", field.name] = rows
                found.append((field, rows, scope.sizes.dim(product(node.shape[1:]))))
        return found

    def _rows(self, batched: Sequence[tuple[Field, Field, str]], n: str) -> list[str]:
        """Lines that find the rows of a batch, or bring them together in their order."""
        first, end = ("share(N, me, team)", "share(N, me + 1, team)") if self.threads else ("0", "N")
        loop = f"for (Index i = {first}; i < {end}; i++)".replace("N", n)
        lines, gathers = [], []
        for field, rows, row in batched:
            lines.append(f"now.{field.name} = order ? m->{rows.name} : m->{field.name} + {times('low', row)};")
            source, size = f"m->{field.name} + {times('order[low + i]', row)}", f"{row} * sizeof({c_type(field.dtype)})"
            gathers += block([f"__builtin_memcpy(m->{rows.name} + {times('i', row)}, {source}, {size});"], loop)
        return [*lines, *block([*gathers, *self._barrier], "if (order)")] if gathers else lines

    def _output(self, node: Node) -> str:
        """The value of an output after a step."""
        place = place_of(node, self.scope.buffers)
        if place.base in self._numbers:
            return f"*now.{self._numbers[place.base].name}"
        if isinstance(place.base, Constant) and place.base.value.size == 1:
            return number_text(place.base.value.reshape(())[()], place.base.dtype)
        field = self.scope.field(self.scope.buffers[place.base])
        return f"now.{field.name}[{total([self.scope.sizes.dim(place.offset)])}]"

    def _others_write_outputs(self) -> bool:
        """Whether a thread that is ahead could overwrite an output before it is read."""
        bases = [place_of(node, self.scope.buffers).base for node in self.scope.program.outputs]
        if any(isinstance(base, Input) for base in bases):
            return True  # the rows of the next batch
        read = {memory(self.scope.buffers[base]) for base in bases if base in self.scope.buffers}
        shared = [group for group in self.groups if group.extent is not None]
        return any(access.writes and access.memory in read for group in shared for access in group.accesses)


def _is_seamless(group: Group) -> bool:
    """Whether a thread may do its rows in one go: where blocks would begin, a vector begins all the same."""
    if len(group.items) > 1 or group.items[0].partials or group.items[0].in_blocks:
        return False
    (item,) = group.items
    return item.tiles > 0 or (isinstance(item.elements, int) and item.elements * group.block % 64 == 0)
