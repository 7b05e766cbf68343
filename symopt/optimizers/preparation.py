"""What happens to every gradient before the rule, and to every step after it; written once for all rules."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import reduce
from operator import add
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.accumulation import Bound, gathered, rescaled
from symopt.optimizers.states import Pair as Pair
from symopt.optimizers.states import state


def prepare(main: Bound, variants: Sequence[Bound], params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
    """Gradients ready for the rule.

    They are rescaled, averaged over batches, clipped by element, by norm and by global norm, and weight decay is added,
    in this order; each parameter's by its variant of the optimizer, and by ``main`` what is common to all.
    """
    own = list(zip(variants, params, grads, strict=True))
    grads = [_clipped(variant, gathered(main, param, rescaled(variant, grad))) for variant, param, grad in own]
    grads = _shrunk_together(main, grads)
    return [_decayed(variant, param, grad) for (variant, param, _), grad in zip(own, grads, strict=True)]


def _shrunk_together(optimizer: Bound, grads: Sequence[Node]) -> list[Node]:
    """All gradients within the limit for the norm of all of them."""
    if optimizer.max_global_norm is None:
        return list(grads)
    squares = reduce(add, [so.cast(so.sum(so.square(grad)), "float64") for grad in grads])
    shrink = so.minimum(1, optimizer.max_global_norm / so.sqrt(squares))
    return [grad * so.cast(shrink, grad.dtype) for grad in grads]


def _decayed(optimizer: Bound, param: Shared, grad: Node) -> Node:
    """A gradient with coupled weight decay."""
    if optimizer.weight_decay is None or optimizer.decoupled or optimizer.decays_itself:
        return grad
    return grad + optimizer.weight_decay * param


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


def averaged(optimizer: Bound, param: Shared, value: Node) -> Generator[Pair, None, None]:
    """The average of what a parameter becomes, if there is one."""
    part = optimizer.average_part()
    if part is not None:
        past = average_of(param)
        yield past, past + part * (value - past)


def average_of(param: Shared) -> Shared:
    """The state in which a rule keeps the average of a parameter."""
    return state(param, "average", param.storage.read())


def project(optimizer: Bound, param: Shared, value: Node) -> Node:
    """A new value within the bounds of its parameter, and within ``clip_weights`` of 0."""
    if optimizer.clip_weights is not None:
        value = so.clip(value, -optimizer.clip_weights, optimizer.clip_weights)
    if param.lower is not None or param.upper is not None:
        value = so.clip(value, param.lower, param.upper)
    return value
