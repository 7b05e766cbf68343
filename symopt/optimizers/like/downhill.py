"""The optimizers of downhill, 0.4.0 from PyPI and 0.5.0pre, which differ in Adam.

A limit, or a momentum, of 0 is off.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import symopt.tensor as so
from symopt.autodiff import gradient
from symopt.graph.construct import make_shared
from symopt.graph.evaluate import evaluate
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.base import UpdateRule
from symopt.optimizers.hyperparameters import Number, decay, hyper, iteration
from symopt.optimizers.like.pieces import average, norm, t, within_bounds
from symopt.optimizers.preparation import Pair
from symopt.optimizers.states import state

#: A rule yields pairs (state, next value) and returns the step, positive downhill.
Steps = Generator[Pair, None, Any]


@dataclass(frozen=True, kw_only=True)
class Downhill(UpdateRule):
    r"""What all algorithms share: one limit on the gradient, and momentum.

    With u the step of the algorithm: :math:`p' = p - u`; with momentum :math:`v' = \mu v - u` and :math:`p' = p + v'`.
    With ``nesterov`` too :math:`v' = \mu^2 v - (1 + \mu) u`: the look-ahead itself is stored, where Nesterov's method
    stores :math:`\mu v - u`. Without momentum ``nesterov`` has no effect.

    Parameters
    ----------
    learning_rate : the rate.
    momentum : :math:`\mu`.
    nesterov : look ahead, in downhill's way.
    max_gradient_elem : how far an element of the gradient may be from 0.
    max_gradient_norm : the longest a gradient of one parameter may be; not used with ``max_gradient_elem``.
    """

    learning_rate: Number = hyper(1e-4)
    momentum: Number | None = hyper(0.0, off=0)
    nesterov: bool = False
    max_gradient_norm: Number | None = hyper(0.0, off=0)
    max_gradient_elem: Number | None = hyper(0.0, off=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("max_gradient_norm", "max_gradient_elem"):
            limit = getattr(self, name)
            if limit is not None and not isinstance(limit, Node) and limit < 0:
                object.__setattr__(self, name, None)

    @abstractmethod
    def rule(self, param: Shared, grad: Node) -> Steps:
        """The rule for one parameter: yield (state, next value), return the step (positive downhill)."""

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """Gradients clipped by element, or else by the norm of each parameter."""
        return [self._limited(grad) for grad in grads]

    def _limited(self, grad: Node) -> Node:
        if self.max_gradient_elem is not None:
            return so.clip(grad, -self.max_gradient_elem, self.max_gradient_elem)
        if self.max_gradient_norm is not None:
            return grad * so.minimum(1, self.max_gradient_norm / norm(grad))
        return grad

    def rules(self, params: Sequence[Shared], grads: Sequence[Node]) -> Generator[Pair, None, list[Any]]:
        """The rule for all parameters: their steps."""
        steps = []
        for param, grad in zip(params, grads, strict=True):
            steps.append((yield from self.rule(param, grad)))
        return steps

    def pairs(self, params: Sequence[Shared], grads: Sequence[Node]) -> Generator[Pair, None, None]:
        """The states of the rule, velocities, parameters."""
        steps = yield from self.rules(params, grads)
        for param, step in zip(params, steps, strict=True):
            value = yield from self._moved(param, step)
            yield param, within_bounds(param, value)

    def _moved(self, param: Shared, step: Any) -> Steps:
        if self.momentum is None:
            return param - step
        vel = state(param, "vel")
        vel_next = self.momentum * vel - step
        if self.nesterov:
            vel_next = self.momentum * vel_next - step
        yield vel, vel_next
        return param + vel_next


@dataclass(frozen=True, kw_only=True)
class SGD(Downhill):
    r"""Stochastic gradient descent: :math:`u = \alpha g`."""

    def rule(self, param: Shared, grad: Node) -> Steps:
        """The rate times the gradient."""
        yield from ()
        return self.learning_rate * grad


@dataclass(frozen=True, kw_only=True)
class NAG(SGD):
    r"""SGD with ``nesterov``, whatever is given; with the default momentum of 0 it is plain SGD."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "nesterov", True)


@dataclass(frozen=True, kw_only=True)
class RProp(Downhill):
    r"""iRprop-: steps that grow while the sign of the gradient stays.

    .. math::
        s' &= \min(a s, s_{\max}) \text{ where } g g_{-1} > 0, \quad \max(b s, s_{\min}) \text{ where } g g_{-1} < 0,
            \quad s \text{ elsewhere} \\
        g' &= 0 \text{ where } g g_{-1} < 0, \quad g \text{ elsewhere} \\
        u &= \mathrm{sign}(g') s'

    g' is what the next update finds as :math:`g_{-1}`. Steps start at the learning rate, which has no other effect.
    """

    rprop_increase: Number = hyper(1.01)
    rprop_decrease: Number = hyper(0.99)
    rprop_min_step: Number = hyper(0.0)
    rprop_max_step: Number = hyper(100.0)

    def rule(self, param: Shared, grad: Node) -> Steps:
        """The sign of the gradient times the step."""
        last, step = state(param, "grad"), state(param, "step", _at_first(self.learning_rate))
        agreement = grad * last
        grown = so.minimum(step * self.rprop_increase, self.rprop_max_step)
        shrunk = so.maximum(step * self.rprop_decrease, self.rprop_min_step)
        step_next = so.where(agreement > 0, grown, so.where(agreement < 0, shrunk, step))
        counted = so.where(agreement < 0, 0, grad)
        yield last, counted
        yield step, step_next
        return so.sign(counted) * step_next


def _at_first(number: Any) -> float:
    """The value of a bound hyperparameter before the first update."""
    return float(evaluate([so.as_tensor(number)], {})[0])


@dataclass(frozen=True, kw_only=True)
class AdaGrad(Downhill):
    r"""AdaGrad, epsilon inside the root: :math:`s' = s + g^2`, :math:`u = \alpha g / \sqrt{s' + \epsilon}`."""

    rms_regularizer: Number = hyper(1e-8)

    def rule(self, param: Shared, grad: Node) -> Steps:
        """The gradient over the root of the sum of its squares."""
        total = state(param, "g2_acc")
        total_next = total + so.square(grad)
        yield total, total_next
        return self.learning_rate * grad / so.sqrt(total_next + self.rms_regularizer)


@dataclass(frozen=True, kw_only=True)
class RMSProp(Downhill):
    r"""Graves' centred RMSProp, epsilon inside the root, in the literal form of the variance.

    .. math::
        f' &= \gamma f + (1 - \gamma) g, \qquad s' = \gamma s + (1 - \gamma) g^2, \qquad \gamma = 2^{-1/h} \\
        u &= \alpha \frac{g}{\sqrt{s' - f'^2 + \epsilon}}

    For a constant gradient s - f² goes to 0: steps then grow towards :math:`\alpha g / \sqrt\epsilon`, and are not near
    1 as downhill's document says. In float32 the literal form can go below 0; :class:`symopt.RMSProp` cannot.
    """

    rms_halflife: Number = hyper(14.0)
    rms_regularizer: Number = hyper(1e-8)

    def rule(self, param: Shared, grad: Node) -> Steps:
        """The gradient over its deviation."""
        gamma = decay(self.rms_halflife, None)
        first, second = state(param, "g1_ewma"), state(param, "g2_ewma")
        first_next, second_next = average(gamma, first, grad), average(gamma, second, so.square(grad))
        yield first, first_next
        yield second, second_next
        return self.learning_rate * grad / so.sqrt(second_next - so.square(first_next) + self.rms_regularizer)


@dataclass(frozen=True, kw_only=True)
class AdaDelta(Downhill):
    r"""AdaDelta, epsilon inside both roots; the learning rate has no effect.

    .. math:: s' = \gamma s + (1 - \gamma) g^2, \qquad u = \frac{\sqrt{x + \epsilon}}{\sqrt{s' + \epsilon}} g, \qquad
        x' = \gamma x + (1 - \gamma) u^2
    """

    rms_halflife: Number = hyper(14.0)
    rms_regularizer: Number = hyper(1e-8)

    def rule(self, param: Shared, grad: Node) -> Steps:
        """The gradient scaled by the ratio of the sizes of steps and gradients."""
        gamma = decay(self.rms_halflife, None)
        g2, x2 = state(param, "g2_ewma"), state(param, "x2_ewma")
        g2_next = average(gamma, g2, so.square(grad))
        step = so.sqrt(x2 + self.rms_regularizer) / so.sqrt(g2_next + self.rms_regularizer) * grad
        yield g2, g2_next
        yield x2, average(gamma, x2, so.square(step))
        return step


@dataclass(frozen=True, kw_only=True)
class ESGD(Downhill):
    r"""Equilibrated SGD: steps divided by the recent size of Hessian-vector products with random probes.

    .. math:: D' = \gamma D + (1 - \gamma) (H r)^2, \qquad u = \alpha \frac{g}{\sqrt{D'} + \epsilon}

    Epsilon is outside the root; downhill's document has it inside. :math:`H r` is the derivative, along r, of the
    gradient after its limit, for one parameter at a time.

    Parameters
    ----------
    probe : r, a tensor for each parameter (one alone for a single parameter); normal draws if None.
    seed : of these draws, which are symopt's own.
    """

    rms_halflife: Number = hyper(14.0)
    rms_regularizer: Number = hyper(1e-8)
    probe: Any = None
    seed: int = 0

    needs_curvature: ClassVar[bool] = True

    def rules(self, params: Sequence[Shared], grads: Sequence[Node]) -> Generator[Pair, None, list[Any]]:
        """The rule for all parameters, each with its probe."""
        steps = []
        for param, grad, probe in zip(params, grads, self._probes(params), strict=True):
            steps.append((yield from self.rule(param, grad, probe)))
        return steps

    def _probes(self, params: Sequence[Shared]) -> list[Any]:
        if self.probe is None:
            return [so.random.normal(param.shape, seed=self.seed, dtype=param.dtype) for param in params]
        return [self.probe] if isinstance(self.probe, Node) else list(self.probe)

    def rule(self, param: Shared, grad: Node, probe: Any = None) -> Steps:
        """The gradient over the root of the mean square of its derivatives along probes."""
        (probe,) = self._probes([param]) if probe is None else (probe,)
        size = state(param, "D_ewma")
        size_next = average(decay(self.rms_halflife, None), size, so.square(along(grad, param, probe)))
        yield size, size_next
        return self.learning_rate * grad / (so.sqrt(size_next) + self.rms_regularizer)


def along(value: Node, param: Node, direction: Any) -> Node:
    """The derivative of ``value`` along a direction of ``param``, by two gradients.

    The gradient of sum(value * u) is linear in u; the gradient by u of its product with the direction is what we want.
    """
    u = make_shared(0.0, "u", "state")
    dummy = so.broadcast_to(u, value.shape)
    (pulled,) = gradient(so.sum(value * dummy), [param])
    return gradient(so.sum(pulled * direction), [dummy])[0]


@dataclass(frozen=True, kw_only=True)
class Adam(Downhill):
    r"""Adam of 0.4.0: its correction has no power t, and so never fades; the first decay itself decays.

    .. math::
        \beta_{1,t} &= \beta_1 \delta^{t-1}, \qquad \beta_i = 2^{-1/h_i} \\
        m' &= \beta_{1,t} m + (1 - \beta_{1,t}) g, \qquad v' = \beta_2 v + (1 - \beta_2) g^2 \\
        u &= \alpha \frac{m' / (1 - \beta_{1,t})}{\sqrt{v' / (1 - \beta_2)} + \epsilon}

    :math:`\delta` is ``beta1_decay``.
    """

    beta1_halflife: Number = hyper(7.0)
    beta2_halflife: Number = hyper(69.0)
    beta1_decay: Number = hyper(1 - 1e-6)
    rms_regularizer: Number = hyper(1e-8)

    def rule(self, param: Shared, grad: Node) -> Steps:
        """The mean over the root of the mean square, both too large."""
        beta1 = decay(self.beta1_halflife, None) * self.beta1_decay**iteration
        beta2 = decay(self.beta2_halflife, None)
        return self.learning_rate * (yield from _adam(self, param, grad, (beta1, beta2), (beta1, beta2)))


@dataclass(frozen=True, kw_only=True)
class NewAdam(Downhill):
    r"""Adam of 0.5.0pre, as in its paper, with epsilon outside the root of the corrected square.

    .. math:: \beta_i = 2^{-1/h_i}, \qquad
        u = \alpha \frac{m' / (1 - \beta_1^t)}{\sqrt{v' / (1 - \beta_2^t)} + \epsilon}
    """

    beta1_halflife: Number = hyper(7.0)
    beta2_halflife: Number = hyper(69.0)
    rms_regularizer: Number = hyper(1e-8)

    def rule(self, param: Shared, grad: Node) -> Steps:
        """The mean over the root of the mean square, both corrected."""
        beta1, beta2 = decay(self.beta1_halflife, None), decay(self.beta2_halflife, None)
        return self.learning_rate * (yield from _adam(self, param, grad, (beta1, beta2), (beta1**t, beta2**t)))


def _adam(optimizer: Any, param: Shared, grad: Node, betas: tuple[Any, Any], left: tuple[Any, Any]) -> Steps:
    """Adam's step at rate 1; ``left`` is how much of the zeros at the start the corrections take to be left."""
    m, v = state(param, "g1_ewma"), state(param, "g2_ewma")
    m_next, v_next = average(betas[0], m, grad), average(betas[1], v, so.square(grad))
    yield m, m_next
    yield v, v_next
    return m_next / (1 - left[0]) / (so.sqrt(v_next / (1 - left[1])) + optimizer.rms_regularizer)
