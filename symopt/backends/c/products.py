"""C functions of products of matrices: calls of the pieces that suit, with what is known written in."""

from __future__ import annotations

from symopt.backends.c.item import Access, Item
from symopt.backends.c.parts import in_parts, write_parts
from symopt.backends.c.pieces import CONTRACTED, SHORT, is_narrow
from symopt.backends.c.scope import CScope
from symopt.backends.cfamily.products import Matrix, Product, product_of
from symopt.backends.cfamily.spelling import c_type, number_text, times, total
from symopt.graph.dimensions import Dim
from symopt.graph.nodes import DType
from symopt.lowering.program import Library, memory

#: Multiplications up to which plain loops of known lengths are best: the compiler unrolls them.
TINY = 4096
#: Rows of a block that suit the tiles of a narrow product, and of others.
NARROW_ROWS, ROWS = 64, 28


def _turned_to_suit(one: Product) -> Product:
    """The same product, turned where a single row or column runs better as the other."""
    column_side_by_side = one.columns == 1 != one.rows and one.left.row == 1
    row_of_dots = one.rows == 1 != one.columns and one.right.column != 1
    return one.turned if column_side_by_side or row_of_dots else one


def _is_narrow(one: Product) -> bool:
    """Whether there are few columns, and vectors can run down them."""
    return is_narrow(one.columns) and one.left.row == 1 != one.left.column


def _is_deep(one: Product) -> bool:
    """Whether there are few columns, and vectors can run along the sums."""
    return is_narrow(one.columns) and one.left.column == one.right.row == 1 != one.right.column


def _rows_of_block(one: Product) -> int:
    """How many rows suit it."""
    return NARROW_ROWS if _is_narrow(one) else ROWS


def _suits_blas(one: Product) -> bool:
    """Whether all lies as a BLAS wants it: one step along rows or columns, and no vector among the matrices."""
    single = 1 in (one.rows, one.columns, one.depth)
    return not single and 1 in (one.left.row, one.left.column) and one.right.column == 1


def write_product(kernel: Library, scope: CScope, number: int) -> list[Item]:
    """The piece of work of a canonical product."""
    whole = product_of(kernel, scope)
    if suited := in_parts(whole, scope):
        return write_parts(kernel, suited, scope, number)
    one = _turned_to_suit(whole)
    split = _split(one, scope)
    arguments, lines = _function(one, scope, split)
    function = scope.function(
        f"product_{number}",
        arguments,
        lines,
        contracted=_form(one, scope.blas) in CONTRACTED,
    )
    steps = {matrix: _step(matrix, split) for matrix in (one.left, one.result)}
    steps[one.right] = one.right.stack if split == "stack" else 0

    def call(low: str, rows: str, block: str) -> list[str]:
        texts = [_pointer(matrix, steps[matrix], low, scope) for matrix in (one.left, one.right, one.result)]
        return function(*([rows] if split else []), *texts)

    extent = {"stack": one.stack, "rows": one.rows, "": None}[split]
    accesses = []
    for matrix in (one.left, one.right, one.result):
        own = extent is not None and steps[matrix] != 0 and matrix.has_rows(steps[matrix], extent)
        accesses.append(Access(memory(matrix.buffer), matrix is one.result, steps[matrix] if own else None))
    touched = sum(((steps[matrix] if split else 0) for matrix in (one.left, one.result)), 0)
    size = kernel.node.dtype.itemsize
    return [
        Item(
            extent,
            tuple(accesses),
            call,
            scope.comment(kernel),
            row_bytes=touched * size,
            tiles=_rows_of_block(one) if split == "rows" else 0,
            is_small=not split,
        )
    ]


def _split(one: Product, scope: CScope) -> str:
    """What threads share: the stack, the rows, or nothing."""
    if one.stack != 1:
        return "stack" if scope.is_split(one.stack) else ""
    return "rows" if one.rows != 1 and scope.is_split(one.rows) else ""


def _step(matrix: Matrix, split: str) -> Dim:
    return {"stack": matrix.stack, "rows": matrix.row, "": 0}[split]


def _pointer(matrix: Matrix, step: Dim, low: str, scope: CScope) -> str:
    terms = [scope.sizes.dim(matrix.place.offset)]
    if step != 0 and low != "0":
        terms.append(times(low, scope.sizes.dim(step)))
    offset, base = total(terms), scope.reference(matrix.buffer)
    return base if offset == "0" else f"{base} + {offset}"


def _function(one: Product, scope: CScope, split: str) -> tuple[list[str], list[str]]:
    """Arguments and lines of the function of one product."""
    dtype = one.result.buffer.dtype
    real = c_type(dtype)
    arguments = [*(["Index rows"] if split else [])]
    arguments += [f"const {real} *restrict a", f"const {real} *restrict b", f"{real} *restrict c"]
    rows = "rows" if split == "rows" else scope.sizes.dim(one.rows)
    if one.stack == 1:
        return arguments, _matrix_lines(one, scope, dtype, rows, "")
    stack = "rows" if split == "stack" else scope.sizes.dim(one.stack)
    lines = [f"for (Index s = 0; s < {stack}; s++) {{"]
    lines += [f"    {line}" for line in _matrix_lines(one, scope, dtype, rows, "s")]
    return arguments, [*lines, "}"]


def _matrix_lines(one: Product, scope: CScope, dtype: DType, rows: str, index: str) -> list[str]:
    def dim(size: Dim) -> str:
        return scope.sizes.dim(size)

    def start(name: str, matrix: Matrix) -> str:
        return f"{name} + {times(index, dim(matrix.stack))}" if index and matrix.stack != 0 else name

    a, b, c = start("a", one.left), start("b", one.right), start("c", one.result)
    name = _form(one, scope.blas)
    if not name:
        return _plain(one, scope, dtype, rows, (a, b, c))
    # What each form has to be told of its factors; sizes come first, and the result last.
    left_row, left_column = dim(one.left.row), dim(one.left.column)
    left = {"dots": left_row, "deep": left_row, "narrow": left_column}.get(name, f"{left_row}, {left_column}")
    right = {"dots": "", "deep": dim(one.right.column)}.get(name, dim(one.right.row))
    columns = [] if name == "dots" else [dim(one.columns)]
    texts = [rows, *columns, dim(one.depth), a, left, b, *([right] if right else []), c, dim(one.result.row)]
    return [f"{scope.pieces.need(name, dtype.name)}({', '.join(texts)});"]


def _form(one: Product, blas: bool) -> str:
    """The piece that suits a product; none where plain loops do."""
    if one.result.buffer.dtype.name not in SHORT or (isinstance(one.work, int) and one.work <= TINY):
        return ""
    if one.columns == 1 and one.left.column == 1 and one.right.row == 1:
        return "dots"
    if blas and _suits_blas(one):
        return "blas"
    if _is_narrow(one):
        return "narrow"
    return "deep" if _is_deep(one) else "product"


def _plain(one: Product, scope: CScope, dtype: DType, rows: str, names: tuple[str, str, str]) -> list[str]:
    """Loops over rows, terms and columns; the sums of a row are kept in registers where there are few."""
    a, b, c = (name if " " not in name else f"({name})" for name in names)
    dim, zero = scope.sizes.dim, number_text(0, dtype)

    def at(name: str, *steps: tuple[str, Dim]) -> str:
        return f"{name}[{total([times(i, dim(step)) for i, step in steps if step != 0])}]"

    columns, depth = dim(one.columns), dim(one.depth)
    left = at(a, ("i", one.left.row), ("k", one.left.column))
    right = at(b, ("k", one.right.row), ("j", one.right.column))
    place = at(c, ("i", one.result.row), ("j", one.result.column))
    few = isinstance(one.columns, int) and one.columns <= 64
    sum_at = "sum[j]" if few else place
    return [
        f"for (Index i = 0; i < {rows}; i++) {{",
        *([f"    {c_type(dtype)} sum[{columns}];"] if few else []),
        f"    for (Index j = 0; j < {columns}; j++) {sum_at} = {zero};",
        f"    for (Index k = 0; k < {depth}; k++)",
        f"        for (Index j = 0; j < {columns}; j++) {sum_at} += {left} * {right};",
        *([f"    for (Index j = 0; j < {columns}; j++) {place} = sum[j];"] if few else []),
        "}",
    ]
