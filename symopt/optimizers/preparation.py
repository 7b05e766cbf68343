"""What happens to every gradient before the rule, and to every step after it; written once for all rules."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import reduce
from operator import add
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.states import state

Pair = tuple[Shared, Node]

#: An optimizer bound by :func:`symopt.optimizers.hyperparameters.bind`, with the fields that all optimizers share.
Bound = Any


def prepare(optimizer: Bound, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
    """Gradients rescaled, clipped by element, by norm and by global norm, and with weight decay, in this order."""
    grads = shrunk_together(optimizer, [limited(optimizer, grad) for grad in grads])
    return [decayed(optimizer, param, grad) for param, grad in zip(params, grads, strict=True)]


def shrunk_together(optimizer: Bound, grads: Sequence[Node]) -> list[Node]:
    """All gradients within the limit for the norm of all of them."""
    if optimizer.max_global_norm is None:
        return list(grads)
    squares = reduce(add, [so.cast(so.sum(so.square(grad)), "float64") for grad in grads])
    shrink = so.minimum(1, optimizer.max_global_norm / so.sqrt(squares))
    return [grad * so.cast(shrink, grad.dtype) for grad in grads]


def decayed(optimizer: Bound, param: Shared, grad: Node) -> Node:
    """A gradient with coupled weight decay."""
    if optimizer.weight_decay is None or optimizer.decoupled or optimizer.decays_itself:
        return grad
    return grad + optimizer.weight_decay * param


def limited(optimizer: Bound, grad: Node) -> Node:
    """A gradient rescaled, and within the limits for one element and for the norm of one parameter."""
    return _clipped(optimizer, _rescaled(optimizer, grad))


def _rescaled(optimizer: Bound, grad: Node) -> Node:
    return grad if optimizer.rescale_gradient is None else optimizer.rescale_gradient * grad


def _clipped(optimizer: Bound, grad: Node) -> Node:
    """A gradient within the limits for one element, and for the norm of one parameter."""
    limit = optimizer.max_gradient_elem
    if limit is not None:
        grad = so.clip(grad, -limit, limit)
    if optimizer.max_gradient_norm is not None:
        # A norm of 0 gives infinity, and so a factor of 1.
        norm = so.sqrt(so.sum(so.square(grad)))
        grad = grad * so.minimum(1, optimizer.max_gradient_norm / norm)
    return grad


def with_momentum(optimizer: Bound, param: Shared, step: Any) -> Generator[Pair, None, Node]:
    """The new value of a parameter: less the step, or moved by a velocity that remembers earlier steps.

    v' = mu v - step, and the parameter moves by v' (Polyak, 1964), or by mu v' - step with ``nesterov`` (Sutskever et
    al., 2013).
    """
    if optimizer.momentum is None:
        return param - step
    velocity = state(param, "velocity")
    velocity_next = optimizer.momentum * velocity - step
    yield velocity, velocity_next
    return param + (optimizer.momentum * velocity_next - step if optimizer.nesterov else velocity_next)


def project(optimizer: Bound, param: Shared, value: Node) -> Node:
    """A new value within the bounds of its parameter, and within ``clip_weights`` of 0."""
    if optimizer.clip_weights is not None:
        value = so.clip(value, -optimizer.clip_weights, optimizer.clip_weights)
    if param.lower is not None or param.upper is not None:
        value = so.clip(value, param.lower, param.upper)
    return value
