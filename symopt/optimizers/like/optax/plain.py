"""optax's optimizers that do not divide by the size of gradients: sgd, sign_sgd, lion, rprop, optimistic descent."""

from __future__ import annotations

from dataclasses import dataclass

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like.optax.base import Chained, Direction, Optax, trace
from symopt.optimizers.like.pieces import Moves, average, initially, required
from symopt.optimizers.states import state


@dataclass(frozen=True, kw_only=True)
class SGD(Optax):
    r"""optax's sgd.

    .. math:: b' = G + \mu b, \qquad \theta' = \theta - \eta b'

    With ``nesterov``, :math:`\theta' = \theta - \eta (G + \mu b')`.

    Peculiar: the rate stays out of b; a momentum of 0 is not off, but keeps a buffer that is the gradient.
    """

    momentum: Number | None = hyper(None)
    nesterov: bool = False

    def direction(self, param: Shared, grad: Node) -> Direction:
        """The gradient, with momentum."""
        return (yield from trace(param, grad, self.momentum, self.nesterov))


@dataclass(frozen=True, kw_only=True)
class SignSGD(Optax):
    r"""optax's sign_sgd: :math:`\theta' = \theta - \eta \, \mathrm{sign}(G)`."""

    def direction(self, param: Shared, grad: Node) -> Direction:
        """The sign of the gradient."""
        yield from ()
        return so.sign(grad)


@dataclass(frozen=True, kw_only=True)
class Lion(Optax):
    r"""optax's lion.

    .. math::
        \theta' &= \theta - \eta (\mathrm{sign}(\beta_1 m + (1 - \beta_1) G) + \lambda \theta) \\
        m' &= \beta_2 m + (1 - \beta_2) G

    Peculiar: decay is on by default, at 1e-3.
    """

    b1: Number = hyper(0.9, low=0, high=1)
    b2: Number = hyper(0.99, low=0, high=1)
    weight_decay: Number | None = hyper(1e-3, off=0)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """The sign of one mean, while another one is kept."""
        mean = state(param, "mu")
        yield mean, average(self.b2, mean, grad)
        step = so.sign(average(self.b1, mean, grad))
        return step if self.weight_decay is None else step + self.weight_decay * param


@dataclass(frozen=True, kw_only=True)
class OptimisticGradientDescent(Optax):
    r"""optax's optimistic_gradient_descent.

    .. math:: \theta' = \theta - \eta \left((\alpha + \beta) G - \beta G_{before}\right)

    Peculiar: the first gradient is its own predecessor, so the first step is :math:`\eta \alpha G`.
    """

    alpha: Number = hyper(1.0)
    beta: Number = hyper(1.0)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """The gradient, and how it has changed."""
        before = state(param, "previous_gradient")
        yield before, grad
        return (self.alpha + self.beta) * grad - self.beta * initially(grad, before)


@dataclass(frozen=True, kw_only=True)
class Rprop(Chained):
    r"""optax's rprop.

    .. math::
        q &= G \cdot p, \qquad s' = \mathrm{clip}(s \cdot (\eta_+, \eta_-), s_{min}, s_{max})
            \text{ as } q >, < 0 \text{, else } s \\
        p' &= 0 \text{ where } q < 0 \text{, else } \mathrm{sign}(G) s', \qquad
        \theta' = \theta - p \text{ where } q \ge 0

    p is the step that the update before has computed, from 0 on; s starts at the rate.

    Peculiar: an update takes the step p of the update before, not the p' that it computes, so the first one moves
    nothing and every element lags by one; s is not bounded until it changes.
    """

    learning_rate: Number = required()
    eta_minus: Number = hyper(0.5, low=0, high=1)
    eta_plus: Number = hyper(1.2, low=1)
    min_step_size: Number = hyper(1e-6, low=0)
    max_step_size: Number = hyper(50.0, low=0)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The step of one update earlier."""
        before, size = state(param, "prev_updates"), state(param, "step_sizes")
        same = grad * before
        size_now = initially(self.learning_rate, size)
        changed = size_now * so.where(same > 0, self.eta_plus, self.eta_minus)
        size_next = so.where(so.equal(same, 0), size_now, so.clip(changed, self.min_step_size, self.max_step_size))
        yield size, size_next
        yield before, so.where(same < 0, 0, so.sign(grad) * size_next)
        return param - so.where(same < 0, 0, before)
