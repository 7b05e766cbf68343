"""Python text of kernels that are one call: products, gathers, scatters, running sums and draws."""

from __future__ import annotations

from collections.abc import Callable

from symopt.backends.numexpr.scope import Scope
from symopt.backends.numexpr.spelling import dtype_text
from symopt.graph.nodes import Concatenate, Contract, Cumulate, Node, Random, ScatterAdd, Take
from symopt.lowering.program import Library


def emit_library(kernel: Library, scope: Scope, number: int) -> None:
    """Append the lines of one such kernel."""
    node, out = kernel.node, kernel.buffer.name
    scope.step.append(f"# {number}: {out} = {node.describe()}, {scope.sizes.shape(node.shape)}")
    scope.step.extend(_LINES[type(node)](node, out, scope))


def _contract(node: Contract, out: str, scope: Scope) -> list[str]:
    left, right = (scope.stretched(operand) for operand in node.operands)
    stack = len(set(node.left) & set(node.right) & set(node.output))
    summed = next(index for index in node.left if index not in node.output)
    if len(node.left) == stack + 2 and node.left[-1] != summed:
        left = _swapped(left, node.operands[0], scope)
    if len(node.right) == stack + 2 and node.right[-1] == summed:
        right = _swapped(right, node.operands[1], scope)
    return [f"{'matmul' if stack or _may_be_number(node) else 'dot'}({left}, {right}, {out})"]


def _may_be_number(node: Contract) -> bool:
    """Whether an operand may have a single element: np.dot then scales by it, and leaves out what is scaled by 0."""
    vectors = all(operand.ndim == 1 for operand in node.operands)
    return not vectors and any(
        all(dim == 1 or not isinstance(dim, int) for dim in operand.shape) for operand in node.operands
    )


def _swapped(name: str, node: Node, scope: Scope) -> str:
    text = f"{name}.T" if node.ndim == 2 else f"{name}.transpose(0, 2, 1)"
    return text if scope.is_input(node) else scope.once(text, f"{name}_T")


def _take(node: Take, out: str, scope: Scope) -> list[str]:
    values, indices = (scope.stretched(operand) for operand in node.operands)
    length = scope.sizes.dim(node.operands[0].shape[node.axis])
    # mode "clip" keeps NumPy from making a copy first; the indices have been checked.
    return [
        f"check_indices({indices}, {length}, {str(node.origin)!r})",
        f'take({values}, {indices}, {node.axis}, {out}, "clip")',
    ]


def _scatter_add(node: ScatterAdd, out: str, scope: Scope) -> list[str]:
    values, indices = (scope.stretched(operand) for operand in node.operands)
    length = scope.sizes.dim(node.shape[node.axis])
    where = f"({'slice(None), ' * node.axis}{indices})" if node.axis else indices
    return [
        f"check_indices({indices}, {length}, {str(node.origin)!r})",
        f"{out}.fill(0)",
        f"add.at({out}, {where}, {values})",
    ]


def _concatenate(node: Concatenate, out: str, scope: Scope) -> list[str]:
    parts = ", ".join(scope.stretched(operand) for operand in node.operands)
    return [f"concatenate(({parts}), {node.axis}, {out})"]


def _cumulate(node: Cumulate, out: str, scope: Scope) -> list[str]:
    source = scope.stretched(node.operands[0])
    flip = f"[{':, ' * node.axis}::-1]" if node.reverse else ""
    return [f"add.accumulate({source}{flip}, {node.axis}, {dtype_text(node.dtype)}, {out}{flip})"]


def _random(node: Random, out: str, scope: Scope) -> list[str]:
    stream = scope.program.streams[node]
    return [f"{out}[...] = uniform({out}.shape, {out}.dtype, {node.seed}, {stream}, {scope.call})"]


_LINES: dict[type[Node], Callable[..., list[str]]] = {
    Contract: _contract,
    Take: _take,
    ScatterAdd: _scatter_add,
    Concatenate: _concatenate,
    Cumulate: _cumulate,
    Random: _random,
}
