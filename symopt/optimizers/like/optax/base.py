"""What the optimizers of optax share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like.pieces import Foreign, Moves, required
from symopt.optimizers.preparation import Pair
from symopt.optimizers.states import state

#: A rule of optax yields pairs (state, next value) and returns the direction, which the rate scales.
Direction = Generator[Pair, None, Any]


@dataclass(frozen=True, kw_only=True)
class Chained(Foreign):
    """An optimizer of optax, after the transforms that its user may chain before it.

    optax itself prepares nothing; these four stand for ``optax.chain(clip(...), clip_by_global_norm(...),
    adaptive_grad_clip(...), add_decayed_weights(...), optimizer)``, in this order, as far as they are given.
    """

    clip: Number | None = hyper(None, low=0)
    clip_by_global_norm: Number | None = hyper(None, low=0)
    adaptive_grad_clip: Number | None = hyper(None, low=0)
    add_decayed_weights: Number | None = hyper(None)

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """Gradients clipped, and with weight decay."""
        grads = list(grads)
        if self.clip is not None:
            grads = [so.clip(grad, -self.clip, self.clip) for grad in grads]
        if self.clip_by_global_norm is not None:
            length = so.sqrt(reduce(add, [so.sum(so.square(grad)) for grad in grads]))
            grads = [_limited(grad, length, self.clip_by_global_norm, length) for grad in grads]
        if self.adaptive_grad_clip is not None:
            grads = [_adaptive(param, grad, self.adaptive_grad_clip) for param, grad in zip(params, grads, strict=True)]
        if self.add_decayed_weights is not None:
            grads = [grad + self.add_decayed_weights * param for param, grad in zip(params, grads, strict=True)]
        return grads


@dataclass(frozen=True, kw_only=True)
class Optax(Chained):
    r"""An optimizer of optax with a rate and a direction: :math:`\theta' = \theta - \eta u`."""

    learning_rate: Number = required()

    @abstractmethod
    def direction(self, param: Shared, grad: Node) -> Direction:
        """The rule for one parameter: yield (state, next value), return what the rate scales."""

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The rate times the direction."""
        return param - self.learning_rate * (yield from self.direction(param, grad))


def trace(param: Shared, step: Any, momentum: Number | None, nesterov: bool) -> Direction:
    r"""Momentum, if it is not None: :math:`b' = s + \mu b`; with ``nesterov`` :math:`s + \mu b'` is returned."""
    if momentum is None:
        return step
    buffer = state(param, "trace")
    buffer_next = step + momentum * buffer
    yield buffer, buffer_next
    return step + momentum * buffer_next if nesterov else buffer_next


def _limited(grad: Node, length: Any, limit: Any, divisor: Any) -> Node:
    """A gradient of this length, shortened to the limit."""
    return so.where(length < limit, grad, grad / divisor * limit)


def _adaptive(param: Shared, grad: Node, part: Any) -> Node:
    """A gradient no longer than a part of its parameter, unit by unit: along the first axis of a matrix."""
    limit = part * so.maximum(_unitwise(param), 1e-3)
    length = _unitwise(grad)
    return _limited(grad, length, limit, so.maximum(length, 1e-6))


def _unitwise(value: Node) -> Node:
    """The norms of the units of a tensor, with the number of axes that it has.

    Scalars and vectors are one unit; a unit is along axis 0 in matrices and stacks of them, along the first three of
    four axes in the kernel of a convolution.
    """
    if value.ndim > 4:
        raise ValueError(f"adaptive_grad_clip knows no units of a tensor of {value.ndim} dimensions: at most 4")
    axes = {0: None, 1: None, 2: 0, 3: 0, 4: (0, 1, 2)}[value.ndim]
    return so.sqrt(so.sum(so.square(value), axis=axes, keepdims=True))
