"""Python text of fused kernels: ufuncs on whole arrays, ufuncs block by block, or numexpr."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symopt.backends.numexpr.plan import BLOCK, Choice, choose
from symopt.backends.numexpr.registers import (
    Assignment,
    Place,
    Register,
    assign,
    one_by_one,
    stretched_operand,
    unstretched,
)
from symopt.backends.numexpr.scope import Scope
from symopt.backends.numexpr.segments import cut, expression
from symopt.backends.numexpr.spelling import dtype_text
from symopt.graph.dimensions import Shape, product
from symopt.graph.nodes import Elementwise, Embed, Node, Reduce
from symopt.lowering.program import Buffer, Loop, base_of, is_view

Name = Callable[[Node], str]

REDUCERS = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}


def emit_loop(loop: Loop, scope: Scope, number: int, sizes: Mapping[str, int]) -> None:
    """Append the lines of one fused kernel."""
    segments = cut(loop)
    choice = choose(loop, [segment.statement for segment in segments], sizes)
    scope.step.append(f"# {number}: {_summary(loop, scope)}")
    if loop.body:
        scope.step.append(f"#    {choice.reason}")
    if choice.way == "blocks":
        _emit_blocks(loop, scope, number, choice)
    elif choice.way == "numexpr":
        _emit_numexpr(loop, scope)
    else:
        _emit_whole(loop, scope)


def _summary(loop: Loop, scope: Scope) -> str:
    made = [f"{buffer.name}" for _, buffer in loop.stores]
    made += [f"{buffer.name} = {node.describe()}" for node, buffer in loop.reductions]
    operations = f", {len(loop.body)} operations" if loop.body else ""
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
    assert isinstance(node, Elementwise)
    if node.op.name == "where":
        condition, x, y = operands
        return [f"copyto({out}, {y})", f"copyto({out}, {x}, where={condition})"]
    if node.op.name == "identity":
        return [f"copyto({out}, {operands[0]})"]
    if node.op.kind == "cast":
        return [f'copyto({out}, {operands[0]}, "unsafe")']
    lines = []
    position = stretched_operand(node)
    if position is not None and node.operands[position].dtype == node.dtype and out not in operands:
        lines.append(f"copyto({out}, {operands[position]})")
        operands[position] = out
    # Positional out of these two is deprecated since NumPy 2.4.
    target = f"out={out}" if node.op.name in ("maximum", "minimum") else out
    return [*lines, f"{node.op.name}({', '.join(operands)}, {target})"]


def _reduction_line(node: Reduce, name: Name, buffer: Buffer, scope: Scope) -> str:
    operand = node.operands[0]
    source = scope.stretched(operand) if is_view(operand) else name(operand)
    if node.op == "sum" and node.axes == (0,) and operand.ndim == 2 and node.dtype.kind == "f":
        # A product with ones sums columns several times faster than add.reduce.
        return f"dot({_ones(node, scope)}, {source}, {buffer.name})"
    axes = "None" if len(node.axes) == operand.ndim else str(node.axes[0] if len(node.axes) == 1 else node.axes)
    return f"{REDUCERS[node.op]}.reduce({source}, {axes}, {dtype_text(node.dtype)}, {buffer.name})"


def _ones(node: Reduce, scope: Scope) -> str:
    length = scope.sizes.dim(node.operands[0].shape[0])
    line = f"np.ones({length}, {dtype_text(node.dtype)})"
    return scope.once(line, "ones")


# -----------------------------------------------------------------------------------------------------------------
# numexpr


def _emit_numexpr(loop: Loop, scope: Scope) -> None:
    segments = {segment.statement.node: segment for segment in cut(loop)}
    assignment = assign(loop, [segment.statement for segment in segments.values()], scope.buffers)
    name = _namer(loop, scope, assignment)
    for statement in assignment.order:
        text, signature = expression(segments[statement.node])
        types = ", ".join(f'("{argument}", {kind})' for argument, kind in signature)
        call = scope.fresh("e0")
        scope.module.append(f'{call} = NumExpr("{text}", [{types}])')
        operands = ", ".join(name(read) for read in statement.reads)
        scope.step.append(f"{call}({operands}, out={name(statement.node)}, ex_uses_vml=False)")
    _finish(loop, scope, assignment, name)


# ------------------------------------------------------------------------------------------------------------------
# blocks


def _emit_blocks(loop: Loop, scope: Scope, number: int, choice: Choice) -> None:
    """A function that takes spans of rows, and the call that gives it all of them."""
    assignment = assign(loop, one_by_one(loop), scope.buffers)
    flat = _is_flat(loop, scope)
    row = loop.domain[1:] if not flat else ()
    rows = scope.sizes.dim(product(loop.domain) if flat else loop.domain[0])
    block = BLOCK[choice.threads]
    height = str(block) if not row else f"max(1, {block} // {scope.sizes.dim(product(row))})"
    kernel, spans = f"kernel_{number}", f"spans_{number}"
    scope.prepare.append(f"{spans} = blocks({rows}, {height})")
    local = _Locals(loop, scope, assignment, flat)
    lines = [f"def {kernel}(spans, thread{local.parameters()}):"]
    lines.append("    for block, low, high in spans:")
    body = _declare_scratch(assignment, scope, number, choice, height, row, local)
    for statement in assignment.order:
        body += statement_lines(statement.node, local(statement.node), local, scope)
    finish: list[str] = []
    for reduction, buffer in loop.reductions:
        body.append(_partial_line(reduction, buffer, local, scope, spans, finish))
    body += [f"copyto({local.buffer(buffer)}, {local(node)})" for node, buffer in assignment.copies]
    lines += [f"        {line}" for line in [*local.slices(), *body]]
    scope.kernels.extend(["", *lines])
    arguments = local.arguments()
    if choice.threads > 1:
        scope.step.append(f"on_two_threads({kernel}, {spans}{arguments})")
    else:
        scope.step.append(f"{kernel}({spans}, 0{arguments})")
    scope.step.extend(finish)


def _is_flat(loop: Loop, scope: Scope) -> bool:
    """Whether every array lies in one piece, row by row, so that blocks need not be whole rows."""
    for read in loop.reads():
        if base_of(read).shape != () and (is_view(read) or read.shape != loop.domain):
            return False
    return all(len(node.axes) == len(loop.domain) for node, _ in loop.reductions)


def _declare_scratch(
    assignment: Assignment, scope: Scope, number: int, choice: Choice, height: str, row: Shape, local: _Locals
) -> list[str]:
    """The line that takes the kernel's scratch memory, cut to the height of the block; its own for each thread."""
    registers = [Register(dtype, i) for dtype, count in assignment.registers().items() for i in range(count)]
    if not registers:
        return []
    shape = f"({', '.join([height, *map(scope.sizes.dim, row)])},)"
    dtypes = ", ".join(dtype_text(register.dtype) for register in registers)
    scope.prepare.append(f"scratch_{number} = scratch({shape}, [{dtypes}], threads={choice.threads})")
    names = ", ".join(local.register(register) for register in registers)
    return [f"{names}, = (memory[: high - low] for memory in scratch_{number}[thread])"]


def _partial_line(node: Reduce, buffer: Buffer, local: _Locals, scope: Scope, spans: str, finish: list[str]) -> str:
    """Reduce a block: into its own rows, or into one of the partial results that are put together at the end."""
    operand = node.operands[0]
    reducer, dtype = REDUCERS[node.op], dtype_text(node.dtype)
    source = local(operand)
    if local.flat or 0 in node.axes:
        partial = f"{buffer.name}_parts"
        rest = tuple(dim for axis, dim in enumerate(operand.shape) if axis not in node.axes)
        shape = ", ".join([f"len({spans})", *(scope.sizes.dim(dim) for dim in rest)])
        scope.prepare.append(f"{partial} = np.empty(({shape},), {dtype})")
        axes = "None" if local.flat else str(node.axes)
        finish.append(f"{reducer}.reduce({partial}, 0, {dtype}, {buffer.name})")
        return f"{partial}[block] = {reducer}.reduce({source}, {axes}, {dtype})"
    return f"{reducer}.reduce({source}, {node.axes}, {dtype}, {buffer.name}[low:high])"


class _Locals:
    """Names inside a block function: slices of what lies outside, and scratch."""

    def __init__(self, loop: Loop, scope: Scope, assignment: Assignment, flat: bool) -> None:
        self.loop, self.scope, self.assignment, self.flat = loop, scope, assignment, flat
        self._sliced: dict[str, str] = {}  # outer name -> inner name
        self._passed: dict[str, str] = {}  # parameter -> what is passed for it

    def __call__(self, node: Node) -> str:
        place = self.assignment.place.get(node)
        if isinstance(place, Register):
            return self.register(place)
        if place is not None:
            return self.buffer(place)
        whole = self.scope.name(node)
        inner = unstretched(node)
        if inner.shape == () or (inner.ndim < len(self.loop.domain) or inner.shape[0] == 1):
            return self._outer(node, whole)  # the same in every block
        return self._slice(self._outer(node, whole), base_of(node, self.scope.buffers) in self.scope.buffers)

    def buffer(self, buffer: Buffer) -> str:
        """The slice of a buffer that the kernel stores to."""
        return self._slice(buffer.name, True)

    def _outer(self, node: Node, whole: str) -> str:
        # Inputs are other arrays at each call: they are passed.
        if self.scope.is_input(node):
            self._passed[whole] = whole
        return whole

    def _slice(self, whole: str, direct: bool) -> str:
        if self.flat and len(self.loop.domain) != 1:
            if whole in self._passed:
                self._passed[whole] = f"{whole}.reshape(-1)"
            else:
                whole = self.scope.once(f"{whole}.reshape(-1)", f"{whole}_flat")
        return self._sliced.setdefault(whole, f"{whole}_")

    def register(self, register: Register) -> str:
        """The name of scratch memory."""
        return f"{register.dtype.name[0]}{register.number}"

    def parameters(self) -> str:
        self._visit()
        return "".join(f", {name}" for name in self._passed)

    def arguments(self) -> str:
        return "".join(f", {text}" for text in self._passed.values())

    def slices(self) -> list[str]:
        """The lines that take this block's part of everything."""
        return [f"{inner} = {outer}[low:high]" for outer, inner in self._sliced.items()]

    def _visit(self) -> None:
        """Name everything once, so that parameters and slices are known before the body is written."""
        for statement in self.assignment.order:
            for node in (statement.node, *statement.reads):
                self(node)
        for reduction, _ in self.loop.reductions:
            self(reduction.operands[0])
