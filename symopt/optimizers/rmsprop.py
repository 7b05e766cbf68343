"""RMSProp: steps divided by the recent size of the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.base import Optimizer, RuleSteps
from symopt.optimizers.hyperparameters import Number, decay, hyper
from symopt.optimizers.states import state


@dataclass(frozen=True, kw_only=True)
class RMSProp(Optimizer):
    r"""RMSProp, centred as in Graves (2013) or plain as in Tieleman and Hinton (2012).

    .. math::
        m' &= m + (1 - \gamma) (g - m) \\
        v' &= \gamma \left(v + (1 - \gamma) (g - m)^2\right) \\
        \theta' &= \theta - \frac{\alpha}{\sqrt{v' + \epsilon}} g

    v is the variance of recent gradients: the same as :math:`E[g^2] - E[g]^2`, in a form that cannot go below 0. With
    ``centered=False`` there is no m, and :math:`v' = \gamma v + (1 - \gamma) g^2`.

    Parameters
    ----------
    learning_rate : :math:`\alpha`.
    rms_halflife : after this many steps a gradient counts half in the averages, :math:`\gamma = e^{-\ln 2 / h}`; 14
        where neither is given.
    rms_decay : :math:`\gamma` itself, from 0 to 1, instead of the halflife.
    rms_regularizer : :math:`\epsilon`, inside the root.
    centered : measure gradients from their mean.

    Sources: Graves, arXiv:1308.0850, equations 38 to 45; Tieleman and Hinton, Coursera lecture 6.5. PyTorch, Sorix
    and MXNet 2's plain form put :math:`\epsilon` outside the root.
    """

    rms_halflife: Number | None = hyper(None, above=0, unless=("rms_decay", 14.0))
    rms_decay: Number | None = hyper(None, low=0, high=1)
    rms_regularizer: Number = hyper(1e-8, low=0)
    centered: bool = True

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """Mean and variance of gradients, and the gradient over its deviation."""
        gamma = decay(self.rms_halflife, self.rms_decay)
        variance = state(param, "variance")
        if self.centered:
            mean = state(param, "mean")
            distance = grad - mean
            gain = (1 - gamma) * distance
            yield mean, mean + gain
            variance_next = gamma * (variance + gain * distance)
        else:
            variance_next = gamma * variance + (1 - gamma) * so.square(grad)
        yield variance, variance_next
        return self.learning_rate * grad / so.sqrt(variance_next + self.rms_regularizer)
