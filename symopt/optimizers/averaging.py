"""Rules that keep an average of the parameters beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.base import Optimizer, RuleSteps
from symopt.optimizers.hyperparameters import Number, hyper, iteration


@dataclass(frozen=True, kw_only=True)
class ASGD(Optimizer):
    r"""Averaged stochastic gradient descent: the average of all parameters on the way is better than the last one.

    .. math::
        \eta_t &= \alpha (1 + \lambda \alpha (t - 1))^{-c} \\
        \theta' &= \theta - \eta_t (g + \lambda \theta) \\
        \bar\theta' &= \bar\theta + (\theta' - \bar\theta) / \max(1, t - t_0)

    The average is the state ``<parameter>_average``, in the place of that by ``average_decay``, which cannot be given.
    It is of what the parameter really becomes, projected and with momentum, if there are. A Trainer validates with it,
    and keeps it as the best parameters.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 1e-2 by default.
    l2 : :math:`\lambda`, from 0; 1e-4 by default: half of it times the squared norm is added to the loss.
    power : c, how fast the rate falls, from 0; 0.75 by default.
    average_after : :math:`t_0`, the number of steps before the average starts, from 0; 0 by default.

    Sources: Polyak and Juditsky, SIAM J. Control Optim. 30 (1992); Xu, arXiv:1107.2490, for the rate. PyTorch waits for
    1e6 steps, and its average leaves out one step more.
    """

    learning_rate: Number = hyper(1e-2, low=0)
    l2: Number = hyper(1e-4, low=0)
    power: Number = hyper(0.75, low=0)
    average_after: Number | None = hyper(0.0, low=0, off=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.average_halflife is not None or self.average_decay is not None:
            raise TypeError("ASGD averages all steps alike: it takes average_after, and neither a halflife nor a decay")

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """Gradient descent with a rate that falls."""
        yield from ()
        rate = self.learning_rate * (1 + self.l2 * self.learning_rate * iteration) ** -self.power
        return rate * (grad + self.l2 * param)

    def average_part(self) -> Any:
        """The same for each new value: 1 over their number."""
        t = iteration + 1
        return 1 / (t if self.average_after is None else so.maximum(1, t - self.average_after))
