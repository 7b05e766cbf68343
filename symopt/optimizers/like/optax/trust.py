"""optax's optimizers that scale a step by the norm of its parameter: lamb, lars, fromage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like.optax.adam import Adam
from symopt.optimizers.like.optax.base import Chained, Direction, Optax, trace
from symopt.optimizers.like.pieces import Moves, norm, required


def trust(size: Node, length: Node, divisor: Any = None) -> Node:
    """The size of a parameter over the divisor, by default the length of its step; 1 where one of the two is 0."""
    nothing = so.logical_or(so.equal(size, 0), so.equal(length, 0))
    return so.where(nothing, 1, size / so.where(nothing, 1, length if divisor is None else divisor))


@dataclass(frozen=True, kw_only=True)
class Lamb(Adam):
    r"""optax's lamb.

    .. math:: u = u_{adam} + \lambda \theta, \qquad \theta' = \theta - \eta \frac{\|\theta\|}{\|u\|} u

    Peculiar: the ratio is 1 where one of the norms is 0, and has no bounds (MXNet: lower and upper ones).
    """

    eps: Number = hyper(1e-6)
    weight_decay: Number | None = hyper(0.0, off=0)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """Adam's direction, as long as the parameter."""
        step = yield from super().direction(param, grad)
        if self.weight_decay is not None:
            step = step + self.weight_decay * param
        return step * trust(norm(param), norm(step))


@dataclass(frozen=True, kw_only=True)
class Lars(Chained):
    r"""optax's lars.

    .. math::
        u &= G + \lambda \theta, \qquad b' = \eta c \frac{\|\theta\|}{\|u\| + \epsilon} u + \mu b \\
        \theta' &= \theta - b'

    With ``nesterov``, the step is :math:`\eta c \dots u + \mu b'`.

    Peculiar: the rate is inside the momentum buffer (in optax's sgd: outside); the ratio is 1 where a norm is 0. A mask
    of True is for all parameters, and False for none.
    """

    learning_rate: Number = required()
    weight_decay: Number | None = hyper(0.0, off=0)
    weight_decay_mask: bool = True
    trust_coefficient: Number = hyper(1e-3)
    eps: Number = hyper(0.0)
    trust_ratio_mask: bool = True
    momentum: Number | None = hyper(0.9)
    nesterov: bool = False

    def rule(self, param: Shared, grad: Node) -> Moves:
        """Momentum of gradients scaled to their parameter."""
        if self.weight_decay is not None and self.weight_decay_mask:
            grad = grad + self.weight_decay * param
        if self.trust_ratio_mask:
            length = norm(grad)
            grad = grad * trust(norm(param), length, (length + self.eps) / self.trust_coefficient)
        return param + (yield from trace(param, -self.learning_rate * grad, self.momentum, self.nesterov))


@dataclass(frozen=True, kw_only=True)
class Fromage(Optax):
    r"""optax's fromage.

    .. math::
        u = G \frac{\|\theta\|}{\|G\|}, \qquad \theta' = \theta - \eta k u + (k - 1) \theta, \qquad
        k = \frac{1}{\sqrt{1 + \eta^2}}

    Norms count as at least ``min_norm``.
    """

    min_norm: Number = hyper(1e-6)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """The gradient, as long as the parameter."""
        yield from ()
        return grad * trust(so.maximum(norm(param), self.min_norm), so.maximum(norm(grad), self.min_norm))

    def rule(self, param: Shared, grad: Node) -> Moves:
        """A step, and a shrinking that keeps the norm."""
        shrink = 1 / so.sqrt(1 + so.square(self.learning_rate))
        return param - self.learning_rate * shrink * (yield from self.direction(param, grad)) + (shrink - 1) * param
