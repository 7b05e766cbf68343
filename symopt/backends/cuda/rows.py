"""Kernels with sums along rows, and along columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from symopt.backends.cfamily.kernel_places import INDICES
from symopt.backends.cfamily.text import block
from symopt.backends.cuda.jobs import (
    CHUNK_ELEMENTS,
    CHUNK_ROWS,
    SUM_BLOCKS,
    THREADS,
    Job,
    chunks,
    columns,
    passes,
    together,
)
from symopt.backends.cuda.kernels import Kernel
from symopt.backends.cuda.passes import finished
from symopt.backends.cuda.sums import across
from symopt.graph.dimensions import Dim, product
from symopt.lowering.program import memory

#: Elements of a row up to which one thread adds them up, and from which on whole blocks do; else it is a warp, or the
#: part of one that suits.
SHORT, LONG = 4, 2048
#: Rows of known number up to which blocks add up each, where their length is not known.
FEW = 64
WARP = 32


def write_rows(kernels: Sequence[Kernel]) -> list[Job]:
    """The jobs of kernels that do rows one by one, with sums along them; several share a function, and each row.

    Rows are what a kernel keeps of its axes; of several kernels, the first axis of each.
    """
    one, several = kernels[0], len(kernels) > 1
    kept = [0] if several else _split(one)[0]
    rows, dim = _extent(one, kept), one.scope.sizes.dim
    lengths = [_extent(kernel, _others(kernel, kept)) for kernel in kernels]
    lanes = _lanes(rows, lengths)
    if lanes == THREADS and not several and not (isinstance(lengths[0], int) and lengths[0] <= CHUNK_ELEMENTS):
        return _write_long_rows(one)
    r = one.counter("r", kept)
    row: list[str] = []
    for kernel in kernels:
        row += [_waiting(lanes)] if row and lanes > 1 else []
        row += [f"/* {kernel.scope.comment(kernel.loop)} */"] if several else []
        row += _row(kernel, kept, lanes)
    row = [*one.unravelled(r, kept, row), *row]
    formals, lines = one.formals()
    full = [kernel for kernel in kernels if kernel.full]
    lines += [sum_.declaration for kernel in full for sum_ in kernel.full]
    lines += block(row, _rows(r, dim(rows), lanes))
    blocks = passes(rows, THREADS // lanes, SUM_BLOCKS if full else None)
    jobs = []
    for kernel in full:
        last, more = finished(kernel, formals, blocks, False)
        lines += last
        jobs += more
    return [one.job(formals, lines, blocks, kernels), *jobs]


def _waiting(lanes: int) -> str:
    """What threads that share a row wait by, until all have written what they have of it."""
    return {THREADS: "__syncthreads();", WARP: "__syncwarp();"}.get(lanes, f"__syncwarp(lanes_of<{lanes}>());")


def _lane(lanes: int) -> str:
    """Which of these threads one is."""
    return {1: "0", THREADS: "threadIdx.x"}.get(lanes, f"threadIdx.x % {lanes}")


def _write_long_rows(kernel: Kernel) -> list[Job]:
    """The jobs of a kernel with sums along few rows, or long ones: several blocks share each."""
    kept, reduced = _split(kernel)
    rows, length, dim = _extent(kernel, kept), _extent(kernel, reduced), kernel.scope.sizes.dim
    kernel.scope.pieces.add("sums.cu")
    each = columns(rows, 1)
    shares = chunks(length, each, CHUNK_ELEMENTS)
    inner = kernel.statements(kernel.sums)
    r, q = kernel.counter("r", kept), kernel.counter("q", reduced)
    inner = [*kernel.unravelled(q, reduced, inner), *inner]
    loop = block(inner, f"for (Index {q} = chunk * share + threadIdx.x; {q} < end; {q} += {THREADS})")
    lines = [
        f"const Index chunks = blocks / {kernel.scope.sizes.divisor(rows)};",
        f"const Index share = ({dim(length)} + chunks - 1) / chunks;",
        f"const Index {r} = block / chunks, chunk = block % chunks;",
        f"const Index end = (chunk + 1) * share < {dim(length)} ? (chunk + 1) * share : {dim(length)};",
        *(one.declaration for one in kernel.sums),
        *kernel.unravelled(r, kept, loop),
        *loop,
    ]
    formals, before = kernel.formals()
    blocks, jobs = together(each, shares), []
    for one in kernel.partial:
        parts = kernel.scope.parts(one.node, one.dtype, shares)
        place = f"{formals.pointer(parts, writes=True)}[chunk * {dim(rows)} + {r}]"
        lines += [f"{one.name} = reduce<{one.operation}, 1>({one.name});"]
        lines += [f"if (threadIdx.x == 0) {place} = {one.name};"]
        jobs.append(one.combination(kernel.scope, parts, shares))
    last, others = finished(kernel, formals, blocks, False)
    return [kernel.job(formals, [*before, *lines, *last], blocks), *jobs, *others]


def _row(kernel: Kernel, kept: list[int], lanes: int) -> list[str]:
    """What one kernel does with a row, by so many threads."""
    others, lane = _others(kernel, kept), _lane(lanes)
    before, inner = _read_once(kernel, others, kernel.statements(kernel.sums))
    if others:
        q, length = kernel.counter("q", others), kernel.scope.sizes.dim(_extent(kernel, others))
        step = f"{q}++" if lanes == 1 else f"{q} += {lanes}"
        inner = [*kernel.unravelled(q, others, inner), *inner]
        loop = block(inner, f"for (Index {q} = {lane}; {q} < {length}; {step})")
    else:
        loop = inner if lanes == 1 else block(inner, f"if ({lane} == 0)")
    results = []
    for one in kernel.partial:
        kernel.scope.pieces.add("sums.cu")
        place = f"{kernel.target(one.result)}[{kernel.index(kernel.out_strides(one.node))}]"
        store = f"{place} = {one.stored(one.name)};"
        results += [f"{one.name} = {_combined(one.operation, one.name, lanes)};"] if lanes > 1 else []
        results.append(store if lanes == 1 else f"if ({lane} == 0) {store}")
    return [*(one.declaration for one in kernel.partial), *before, *loop, *results]


_READ = re.compile(r"const [\w ]+ \w+ = (\w+)\[([^\]]*)\];")


def _read_once(kernel: Kernel, others: list[int], lines: list[str]) -> tuple[list[str], list[str]]:
    """Lines that read what is the same all along a row, and those that are left."""
    moving = {INDICES[depth] for depth in others}
    own = {pointer.name for pointer in kernel.pointers.values() if memory(pointer.buffer) in kernel.own}
    once = []
    for line in lines:
        found = _READ.fullmatch(line)
        if found and found[1] not in own and moving.isdisjoint(re.findall(r"\w+", found[2])):
            once.append(line)
    return once, [line for line in lines if line not in once]


def _others(kernel: Kernel, kept: list[int]) -> list[int]:
    return [depth for depth in range(len(kernel.axes)) if depth not in kept]


def write_columns(kernel: Kernel) -> list[Job]:
    """The jobs of a kernel whose innermost axis is kept: threads side by side have columns, and share their rows."""
    kept, reduced = _split(kernel)
    count, rows = _extent(kernel, kept), _extent(kernel, reduced)
    width, dim = across(count), kernel.scope.sizes.dim
    single = isinstance(rows, int) and rows <= CHUNK_ROWS
    kernel.scope.pieces.add("sums.cu")
    inner = kernel.statements(kernel.sums)
    c, q = kernel.counter("column", kept), kernel.counter("q", reduced)
    tiles = columns(count, width)
    shares = chunks(rows, tiles, CHUNK_ROWS)
    blocks = together(tiles, shares)
    lines = _of_the_block(c, dim(count), dim(rows), width, single)
    first = f"threadIdx.x / {width}" if single else f"chunk * share + threadIdx.x / {width}"
    head = f"for (Index {q} = {first}; {q} < {dim(rows) if single else 'end'}; {q} += {THREADS // width})"
    loop = block([*kernel.unravelled(q, reduced, inner), *inner], head)
    lines += [one.declaration for one in kernel.sums]
    lines += block([*kernel.unravelled(c, kept, loop), *loop], f"if ({c} < {dim(count)})")
    formals, before = kernel.formals()
    jobs = []
    for one in kernel.partial:
        lines.append(f"{one.name} = reduce<{one.operation}, {width}>({one.name});")
        if single:
            place = f"{formals.pointer(kernel.scope.field(one.result), writes=True)}[{c}]"
        else:
            parts = kernel.scope.parts(one.node, one.dtype, shares)
            place = f"{formals.pointer(parts, writes=True)}[chunk * {dim(count)} + {c}]"
            jobs.append(one.combination(kernel.scope, parts, shares))
        value = one.stored(one.name) if single else one.name
        lines.append(f"if (threadIdx.x < {width} && {c} < {dim(count)}) {place} = {value};")
    last, others = finished(kernel, formals, blocks, False)
    return [kernel.job(formals, [*before, *lines, *last], blocks), *jobs, *others]


def _of_the_block(column: str, count: str, rows: str, width: int, single: bool) -> list[str]:
    """Lines that say which column a thread has, and which of its rows the block adds up."""
    if single:
        return [f"const Index {column} = (Index)block * {width} + threadIdx.x % {width};"]
    tiles = str(-(-int(count) // width)) if count.isdigit() else f"(({count} + {width - 1}) / {width})"
    lines = [
        f"const Index chunk = block / {tiles}, {column} = block % {tiles} * {width} + threadIdx.x % {width};",
        f"const Index chunks = blocks / {tiles}, share = ({rows} + chunks - 1) / chunks;",
        f"const Index end = (chunk + 1) * share < {rows} ? (chunk + 1) * share : {rows};",
    ]
    if tiles == "1":
        lines[0] = f"const Index chunk = block, {column} = threadIdx.x % {width};"
        lines[1] = f"const Index share = ({rows} + blocks - 1) / blocks;"
    return lines


def _rows(index: str, rows: str, lanes: int) -> str:
    """The loop over the rows that belong to a thread, to its warp, or to its block."""
    if lanes == 1:
        return f"FOR_EACH({index}, {rows})"
    each = THREADS // lanes
    first = "block" if each == 1 else f"(Index)block * {each} + threadIdx.x / {lanes}"
    step = "blocks" if each == 1 else f"(Index)blocks * {each}"
    return f"for (Index {index} = {first}; {index} < {rows}; {index} += {step})"


def _lanes(rows: Dim, lengths: Sequence[Dim]) -> int:
    """How many threads share a row, which has parts of these lengths."""
    known = [length for length in lengths if isinstance(length, int)]
    longest = max(known, default=0)
    if longest >= LONG:
        return THREADS
    if len(known) < len(lengths):
        return THREADS if isinstance(rows, int) and rows <= FEW else WARP
    if longest <= SHORT:
        return 1
    return next((lanes for lanes in (8, 16) if longest <= lanes), WARP)


def _combined(operation: str, name: str, lanes: int) -> str:
    """The sum of a row, for each thread that has a part of it."""
    if lanes == THREADS:
        return f"reduce<{operation}, 1>({name})"
    return f"lanes_reduce<{operation}, {lanes}>({name})"


def _extent(kernel: Kernel, depths: list[int]) -> Dim:
    return product(tuple(kernel.extent(depth) for depth in depths))


def _split(kernel: Kernel) -> tuple[list[int], list[int]]:
    """The axes that the reductions keep, and those that they sum over."""
    position = kernel.loop.reductions.index((kernel.partial[0].node, kernel.partial[0].result))
    reduced = [depth for depth, axis in enumerate(kernel.axes) if axis.reduced[position]]
    return [depth for depth in range(len(kernel.axes)) if depth not in reduced], reduced
