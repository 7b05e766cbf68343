"""Walking graphs without recursion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from symopt.graph.construct import (
    broadcast_to,
    cast,
    concatenate,
    contract,
    cumulate,
    embed,
    make_elementwise,
    make_take,
    reduce,
    reshape,
    scatter_add,
    slice_,
    transpose,
)
from symopt.graph.nodes import (
    Broadcast,
    Concatenate,
    Contract,
    Cumulate,
    Elementwise,
    Embed,
    Node,
    Reduce,
    Reshape,
    ScatterAdd,
    Shared,
    Slice,
    Take,
    Transpose,
)
from symopt.graph.provenance import BuiltFor


def topological(outputs: Iterable[Node], stop: frozenset[Node] | set[Node] = frozenset()) -> list[Node]:
    """Every node that ``outputs`` depend on, operands first; what lies behind nodes of ``stop`` is left out."""
    order: list[Node] = []
    seen: set[Node] = set()
    for output in outputs:
        if output in seen:
            continue
        # A node is pushed once to be opened, and once more, below its operands, to be listed.
        stack: list[tuple[Node, bool]] = [(output, False)]
        while stack:
            node, opened = stack.pop()
            if opened:
                order.append(node)
                continue
            if node in seen:
                continue
            seen.add(node)
            stack.append((node, True))
            if node not in stop:
                stack.extend((operand, False) for operand in reversed(node.operands) if operand not in seen)
    return order


def consumers(order: Iterable[Node]) -> dict[Node, list[Node]]:
    """For every node of ``order``, the nodes that take it as an operand."""
    users: dict[Node, list[Node]] = {}
    for node in order:
        users.setdefault(node, [])
        for operand in dict.fromkeys(node.operands):
            users.setdefault(operand, []).append(node)
    return users


def parameters_of(outputs: Iterable[Node]) -> list[Shared]:
    """The trainable parameters that ``outputs`` depend on, in the order of their creation."""
    found = [n for n in topological(outputs) if isinstance(n, Shared) and n.role == "parameter"]
    return sorted(found, key=lambda node: node.serial)


_REBUILD: dict[type[Node], Callable[..., Node]] = {
    Reduce: lambda node, x: reduce(node.op, x, node.axes),
    Contract: lambda node, x, y: contract(x, node.left, y, node.right, node.output),
    Reshape: lambda node, x: reshape(x, node.shape),
    Transpose: lambda node, x: transpose(x, node.axes),
    Broadcast: lambda node, x: broadcast_to(x, node.shape),
    Slice: lambda node, x: slice_(x, node.starts, node.shape, node.steps),
    Take: lambda node, x, i: make_take(x, i, node.axis),
    Embed: lambda node, x: embed(x, node.shape, node.starts, node.steps),
    ScatterAdd: lambda node, x, i: scatter_add(x, i, node.axis, node.shape[node.axis]),
    Concatenate: lambda node, *xs: concatenate(xs, node.axis),
    Cumulate: lambda node, x: cumulate(x, node.axis, node.reverse),
}


def with_operands(node: Node, operands: tuple[Node, ...]) -> Node:
    """The same node over other operands of the same shapes and dtypes."""
    if all(new is old for new, old in zip(operands, node.operands, strict=True)):
        return node
    return rebuild(node, operands)


def rebuild(node: Node, operands: tuple[Node, ...]) -> Node:
    """A node with the attributes of ``node``, made anew over ``operands``."""
    with BuiltFor(node.origin):
        if isinstance(node, Elementwise):
            if node.op.kind == "cast" and not node.weak:
                return cast(operands[0], node.dtype)
            # The iteration is a weak cast of a count that is not weak itself.
            weak = node.weak and (node.op.kind == "cast" or all(operand.weak for operand in operands))
            return make_elementwise(node.op, operands, node.dtype, weak)
        return _REBUILD[type(node)](node, *operands)


def substitute(outputs: Iterable[Node], replacements: Mapping[Node, Node]) -> list[Node]:
    """``outputs`` with some nodes replaced by others of the same shape and dtype."""
    outputs = list(outputs)
    new: dict[Node, Node] = dict(replacements)
    for node in topological(outputs, stop=set(replacements)):
        if node not in new:
            new[node] = with_operands(node, tuple(new[operand] for operand in node.operands))
    return [new[output] for output in outputs]
