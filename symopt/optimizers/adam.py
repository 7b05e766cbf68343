"""Adam and the optimizers that differ from it in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.averages import average, corrected_root, starting
from symopt.optimizers.base import Optimizer, RuleSteps
from symopt.optimizers.hyperparameters import Number, decay, hyper, iteration
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
    learning_rate : :math:`\alpha`, from 0; 1e-3 by default.
    beta1 : how much of the mean of gradients is kept in a step, from 0 to 1; 0.9 where neither is given.
    beta1_halflife : after this many steps a gradient counts half in the mean, instead of ``beta1``.
    beta2 : how much of the mean of squares is kept in a step, from 0 to 1; 0.999 where neither is given.
    beta2_halflife : likewise for the squares.
    epsilon : :math:`\epsilon`, outside the root, from 0; 1e-8 by default.

    Source: Kingma and Ba, arXiv:1412.6980, algorithm 1. MXNet, MXNet.jl and Sorix leave epsilon uncorrected
    (:math:`\alpha \sqrt{1 - \beta_2^t} / (1 - \beta_1^t) \cdot m' / (\sqrt{v'} + \epsilon)`, the paper's faster form);
    downhill 0.4.0 corrects without the power t.
    """

    learning_rate: Number = hyper(1e-3, low=0)
    beta1: Number | None = hyper(None, low=0, high=1, unless=("beta1_halflife", 0.9))
    beta1_halflife: Number | None = hyper(None, above=0)
    beta2: Number | None = hyper(None, low=0, high=1, unless=("beta2_halflife", 0.999))
    beta2_halflife: Number | None = hyper(None, above=0)
    epsilon: Number = hyper(1e-8, low=0)

    def betas(self) -> tuple[Any, Any]:
        """The two decays."""
        return decay(self.beta1_halflife, self.beta1), decay(self.beta2_halflife, self.beta2)

    def direction(self, mean: Node, square: Node) -> Node:
        """Mean over the root of the mean square, both corrected, times the rate."""
        beta1, beta2 = self.betas()
        t = iteration + 1
        rate = self.learning_rate / (1 - beta1**t)
        return rate * mean / (corrected_root(square, beta2, t) + self.epsilon)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The two averages, and their quotient."""
        beta1, beta2 = self.betas()
        mean = yield from average(param, "mean", beta1, grad)
        square = yield from average(param, "square", beta2, so.square(grad))
        return self.direction(mean, square)


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    r"""Adam with decoupled weight decay, which is not divided by the size of the gradient.

    .. math::
        \theta' = \theta - \alpha \left(
            \frac{m' / (1 - \beta_1^t)}{\sqrt{v' / (1 - \beta_2^t)} + \epsilon} + \lambda \theta \right)

    m' and v' are those of :class:`Adam`, and so are the hyperparameters but one.

    Parameters
    ----------
    weight_decay : :math:`\lambda`, from 0; 1e-2 by default.

    Source: Loshchilov and Hutter, arXiv:1711.05101, algorithm 2, where :math:`\alpha` and the schedule of the decay are
    apart. As in PyTorch and optax, the learning rate is a factor of both. MXNet 2 has a factor
    :math:`\sqrt{1 - \beta_2^t} / (1 - \beta_1^t)` in the decay too.
    """

    weight_decay: Number | None = hyper(1e-2, low=0, off=0)

    decoupled: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class AMSGrad(Adam):
    r"""Adam, divided by the largest mean square so far, so that a rare large gradient is not forgotten.

    .. math::
        m' &= \beta_1 m + (1 - \beta_1) g, \qquad v' = \beta_2 v + (1 - \beta_2) g^2, \qquad u' = \max(u, v') \\
        \theta' &= \theta - \alpha \frac{m' / (1 - \beta_1^t)}{\sqrt{u' / (1 - \beta_2^t)} + \epsilon}

    The hyperparameters are those of :class:`Adam`.

    Source: Reddi, Kale and Kumar, arXiv:1904.09237, algorithm 2, with the corrections and the epsilon of Adam, which
    the paper leaves out for simplicity. PyTorch is the same; optax takes the maximum of the corrected squares.
    """

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The averages of Adam, and the largest of the squares."""
        beta1, beta2 = self.betas()
        mean = yield from average(param, "mean", beta1, grad)
        square = yield from average(param, "square", beta2, so.square(grad))
        largest = state(param, "largest")
        largest_next = so.maximum(largest, square)
        yield largest, largest_next
        return self.direction(mean, largest_next)


@dataclass(frozen=True, kw_only=True)
class AdaMax(Adam):
    r"""Adam with a decaying maximum in the place of the root of the mean square.

    .. math::
        m' &= \beta_1 m + (1 - \beta_1) g, \qquad u' = \max(\beta_2 u, |g|) \\
        \theta' &= \theta - \frac{\alpha}{1 - \beta_1^t} \frac{m'}{u' + \epsilon}

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 2e-3 by default.
    beta1, beta1_halflife : as in :class:`Adam`.
    beta2, beta2_halflife : how much of the maximum is kept in a step, as in :class:`Adam`.
    epsilon : :math:`\epsilon`, from 0; 1e-8 by default. It keeps an element whose gradient was always 0 in its place.

    Source: Kingma and Ba, arXiv:1412.6980, algorithm 2, which has no epsilon; nor has MXNet 1, where 0/0 is NaN.
    PyTorch has it within the maximum: :math:`\max(\beta_2 u, |g| + \epsilon)`.
    """

    learning_rate: Number = hyper(2e-3, low=0)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The corrected mean over the largest recent gradient."""
        beta1, beta2 = self.betas()
        mean = yield from average(param, "mean", beta1, grad)
        largest = state(param, "largest")
        largest_next = so.maximum(beta2 * largest, so.abs(grad))
        yield largest, largest_next
        rate = self.learning_rate / (1 - beta1 ** (iteration + 1))
        return rate * mean / (largest_next + self.epsilon)


@dataclass(frozen=True, kw_only=True)
class Nadam(Adam):
    r"""Adam that looks ahead along the mean, as Nesterov's momentum does, with a momentum that grows.

    .. math::
        \mu_t &= \beta_1 (1 - \tfrac12 0.96^{\psi t}), \qquad P' = P \mu_t \\
        m' &= \mu_t m + (1 - \mu_t) g, \qquad v' = \beta_2 v + (1 - \beta_2) g^2 \\
        \theta' &= \theta - \alpha \left(\frac{(1 - \mu_t) g}{1 - P'} + \frac{\mu_{t+1} m'}{1 - P' \mu_{t+1}}\right)
            \bigg/ \left(\sqrt{v' / (1 - \beta_2^t)} + \epsilon\right)

    P, the product of all momenta so far, starts at 1: one number for each parameter.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 2e-3 by default.
    beta1, beta1_halflife : :math:`\beta_1`, to which the momentum grows from half of it; as in :class:`Adam`.
    beta2, beta2_halflife, epsilon : as in :class:`Adam`.
    momentum_decay : :math:`\psi`, how fast the momentum grows, from 0; 4e-3 by default.

    Source: Dozat, Incorporating Nesterov momentum into Adam, 2016, algorithm 2. PyTorch, MXNet and MXNet.jl average m
    with :math:`\beta_1` instead of :math:`\mu_t`; in MXNet all parameters of an optimizer advance one P.
    """

    learning_rate: Number = hyper(2e-3, low=0)
    momentum_decay: Number = hyper(4e-3, low=0)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The gradient and the mean, weighted by the momenta of now and of the next step."""
        beta1, beta2 = self.betas()
        t = iteration + 1
        now, then = (beta1 * (1 - 0.5 * 0.96 ** (self.momentum_decay * time)) for time in (t, t + 1))
        product = state(param, "product", 1.0, ())
        product_next = product * now
        yield product, product_next
        mean = yield from average(param, "mean", now, grad)
        square = yield from average(param, "square", beta2, so.square(grad))
        ahead = (1 - now) / (1 - product_next) * grad + then / (1 - product_next * then) * mean
        return self.learning_rate * ahead / (corrected_root(square, beta2, t) + self.epsilon)


@dataclass(frozen=True, kw_only=True)
class RAdam(Adam):
    r"""Rectified Adam: the first steps, whose mean square is too uncertain, are not divided by it; the next less.

    .. math::
        \rho &= \frac{2}{1 - \beta_2} - 1, \qquad \rho_t = \rho - \frac{2 t \beta_2^t}{1 - \beta_2^t} \\
        r &= \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho}{(\rho - 4)(\rho - 2) \rho_t}} \\
        \theta' &= \theta - \alpha \frac{m'}{1 - \beta_1^t} \cdot
            \begin{cases} r / (\sqrt{v' / (1 - \beta_2^t)} + \epsilon) & \rho_t > 4 \\ 1 & \text{else} \end{cases}

    m' and v' are those of :class:`Adam`, and so are the hyperparameters.

    Source: Liu et al., arXiv:1908.03265, algorithm 2, with the epsilon of Adam. PyTorch and optax rectify from
    :math:`\rho_t > 5` and :math:`\rho_t \ge 5`.
    """

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The averages of Adam, and the mean divided by the square as far as that can be trusted."""
        beta1, beta2 = self.betas()
        t = iteration + 1
        mean = yield from average(param, "mean", beta1, grad)
        square = yield from average(param, "square", beta2, so.square(grad))
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * t * beta2**t / (1 - beta2**t)
        part = so.maximum(length - 4, 0) / (limit - 4) * ((length - 2) / (limit - 2)) * (limit / length)
        divided = so.sqrt(part) / (corrected_root(square, beta2, t) + self.epsilon)
        rate = self.learning_rate / (1 - beta1**t)
        return rate * mean * so.where(so.greater(length, 4), divided, 1)


@dataclass(frozen=True, kw_only=True)
class AdaBelief(Adam):
    r"""Adam, divided by how far gradients are from their mean: long steps where the mean foretells the gradient.

    .. math::
        m' &= \beta_1 m + (1 - \beta_1) g \\
        s' &= \beta_2 s + (1 - \beta_2) (g - m')^2 + \epsilon \\
        \theta' &= \theta - \alpha \frac{m' / (1 - \beta_1^t)}{\sqrt{s' / (1 - \beta_2^t)} + \epsilon}

    The hyperparameters are those of :class:`Adam`. Epsilon is within the average too, where it adds up to
    :math:`\epsilon / (1 - \beta_2)`.

    Source: Zhuang et al., arXiv:2010.07468, algorithm 2. MXNet 2 leaves epsilon uncorrected; optax has 1e-16 for both
    of them, which suits float64.
    """

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """Mean, and mean square of the distance from it."""
        beta1, beta2 = self.betas()
        mean = yield from average(param, "mean", beta1, grad)
        spread = state(param, "spread")
        spread_next = beta2 * spread + (1 - beta2) * so.square(grad - mean) + self.epsilon
        yield spread, spread_next
        return self.direction(mean, spread_next)


@dataclass(frozen=True, kw_only=True)
class Yogi(Adam):
    r"""Adam whose mean square moves by the same amount up or down, so that it shrinks slowly.

    .. math::
        m' &= \beta_1 m + (1 - \beta_1) g \\
        v' &= v - (1 - \beta_2) \operatorname{sign}(v - g^2) g^2 \\
        \theta' &= \theta - \alpha \frac{m'}{\sqrt{v'} + \epsilon}

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 1e-2 by default.
    beta1, beta1_halflife, beta2, beta2_halflife : as in :class:`Adam`.
    epsilon : :math:`\epsilon`, outside the root, from 0; 1e-3 by default.
    initial_accumulator : v before the first step, from 0; 1e-6 by default.

    Source: Zaheer et al., Adaptive methods for nonconvex optimization, 2018, algorithm 2. optax corrects m and v as
    Adam does, and starts m at 1e-6 too.
    """

    learning_rate: Number = hyper(1e-2, low=0)
    epsilon: Number = hyper(1e-3, low=0)
    initial_accumulator: Number = hyper(1e-6, low=0)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """Mean and square, neither corrected."""
        beta1, beta2 = self.betas()
        mean = yield from average(param, "mean", beta1, grad)
        square, now = state(param, "square"), so.square(grad)
        past = starting(square, self.initial_accumulator)
        square_next = past - (1 - beta2) * so.sign(past - now) * now
        yield square, square_next
        return self.learning_rate * mean / (so.sqrt(square_next) + self.epsilon)
