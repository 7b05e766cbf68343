"""From a program to the text of a C file. Pure: the same program and sizes give the same text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from symopt.backends.c.file import assemble
from symopt.backends.c.item import FAILURE, Access, Item
from symopt.backends.c.library import write_library
from symopt.backends.c.loops import write_loop
from symopt.backends.c.schedule import schedule
from symopt.backends.c.scope import CScope, Field
from symopt.backends.c.sparse_rows import by_rows, scattered, sparse_updates
from symopt.backends.c.steps import Steps
from symopt.backends.cfamily.numbers import numbers
from symopt.backends.cfamily.spelling import times
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Node, Shared
from symopt.lowering.program import Buffer, Loop, Program, memory


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
    blocks: dict[str, tuple[Dim | None, int]]
    sizes: tuple[str, ...]
    threads: bool
    epochs: bool
    failures: dict[int, Node]
    by_blas: frozenset[str] = frozenset()


def emit(
    program: Program, sizes: Mapping[str, int] | None = None, title: str = "a function", blas: bool = False
) -> Module:
    """The module of ``program``.

    ``sizes`` are typical run-time sizes, which blocks are chosen for; ``blas`` leaves products to a BLAS.
    """
    scope = CScope(program, blas)
    weak = numbers(scope, lambda field: f"*m->{field.name}")
    items: list[Item] = []
    failures: dict[int, Node] = {}
    sparse = {loop: node for loop, node in sparse_updates(program).items() if scope.is_split(loop.domain[0])}
    scope.sparse = scattered(program, sparse)
    for number, kernel in enumerate(program.kernels, 1):
        made = write_loop(kernel, scope, number) if isinstance(kernel, Loop) else write_library(kernel, scope, number)
        if isinstance(kernel, Loop) and kernel in sparse:
            made = [by_rows(made[0], sparse[kernel], scope)]
        items += made
        if any(item.may_fail for item in made) and not isinstance(kernel, Loop):
            failures[number] = kernel.node
    items += [_copy(variable, buffer, scope) for variable, buffer in program.copies]
    groups = schedule(items, weak.read, sizes or {})
    kept = scope.kept_numbers()
    steps = Steps(scope, groups, weak, kept, bool(failures))
    source = assemble(scope, [steps.step(), steps.run(), *steps.epoch()], title, steps.threads)
    blocks = {
        field.name: (group.extent, group.block)
        for group in groups
        for item in group.items
        for field in scope.fields.values()
        if field.role == "partial" and any(a.writes and a.memory == memory(field.buffer) for a in item.accesses)
    }
    fields = tuple(replace(field, margin=scope.margins.get(key, (0, 0))) for key, field in scope.fields.items())
    return Module(
        source,
        fields,
        kept,
        blocks,
        tuple(program.sizes),
        steps.threads,
        steps.epochs,
        failures,
        frozenset(scope.pieces.dtypes("blas")),
    )


def _copy(variable: Shared, buffer: Buffer, scope: CScope) -> Item:
    """An update that others' reads have kept from being stored in place."""
    target, bytes_each = scope.shared(variable), buffer.dtype.itemsize
    count = times(scope.sizes.dim(product(buffer.shape)), str(bytes_each))

    def call(low: str, rows: str, block: str) -> list[str]:
        return [f"__builtin_memcpy(m->{target.name}, {scope.reference(buffer)}, {count});"]

    accesses = (Access(memory(buffer), False, None), Access(variable.storage, True, None), Access(FAILURE, False, None))
    return Item(None, accesses, call, f"{target.name}: others have read the old value by now", is_small=True)
