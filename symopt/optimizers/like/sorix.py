r"""The optimizers of Sorix, by its own names.

Weight decay is always added to the gradient: :math:`G = g + \lambda \theta`. Sorix adds it into the stored gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like.pieces import Foreign, Maker, Moves, average, spread, t
from symopt.optimizers.states import state


@dataclass(frozen=True, kw_only=True)
class Sorix(Foreign):
    """What all optimizers of Sorix share."""

    lr: Number = hyper(1e-3)
    weight_decay: Number | None = hyper(0.0, off=0)

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """Gradients with weight decay."""
        if self.weight_decay is None:
            return list(grads)
        return [grad + self.weight_decay * param for param, grad in zip(params, grads, strict=True)]


@dataclass(frozen=True, kw_only=True)
class SGD(Sorix):
    r"""Sorix's SGD.

    .. math:: v' = \mu v + G, \qquad \theta' = \theta - \eta v'

    Peculiar: the rate stays out of v, so that a change of it acts at once on all that v remembers.
    """

    momentum: Number | None = hyper(0.0, off=0)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The rate times the velocity."""
        if self.momentum is None:
            return param - self.lr * grad
        velocity = state(param, "v")
        velocity_next = self.momentum * velocity + grad
        yield velocity, velocity_next
        return param - self.lr * velocity_next


@dataclass(frozen=True, kw_only=True)
class SGDMomentum(SGD):
    """Sorix's SGDMomentum: its SGD with a momentum of 0.9 by default."""

    momentum: Number | None = hyper(0.9, off=0)


@dataclass(frozen=True, kw_only=True)
class RMSprop(Sorix):
    r"""Sorix's RMSprop.

    .. math::
        v' &= \rho v + (1 - \rho) G^2 \\
        \theta' &= \theta - \eta \frac{G}{\sqrt{v'} + \epsilon}

    Peculiar: :math:`\epsilon` stands outside the root, nothing is centred, and :math:`\rho`, which the document calls
    "often 0.9", is ``alpha`` = 0.99; ``decay`` overrides it where it is given.
    """

    alpha: Number = hyper(0.99)
    eps: Number = hyper(1e-8)
    decay: Number | None = hyper(None)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over the root of its mean square."""
        square = state(param, "v")
        square_next = average(self.alpha if self.decay is None else self.decay, square, so.square(grad))
        yield square, square_next
        return param - self.lr * grad / (so.sqrt(square_next) + self.eps)


@dataclass(frozen=True, kw_only=True)
class Adam(Sorix):
    r"""Sorix's Adam.

    .. math::
        m' &= \beta_1 m + (1 - \beta_1) G, \qquad v' = \beta_2 v + (1 - \beta_2) G^2 \\
        \theta' &= \theta - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m'}{\sqrt{v'} + \epsilon}

    Peculiar: the correction is in the rate, so :math:`\epsilon` stays uncorrected, and counts for more in early steps.
    """

    beta1: Number = hyper(0.9)
    beta2: Number = hyper(0.999)
    eps: Number = hyper(1e-8)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """Mean over the root of the mean square, times a corrected rate."""
        mean, square = state(param, "m"), state(param, "v")
        mean_next = average(self.beta1, mean, grad)
        square_next = average(self.beta2, square, so.square(grad))
        yield mean, mean_next
        yield square, square_next
        rate = self.lr * so.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)
        return param - rate * mean_next / (so.sqrt(square_next) + self.eps)


OPTIMIZERS: dict[str, Maker] = {
    "sgd": SGD,
    "sgdmomentum": SGDMomentum,
    "rmsprop": RMSprop,
    "adam": spread(Adam, betas=("beta1", "beta2")),
}
