"""Products over the rows of a batch, as the gradient of a linear layer with few outputs is one.

Each block of rows leaves its part of the sum, while these rows are in its thread's cache; then the parts are added up,
in their order.
"""

from __future__ import annotations

from symopt.backends.c.item import Access, Item
from symopt.backends.c.pieces import SHORT, is_narrow
from symopt.backends.c.scope import SPLIT, CScope
from symopt.backends.cfamily.products import Product
from symopt.backends.cfamily.spelling import c_type, times
from symopt.graph.dimensions import Dim, product
from symopt.lowering.program import Buffer, Library, memory

#: Bytes of a part up to which it pays.
BYTES = 1 << 16
#: Parts, about, for usual sizes.
PARTS = 16
#: Rows of a block that suit a part, and rows of the result that suit one who combines parts.
ROWS, COMBINED = 32, 64


def in_parts(one: Product, scope: CScope) -> Product | None:
    """The product so that few columns come of many terms, which threads share; None where it is not such a one."""
    is_little = isinstance(one.work, int) and one.work <= SPLIT
    if scope.blas or one.stack != 1 or is_little or one.result.buffer.dtype.name not in SHORT:
        return None
    return next((turned for turned in (one, one.turned) if _suits(turned)), None)


def _suits(one: Product) -> bool:
    size = product((one.rows, one.columns))
    if not isinstance(size, int) or size * one.result.buffer.dtype.itemsize > BYTES or one.rows == 1:
        return False
    few = one.columns == 1 or is_narrow(one.columns)
    rows_of_both = one.left.has_rows(one.left.column, one.depth) and one.right.has_rows(one.right.row, one.depth)
    side_by_side = one.left.row == 1 and (one.columns == 1 or one.right.column == 1)
    stored = one.result.row == 1 or one.result.column == 1 or one.columns == 1
    return few and rows_of_both and side_by_side and stored


def write_parts(kernel: Library, one: Product, scope: CScope, number: int) -> list[Item]:
    """The pieces of work of such a product: one leaves parts, one combines them."""
    dtype = one.result.buffer.dtype
    home = scope.partials(kernel.node, dtype)
    real, dim = c_type(dtype), scope.sizes.dim
    sizes = f"{dim(one.rows)}, {dim(one.columns)}"
    outer = scope.pieces.need("outer", dtype.name)
    function = scope.function(
        f"product_{number}",
        ["Index rows", f"const {real} *restrict a", f"const {real} *restrict b", f"{real} *restrict c"],
        [f"{outer}({sizes}, rows, a, {dim(one.left.column)}, b, {dim(one.right.row)}, c);"],
        contracted=True,
    )
    size = product((one.rows, one.columns))

    def add(low: str, rows: str, block: str) -> list[str]:
        left = _moved(scope.reference(one.left.buffer), low, one.left.column, scope)
        right = _moved(scope.reference(one.right.buffer), low, one.right.row, scope)
        return function(rows, left, right, _moved(scope.reference(home), block, size, scope))

    accesses = (
        Access(memory(one.left.buffer), False, one.left.column),
        Access(memory(one.right.buffer), False, one.right.row),
        Access(memory(home), True, 1),
    )
    row_bytes = (one.left.column + one.right.row) * dtype.itemsize
    part = Item(
        one.depth, accesses, add, scope.comment(kernel), row_bytes=row_bytes, partials=True, tiles=ROWS, most=PARTS
    )
    return [part, _combination(one, part, home, scope)]


def _combination(one: Product, part: Item, home: Buffer, scope: CScope) -> Item:
    """The piece of work that adds the parts up."""
    dtype, dim = one.result.buffer.dtype, scope.sizes.dim
    real = c_type(dtype)
    sizes = f"{dim(one.rows)}, {dim(one.columns)}"
    combine = scope.pieces.need("combine", dtype.name)
    function = scope.function(
        "combine",
        ["Index low", "Index rows", "Index blocks", f"const {real} *restrict parts", f"{real} *restrict whole"],
        [f"{combine}(low, rows, {sizes}, blocks, parts, whole, {dim(one.result.row)}, {dim(one.result.column)});"],
        contracted=True,
    )

    def call(low: str, rows: str, block: str) -> list[str]:
        assert part.group is not None
        blocks = scope.blocks_text(one.depth, part.group.block)
        return function(low, rows if shared else dim(one.rows), blocks, scope.reference(home), result)

    result = scope.reference(one.result.buffer)
    shared = scope.is_split(one.rows)
    row = one.result.row if shared and one.result.has_rows(one.result.row, one.rows) else None
    accesses = (Access(memory(home), False, None), Access(memory(one.result.buffer), True, row))
    bytes_each = one.result.row * dtype.itemsize if shared else 0
    extent = one.rows if shared else None
    size = product((one.rows, one.columns))
    is_small = not shared or (isinstance(size, int) and size <= SPLIT)
    return Item(extent, accesses, call, row_bytes=bytes_each, tiles=COMBINED if shared else 0, is_small=is_small)


def _moved(pointer: str, index: str, step: Dim, scope: CScope) -> str:
    return pointer if index == "0" else f"{pointer} + {times(index, scope.sizes.dim(step))}"
