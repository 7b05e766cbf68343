"""Rules that choose the whole parameter anew: the best one for all gradients so far, and a regularizer."""

from __future__ import annotations

from dataclasses import dataclass

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.averages import average, corrected_root
from symopt.optimizers.base import Optimizer, RuleSteps
from symopt.optimizers.hyperparameters import Number, decay, hyper, iteration
from symopt.optimizers.states import state


@dataclass(frozen=True, kw_only=True)
class FTRL(Optimizer):
    r"""Follow the regularized leader (FTRL-Proximal): AdaGrad with parameters that can become exactly 0.

    .. math::
        n' &= n + g^2, \qquad \sigma = (\sqrt{n'} - \sqrt n) / \alpha, \qquad z' = z + g - \sigma \theta \\
        \theta' &= \begin{cases} 0 & |z'| \le \lambda_1 \\
            -(z' - \operatorname{sign}(z') \lambda_1) \big/ \left((\beta + \sqrt{n'}) / \alpha + \lambda_2\right)
            & \text{else} \end{cases}

    A parameter should start at 0, as the rule has it: another start is left with the first step.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, above 0; 0.1 by default.
    beta : :math:`\beta`, above 0; 1 by default.
    l1 : :math:`\lambda_1`, from 0; 0 by default. The larger, the more zeros.
    l2 : :math:`\lambda_2`, from 0; 0 by default.

    Source: McMahan et al., Ad click prediction, KDD 2013, algorithm 1. MXNet has 0.01 for :math:`\lambda_1`, and weight
    decay is its :math:`\lambda_2`.
    """

    learning_rate: Number = hyper(0.1, above=0)
    beta: Number = hyper(1.0, above=0)
    l1: Number | None = hyper(0.0, low=0, off=0)
    l2: Number | None = hyper(0.0, low=0, off=0)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """Sum of squares, sum of corrected gradients, and what the parameter loses."""
        squares, total = state(param, "squares"), state(param, "total")
        squares_next = squares + so.square(grad)
        root = so.sqrt(squares_next)
        total_next = total + grad - (root - so.sqrt(squares)) / self.learning_rate * param
        yield squares, squares_next
        yield total, total_next
        divisor = (self.beta + root) / self.learning_rate
        if self.l2 is not None:
            divisor = divisor + self.l2
        if self.l1 is not None:
            total_next = so.sign(total_next) * so.maximum(so.abs(total_next) - self.l1, 0)
        return param + total_next / divisor


@dataclass(frozen=True, kw_only=True)
class FTML(Optimizer):
    r"""Follow the moving leader: the best parameter for recent gradients.

    .. math::
        v' &= \beta_2 v + (1 - \beta_2) g^2 \\
        d' &= \frac{1 - \beta_1^t}{\alpha} \left(\sqrt{v' / (1 - \beta_2^t)} + \epsilon\right) \\
        z' &= \beta_1 z + (1 - \beta_1) g - (d' - \beta_1 d) \theta \\
        \theta' &= -z' / d'

    As long as nothing else changes the parameter, this is :math:`\theta' = \theta - (1 - \beta_1) g / d'`.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, above 0; 2.5e-3 by default.
    beta1 : how much of past gradients is kept in a step, from 0 to 1; 0.6 where neither is given.
    beta1_halflife : after this many steps a gradient counts half, instead of ``beta1``.
    beta2 : how much of the mean of squares is kept in a step, from 0 to 1; 0.999 where neither is given.
    beta2_halflife : likewise for the squares.
    epsilon : :math:`\epsilon`, outside the root, above 0; 1e-8 by default.

    Source: Zheng and Kwok, Follow the moving leader in deep learning, ICML 2017, algorithm 1. MXNet 1 has a learning
    rate of 1e-2.
    """

    learning_rate: Number = hyper(2.5e-3, above=0)
    beta1: Number | None = hyper(None, low=0, high=1, unless=("beta1_halflife", 0.6))
    beta1_halflife: Number | None = hyper(None, above=0)
    beta2: Number | None = hyper(None, low=0, high=1, unless=("beta2_halflife", 0.999))
    beta2_halflife: Number | None = hyper(None, above=0)
    epsilon: Number = hyper(1e-8, above=0)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """Mean square, curvature d, sum z, and what the parameter loses."""
        beta1, beta2 = decay(self.beta1_halflife, self.beta1), decay(self.beta2_halflife, self.beta2)
        t = iteration + 1
        square = yield from average(param, "square", beta2, so.square(grad))
        curvature, total = state(param, "curvature"), state(param, "total")
        weight = (1 - beta1**t) / self.learning_rate
        curvature_next = weight * (corrected_root(square, beta2, t) + self.epsilon)
        yield curvature, curvature_next
        total_next = beta1 * total + (1 - beta1) * grad - (curvature_next - beta1 * curvature) * param
        yield total, total_next
        return param + total_next / curvature_next
