"""Gradients: one pullback for every kind of node, in the graph's own language, so that gradients have gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import symopt.tensor as so
from symopt.errors import NotDifferentiable, ShapeError
from symopt.graph import construct
from symopt.graph.nodes import (
    LEAVES,
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
    Slice,
    Take,
    Transpose,
)
from symopt.graph.promotion import differentiable
from symopt.graph.provenance import BuiltFor, here
from symopt.graph.traversal import topological
from symopt.rewriting import stabilize

#: Cotangent of operand number ``i`` of ``node``, given the cotangent ``ct`` of its output.
Pullback = Callable[[Any, int, Node], Node | None]


def _elementwise(node: Elementwise, i: int, ct: Node) -> Node | None:
    pullback = node.op.pullbacks[i]
    return None if pullback is None else pullback(so, ct, node, *node.operands)


def _spread(reduced: Node, operand: Node, axes: tuple[int, ...]) -> Node:
    """A reduced tensor stretched back over the axes that had disappeared."""
    kept = tuple(1 if axis in axes else dim for axis, dim in enumerate(operand.shape))
    return construct.broadcast_to(construct.reshape(reduced, kept), operand.shape)


def _reduce(node: Reduce, i: int, ct: Node) -> Node:
    x = node.operands[0]
    spread = _spread(ct, x, node.axes)
    if node.op == "sum":
        return spread
    if node.op == "prod":
        return spread * _product_of_others(node, x)
    hit = so.equal(x, _spread(node, x, node.axes))
    ties = construct.reduce("sum", so.cast(hit, node.dtype), node.axes)
    return so.where(hit, spread / _spread(ties, x, node.axes), 0)


def _product_of_others(node: Reduce, x: Node) -> Node:
    # Not simply product / x, which fails at a zero. (With two zeros or more, gradients of this gradient miss the terms
    # that pair the zeros.)
    zero = so.equal(x, 0)
    rest = construct.reduce("prod", so.where(zero, 1, x), node.axes)
    zeros = construct.reduce("sum", so.cast(zero, node.dtype), node.axes)
    alone = _spread(so.where(so.greater(zeros, 1), 0, rest), x, node.axes)
    return so.where(zero, alone, _spread(node, x, node.axes) / so.where(zero, 1, x))


def _contract(node: Contract, i: int, ct: Node) -> Node:
    left, right = node.operands
    if i == 0:
        return construct.contract(ct, node.output, right, node.right, node.left)
    return construct.contract(left, node.left, ct, node.output, node.right)


def _broadcast(node: Broadcast, i: int, ct: Node) -> Node:
    x = node.operands[0]
    lead = node.ndim - x.ndim
    stretched = (axis + lead for axis, dim in enumerate(x.shape) if dim == 1 and node.shape[axis + lead] != 1)
    total = construct.reduce("sum", ct, (*range(lead), *stretched))
    return construct.reshape(total, x.shape)


def _transpose(node: Transpose, i: int, ct: Node) -> Node:
    return construct.transpose(ct, tuple(node.axes.index(axis) for axis in range(node.ndim)))


def _slice(node: Slice, i: int, ct: Node) -> Node:
    return construct.embed(ct, node.operands[0].shape, node.starts, node.steps)


def _embed(node: Embed, i: int, ct: Node) -> Node:
    return construct.slice_(ct, node.starts, node.operands[0].shape, node.steps)


def _take(node: Take, i: int, ct: Node) -> Node | None:
    x, indices = node.operands
    return construct.scatter_add(ct, indices, node.axis, x.shape[node.axis]) if i == 0 else None


def _scatter_add(node: ScatterAdd, i: int, ct: Node) -> Node | None:
    return construct.make_take(ct, node.operands[1], node.axis) if i == 0 else None


def _concatenate(node: Concatenate, i: int, ct: Node) -> Node:
    x = node.operands[i]
    start: Any = 0
    for before in node.operands[:i]:
        start = start + before.shape[node.axis]
    starts = tuple(start if axis == node.axis else 0 for axis in range(node.ndim))
    return construct.slice_(ct, starts, x.shape, (1,) * node.ndim)


PULLBACKS: dict[type[Node], Pullback] = {
    Elementwise: _elementwise,
    Reduce: _reduce,
    Contract: _contract,
    Reshape: lambda node, i, ct: construct.reshape(ct, node.operands[i].shape),
    Transpose: _transpose,
    Broadcast: _broadcast,
    Slice: _slice,
    Embed: _embed,
    Take: _take,
    ScatterAdd: _scatter_add,
    Concatenate: _concatenate,
    Cumulate: lambda node, i, ct: construct.cumulate(ct, node.axis, not node.reverse),
}


def gradient(loss: Node, wrt: Sequence[Node]) -> list[Node]:
    """The gradient of a loss with respect to each tensor of ``wrt``, each of that tensor's shape.

    Where a stable form of a part of the loss is known (log-sum-exp, softplus, ...), that is what is differentiated:
    the derivative of an overflowing formula overflows too. Where the loss does not depend on a tensor the gradient is
    zeros.

    Parameters
    ----------
    loss : a float tensor of no dimensions.
    wrt : parameters, inputs or any other float tensors.

    Raises
    ------
    ShapeError : the loss is more than one number.
    NotDifferentiable : the loss or a tensor of ``wrt`` is not a float, or a node on the way has no derivative.

    >>> import symopt.tensor as so
    >>> u = so.parameter([1.0, 2.0], name="u")
    >>> gradient((u**2).sum(), [u])[0].eval()
    array([2., 4.])
    """
    if isinstance(wrt, Node):
        raise ShapeError("gradient takes a list of tensors: write gradient(loss, [u])", here())
    _check(loss, wrt)
    if all(isinstance(node, LEAVES) for node in wrt):
        # Inside the graph there may be no such node any more, once it has been made stable.
        (loss,) = stabilize([loss])
    order = topological([loss])
    active = _dependents(order, wrt)
    cotangents: dict[Node, Node] = {loss: so.ones_like(loss)}
    for node in reversed(order):
        if node not in cotangents or node not in active or not node.operands:
            continue
        with BuiltFor(node.origin):
            _pull_back(node, cotangents, active)
    return [cotangents[node] if node in cotangents else so.zeros_like(node) for node in wrt]


def _check(loss: Node, wrt: Sequence[Node]) -> None:
    if not isinstance(loss, Node):
        raise NotDifferentiable(f"the loss is {loss!r}, not a symbolic tensor", here())
    if loss.shape != ():
        raise ShapeError(f"a loss is one number; {loss!r} is more: take its mean() or sum()", loss.origin)
    for node in (loss, *wrt):
        if not differentiable(node.dtype):
            raise NotDifferentiable(
                f"{node!r} is {node.dtype.name}: only floats have gradients; cast with .astype('float64')", node.origin
            )


def _dependents(order: list[Node], wrt: Sequence[Node]) -> set[Node]:
    """The nodes of ``order`` that depend on ``wrt`` through floats."""
    found = set(wrt)
    for node in order:
        if differentiable(node.dtype) and not found.isdisjoint(node.operands):
            found.add(node)
    return found


def _pull_back(node: Node, cotangents: dict[Node, Node], active: set[Node]) -> None:
    """Add what ``node`` gives back to the cotangents of its operands."""
    pullback = PULLBACKS.get(type(node))
    for i, operand in enumerate(node.operands):
        if operand not in active:
            continue
        if pullback is None:
            path = " -> ".join(one.describe() for one in _path(node, operand))
            raise NotDifferentiable(f"{node!r} has no derivative; on the path {path}", node.origin)
        given = pullback(node, i, cotangents[node])
        if given is not None:
            have = cotangents.get(operand)
            cotangents[operand] = given if have is None else have + given


def _path(node: Node, operand: Node) -> list[Node]:
    """From a node down to a leaf through ``operand``, for a message."""
    path = [node, operand]
    while path[-1].operands:
        path.append(path[-1].operands[0])
    return path


def hessian_vector(loss: Node, wrt: Sequence[Node], vectors: Sequence[Any]) -> list[Node]:
    """The product of the Hessian of a loss with vectors, without the Hessian: the gradient of sum(g * p).

    Parameters
    ----------
    loss : a float tensor of no dimensions.
    wrt : the tensors that the Hessian is taken with respect to.
    vectors : for each of them a tensor or array of the same shape.

    Source: Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994).
    """
    if len(wrt) != len(vectors):
        raise ShapeError(f"{len(wrt)} tensors and {len(vectors)} vectors: give one vector for each tensor", here())
    gradients = gradient(loss, wrt)
    total: Node | None = None
    for g, vector in zip(gradients, vectors, strict=True):
        p = so.stop_gradient(so.cast(so.as_tensor(vector), g.dtype))
        if p.shape != g.shape:
            raise ShapeError(f"the vector {p!r} needs the shape {construct.spell(g.shape)} of its tensor", here())
        term = so.sum(g * p)
        total = term if total is None else total + term
    if total is None:
        return []
    return gradient(total, wrt)
