"""What the optimizers of PyTorch share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like.pieces import Foreign


@dataclass(frozen=True, kw_only=True)
class Torch(Foreign):
    r"""An optimizer of PyTorch, with weight decay.

    The gradient is negated with ``maximize``, and then takes the decay: :math:`G = \pm g + \lambda \theta`. Where the
    decay is decoupled, :math:`\theta` is multiplied by :math:`1 - \eta \lambda` instead, before the step.
    """

    lr: Number = hyper(1e-3, low=0)
    weight_decay: Number | None = hyper(0.0, low=0, off=0)
    maximize: bool = False

    @property
    def decouples(self) -> bool:
        """Whether weight decay goes past the gradient."""
        return False

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """Gradients to go down along, with weight decay."""
        grads = [-grad for grad in grads] if self.maximize else list(grads)
        if self.weight_decay is None or self.decouples:
            return grads
        return [grad + self.weight_decay * param for param, grad in zip(params, grads, strict=True)]

    def decayed(self, param: Shared) -> Any:
        """The parameter after decoupled decay, if there is any."""
        return shrunk(param, self.lr, self.weight_decay) if self.decouples else param


def shrunk(param: Shared, rate: Number, weight_decay: Number | None) -> Any:
    """The parameter after decoupled decay, if it isn't off."""
    return param if weight_decay is None else param * (1 - rate * weight_decay)
