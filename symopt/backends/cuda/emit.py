"""From a program to the text of a CUDA file. Pure: the same program and sizes give the same text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symopt.backends.cfamily.epochs import has_epochs
from symopt.backends.cfamily.kernel_places import Given
from symopt.backends.cfamily.places import place_of
from symopt.backends.cfamily.scope import Field
from symopt.backends.cfamily.spelling import number_text
from symopt.backends.cfamily.sums import DOUBLE
from symopt.backends.cfamily.text import block, philox, piece
from symopt.backends.cuda.chains import Chains, rows_axis
from symopt.backends.cuda.jobs import Blocks, Job, Multiply, Sort, Work, passes
from symopt.backends.cuda.kernels import Kernel
from symopt.backends.cuda.launches import Kernel as Launched
from symopt.backends.cuda.launches import KernelWriter
from symopt.backends.cuda.library import write_library
from symopt.backends.cuda.numbers import next_call, number_jobs
from symopt.backends.cuda.passes import write_pass
from symopt.backends.cuda.products import write_product
from symopt.backends.cuda.rows import write_columns, write_rows
from symopt.backends.cuda.schedule import Launch, schedule
from symopt.backends.cuda.scope import INLINE, CudaScope, Formals
from symopt.graph.dimensions import product
from symopt.graph.nodes import Constant, Contract, Node, Shared
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer, Loop, Program, memory

#: Pieces of source, in their order.
PIECES = ("pack.cu", "sums.cu", "product.cu", "scan.cu", "random.cu", "failure.cu", "table.cu")


@dataclass(frozen=True, eq=False)
class Module:
    """The text, and what the host does with it.

    ``steps`` are what a step launches and calls, in order, and ``collect`` what an epoch launches after each step.
    ``fields`` are the memory that there is, ``numbers`` where outputs are that are numbers, and ``blocks`` who leaves
    the parts of each field of partial sums. ``failures`` are the nodes of the kernels that look at indices.
    """

    source: str
    steps: tuple[Launched | Multiply | Sort, ...]
    collect: Launched | None
    fields: tuple[Field, ...]
    numbers: dict[Node, Field]
    blocks: dict[str, Blocks]
    failures: dict[int, Node]


def emit(
    program: Program, sizes: Mapping[str, int] | None = None, title: str = "a function", atomic: bool = False
) -> Module:
    """The module of ``program``.

    ``sizes`` are typical run-time sizes, which forms of kernels are chosen for; ``atomic``: scatters add in any order.
    """
    scope, given = CudaScope(program), sizes or {}
    works: list[Work] = []
    failures: dict[int, Node] = {}
    for members in Chains(program, scope).find():
        number, kernel = members[0]
        if isinstance(kernel, Loop):
            works += write_loops([(n, loop) for n, loop in members if isinstance(loop, Loop)], scope)
        elif isinstance(kernel.node, Contract):
            works += write_product(kernel, scope, number, given)
        else:
            works += write_library(kernel, scope, number, atomic)
            failures[number] = kernel.node
    works += [_copy(variable, buffer, scope) for variable, buffer in program.copies]
    works += [next_call(scope)] if program.streams else []
    kept = scope.kept_numbers()
    works = [*number_jobs(scope, kept), *works]
    steps = [KernelWriter(step, scope).write() if isinstance(step, Launch) else step for step in schedule(works, given)]
    collect = _collect(scope, kept)
    launched = [step for step in (*steps, collect) if isinstance(step, Launched)]
    return Module(
        _text(scope, launched, title),
        tuple(steps),
        collect,
        tuple(scope.fields.values()),
        kept,
        scope.blocks,
        failures if scope.fails else {},
    )


def write_loops(members: Sequence[tuple[int, Loop]], scope: CudaScope) -> list[Job]:
    """The jobs of a fused kernel, in the form that suits its reductions; or of several that do rows one by one."""
    if len(members) > 1:
        given = Given(Names(scope.taken), written={memory(buffer) for _, one in members for _, buffer in one.writes})
        return write_rows([Kernel(one, scope, n, given, [rows_axis(one) or 0]) for n, one in members])
    ((number, loop),) = members
    kernel = Kernel(loop, scope, number)
    if not kernel.partial:
        return write_pass(kernel)
    first = loop.reductions.index((kernel.partial[0].node, kernel.partial[0].result))
    return write_rows([kernel]) if kernel.axes[-1].reduced[first] else write_columns(kernel)


def _copy(variable: Shared, buffer: Buffer, scope: CudaScope) -> Job:
    """An update that others' reads have kept from being stored in place."""
    formals, count = Formals(scope, Names(scope.taken)), product(buffer.shape)
    source = formals.pointer(scope.field(buffer), name="from")
    target = formals.pointer(scope.shared(variable), writes=True, name="to")
    formals.size("count", count)
    lines = block([f"{target}[e] = {source}[e];"], "FOR_EACH(e, count)")
    comment = f"{variable.name}: others have read the old value by now"
    return formals.job("copy", lines, passes(count), comment, count, lasts=True)


def _collect(scope: CudaScope, kept: dict[Node, Field]) -> Launched | None:
    """The launch that adds the outputs of a batch to the sums of an epoch, times its rows."""
    outputs = scope.program.outputs
    if not has_epochs(scope.program.inputs, outputs) or not outputs:
        return None
    formals = Formals(scope, Names(scope.taken))
    buffer = Buffer(scope.names.fresh("sums"), "sums", DOUBLE, (len(outputs),), outputs[0])
    sums = scope.fields["sums"] = Field(buffer.name, "sums", DOUBLE, buffer, len(outputs))
    target = formals.pointer(sums, writes=True)
    (rows,) = scope.sizes.names.values()
    lines = []
    for number, node in enumerate(outputs):
        place = place_of(node, scope.buffers)
        if isinstance(place.base, Constant):
            value = number_text(place.base.value.reshape(-1)[0], place.base.dtype)
        else:
            field = kept.get(place.base) or scope.field(scope.buffers[place.base])
            value = f"{formals.pointer(field)}[{scope.sizes.dim(place.offset)}]"
        lines.append(f"{target}[{number}] += (double){rows} * (double){value};")
    lines = block(lines, "if (block == 0 && threadIdx.x == 0)")
    job = formals.job("collected", lines, passes(1), "the outputs of a batch, times its rows")
    return KernelWriter(Launch("collect", ((job,),)), scope).write()


def _text(scope: CudaScope, launched: list[Launched], title: str) -> str:
    """The whole file; it includes nothing, so that any compiler of CUDA takes it."""
    parts = [f"/* {title.replace('*/', '* /')}: generated by symopt. */", piece(__file__, "head.cu")]
    parts += [text for _, text in sorted(scope.operations.helpers.items())]
    parts += [philox(INLINE)] if "random.cu" in scope.pieces else []
    parts += [piece(__file__, name) for name in PIECES if name in scope.pieces]
    return "\n\n".join([*parts, *scope.functions, *(one.text for one in launched)]) + "\n"
