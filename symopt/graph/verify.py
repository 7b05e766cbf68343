"""What holds of every graph: a grammar of nodes, and the conditions on run-time sizes that a node brings with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from symopt.errors import ShapeError
from symopt.graph.dimensions import Dim, Dimension, Shape, product, resolve
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
from symopt.graph.promotion import BOOL, FLOAT32, FLOAT64, INT64, signature
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
        equal = [Guard(have, "==", want, node.origin, "an operation on tensors of equal size") for have, want in pairs]
        return equal + _not_negative(node, [dim for dim in node.shape if dim not in operand.shape])
    if isinstance(node, Reshape):
        have, want = product(node.operands[0].shape), product(node.shape)
        return [] if have == want else [Guard(have, "==", want, node.origin, "a reshape")]
    if isinstance(node, Slice):
        return _slice_guards(node, node.operands[0].shape, node.shape)
    if isinstance(node, Embed):
        return _slice_guards(node, node.shape, node.operands[0].shape)
    if isinstance(node, Reduce) and node.op in ("max", "min") and node.dtype != BOOL:
        dims = [node.operands[0].shape[axis] for axis in node.axes]
        return [Guard(dim, ">=", 1, node.origin, f"{node.op}") for dim in dims if not isinstance(dim, int)]
    return _not_negative(node, node.shape) if isinstance(node, (Iota, Random)) else []


def _not_negative(node: Node, shape: Iterable[Dim]) -> list[Guard]:
    return [Guard(dim, ">=", 0, node.origin, "a shape") for dim in shape if _may_be_negative(dim)]


def _may_be_negative(dim: Dim) -> bool:
    return any(factor < 0 for _, factor in dim.terms) if isinstance(dim, Dimension) else dim < 0


def _slice_guards(node: Slice | Embed, whole: Shape, part: Shape) -> list[Guard]:
    """The part lies within the whole along every axis."""
    axes = zip(whole, part, node.starts, node.steps, strict=True)
    return [guard for dim, count, start, step in axes for guard in _range_guards(node, dim, start, count, step)]


def _range_guards(node: Node, dim: Dim, start: Dim, count: Dim, step: int) -> list[Guard]:
    if all(isinstance(known, int) for known in (dim, start, count)) or (start == 0 and count == dim and step == 1):
        return []
    last = start + (count - 1) * step
    low, high = (start, last) if step > 0 else (last, start)
    conditions = [(low, 0), (dim - 1, high)]
    if not isinstance(count, int):
        conditions.append((count, 0))
    if step > 0:
        # An empty slice may start just past the end, where its "last" element lies before its first.
        conditions = [(start, 0), (dim, start + count * step - (step - 1)), *conditions[2:]]
    return [Guard(a, ">=", b, node.origin, "a slice") for a, b in conditions if _may_be_negative(a - b)]


# -------------------------------------------------------------------------------------------------------------- grammar


def _pointwise(node: Elementwise) -> bool:
    takes, gives = signature(node.op, tuple((operand.dtype, operand.weak) for operand in node.operands))
    fit = node.weak or all(operand.dtype == dtype for operand, dtype in zip(node.operands, takes, strict=True))
    return fit and node.dtype == gives and all(operand.shape == node.shape for operand in node.operands)


def _reduced(node: Reduce) -> bool:
    (operand,) = node.operands
    left = tuple(dim for axis, dim in enumerate(operand.shape) if axis not in node.axes)
    sound = node.op in ("sum", "prod", "max", "min") and node.axes == tuple(sorted(set(node.axes)))
    return sound and node.shape == left and bool(node.axes)


def _contracted(node: Contract) -> bool:
    sizes: dict[int, Dim] = {}
    for operand, indices in zip(node.operands, (node.left, node.right), strict=True):
        for index, dim in zip(indices, operand.shape, strict=True):
            if sizes.setdefault(index, dim) != dim:
                return False
    distinct = all(len(set(indices)) == len(indices) for indices in (node.left, node.right, node.output))
    summed = (set(node.left) | set(node.right)) - set(node.output)
    both = set(node.left) & set(node.right)
    return bool(summed) and summed <= both and distinct and node.shape == tuple(sizes[i] for i in node.output)


def _stretched(node: Broadcast) -> bool:
    (operand,) = node.operands
    return operand.ndim <= node.ndim


def _part(node: Slice | Embed) -> bool:
    return len(node.starts) == len(node.steps) == node.ndim == node.operands[0].ndim and 0 not in node.steps


def _taken(node: Take) -> bool:
    values, indices = node.operands
    shape = (*values.shape[: node.axis], *indices.shape, *values.shape[node.axis + 1 :])
    return indices.dtype == INT64 and values.dtype == node.dtype and node.shape == shape and node.axis < values.ndim


def _scattered(node: ScatterAdd) -> bool:
    values, indices = node.operands
    past = node.axis + indices.ndim
    others = node.shape[: node.axis] + node.shape[node.axis + 1 :]
    fit = others == values.shape[: node.axis] + values.shape[past:]
    return fit and indices.dtype == INT64 and values.dtype == node.dtype


def _joined(node: Concatenate) -> bool:
    def others(shape: Shape) -> Shape:
        return shape[: node.axis] + shape[node.axis + 1 :]

    total: Dim = 0
    for operand in node.operands:
        total = total + operand.shape[node.axis]
    return node.shape[node.axis] == total and all(others(one.shape) == others(node.shape) for one in node.operands)


GRAMMAR: dict[type[Node], Callable[[Any], bool]] = {
    Input: lambda node: not node.operands and not node.weak,
    Shared: lambda node: node.storage.shape == node.shape and node.storage.dtype == node.dtype,
    Constant: lambda node: node.value.shape == node.shape and node.value.dtype == node.dtype,
    Size: lambda node: node.weak and node.shape == (),
    Iota: lambda node: node.ndim == 1 and node.dtype == INT64,
    Random: lambda node: node.dtype in (FLOAT32, FLOAT64),
    Elementwise: lambda node: len(node.operands) == node.op.arity and _pointwise(node),
    Reduce: _reduced,
    Contract: _contracted,
    Reshape: lambda node: True,  # its guard is all there is to check
    Transpose: lambda node: node.shape == tuple(node.operands[0].shape[axis] for axis in node.axes),
    Broadcast: _stretched,
    Slice: _part,
    Embed: _part,
    Take: _taken,
    ScatterAdd: _scattered,
    Concatenate: _joined,
    Cumulate: lambda node: node.shape == node.operands[0].shape and 0 <= node.axis < node.ndim,
}


#: Kinds whose operands all have the dtype of the node.
_KEEP_DTYPE = (Reduce, Contract, Reshape, Transpose, Broadcast, Slice, Embed, Concatenate, Cumulate)


def is_well_formed(node: Node) -> bool:
    """Whether ``node`` is of a known kind, follows the grammar of its kind, and is weak only as a number."""
    if type(node) not in KINDS or (node.weak and node.shape != ()):
        return False
    if isinstance(node, _KEEP_DTYPE) and any(operand.dtype != node.dtype for operand in node.operands):
        return False
    return GRAMMAR[type(node)](node)


def verify(order: Iterable[Node]) -> None:
    """Every node is well formed; operands come before their users."""
    seen: set[Node] = set()
    for node in order:
        if not is_well_formed(node):
            raise ShapeError(f"malformed node {node!r} over {node.operands!r}: this is a defect of symopt", node.origin)
        if not seen.issuperset(node.operands):
            raise ShapeError(f"{node!r} comes before its operands: this is a defect of symopt", node.origin)
        seen.add(node)
