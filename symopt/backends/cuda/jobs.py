"""What a step is made of on a device: calls of device functions, and what is left to libraries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from symopt.backends.cfamily.products import Product
from symopt.backends.cfamily.scope import Field
from symopt.graph.dimensions import Dim, resolve

#: Threads of a block. Every device function counts on it.
THREADS = 256
#: Elements that a thread reads at once where they lie side by side.
PACK = 4
#: Blocks of a pass over elements for each multiprocessor: enough to keep all busy to the end.
PASS_BLOCKS = 32
#: Blocks of a pass that leaves partial sums. It does not depend on the device, and so sums do not.
SUM_BLOCKS = 1024
#: Rows that a block adds up at least, and blocks that share the rows of columns at most.
CHUNK_ROWS, CHUNK_BLOCKS = 256, 1024
#: Elements of a row that a block adds up at least.
CHUNK_ELEMENTS = 4096
#: Rows and columns of a tile of a product.
TILE = 32

#: What is known of an index out of range: where it may be found, nothing that lasts is written before it is looked at.
FAILURE = "failure"
#: The number of a call, which is counted on the device.
CALL = "call"

#: The number of blocks, for given sizes and a number of multiprocessors; there may be nothing to do.
Blocks = Callable[[Mapping[str, int], int], int]


def passes(count: Dim, each: int = THREADS, most: int | None = None) -> Blocks:
    """Blocks that do ``each`` of ``count`` things at a time; ``most`` of them, or what keeps a device busy."""

    def blocks(sizes: Mapping[str, int], processors: int) -> int:
        wanted = -(-resolve(count, sizes) // each)
        return max(1, min(wanted, PASS_BLOCKS * processors if most is None else most))

    return blocks


def columns(count: Dim, across: int) -> Blocks:
    """A block for ``across`` of ``count`` columns."""
    return lambda sizes, processors: -(-resolve(count, sizes) // across)


def chunks(count: Dim, tiles: Blocks, least: int) -> Blocks:
    """How many blocks share the ``count`` things to be added up for each tile, each of them ``least`` at least."""

    def blocks(sizes: Mapping[str, int], processors: int) -> int:
        beside = max(1, tiles(sizes, processors))
        return max(1, min(-(-resolve(count, sizes) // least), -(-CHUNK_BLOCKS // beside)))

    return blocks


def tiles_of(stack: Dim, rows: Dim, columns: Dim) -> Blocks:
    """A block for each tile of each matrix of a stack."""

    def blocks(sizes: Mapping[str, int], processors: int) -> int:
        down, across = (-(-resolve(dim, sizes) // TILE) for dim in (rows, columns))
        return resolve(stack, sizes) * down * across

    return blocks


def together(first: Blocks, second: Blocks) -> Blocks:
    """A block for each pair."""
    return lambda sizes, processors: first(sizes, processors) * second(sizes, processors)


@dataclass(frozen=True)
class At:
    """Memory from an offset on, as an argument."""

    field: Field
    offset: Dim
    constant: bool


#: What a device function is given: memory, a number of elements, or how many blocks another one has had.
Actual = At | Dim | Blocks


@dataclass(frozen=True, eq=False)
class Job:
    """A call of a device function by some blocks.

    Its arguments are the run-time ``sizes``, ``block`` and ``blocks``, and then ``formals`` (declarations), which get
    the values ``actuals``. ``work`` is about the number of elements that it goes through, and ``shared`` the bytes of
    shared memory of the functions that it calls.
    """

    function: str
    sizes: tuple[str, ...]
    formals: tuple[str, ...]
    actuals: tuple[Actual, ...]
    blocks: Blocks
    reads: frozenset[object]
    writes: frozenset[object]
    comment: str
    work: Dim = 0
    shared: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True, eq=False)
class Multiply:
    """A product that is left to the device's BLAS."""

    product: Product
    left: Field
    right: Field
    result: Field
    reads: frozenset[object]
    writes: frozenset[object]
    comment: str


@dataclass(frozen=True, eq=False)
class Sort:
    """The places of indices in the order of their values; among equal ones, in their own order."""

    indices: Field
    order: Field
    count: Dim
    reads: frozenset[object]
    writes: frozenset[object]
    comment: str


Work = Job | Multiply | Sort
