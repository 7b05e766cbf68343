"""optax's Adam and its kin.

All of them correct the averages themselves, so that epsilon is added to the corrected root; ``eps_root`` is added
inside it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper, iteration
from symopt.optimizers.like.optax.base import Direction, Optax
from symopt.optimizers.like.pieces import average, rectification, t
from symopt.optimizers.preparation import Pair
from symopt.optimizers.states import state


@dataclass(frozen=True, kw_only=True)
class AdamKin(Optax):
    """What has averages of the gradient and of its square."""

    b1: Number = hyper(0.9, low=0, high=1)
    b2: Number = hyper(0.999, low=0, high=1)
    eps: Number = hyper(1e-8)
    eps_root: Number = hyper(0.0)

    def averages(self, param: Shared, grad: Node) -> Generator[Pair, None, tuple[Node, Node]]:
        """The next averages, uncorrected."""
        mean, square = state(param, "mu"), state(param, "nu")
        mean_next = average(self.b1, mean, grad)
        square_next = average(self.b2, square, so.square(grad))
        yield mean, mean_next
        yield square, square_next
        return mean_next, square_next

    def corrected(self, mean: Node, grad: Node, nesterov: bool) -> Node:
        """The corrected mean, one step ahead if so wished."""
        if not nesterov:
            return mean / (1 - self.b1**t)
        return self.b1 * mean / (1 - self.b1 ** (t + 1)) + (1 - self.b1) * grad / (1 - self.b1**t)

    def root(self, square: Node) -> Node:
        """The divisor made of a corrected average of squares."""
        return so.sqrt(square + self.eps_root) + self.eps


@dataclass(frozen=True, kw_only=True)
class Adam(AdamKin):
    r"""optax's adam.

    .. math::
        m' &= \beta_1 m + (1 - \beta_1) G, \qquad v' = \beta_2 v + (1 - \beta_2) G^2 \\
        u &= \frac{m' / (1 - \beta_1^t)}{\sqrt{v' / (1 - \beta_2^t) + \epsilon_r} + \epsilon}, \qquad
        \theta' = \theta - \eta u

    With ``nesterov`` the numerator is
    :math:`\beta_1 m' / (1 - \beta_1^{t+1}) + (1 - \beta_1) G / (1 - \beta_1^t)`.

    Peculiar: there are two epsilons, the second one inside the root; the look ahead is that of Dozat (2016) with a
    constant momentum, and corrects its second part by :math:`\beta_1^t`.
    """

    nesterov: bool = False

    def direction(self, param: Shared, grad: Node) -> Direction:
        """Mean over the root of the mean square, both corrected."""
        mean, square = yield from self.averages(param, grad)
        return self.corrected(mean, grad, self.nesterov) / self.root(square / (1 - self.b2**t))


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    r"""optax's adamw: :math:`u = u_{adam} + \lambda \theta`, both scaled by the rate.

    Peculiar: the decay is 1e-4 by default (PyTorch: 1e-2).
    """

    weight_decay: Number | None = hyper(1e-4, off=0)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """Adam's direction and the parameter."""
        step = yield from super().direction(param, grad)
        return step if self.weight_decay is None else step + self.weight_decay * param


@dataclass(frozen=True, kw_only=True)
class NAdam(Adam):
    """optax's nadam: its adam with ``nesterov``.

    Peculiar: the momentum has no schedule of its own (PyTorch, MXNet: it grows from half of beta1).
    """

    nesterov: bool = True


@dataclass(frozen=True, kw_only=True)
class NAdamW(AdamW):
    """optax's nadamw: its adamw with ``nesterov``."""

    nesterov: bool = True


@dataclass(frozen=True, kw_only=True)
class Adabelief(AdamKin):
    r"""optax's adabelief.

    .. math:: s' = \beta_2 s + (1 - \beta_2) (G - m')^2 + \epsilon_r

    and then as its adam, with s' for v', and no :math:`\epsilon_r` in the root.

    Peculiar: :math:`\epsilon_r` is added to the state itself and so adds up; both epsilons are 1e-16.
    """

    eps: Number = hyper(1e-16)
    eps_root: Number = hyper(1e-16)
    nesterov: bool = False

    def direction(self, param: Shared, grad: Node) -> Direction:
        """Mean over the root of the mean squared surprise, both corrected."""
        mean, square = state(param, "mu"), state(param, "nu")
        mean_next = average(self.b1, mean, grad)
        square_next = average(self.b2, square, so.square(grad - mean_next)) + self.eps_root
        yield mean, mean_next
        yield square, square_next
        divisor = so.sqrt(square_next / (1 - self.b2**t)) + self.eps
        return self.corrected(mean_next, grad, self.nesterov) / divisor


@dataclass(frozen=True, kw_only=True)
class Yogi(Optax):
    r"""optax's yogi.

    .. math:: v' = v - (1 - \beta_2) \, \mathrm{sign}(v - G^2) \, G^2

    and then as its adam.

    Peculiar: m and v start at 1e-6, and yet are corrected as if they had started at 0.
    """

    b1: Number = hyper(0.9, low=0, high=1)
    b2: Number = hyper(0.999, low=0, high=1)
    eps: Number = hyper(1e-3)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """Mean over the root of a mean square that changes by no more than the square."""
        mean, square = state(param, "mu", 1e-6), state(param, "nu", 1e-6)
        now = so.square(grad)
        mean_next = average(self.b1, mean, grad)
        square_next = square - (1 - self.b2) * so.sign(square - now) * now
        yield mean, mean_next
        yield square, square_next
        return mean_next / (1 - self.b1**t) / (so.sqrt(square_next / (1 - self.b2**t)) + self.eps)


@dataclass(frozen=True, kw_only=True)
class Amsgrad(AdamKin):
    r"""optax's amsgrad: its adam with :math:`\max(\hat v_{max}, \hat v')` for :math:`\hat v'`.

    Peculiar: the maximum is over the corrected averages (PyTorch, the paper: uncorrected); each correction can be
    switched off.
    """

    bias_correction_mu: bool = True
    bias_correction_nu: bool = True

    def direction(self, param: Shared, grad: Node) -> Direction:
        """Mean over the root of the largest mean square."""
        mean, square = yield from self.averages(param, grad)
        largest = state(param, "nu_max")
        largest_next = so.maximum(largest, square / (1 - self.b2**t) if self.bias_correction_nu else square)
        yield largest, largest_next
        return (self.corrected(mean, grad, False) if self.bias_correction_mu else mean) / self.root(largest_next)


@dataclass(frozen=True, kw_only=True)
class Radam(AdamKin):
    r"""optax's radam: its adam times :math:`r_t` once :math:`\rho_t \ge` ``threshold``; before that, its numerator.

    See :func:`~symopt.optimizers.like.pieces.rectification` for r and rho.

    Peculiar: :math:`\epsilon` is added to the corrected root (PyTorch: uncorrected); at the threshold itself, which is
    5 by default (paper: 4), the root is used already.
    """

    threshold: Number = hyper(5.0)
    nesterov: bool = False

    def direction(self, param: Shared, grad: Node) -> Direction:
        """The corrected mean, divided by the root only once its variance is known well enough."""
        mean, square = yield from self.averages(param, grad)
        length, factor = rectification(self.b2)
        scale = factor / self.root(square / (1 - self.b2**t))
        return self.corrected(mean, grad, self.nesterov) * so.where(length >= self.threshold, scale, 1)


@dataclass(frozen=True, kw_only=True)
class Adamax(Optax):
    r"""optax's adamax.

    .. math::
        m' &= \beta_1 m + (1 - \beta_1) G, \qquad n' = \max(|G| + \epsilon, \beta_2 n) \\
        u &= \frac{m' / (1 - \beta_1^t)}{n'}, \qquad \theta' = \theta - \eta u

    Peculiar: as in PyTorch, :math:`\epsilon` is inside the maximum.
    """

    b1: Number = hyper(0.9, low=0, high=1)
    b2: Number = hyper(0.999, low=0, high=1)
    eps: Number = hyper(1e-8)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """The corrected mean over the decaying largest gradient."""
        mean, largest = state(param, "mu"), state(param, "nu")
        mean_next = average(self.b1, mean, grad)
        largest_next = so.maximum(so.abs(grad) + self.eps, self.b2 * largest)
        yield mean, mean_next
        yield largest, largest_next
        return mean_next / (1 - self.b1**t) / largest_next


@dataclass(frozen=True, kw_only=True)
class AdamaxW(Adamax):
    r"""optax's adamaxw: :math:`u = u_{adamax} + \lambda \theta`."""

    weight_decay: Number | None = hyper(1e-4, off=0)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """Adamax's direction and the parameter."""
        step = yield from super().direction(param, grad)
        return step if self.weight_decay is None else step + self.weight_decay * param


@dataclass(frozen=True, kw_only=True)
class Novograd(Optax):
    r"""optax's novograd.

    .. math::
        v' &= \beta_2 v + (1 - \beta_2) \|G\|^2 \text{, at first } \|G\|^2 \\
        m' &= \beta_1 m + \frac{G}{\sqrt{v' + \epsilon_r} + \epsilon} + \lambda \theta, \qquad
        \theta' = \theta - \eta m'

    Peculiar: v is one number for a whole parameter; the gradient joins m without :math:`1 - \beta_1`.
    """

    b1: Number = hyper(0.9, low=0, high=1)
    b2: Number = hyper(0.25, low=0, high=1)
    eps: Number = hyper(1e-6)
    eps_root: Number = hyper(0.0)
    weight_decay: Number | None = hyper(0.0, off=0)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """Momentum of gradients of about unit length."""
        mean, square = state(param, "mu"), state(param, "nu", shape=())
        now = so.sum(so.square(grad))
        square_next = so.where(so.equal(iteration, 0), now, average(self.b2, square, now))
        yield square, square_next
        step = grad / (so.sqrt(square_next + self.eps_root) + self.eps)
        mean_next = self.b1 * mean + (step if self.weight_decay is None else step + self.weight_decay * param)
        yield mean, mean_next
        return mean_next


@dataclass(frozen=True, kw_only=True)
class Adan(Optax):
    r"""optax's adan.

    .. math::
        d &= G - G_{before} \text{, at first } 0, \qquad m' = \beta_1 m + (1 - \beta_1) G \\
        v' &= \beta_2 v + (1 - \beta_2) d, \qquad n' = \beta_3 n + (1 - \beta_3) (G + (1 - \beta_2) d)^2 \\
        u &= \frac{\hat m + (1 - \beta_2) \hat v}{\sqrt{\hat n + \epsilon_r} + \epsilon} + \lambda \theta, \qquad
        \theta' = \theta - \eta u

    with hats for averages over :math:`1 - \beta^t`.

    Peculiar: the betas are the weights of the past (in the paper, of the present); :math:`\epsilon_r` is 1e-8, so the
    root has two epsilons; decay is explicit (paper: implicit).
    """

    b1: Number = hyper(0.98, low=0, high=1)
    b2: Number = hyper(0.92, low=0, high=1)
    b3: Number = hyper(0.99, low=0, high=1)
    eps: Number = hyper(1e-8)
    eps_root: Number = hyper(1e-8)
    weight_decay: Number | None = hyper(0.0, off=0)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """Mean gradient and mean difference, over the root of the mean square of what they foresee."""
        before = state(param, "g")
        difference = so.where(so.equal(iteration, 0), 0, grad - before)
        parts = {
            "m": (self.b1, grad),
            "v": (self.b2, difference),
            "n": (self.b3, so.square(grad + (1 - self.b2) * difference)),
        }
        hats = {}
        for name, (keep, value) in parts.items():
            past = state(param, name)
            present = average(keep, past, value)
            yield past, present
            hats[name] = present / (1 - keep**t)
        yield before, grad
        step = (hats["m"] + (1 - self.b2) * hats["v"]) / (so.sqrt(hats["n"] + self.eps_root) + self.eps)
        return step if self.weight_decay is None else step + self.weight_decay * param
