"""Rules that look at the signs of gradients, and not at their size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.averages import average, starting
from symopt.optimizers.base import Optimizer, RuleSteps
from symopt.optimizers.hyperparameters import Number, decay, hyper
from symopt.optimizers.states import state


@dataclass(frozen=True, kw_only=True)
class RProp(Optimizer):
    r"""Resilient propagation: each element has a step of its own, which grows while the sign of its gradient stays.

    .. math::
        \Delta' &= \operatorname{clip}(\Delta \cdot \{\eta^+ \text{ if } g \hat g > 0,\ \eta^- \text{ if }
            g \hat g < 0,\ 1 \text{ else}\},\ \Delta_{min},\ \Delta_{max}) \\
        \hat g' &= \{0 \text{ if } g \hat g < 0,\ g \text{ else}\} \\
        \theta' &= \theta - \Delta' \operatorname{sign}(\hat g')

    Where the sign has changed, the element waits for a step (iRprop-). This is for gradients of all data at once.

    Parameters
    ----------
    learning_rate : the first :math:`\Delta`, from 0; 0.1 by default. A later change has no effect.
    rprop_increase : :math:`\eta^+`, from 1; 1.2 by default.
    rprop_decrease : :math:`\eta^-`, from 0 to 1; 0.5 by default.
    rprop_min_step : :math:`\Delta_{min}`, from 0; 1e-6 by default.
    rprop_max_step : :math:`\Delta_{max}`, from 0; 50 by default.

    Sources: Riedmiller and Braun (1993); Igel and Hüsken (2003) for iRprop-. downhill has 1.01, 0.99, 0 and 100; optax
    applies in each call the step of the call before.
    """

    learning_rate: Number = hyper(0.1, low=0)
    rprop_increase: Number = hyper(1.2, low=1)
    rprop_decrease: Number = hyper(0.5, low=0, high=1)
    rprop_min_step: Number = hyper(1e-6, low=0)
    rprop_max_step: Number = hyper(50.0, low=0)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The sizes of steps, and the gradients that count."""
        size, previous = state(param, "size"), state(param, "previous")
        # Signs, as the product of two small gradients may be 0 in float32.
        agreement = so.sign(grad) * so.sign(previous)
        turned = so.less(agreement, 0)
        factor = so.where(so.greater(agreement, 0), self.rprop_increase, so.where(turned, self.rprop_decrease, 1))
        size_next = so.clip(starting(size, self.learning_rate) * factor, self.rprop_min_step, self.rprop_max_step)
        yield size, size_next
        counted = so.where(turned, 0, grad)
        yield previous, counted
        return size_next * so.sign(counted)


@dataclass(frozen=True, kw_only=True)
class Lion(Optimizer):
    r"""Lion: every element moves by the learning rate, along the sign of a mean of gradients.

    .. math::
        \theta' &= \theta - \alpha (\operatorname{sign}(\beta_1 m + (1 - \beta_1) g) + \lambda \theta) \\
        m' &= \beta_2 m + (1 - \beta_2) g

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 1e-4 by default, as it should be some times smaller than Adam's.
    beta1 : how much of the mean counts in a step, from 0 to 1; 0.9 where neither is given.
    beta1_halflife : the same as a halflife, :math:`\beta_1 = e^{-\ln 2 / h}`.
    beta2 : how much of the mean is kept in a step, from 0 to 1; 0.99 where neither is given.
    beta2_halflife : after this many steps a gradient counts half in the mean, instead of ``beta2``.
    weight_decay : :math:`\lambda`, decoupled, from 0; 0 by default.

    Source: Chen et al., arXiv:2302.06675, algorithm 2. optax has a weight decay of 1e-3 by default.
    """

    beta1: Number | None = hyper(None, low=0, high=1, unless=("beta1_halflife", 0.9))
    beta1_halflife: Number | None = hyper(None, above=0)
    beta2: Number | None = hyper(None, low=0, high=1, unless=("beta2_halflife", 0.99))
    beta2_halflife: Number | None = hyper(None, above=0)

    decoupled: ClassVar[bool] = True

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The sign of one mix of mean and gradient; another mix is the next mean."""
        beta1 = decay(self.beta1_halflife, self.beta1)
        mixed = beta1 * state(param, "mean") + (1 - beta1) * grad
        yield from average(param, "mean", decay(self.beta2_halflife, self.beta2), grad)
        return self.learning_rate * so.sign(mixed)


@dataclass(frozen=True, kw_only=True)
class Signum(Optimizer):
    r"""Signum: every element moves by the learning rate, along the sign of the mean of gradients.

    .. math::
        m' &= \beta m + (1 - \beta) g \\
        \theta' &= \theta - \alpha \operatorname{sign}(m')

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 1e-4 by default.
    beta : how much of the mean is kept in a step, from 0 to 1; 0.9 where neither is given; 0 is signSGD.
    beta_halflife : after this many steps a gradient counts half in the mean, instead of ``beta``.

    Source: Bernstein et al., arXiv:1802.04434, algorithm 2. MXNet calls :math:`\beta` momentum, and has decoupled
    weight decay besides.
    """

    beta: Number | None = hyper(None, low=0, high=1, unless=("beta_halflife", 0.9))
    beta_halflife: Number | None = hyper(None, above=0)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The sign of the mean."""
        mean = yield from average(param, "mean", decay(self.beta_halflife, self.beta), grad)
        return self.learning_rate * so.sign(mean)
