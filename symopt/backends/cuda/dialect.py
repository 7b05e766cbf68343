"""What is brought into the form that the CUDA backend has kernels for, as rewriting rules on a lowered graph."""

from __future__ import annotations

from symopt.backends.cfamily.places import in_memory
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
    order = [*node.output, *(index for index in node.left if index not in node.output)]
    sizes: dict[int, Dim] = {}
    for indices, operand in zip((node.left, node.right), node.operands, strict=True):
        sizes.update(zip(indices, operand.shape, strict=True))
    factors = []
    for indices, operand in zip((node.left, node.right), node.operands, strict=True):
        present = [index for index in order if index in indices]
        turned = construct.transpose(operand, tuple(indices.index(index) for index in present))
        factors.append(construct.reshape(turned, tuple(sizes[i] if i in indices else 1 for i in order)))
    shape = tuple(sizes[index] for index in order)
    left, right = (construct.broadcast_to(factor, shape) for factor in factors)
    return construct.reduce("sum", left * right, tuple(range(len(node.output), len(order))))
