"""Products of matrices: small ones by tiles of our own, which can be part of a CUDA graph; large ones by the BLAS."""

from __future__ import annotations

from collections.abc import Mapping

from symopt.backends.cfamily.products import Matrix, Product, product_of
from symopt.backends.cfamily.spelling import c_type, times
from symopt.backends.cfamily.text import function
from symopt.backends.cfamily.typical import typical
from symopt.backends.cuda.jobs import TILE, Job, Multiply, tiles_of
from symopt.backends.cuda.scope import INLINE, CudaScope, Formals
from symopt.graph.dimensions import Dim
from symopt.graph.nodes import DType
from symopt.lowering.names import Names
from symopt.lowering.program import Library, memory

#: Multiplications up to which a product is ours: about those of a layer of 1024 units for a batch of 64.
OWN_WORK = 1 << 26


def write_product(kernel: Library, scope: CudaScope, number: int, sizes: Mapping[str, int]) -> list[Job | Multiply]:
    """The work of a canonical product."""
    one, comment = product_of(kernel, scope), scope.comment(kernel)
    if kernel.node.dtype.kind == "f" and typical(one.work, sizes) > OWN_WORK:
        left, right, result = (scope.field(matrix.buffer) for matrix in (one.left, one.right, one.result))
        keys = [memory(matrix.buffer) for matrix in (one.left, one.right, one.result)]
        return [Multiply(one, left, right, result, frozenset(keys[:2]), frozenset(keys[2:]), comment)]
    scope.pieces.add("product.cu")
    scope.operations.helpers[f"multiply_add_{kernel.node.dtype.name}"] = _multiply_add(kernel.node.dtype)
    formals, dim = Formals(scope, Names(scope.taken)), scope.sizes.dim
    texts = [dim(one.rows), dim(one.columns), dim(one.depth)]
    stacked = one.stack != 1
    for matrix in (one.left, one.right, one.result):
        name = formals.pointer(scope.field(matrix.buffer), matrix.place.offset, matrix is one.result)
        start = f"{name} + {times('s', dim(matrix.stack))}" if stacked and matrix.stack != 0 else name
        texts += [start, dim(matrix.row), dim(matrix.column)]
    lines = _stack(one, dim(one.rows), dim(one.columns)) if stacked else []
    lines.append(f"product({'block % tiles' if stacked else 'block'}, {', '.join(texts)});")
    grid = tiles_of(one.stack, one.rows, one.columns)
    return [formals.job(f"product_{number}", lines, grid, comment, one.work)]


def _multiply_add(dtype: DType) -> str:
    """The function by which a product multiplies and adds: floats are rounded once."""
    value = {"float32": "fmaf(x, y, z)", "float64": "fma(x, y, z)"}.get(dtype.name, f"({c_type(dtype)})(z + x * y)")
    kind = c_type(dtype)
    return function(f"{INLINE} {kind} multiply_add", [f"{kind} {name}" for name in "xyz"], [f"return {value};"])


def _stack(one: Product, rows: str, columns: str) -> list[str]:
    """Lines that say which product of a stack a block has a tile of."""
    down, across = (f"(({text} + {TILE - 1}) / {TILE})" for text in (rows, columns))
    return [f"const Index tiles = {down} * {across}, s = block / tiles;"]


def strides(matrix: Matrix, has_stack: bool) -> tuple[tuple[Dim, ...], Dim]:
    """The steps from one element to the next along the axes of a matrix, and where it begins."""
    steps = (matrix.row, matrix.column)
    return ((matrix.stack, *steps) if has_stack else steps), matrix.place.offset
