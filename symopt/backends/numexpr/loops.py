"""Python text of fused kernels: ufuncs on whole arrays, ufuncs block by block, or numexpr."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symopt.backends.numexpr.numbers import emit_numbers
from symopt.backends.numexpr.plan import BLOCK, Choice, choose
from symopt.backends.numexpr.registers import (
    Assignment,
    Place,
    Register,
    assign,
    one_by_one,
)
from symopt.backends.numexpr.scope import Scope
from symopt.backends.numexpr.segments import cut, expression
from symopt.backends.numexpr.spelling import dtype_text, scratch_name, tuple_text, wrapped
from symopt.graph.dimensions import Dim, Shape, product
from symopt.graph.nodes import Broadcast, Elementwise, Embed, Node, Reduce
from symopt.lowering.program import Buffer, Loop, is_view, unstretched

Name = Callable[[Node], str]

#: Rows up to this are summed by a product, which is as exact as a pairwise sum for so few.
SHORT_ROW = 1024
#: Widths at which a ufunc for each column beats a reduction of rows.
FEW_COLUMNS = range(2, 17)
REDUCERS = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}
#: The extremes of booleans, which also nothing has.
BOOL_REDUCERS = {"max": "logical_or", "min": "logical_and"}


def emit_loop(loop: Loop, scope: Scope, number: int, sizes: Mapping[str, int]) -> None:
    """Append the lines of one fused kernel."""
    if loop.domain == ():
        scope.step.append(f"# {number}: {_summary(loop, scope)}")
        emit_numbers(loop, scope)
        return
    segments = cut(loop)
    choice = choose(loop, [segment.statement for segment in segments], sizes)
    scope.step.append(f"# {number}: {_summary(loop, scope)}")
    if loop.body:
        scope.step.extend(f"#    {line}" for line in choice.reason)
    if choice.way == "blocks":
        _emit_blocks(loop, scope, number, choice)
    elif choice.way == "numexpr":
        _emit_numexpr(loop, scope)
    else:
        _emit_whole(loop, scope)


def _summary(loop: Loop, scope: Scope) -> str:
    made = [f"{buffer.name}" for _, buffer in loop.stores]
    made += [f"{buffer.name} = {node.describe()}" for node, buffer in loop.reductions]
    count = len(loop.body)
    operations = f", {count} operation{'s' * (count > 1)}" if count else ""
    return f"{', '.join(made)} over {scope.sizes.shape(loop.domain)}{operations}"


# ------------------------------------------------------------------------------------------------------------ whole
# arrays


def _emit_whole(loop: Loop, scope: Scope) -> None:
    assignment = assign(loop, one_by_one(loop), scope.buffers)
    name = _namer(loop, scope, assignment)
    for statement in assignment.order:
        scope.step.extend(statement_lines(statement.node, name(statement.node), name, scope))
    _finish(loop, scope, assignment, name)


def _finish(loop: Loop, scope: Scope, assignment: Assignment, name: Name) -> None:
    """Reductions, and then what had to wait for them."""
    for reduction, buffer in loop.reductions:
        scope.step.append(_reduction_line(reduction, name, buffer, scope))
    scope.step.extend(f"copyto({buffer.name}, {name(node)})" for node, buffer in assignment.copies)


def _namer(loop: Loop, scope: Scope, assignment: Assignment) -> Name:
    def name(node: Node) -> str:
        place = assignment.place.get(node)
        return scope.name(node) if place is None else _place_name(place, loop, scope)

    return name


def _place_name(place: Place, loop: Loop, scope: Scope) -> str:
    if isinstance(place, Register):
        return scope.scratch(place.dtype, place.number, loop.domain)
    return place.name


def statement_lines(node: Node, out: str, name: Name, scope: Scope) -> list[str]:
    """The call, or the few, that put the value of ``node`` into ``out``."""
    operands = [name(operand) for operand in node.operands]
    if isinstance(node, Embed):
        index = scope.sizes.region(node, node.operands[0].shape, node.shape)
        return [f"{out}.fill(0)", f"{out}[{index}] = {operands[0]}"]
    if isinstance(node, Broadcast):
        return [f"copyto({out}, {operands[0]})"]
    assert isinstance(node, Elementwise)
    if node.op.name == "where":
        condition, x, y = operands
        return [f"copyto({out}, {y})", f"copyto({out}, {x}, where={condition})"]
    if node.op.name == "identity":
        return [f"copyto({out}, {operands[0]})"]
    if node.op.kind == "cast":
        return [f'copyto({out}, {operands[0]}, "unsafe")']
    # Positional out of these two is deprecated since NumPy 2.4.
    target = f"out={out}" if node.op.name in ("maximum", "minimum") else out
    return [f"{node.op.name}({', '.join(operands)}, {target})"]


def _reduction_line(node: Reduce, name: Name, buffer: Buffer, scope: Scope) -> str:
    operand = node.operands[0]
    source = scope.stretched(operand) if is_view(operand) else name(operand)
    if operand.ndim == 2 and len(node.axes) == 1 and node.dtype.kind == "f":
        # NumPy's reductions over one axis of a matrix are slow, and allocate.
        (length,) = (operand.shape[axis] for axis in node.axes)
        if node.op == "sum" and node.axes == (0,):
            return f"dot({_ones(length, node, scope)}, {source}, {buffer.name})"
        if node.op == "sum" and isinstance(length, int) and length <= SHORT_ROW:
            return f"dot({source}, {_ones(length, node, scope)}, {buffer.name})"
        if node.op in ("max", "min") and node.axes == (1,) and length in FEW_COLUMNS and not scope.is_input(operand):
            columns = scope.once(f"list({source}.T)", f"{source}_columns", of_scratch=True)
            return f"over_columns(np.{REDUCERS[node.op]}, {columns}, {buffer.name})"
    axes = "None" if len(node.axes) == operand.ndim else str(node.axes[0] if len(node.axes) == 1 else node.axes)
    return _reduce_call(node, source, axes, buffer.name)


def _reduce_call(node: Reduce, source: str, axes: str, out: str) -> str:
    if node.dtype.kind == "b":
        return f"{BOOL_REDUCERS[node.op]}.reduce({source}, {axes}, np.bool_, {out})"
    # Of nothing there is no extreme. Users' own are guarded against that, but not those of a stable logsumexp.
    of_any_length = any(not isinstance(node.operands[0].shape[axis], int) for axis in node.axes)
    initial = ""
    if node.op in ("max", "min") and node.dtype.kind == "f" and of_any_length:
        initial = f", initial={'-' if node.op == 'max' else ''}np.inf"
    return f"{REDUCERS[node.op]}.reduce({source}, {axes}, {dtype_text(node.dtype)}, {out}{initial})"


def _ones(length: Dim, node: Reduce, scope: Scope) -> str:
    return scope.once(f"np.ones({scope.sizes.dim(length)}, {dtype_text(node.dtype)})", "ones")


# -----------------------------------------------------------------------------------------------------------------
# numexpr


def _emit_numexpr(loop: Loop, scope: Scope) -> None:
    segments = {segment.statement.node: segment for segment in cut(loop)}
    assignment = assign(loop, [segment.statement for segment in segments.values()], scope.buffers)
    name = _namer(loop, scope, assignment)
    for statement in assignment.order:
        text, signature = expression(segments[statement.node])
        types = [f'("{argument}", {kind})' for argument, kind in signature]
        types = [f"[{types[0]}", *types[1:-1], f"{types[-1]}]"] if len(types) > 1 else [f"[{types[0]}]"]
        call = scope.fresh("e0")
        scope.module += wrapped(f"{call} = NumExpr(", [f'"{text}"', *types], ")")
        operands = ", ".join(name(read) for read in statement.reads)
        scope.step.append(f"{call}({operands}, out={name(statement.node)}, ex_uses_vml=False)")
    _finish(loop, scope, assignment, name)


# ------------------------------------------------------------------------------------------------------------------
# blocks


def _emit_blocks(loop: Loop, scope: Scope, number: int, choice: Choice) -> None:
    """A function that takes blocks of rows, and the call that gives it all of them."""
    assignment = assign(loop, one_by_one(loop), scope.buffers)
    flat = _is_flat(loop)
    row = () if flat else loop.domain[1:]
    rows = scope.sizes.dim(product(loop.domain) if flat else loop.domain[0])
    block = BLOCK[choice.threads]
    height = _height(block, product(row), scope)
    kernel, parts = scope.fresh(f"kernel_{number}"), scope.fresh(f"blocks_{number}")
    local = _Locals(loop, scope, assignment, flat)
    body = [
        *(line for s in assignment.order for line in statement_lines(s.node, local(s.node), local, scope)),
        *(_partial_line(reduction, buffer, local) for reduction, buffer in loop.reductions),
        *(f"copyto({local.buffer(buffer)}, {local(node)})" for node, buffer in assignment.copies),
    ]
    scope.prepare.append(f"{parts} = blocks({rows}, {height}{local.whole_arrays()})")
    scope.prepare.extend(_partial_memory(loop, scope, local, parts))
    head = f"for block, low, high, {local.part_names()} in blocks:"
    lines = [f"def {kernel}(blocks, thread{local.parameters()}):", f"    {head}"]
    lines += [
        f"        {line}" for line in [*local.slices(), *_take_scratch(assignment, scope, number, row, local, parts)]
    ]
    scope.kernels.extend(["", *lines, *(f"        {line}" for line in body)])
    if choice.threads > 1:
        scope.step.append(f"on_two_threads({kernel}, {parts}{local.parameters()})")
    else:
        scope.step.append(f"{kernel}({parts}, 0{local.parameters()})")
    scope.step.extend(_combine_lines(loop, local))


def _height(block: int, width: Dim, scope: Scope) -> str:
    """Rows of a block of about ``block`` elements."""
    if isinstance(width, int):
        return str(max(1, block // max(1, width)))
    return f"max(1, {block} // max(1, {scope.sizes.dim(width)}))"


def _is_flat(loop: Loop) -> bool:
    """Whether every array lies in one piece, row by row, so that blocks need not be whole rows."""
    for read in loop.reads():
        if unstretched(read).shape != () and (is_view(read) or read.shape != loop.domain):
            return False
    return all(len(node.axes) == len(loop.domain) and not is_view(node.operands[0]) for node, _ in loop.reductions)


def _take_scratch(
    assignment: Assignment, scope: Scope, number: int, row: Shape, local: _Locals, parts: str
) -> list[str]:
    """The line that takes the kernel's scratch memory for a block; each thread has its own."""
    registers = [Register(dtype, i) for dtype, count in assignment.registers().items() for i in range(count)]
    if not registers:
        return []
    dtypes = ", ".join(dtype_text(register.dtype) for register in registers)
    scratch = scope.fresh(f"scratch_{number}")
    scope.prepare.append(f"{scratch} = scratch({parts}, {scope.sizes.shape(row)}, [{dtypes}])")
    names = tuple_text(local.register(register) for register in registers)
    return [f"{names} = {scratch}[thread, high - low]"]


def _is_partial(node: Reduce, flat: bool) -> bool:
    """Whether a reduction takes rows of different blocks together."""
    return flat or 0 in node.axes


def _partial_memory(loop: Loop, scope: Scope, local: _Locals, parts: str) -> list[str]:
    """The lines that make room for the results of single blocks."""
    lines = []
    for node, buffer in loop.reductions:
        if _is_partial(node, local.flat):
            rest = [dim for axis, dim in enumerate(node.operands[0].shape) if axis not in node.axes]
            shape = tuple_text([f"len({parts})", *map(scope.sizes.dim, rest)])
            lines.append(f"{local.partial(buffer)} = empty({shape}, {dtype_text(node.dtype)})")
    return lines


def _partial_line(node: Reduce, buffer: Buffer, local: _Locals) -> str:
    """Reduce a block: into its own rows, or into one of the partial results that are put together at the end."""
    target = f"{local.partial(buffer)}[block, ...]" if _is_partial(node, local.flat) else local.buffer(buffer)
    axes = "None" if len(node.axes) == node.operands[0].ndim else str(node.axes)
    (operand,) = node.operands
    return _reduce_call(node, local.stretched(operand) if is_view(operand) else local(operand), axes, target)


def _combine_lines(loop: Loop, local: _Locals) -> list[str]:
    """What puts the results of blocks together, always in the same order."""
    return [
        _reduce_call(node, local.partial(buffer), "0", buffer.name)
        for node, buffer in loop.reductions
        if _is_partial(node, local.flat)
    ]


class _Locals:
    """Names inside a block function: parts of what lies outside, and scratch."""

    def __init__(self, loop: Loop, scope: Scope, assignment: Assignment, flat: bool) -> None:
        self.loop, self.scope, self.assignment, self.flat = loop, scope, assignment, flat
        self._parts: dict[str, str] = {}  # whole array -> part, cut once per run-time size
        self._passed: dict[str, str] = {}  # array that is another at each call -> part, cut at each call
        self._registers: dict[Register, str] = {}
        self._partials: dict[str, str] = {}

    def __call__(self, node: Node) -> str:
        place = self.assignment.place.get(node)
        if isinstance(place, Register):
            return self.register(place)
        if place is not None:
            return self.buffer(place)
        whole, inner, domain = self.scope.name(node), unstretched(node), self.loop.domain
        missing = inner.ndim < len(domain) or (inner.shape[0] == 1 and domain[0] != 1)
        return self._outer(node, whole, shared=inner.shape == () or (missing and not self.flat))

    def stretched(self, node: Node) -> str:
        """The part of a view in its full shape."""
        return self._outer(node, self.scope.stretched(node), shared=False)

    def _outer(self, node: Node, whole: str, shared: bool) -> str:
        """The part of an array, or all of it if it is the same for every block."""
        if self.scope.is_input(node):
            return self._passed.get(whole) or self._add(self._passed, whole, whole if shared else f"{whole}_")
        return whole if shared else self._part(whole)

    def buffer(self, buffer: Buffer) -> str:
        """The part of a buffer that the kernel stores to."""
        return self._part(buffer.name)

    def register(self, register: Register) -> str:
        """The name of scratch memory."""
        name = self._registers.get(register)
        return name or self._add(self._registers, register, scratch_name(register.dtype, register.number))

    def partial(self, buffer: Buffer) -> str:
        """The name of the results of single blocks."""
        if buffer.name not in self._partials:
            self._partials[buffer.name] = self.scope.fresh(f"{buffer.name}_parts")
        return self._partials[buffer.name]

    def _part(self, whole: str) -> str:
        return self._parts.get(whole) or self._add(self._parts, whole, f"{whole}_")

    def _add(self, names: dict[Any, str], key: Any, name: str) -> str:
        """Name something in the function; an array that is passed whole keeps its name."""
        if name != key:
            name = self.scope.local(name, {*self._parts.values(), *self._passed.values(), *self._registers.values()})
        names[key] = name
        return name

    def whole_arrays(self) -> str:
        """The arrays that are cut once, as further arguments."""
        reshaped = ".reshape(-1)" if self.flat and len(self.loop.domain) != 1 else ""
        return "".join(f", {whole}{reshaped}" for whole in self._parts)

    def part_names(self) -> str:
        """Their parts, as a target of an assignment."""
        return tuple_text(self._parts.values()) if self._parts else "_"

    def parameters(self) -> str:
        """What is passed at each call."""
        return "".join(f", {name}" for name in self._passed)

    def slices(self) -> list[str]:
        """The lines that cut this block's part of what is passed."""
        reshaped = ".reshape(-1)" if self.flat and len(self.loop.domain) != 1 else ""
        return [f"{part} = {whole}{reshaped}[low:high]" for whole, part in self._passed.items() if part != whole]
