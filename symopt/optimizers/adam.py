"""Adam and the optimizers that differ from it in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.base import Optimizer, RuleSteps
from symopt.optimizers.hyperparameters import Number, decay, exclusive, hyper, iteration
from symopt.optimizers.states import state


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    r"""Adam: averages of the gradient and of its square, corrected for their start at 0.

    .. math::
        m' &= \beta_1 m + (1 - \beta_1) g \\
        v' &= \beta_2 v + (1 - \beta_2) g^2 \\
        \theta' &= \theta - \alpha \frac{m' / (1 - \beta_1^t)}{\sqrt{v' / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    learning_rate : :math:`\alpha`, 1e-3 by default.
    beta1 : how much of the mean of gradients is kept in a step, 0.9 where neither is given.
    beta1_halflife : after this many steps a gradient counts half in the mean, instead of ``beta1``.
    beta2 : how much of the mean of squares is kept in a step, 0.999 where neither is given.
    beta2_halflife : likewise for the squares.
    epsilon : :math:`\epsilon`, outside the root.

    Source: Kingma and Ba, arXiv:1412.6980, algorithm 1. MXNet, MXNet.jl and Sorix leave epsilon uncorrected
    (:math:`\alpha \sqrt{1 - \beta_2^t} / (1 - \beta_1^t) \cdot m' / (\sqrt{v'} + \epsilon)`, the paper's faster form);
    downhill 0.4.0 corrects without the power t.
    """

    learning_rate: Number = hyper(1e-3, low=0)
    beta1: Number | None = hyper(None, low=0, high=1, unless=("beta1_halflife", 0.9))
    beta1_halflife: Number | None = hyper(None, low=1e-300)
    beta2: Number | None = hyper(None, low=0, high=1, unless=("beta2_halflife", 0.999))
    beta2_halflife: Number | None = hyper(None, low=1e-300)
    epsilon: Number = hyper(1e-8, low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        exclusive(self, "beta1", "beta1_halflife")
        exclusive(self, "beta2", "beta2_halflife")

    def betas(self) -> tuple[Any, Any]:
        """The two decays."""
        return decay(self.beta1_halflife, self.beta1), decay(self.beta2_halflife, self.beta2)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """Mean over the root of the mean square, both corrected."""
        beta1, beta2 = self.betas()
        t = iteration + 1
        mean, square = state(param, "mean"), state(param, "square")
        mean_next = beta1 * mean + (1 - beta1) * grad
        square_next = beta2 * square + (1 - beta2) * so.square(grad)
        yield mean, mean_next
        yield square, square_next
        corrected = so.sqrt(square_next / (1 - beta2**t)) + self.epsilon
        return self.learning_rate / (1 - beta1**t) * mean_next / corrected
