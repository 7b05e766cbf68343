"""PyTorch's Adam and its kin.

All of them correct the averages themselves (the first form of the paper), except where a docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like.pieces import Moves, average, rectification, t
from symopt.optimizers.like.torch.base import Torch
from symopt.optimizers.preparation import Pair
from symopt.optimizers.states import common_state, state


@dataclass(frozen=True, kw_only=True)
class AdamKin(Torch):
    """What has averages of the gradient and of its square."""

    beta1: Number = hyper(0.9, low=0, high=1)
    beta2: Number = hyper(0.999, low=0, high=1)
    eps: Number = hyper(1e-8, low=0)

    def averages(self, param: Shared, grad: Node) -> Generator[Pair, None, tuple[Node, Node]]:
        """The next averages, uncorrected."""
        mean, square = state(param, "exp_avg"), state(param, "exp_avg_sq")
        mean_next = average(self.beta1, mean, grad)
        square_next = average(self.beta2, square, so.square(grad))
        yield mean, mean_next
        yield square, square_next
        return mean_next, square_next


@dataclass(frozen=True, kw_only=True)
class AdamSteps(AdamKin):
    """The rule that Adam and AdamW share."""

    amsgrad: bool = False

    def rule(self, param: Shared, grad: Node) -> Moves:
        """Mean over the root of the mean square, both corrected."""
        mean, square = yield from self.averages(param, grad)
        if self.amsgrad:
            largest = state(param, "max_exp_avg_sq")
            square = so.maximum(largest, square)
            yield largest, square
        divisor = so.sqrt(square) / so.sqrt(1 - self.beta2**t) + self.eps
        return self.decayed(param) - self.lr / (1 - self.beta1**t) * mean / divisor


@dataclass(frozen=True, kw_only=True)
class Adam(AdamSteps):
    r"""PyTorch's Adam.

    .. math::
        m' &= \beta_1 m + (1 - \beta_1) G, \qquad v' = \beta_2 v + (1 - \beta_2) G^2 \\
        \theta' &= \theta - \eta \frac{m' / (1 - \beta_1^t)}{\sqrt{v' / (1 - \beta_2^t)} + \epsilon}

    Peculiar: ``amsgrad`` takes the maximum over the uncorrected v' (optax: over the corrected one), and corrects that.
    """

    decoupled_weight_decay: bool = False

    @property
    def decouples(self) -> bool:
        """As ``decoupled_weight_decay`` says."""
        return self.decoupled_weight_decay


@dataclass(frozen=True, kw_only=True)
class AdamW(AdamSteps):
    r"""PyTorch's AdamW: its Adam with :math:`\theta (1 - \eta \lambda)` in the place of :math:`\theta`.

    Peculiar: the decay is 0.01 by default, and is scaled by the rate (in the paper: by the schedule's factor alone).
    """

    weight_decay: Number | None = hyper(0.01, low=0, off=0)

    @property
    def decouples(self) -> bool:
        """Always."""
        return True


@dataclass(frozen=True, kw_only=True)
class NAdam(AdamKin):
    r"""PyTorch's NAdam.

    .. math::
        \mu_t &= \beta_1 (1 - 0.5 \cdot 0.96^{t \psi}), \qquad P' = P \mu_t \\
        \theta' &= \theta - \frac{\eta}{\sqrt{v' / (1 - \beta_2^t)} + \epsilon}
            \left(\frac{1 - \mu_t}{1 - P'} G + \frac{\mu_{t+1}}{1 - P' \mu_{t+1}} m'\right)

    m' and v' are Adam's averages, and P starts at 1.

    Peculiar: m' averages with :math:`\beta_1`, not with :math:`\mu_t`; P is kept in float32, whatever the parameter.
    """

    lr: Number = hyper(2e-3, low=0)
    momentum_decay: Number = hyper(4e-3, low=0)
    decoupled_weight_decay: bool = False

    @property
    def decouples(self) -> bool:
        """As ``decoupled_weight_decay`` says."""
        return self.decoupled_weight_decay

    def momentum(self, step: Node) -> Any:
        """The momentum of a step."""
        return self.beta1 * (1 - 0.5 * 0.96 ** (step * self.momentum_decay))

    def rule(self, param: Shared, grad: Node) -> Moves:
        """Parts of the gradient and of the mean, over the corrected root of the mean square."""
        product = common_state(f"{param.name}_mu_product", 1.0, dtype="float32")
        product_next = product * so.cast(self.momentum(t), "float32")
        yield product, product_next
        mean, square = yield from self.averages(param, grad)
        product_now = so.cast(product_next, param.dtype)
        ahead = self.momentum(t + 1)
        part = self.lr * (1 - self.momentum(t)) / (1 - product_now) * grad
        rest = self.lr * ahead / (1 - product_now * ahead) * mean
        return self.decayed(param) - (part + rest) / (so.sqrt(square / (1 - self.beta2**t)) + self.eps)


@dataclass(frozen=True, kw_only=True)
class RAdam(AdamKin):
    r"""PyTorch's RAdam.

    .. math::
        \theta' = \theta - \eta \frac{m'}{1 - \beta_1^t} \cdot
            \begin{cases} r_t \sqrt{1 - \beta_2^t} / (\sqrt{v'} + \epsilon) & \rho_t > 5 \\ 1 \end{cases}

    m' and v' are Adam's averages; see :func:`~symopt.optimizers.like.pieces.rectification` for r and rho.

    Peculiar: :math:`\epsilon` is added to the uncorrected root (optax: to the corrected one); the bound is 5
    (paper: 4).
    """

    decoupled_weight_decay: bool = False

    @property
    def decouples(self) -> bool:
        """As ``decoupled_weight_decay`` says."""
        return self.decoupled_weight_decay

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The corrected mean, divided by the root only once its variance is known well enough."""
        mean, square = yield from self.averages(param, grad)
        length, factor = rectification(self.beta2)
        scale = factor * so.sqrt(1 - self.beta2**t) / (so.sqrt(square) + self.eps)
        return self.decayed(param) - self.lr / (1 - self.beta1**t) * mean * so.where(length > 5, scale, 1)


@dataclass(frozen=True, kw_only=True)
class Adamax(Torch):
    r"""PyTorch's Adamax.

    .. math::
        m' &= \beta_1 m + (1 - \beta_1) G, \qquad u' = \max(\beta_2 u, |G| + \epsilon) \\
        \theta' &= \theta - \frac{\eta}{1 - \beta_1^t} \frac{m'}{u'}

    Peculiar: :math:`\epsilon` is inside the maximum, so it is forgotten once gradients have been larger.
    """

    lr: Number = hyper(2e-3, low=0)
    beta1: Number = hyper(0.9, low=0, high=1)
    beta2: Number = hyper(0.999, low=0, high=1)
    eps: Number = hyper(1e-8, low=0)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The corrected mean over the decaying largest gradient."""
        mean, largest = state(param, "exp_avg"), state(param, "exp_inf")
        mean_next = average(self.beta1, mean, grad)
        largest_next = so.maximum(self.beta2 * largest, so.abs(grad) + self.eps)
        yield mean, mean_next
        yield largest, largest_next
        return param - self.lr / (1 - self.beta1**t) * mean_next / largest_next
