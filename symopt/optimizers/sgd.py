"""Stochastic gradient descent, plain and with Nesterov's momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from symopt.graph.nodes import Node, Shared
from symopt.optimizers.base import Optimizer, RuleSteps
from symopt.optimizers.hyperparameters import Number, hyper


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    r"""Stochastic gradient descent.

    .. math:: \theta' = \theta - \alpha g

    With ``momentum`` :math:`\mu`: :math:`v' = \mu v - \alpha g` and :math:`\theta' = \theta + v'`; with ``nesterov``
    also :math:`\theta' = \theta + \mu v' - \alpha g`.

    The parameters are those of :class:`Optimizer`: ``learning_rate`` is :math:`\alpha`.

    Sources: Robbins and Monro (1951); Polyak (1964) for momentum; Sutskever et al. (2013) for Nesterov's. PyTorch
    keeps the rate out of the velocity (:math:`v' = \mu v + g`, :math:`\theta' = \theta - \alpha v'`), which is the
    same as long as the rate stays the same.
    """

    still_without: ClassVar[tuple[str, ...]] = ("momentum", "weight_decay", "clip_weights")

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The step is the rate times the gradient."""
        yield from ()
        return self.learning_rate * grad


@dataclass(frozen=True, kw_only=True)
class NAG(SGD):
    r"""Nesterov's accelerated gradient: :class:`SGD` with momentum that looks ahead.

    .. math:: v' = \mu v - \alpha g, \qquad \theta' = \theta + \mu v' - \alpha g

    Parameters
    ----------
    momentum : :math:`\mu`, 0.9 by default; at 0 this is plain SGD.
    nesterov : look ahead; without it this is SGD with momentum.

    Sources: Nesterov (1983), in the form of Sutskever et al. (2013). In downhill, NAG leaves the momentum at 0 unless
    it is given, and so is SGD by default.
    """

    momentum: Number | None = hyper(0.9, low=0, high=1, off=0)
    nesterov: bool = True
