"""Rules that MXNet 1.9 and 2.0 share, but for defaults and for the preparation of gradients."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like.mxnet_pieces import MXNetRule
from symopt.optimizers.like.pieces import Moves, average, norm, t, within_bounds
from symopt.optimizers.preparation import Pair
from symopt.optimizers.states import common_state, state


def moments(optimizer: Any, param: Shared, grad: Node) -> Generator[Pair, None, tuple[Node, Node]]:
    """The averages m and v of the gradient and of its square; returns their next values."""
    m, v = state(param, "m"), state(param, "v")
    m_next = average(optimizer.beta1, m, grad)
    v_next = average(optimizer.beta2, v, so.square(grad))
    yield m, m_next
    yield v, v_next
    return m_next, v_next


def corrected(optimizer: Any) -> Any:
    """The rate of Adam's faster form, which holds both corrections and leaves epsilon uncorrected."""
    return optimizer.learning_rate * so.sqrt(1 - optimizer.beta2**t) / (1 - optimizer.beta1**t)


def trust(weight_norm: Any, step_norm: Any) -> Node:
    """The ratio of two norms; 1 where either is 0."""
    known = so.logical_and(weight_norm > 0, step_norm > 0)
    return so.where(known, weight_norm / step_norm, 1)


@dataclass(frozen=True, kw_only=True)
class SGDRule(MXNetRule):
    """Stochastic gradient descent, with the rate inside the momentum."""

    momentum: Number | None = hyper(0.0, off=0)

    def moved(self, param: Shared, grad: Node, rate: Any) -> Moves:
        """The next value of a parameter that moves at this rate."""
        if self.momentum is None:
            return param - rate * grad
        mom = state(param, "mom")
        mom_next = self.momentum * mom - rate * grad
        yield mom, mom_next
        return param + mom_next

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The parameter moves by its momentum."""
        return (yield from self.moved(param, grad, self.learning_rate))


@dataclass(frozen=True, kw_only=True)
class AdamRule(MXNetRule):
    """Adam in the paper's faster form."""

    learning_rate: Number = hyper(0.001)
    beta1: Number = hyper(0.9)
    beta2: Number = hyper(0.999)
    epsilon: Number = hyper(1e-8)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The mean over the root of the mean square."""
        m, v = yield from moments(self, param, grad)
        return param - corrected(self) * m / (so.sqrt(v) + self.epsilon)


@dataclass(frozen=True, kw_only=True)
class AdamaxRule(MXNetRule):
    """Adam with the largest recent gradient in the place of the mean square."""

    learning_rate: Number = hyper(0.002)
    beta1: Number = hyper(0.9)
    beta2: Number = hyper(0.999)

    def denominator(self, u: Node) -> Node:
        """What the mean is divided by."""
        return u

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The mean over the largest gradient."""
        m, u = state(param, "m"), state(param, "u")
        m_next = average(self.beta1, m, grad)
        u_next = so.maximum(self.beta2 * u, so.abs(grad))
        yield m, m_next
        yield u, u_next
        return param - self.learning_rate / (1 - self.beta1**t) * m_next / self.denominator(u_next)


@dataclass(frozen=True, kw_only=True)
class NadamRule(MXNetRule):
    """Adam with Nesterov's momentum; its product of momenta belongs to the optimizer, not to a parameter."""

    learning_rate: Number = hyper(0.001)
    beta1: Number = hyper(0.9)
    beta2: Number = hyper(0.999)
    epsilon: Number = hyper(1e-8)
    schedule_decay: Number = hyper(0.004)

    def pairs(self, params: Sequence[Shared], grads: Sequence[Node]) -> Generator[Pair, None, None]:
        """One parameter after the other; each takes the product one momentum further."""
        schedule = common_state("m_schedule", 1.0)
        product: Node = schedule
        values = []
        for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
            product = product * self.mu(t)
            values.append((yield from self.own(i).rule(param, grad, product)))
        yield schedule, product
        for param, value in zip(params, values, strict=True):
            yield param, within_bounds(param, value)

    def mu(self, when: Any) -> Any:
        """The momentum of an update."""
        return self.beta1 * (1 - 0.5 * 0.96 ** (when * self.schedule_decay))

    def rule(self, param: Shared, grad: Node, product: Any = 1.0) -> Moves:
        """The parameter moves by the gradient and the mean, each corrected by the product of momenta."""
        m, v = yield from moments(self, param, grad)
        ahead = self.mu(t + 1)
        of_grad = so.cast((1 - self.mu(t)) / (1 - product), grad.dtype)
        of_mean = so.cast(ahead / (1 - product * ahead), grad.dtype)
        root = so.sqrt(v / (1 - self.beta2**t)) + self.epsilon
        return param - self.learning_rate * (of_grad * grad + of_mean * m) / root


@dataclass(frozen=True, kw_only=True)
class FtrlRule(MXNetRule):
    """Follow the regularized leader, per coordinate."""

    learning_rate: Number = hyper(0.1)
    lamda1: Number = hyper(0.01)
    beta: Number = hyper(1.0)

    decay_enters: ClassVar[Literal["elsewhere"]] = "elsewhere"

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The minimum of the linear model with both penalties; decay is the quadratic one."""
        z, n = state(param, "z"), state(param, "n")
        n_next = n + so.square(grad)
        z_next = z + grad - (so.sqrt(n_next) - so.sqrt(n)) * param / self.learning_rate
        yield z, z_next
        yield n, n_next
        curvature = (self.beta + so.sqrt(n_next)) / self.learning_rate
        if self.wd is not None:
            curvature = curvature + self.wd
        return -so.sign(z_next) * so.maximum(so.abs(z_next) - self.lamda1, 0) / curvature


@dataclass(frozen=True, kw_only=True)
class FTMLRule(MXNetRule):
    """Follow the moving leader."""

    beta1: Number = hyper(0.6)
    beta2: Number = hyper(0.999)
    epsilon: Number = hyper(1e-8)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The minimum of an average of quadratic models."""
        d, v, z = state(param, "d"), state(param, "v"), state(param, "z")
        v_next = average(self.beta2, v, so.square(grad))
        root = so.sqrt(v_next / (1 - self.beta2**t)) + self.epsilon
        d_next = (1 - self.beta1**t) / self.learning_rate * root
        z_next = average(self.beta1, z, grad) - (d_next - self.beta1 * d) * param
        yield d, d_next
        yield v, v_next
        yield z, z_next
        return -z_next / d_next


@dataclass(frozen=True, kw_only=True)
class SignumRule(MXNetRule):
    """Steps by the sign of the momentum."""

    momentum: Number | None = hyper(0.9, off=0)
    wd_lh: Number | None = hyper(0.0, off=0)

    def prepared(self, param: Shared, grad: Node) -> Node:
        """As elsewhere; but without momentum the gradient as it came: neither scaled nor clipped."""
        return grad if self.momentum is None else super().prepared(param, grad)

    def decay_without_momentum(self) -> Any:
        """The decay of the rule without momentum; None is none."""
        return self.wd

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The sign of the momentum; decay goes past it too."""
        if self.momentum is None:
            return self._shrunk(param, self.decay_without_momentum()) - self.learning_rate * so.sign(grad)
        mom = state(param, "mom")
        mom_next = self.momentum * mom - (1 - self.momentum) * grad
        yield mom, mom_next
        return self._shrunk(param, self.wd_lh) + self.learning_rate * so.sign(mom_next)

    def _shrunk(self, param: Node, decay: Any) -> Node:
        return param if decay is None else (1 - self.learning_rate * decay) * param


@dataclass(frozen=True, kw_only=True)
class LAMBRule(MXNetRule):
    """Adam's step, as long as the parameter."""

    learning_rate: Number = hyper(0.001)
    beta1: Number = hyper(0.9)
    beta2: Number = hyper(0.999)
    epsilon: Number = hyper(1e-6)
    lower_bound: Number | None = hyper(None, low=0, off=0)
    upper_bound: Number | None = hyper(None, low=0, off=0)
    bias_correction: bool = True

    decay_enters: ClassVar[Literal["elsewhere"]] = "elsewhere"

    def rule(self, param: Shared, grad: Node) -> Moves:
        """Adam's step with decay, scaled by the trust ratio."""
        m, v = yield from moments(self, param, grad)
        if self.bias_correction:
            m, v = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        step = self.decayed(param, m / (so.sqrt(v) + self.epsilon))
        return param - self.learning_rate * trust(bounded(self, norm(param)), norm(step)) * step


def bounded(optimizer: Any, weight_norm: Node) -> Node:
    """The norm of a parameter, from ``lower_bound`` to ``upper_bound``."""
    if optimizer.lower_bound is not None:
        weight_norm = so.maximum(weight_norm, optimizer.lower_bound)
    if optimizer.upper_bound is not None:
        weight_norm = so.minimum(weight_norm, optimizer.upper_bound)
    return weight_norm


@dataclass(frozen=True, kw_only=True)
class LARSRule(SGDRule):
    """SGD at a rate that follows the norms of a parameter and of its gradient."""

    eta: Number = hyper(0.001)

    def scales(self) -> bool:
        """Whether the rate of this parameter is scaled: not for a bias, a beta or a gamma."""
        name = None if self.param_names is None else self.param_names[0]
        return name is None or not name.endswith(("gamma", "beta", "bias"))

    def own(self, index: int) -> Self:
        """The rule with the rate, the decay and the name of the parameter of this index alone."""
        rule, name = super().own(index), self.name(index)
        return rule if name is None else dataclasses.replace(rule, param_names=(name,))

    def prepared(self, param: Shared, grad: Node) -> Node:
        """The gradient rescaled: its norm is that before the clip."""
        return self.rescaled(grad)

    def scaled(self, param: Shared, grad: Node, epsilon: Any) -> Moves:
        """The next value of a parameter that moves at a rate of its own."""
        rate: Any = self.learning_rate
        if self.scales():
            w_norm, g_norm = norm(param), norm(grad)
            scale = self.eta * w_norm / (self.decayed(w_norm, g_norm) + epsilon)
            rate = rate * so.where(so.logical_and(w_norm > 0, g_norm > 0), scale, 1)
        return (yield from self.moved(param, self.decayed(param, self.clipped(grad)), rate))
