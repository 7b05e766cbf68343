"""What holds of every graph: a grammar of nodes, and the conditions on run-time sizes that a node brings with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from symopt.errors import ShapeError
from symopt.graph.dimensions import Dim, Shape, product, resolve
from symopt.graph.nodes import (
    KINDS,
    Broadcast,
    Concatenate,
    Constant,
    Contract,
    Cumulate,
    Elementwise,
    Embed,
    Input,
    Iota,
    Node,
    Random,
    Reduce,
    Reshape,
    ScatterAdd,
    Shared,
    Size,
    Slice,
    Take,
    Transpose,
)
from symopt.graph.promotion import FLOAT32, FLOAT64, INT64
from symopt.graph.provenance import Location


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition on run-time sizes that could not be decided when the graph was built."""

    left: Dim
    relation: str  # "==" or ">="
    right: Dim
    origin: Location | None
    reason: str

    def holds(self, sizes: Mapping[str, int]) -> bool:
        left, right = resolve(self.left, sizes), resolve(self.right, sizes)
        return left == right if self.relation == "==" else left >= right

    def message(self, sizes: Mapping[str, int]) -> str:
        known = ", ".join(f"{name} = {value}" for name, value in sizes.items())
        return f"{self.reason} needs {self.left} {self.relation} {self.right}; here {known or 'no size is known'}"


def guards_of(node: Node) -> list[Guard]:
    """The conditions that ``node`` itself brings."""
    if isinstance(node, Broadcast):
        (operand,) = node.operands
        target = node.shape[node.ndim - operand.ndim :]
        pairs = [(have, want) for have, want in zip(operand.shape, target, strict=True) if have not in (1, want)]
        return [Guard(have, "==", want, node.origin, "an operation on tensors of equal size") for have, want in pairs]
    if isinstance(node, Reshape):
        have, want = product(node.operands[0].shape), product(node.shape)
        return [] if have == want else [Guard(have, "==", want, node.origin, "a reshape")]
    if isinstance(node, Slice):
        return [guard for axis in range(node.ndim) for guard in _slice_guards(node, axis)]
    if isinstance(node, Reduce) and node.op in ("max", "min"):
        dims = [node.operands[0].shape[axis] for axis in node.axes]
        return [Guard(dim, ">=", 1, node.origin, f"{node.op}") for dim in dims if not isinstance(dim, int)]
    return []


def _slice_guards(node: Slice, axis: int) -> list[Guard]:
    start, count, step = node.starts[axis], node.shape[axis], node.steps[axis]
    dim = node.operands[0].shape[axis]
    if isinstance(dim, int) or (start == 0 and count == dim):
        return []
    last = start + (count - 1) * step
    low, high = (start, last) if step > 0 else (last, start)
    conditions = [(low, 0), (dim - 1, high)]
    if not isinstance(count, int):
        conditions.append((count, 0))
    if step > 0:
        # An empty slice may start just past the end, where its "last" element lies before its first.
        conditions = [(start, 0), (dim, start + count * step - (step - 1)), *conditions[2:]]
    undecided = [(a, b) for a, b in conditions if not isinstance(a - b, int) or a - b < 0]  # type: ignore[operator]
    return [Guard(a, ">=", b, node.origin, "a slice") for a, b in undecided]


# ---------------------------------------------------------------------------------------------------------------- grammar


def _same_shape(node: Any) -> bool:
    return all(operand.shape == node.shape for operand in node.operands) or node.weak


def _reduced(node: Any) -> bool:
    (operand,) = node.operands
    left = tuple(dim for axis, dim in enumerate(operand.shape) if axis not in node.axes)
    return node.shape == left and node.dtype == operand.dtype and bool(node.axes)


def _contracted(node: Any) -> bool:
    sizes: dict[int, Dim] = {}
    for operand, indices in zip(node.operands, (node.left, node.right), strict=True):
        for index, dim in zip(indices, operand.shape, strict=True):
            if sizes.setdefault(index, dim) != dim:
                return False
    distinct = all(len(set(indices)) == len(indices) for indices in (node.left, node.right, node.output))
    summed = (set(node.left) | set(node.right)) - set(node.output)
    return (
        distinct and summed <= set(node.left) & set(node.right) and node.shape == tuple(sizes[i] for i in node.output)
    )


def _stretched(node: Any) -> bool:
    (operand,) = node.operands
    return operand.ndim <= node.ndim and operand.dtype == node.dtype


def _indexed(node: Any) -> bool:
    values, indices = node.operands
    return indices.dtype == INT64 and values.dtype == node.dtype and 0 <= node.axis < max(node.ndim, values.ndim)


def _joined(node: Any) -> bool:
    def others(shape: Shape) -> Shape:
        return shape[: node.axis] + shape[node.axis + 1 :]

    return all(others(o.shape) == others(node.shape) and o.dtype == node.dtype for o in node.operands)


GRAMMAR: dict[type[Node], Callable[[Any], bool]] = {
    Input: lambda node: not node.operands and not node.weak,
    Shared: lambda node: node.storage.array.shape == node.shape and node.storage.array.dtype == node.dtype,
    Constant: lambda node: node.value.shape == node.shape and node.value.dtype == node.dtype,
    Size: lambda node: node.weak and node.shape == (),
    Iota: lambda node: node.ndim == 1 and node.dtype == INT64,
    Random: lambda node: node.dtype in (FLOAT32, FLOAT64),
    Elementwise: lambda node: len(node.operands) == node.op.arity and _same_shape(node),
    Reduce: _reduced,
    Contract: _contracted,
    Reshape: lambda node: node.operands[0].dtype == node.dtype,
    Transpose: lambda node: node.shape == tuple(node.operands[0].shape[axis] for axis in node.axes),
    Broadcast: _stretched,
    Slice: lambda node: (
        len(node.starts) == len(node.steps) == node.ndim == node.operands[0].ndim and 0 not in node.steps
    ),
    Embed: lambda node: len(node.starts) == len(node.steps) == node.ndim == node.operands[0].ndim,
    Take: _indexed,
    ScatterAdd: _indexed,
    Concatenate: _joined,
    Cumulate: lambda node: node.shape == node.operands[0].shape and 0 <= node.axis < node.ndim,
}


def verify(order: Iterable[Node]) -> None:
    """Every node is of a known kind and follows its grammar; operands come before their users."""
    seen: set[Node] = set()
    for node in order:
        if type(node) not in KINDS or not GRAMMAR[type(node)](node):
            raise ShapeError(f"malformed node {node!r} over {node.operands!r}: this is a defect of symopt", node.origin)
        if not seen.issuperset(node.operands):
            raise ShapeError(f"{node!r} comes before its operands: this is a defect of symopt", node.origin)
        seen.add(node)
