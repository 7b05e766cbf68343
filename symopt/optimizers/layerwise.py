"""Rules that look at the norm of a whole parameter and of its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.adam import Adam
from symopt.optimizers.averages import average, corrected_root, starting
from symopt.optimizers.base import Optimizer, RuleSteps
from symopt.optimizers.hyperparameters import Number, decay, hyper, iteration
from symopt.optimizers.states import state


def norm(x: Node) -> Node:
    """The Euclidean norm."""
    return so.sqrt(so.sum(so.square(x)))


def trust_ratio(top: Node, bottom: Node) -> Node:
    """``top / bottom``; 1 where a norm is 0."""
    return so.where(so.logical_and(so.greater(top, 0), so.greater(bottom, 0)), top / bottom, 1)


def with_decay(optimizer: Any, param: Shared, direction: Node) -> Node:
    """A direction with weight decay of its own."""
    return direction if optimizer.weight_decay is None else direction + optimizer.weight_decay * param


@dataclass(frozen=True, kw_only=True)
class LAMB(Adam):
    r"""Adam for large batches: the step of a parameter is as long as the parameter itself, times the rate.

    .. math::
        u &= \frac{m' / (1 - \beta_1^t)}{\sqrt{v' / (1 - \beta_2^t)} + \epsilon} + \lambda \theta \\
        \theta' &= \theta - \alpha \frac{\|\theta\|}{\|u\|} u

    The ratio of norms is 1 where one of them is 0. m' and v' are those of :class:`Adam`.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 1e-3 by default.
    beta1, beta1_halflife, beta2, beta2_halflife : as in :class:`Adam`.
    epsilon : :math:`\epsilon`, outside the root, from 0; 1e-6 by default.
    weight_decay : :math:`\lambda`, inside u, from 0; 0 by default.

    Source: You et al., arXiv:1904.00962, algorithm 2. MXNet can bound :math:`\|\theta\|` from both sides.
    """

    epsilon: Number = hyper(1e-6, low=0)

    decays_itself: ClassVar[bool] = True

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """Adam's direction, with decay, times the ratio."""
        beta1, beta2 = self.betas()
        t = iteration + 1
        mean = yield from average(param, "mean", beta1, grad)
        square = yield from average(param, "square", beta2, so.square(grad))
        adam = mean / (1 - beta1**t) / (corrected_root(square, beta2, t) + self.epsilon)
        step = with_decay(self, param, adam)
        return self.learning_rate * trust_ratio(norm(param), norm(step)) * step


@dataclass(frozen=True, kw_only=True)
class LARS(Optimizer):
    r"""Gradient descent for large batches, with a rate for each parameter that keeps steps small beside it.

    .. math::
        r &= \tau \frac{\|\theta\|}{\|g\| + \lambda \|\theta\|} \\
        w' &= \mu w - \alpha r (g + \lambda \theta), \qquad \theta' = \theta + w'

    r is 1 where a norm is 0.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 0.1 by default.
    trust_coefficient : :math:`\tau`, from 0; 1e-3 by default.
    momentum : :math:`\mu`, from 0 to 1; 0.9 by default.
    weight_decay : :math:`\lambda`, from 0; 0 by default.

    Source: You, Gitman and Ginsburg, arXiv:1708.03888, algorithm 1. MXNet adds an epsilon to the divisor; optax divides
    by the norm of :math:`g + \lambda \theta`.
    """

    learning_rate: Number = hyper(0.1, low=0)
    trust_coefficient: Number = hyper(1e-3, low=0)
    momentum: Number | None = hyper(0.9, low=0, high=1, off=0)

    decays_itself: ClassVar[bool] = True

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The gradient, with decay, times the rate of this parameter."""
        yield from ()
        size, length = norm(param), norm(grad)
        divisor = length if self.weight_decay is None else length + self.weight_decay * size
        both = so.logical_and(so.greater(size, 0), so.greater(length, 0))
        ratio = so.where(both, self.trust_coefficient * size / divisor, 1)
        return self.learning_rate * ratio * with_decay(self, param, grad)


@dataclass(frozen=True, kw_only=True)
class NovoGrad(Optimizer):
    r"""NovoGrad: the gradient of a parameter divided by the recent size of its norm; then momentum.

    .. math::
        v' &= \beta_2 v + (1 - \beta_2) \|g\|^2, \qquad v' = \|g\|^2 \text{ at first} \\
        m' &= \beta_1 m + \frac{g}{\sqrt{v'} + \epsilon} + \lambda \theta \\
        \theta' &= \theta - \alpha m'

    v is one number for each parameter.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 1e-2 by default.
    beta1 : how much of the momentum is kept in a step, from 0 to 1; 0.95 where neither is given.
    beta1_halflife : after this many steps a gradient counts half in the momentum, instead of ``beta1``.
    beta2 : how much of the squared norm is kept in a step, from 0 to 1; 0.98 where neither is given.
    beta2_halflife : likewise for the squared norm.
    epsilon : :math:`\epsilon`, outside the root, from 0; 1e-8 by default.
    weight_decay : :math:`\lambda`, inside the momentum, from 0; 0 by default.

    Source: Ginsburg et al., arXiv:1905.11286, algorithm 1. optax has 0.9 and 0.25.
    """

    learning_rate: Number = hyper(1e-2, low=0)
    beta1: Number | None = hyper(None, low=0, high=1, unless=("beta1_halflife", 0.95))
    beta1_halflife: Number | None = hyper(None, above=0)
    beta2: Number | None = hyper(None, low=0, high=1, unless=("beta2_halflife", 0.98))
    beta2_halflife: Number | None = hyper(None, above=0)
    epsilon: Number = hyper(1e-8, low=0)

    decays_itself: ClassVar[bool] = True

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The squared norm, and the momentum of gradients of norm one."""
        beta1, beta2 = decay(self.beta1_halflife, self.beta1), decay(self.beta2_halflife, self.beta2)
        square, now = state(param, "square", shape=()), so.sum(so.square(grad))
        square_next = beta2 * starting(square, now) + (1 - beta2) * now
        yield square, square_next
        moment = state(param, "moment")
        moment_next = beta1 * moment + with_decay(self, param, grad / (so.sqrt(square_next) + self.epsilon))
        yield moment, moment_next
        return self.learning_rate * moment_next


@dataclass(frozen=True, kw_only=True)
class Fromage(Optimizer):
    r"""Fromage: steps of a fixed length relative to the parameter, and no growth of the parameter from them.

    .. math::
        \theta' = \frac{1}{\sqrt{1 + \alpha^2}} \left(\theta - \alpha \frac{\|\theta\|}{\|g\|} g\right)

    The ratio of norms is 1 where one of them is 0.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 1e-2 by default.

    Source: Bernstein et al., arXiv:2002.03432, algorithm 1. optax bounds both norms from below by 1e-6.
    """

    learning_rate: Number = hyper(1e-2, low=0)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """What the parameter loses."""
        yield from ()
        shrink = 1 / so.sqrt(1 + self.learning_rate**2)
        ratio = trust_ratio(norm(param), norm(grad))
        # 1 - shrink, without cancellation for small rates.
        lost = (self.learning_rate * shrink) ** 2 / (1 + shrink)
        return lost * param + shrink * self.learning_rate * ratio * grad
