"""Products of matrices: what lies where."""

from __future__ import annotations

from dataclasses import dataclass, replace

from symopt.backends.cfamily.places import Place, place_of, row_major
from symopt.backends.cfamily.scope import Scope
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Contract
from symopt.lowering.program import Buffer, Library


@dataclass(frozen=True)
class Matrix:
    """A factor or the result: memory, and how far it is from one element to the next."""

    buffer: Buffer
    place: Place
    stack: Dim
    row: Dim
    column: Dim

    @property
    def turned(self) -> Matrix:
        return replace(self, row=self.column, column=self.row)

    def has_rows(self, step: Dim, extent: Dim) -> bool:
        """Whether the buffer is ``extent`` rows, and ``step`` leads from one to the next."""
        long = [dim for dim in self.buffer.shape if dim != 1]
        return long[:1] == [extent] and self.place.offset == 0 and step == product(tuple(long[1:]))


@dataclass(frozen=True)
class Product:
    """``result = left @ right`` for every element of a stack: rows by depth, times depth by columns."""

    stack: Dim
    rows: Dim
    columns: Dim
    depth: Dim
    left: Matrix
    right: Matrix
    result: Matrix

    @property
    def turned(self) -> Product:
        """The same, with all matrices transposed."""
        return Product(
            self.stack, self.columns, self.rows, self.depth, self.right.turned, self.left.turned, self.result.turned
        )

    @property
    def work(self) -> Dim:
        return product((self.stack, self.rows, self.columns, self.depth))


def product_of(kernel: Library, scope: Scope) -> Product:
    """The matrices of a canonical product."""
    node = kernel.node
    assert isinstance(node, Contract)
    sizes: dict[int | None, Dim] = {None: 1}
    places = [place_of(operand, scope.buffers) for operand in node.operands]
    for indices, operand in zip((node.left, node.right), node.operands, strict=True):
        sizes.update(zip(indices, operand.shape, strict=True))
    stack = next((i for i in node.output if i in node.left and i in node.right), None)
    rows = next((i for i in node.output if i not in node.right), None)
    columns = next((i for i in node.output if i not in node.left), None)
    depth = next(i for i in node.left if i not in node.output)

    def matrix(place: Place, indices: tuple[int, ...], row: int | None, column: int | None) -> Matrix:
        strides: dict[int | None, Dim] = {None: 0, **dict(zip(indices, place.strides, strict=True))}
        step = {index: strides[index] if sizes[index] != 1 else 0 for index in (stack, row, column)}
        buffer = kernel.buffer if place.base is node else scope.buffers[place.base]
        return Matrix(buffer, place, step[stack], step[row], step[column])

    return Product(
        sizes[stack],
        sizes[rows],
        sizes[columns],
        sizes[depth],
        matrix(places[0], node.left, rows, depth),
        matrix(places[1], node.right, depth, columns),
        matrix(Place(node, 0, row_major(node.shape)), node.output, rows, columns),
    )
