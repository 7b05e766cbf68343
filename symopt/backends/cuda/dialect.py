"""What is brought into the form that the CUDA backend has kernels for, as rewriting rules on a lowered graph."""

from __future__ import annotations

from symopt.backends.cfamily.places import in_memory, place_of
from symopt.graph import construct
from symopt.graph.dimensions import Dim
from symopt.graph.nodes import Contract, Node
from symopt.lowering.primitives import copy_of, is_canonical
from symopt.rewriting.engine import Rules

DIALECT = Rules()


@DIALECT("Contract")
def product_of_arrays(node: Contract) -> Node | None:
    """A product with a vector is a sum of products by element, which fuses; factors of others are arrays."""
    if not is_canonical(node):
        return None
    left, right = node.operands
    if any(len(factor) < 2 for factor in (node.left, node.right)):
        return _sum_of_products(node)
    factors = [factor if in_memory(factor) else copy_of(factor) for factor in (left, right)]
    if factors == [left, right]:
        return None
    return construct.contract(factors[0], node.left, factors[1], node.right, node.output)


def _sum_of_products(node: Contract) -> Node:
    """The terms in the order in which the elements of the larger factor lie: threads side by side read side by side."""
    sizes: dict[int, Dim] = {}
    for indices, operand in zip((node.left, node.right), node.operands, strict=True):
        sizes.update(zip(indices, operand.shape, strict=True))
    order = _order_in_memory(node)
    factors = []
    for indices, operand in zip((node.left, node.right), node.operands, strict=True):
        present = [index for index in order if index in indices]
        turned = construct.transpose(operand, tuple(indices.index(index) for index in present))
        factors.append(construct.reshape(turned, tuple(sizes[i] if i in indices else 1 for i in order)))
    shape = tuple(sizes[index] for index in order)
    left, right = (construct.broadcast_to(factor, shape) for factor in factors)
    summed = tuple(axis for axis, index in enumerate(order) if index not in node.output)
    result = construct.reduce("sum", left * right, summed)
    kept = [index for index in order if index in node.output]
    return construct.transpose(result, tuple(kept.index(index) for index in node.output))


def _order_in_memory(node: Contract) -> list[int]:
    """All indices: those that only the smaller factor has, then those of the larger one, side by side at the end."""
    indices, operand = max(zip((node.left, node.right), node.operands, strict=True), key=lambda pair: len(pair[0]))
    strides = dict(zip(indices, place_of(operand, {}).strides, strict=True))
    others = [index for index in (*node.left, *node.right) if index not in indices]
    return [*others, *sorted(indices, key=lambda index: strides[index] == 1)]
