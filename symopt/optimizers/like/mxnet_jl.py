"""The optimizers of MXNet.jl, as of apache/mxnet 1.9.1, from a transcription of its source.

MXNet.jl writes the prepared gradient into the caller's array; here it is ``updates.prepared``. Arguments may have
their Greek names too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.graph.traversal import substitute
from symopt.optimizers.hyperparameters import Number, hyper, iteration
from symopt.optimizers.like.mxnet_pieces import clipped, makers
from symopt.optimizers.like.pieces import Foreign, Maker, Moves, average, t
from symopt.optimizers.states import common_state, state

#: LearningRate.Fixed, Exp and Inv at a count from 0, by their names in lower case.
SCHEDULES: dict[str, Any] = {
    "fixed": lambda count, eta0: eta0,
    "exp": lambda count, eta0, gamma=0.9: eta0 * gamma**count,
    "inv": lambda count, eta0, gamma=0.9, p=0.5: eta0 * (1 + gamma * count) ** (-p),
}


@dataclass(frozen=True, kw_only=True)
class JuliaRule(Foreign):
    r"""What all share: ``normgrad!``, :math:`G = \mathrm{clip}(r g, c) + \lambda W`, and a schedule of rates.

    Parameters
    ----------
    eta : :math:`\eta`, the rate.
    clip : c, how far an element of the gradient may be from 0; off unless above 0.
    scale : r, a factor on every gradient; off at 0.
    lam : :math:`\lambda`, the decay.
    eta_sched : a schedule in the place of ``eta``: an expression in ``so.iteration``, or ``["Exp", {"eta0": 0.1,
        "gamma": 0.9}]``, ``["Inv", {"eta0": 0.1, "gamma": 0.9, "p": 0.5}]``.
    advance : "each step", as ``fit!`` does, or "never": an updater from ``getupdater`` never moves a schedule.
    """

    eta: Number = hyper(0.01)
    clip: Number | None = hyper(0.0, off=0)
    scale: Number | None = hyper(0.0, off=0)
    lam: Number | None = hyper(1e-5, off=0)
    eta_sched: Any = field(default=None, hash=False)
    advance: str = "each step"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.advance not in ("each step", "never"):
            raise ValueError(f"{type(self).__name__}(advance={self.advance!r}): expected 'each step' or 'never'")
        if self.clip is not None and not isinstance(self.clip, Node) and self.clip < 0:
            object.__setattr__(self, "clip", None)

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """Gradients rescaled, clipped, and with decay."""
        return [self._prepared(*pair) for pair in zip(params, grads, strict=True)]

    def _prepared(self, param: Shared, grad: Node) -> Node:
        grad = clipped(grad if self.scale is None else grad * self.scale, self.clip)
        return grad if self.lam is None else grad + self.lam * param

    @property
    def rate(self) -> Any:
        """The rate of this update."""
        return self.rate_at(iteration if self.advance == "each step" else 0)

    def rate_at(self, count: Any) -> Any:
        """The rate when the schedule has been moved ``count`` times."""
        if self.eta_sched is None:
            return self.eta
        if isinstance(self.eta_sched, Node):
            at = so.constant(0.0) if count is not iteration else iteration
            return substitute([self.eta_sched], {iteration: at})[0]
        name, arguments = self.eta_sched
        if str(name).lower() not in SCHEDULES:
            raise ValueError(f"there is no schedule LearningRate.{name}; there are Fixed, Exp and Inv")
        return SCHEDULES[str(name).lower()](count, **arguments)


@dataclass(frozen=True, kw_only=True)
class SGD(JuliaRule):
    r"""SGD with the rate inside the momentum: :math:`\nu' = \mu \nu - \eta G`, :math:`W' = W + \nu'`.

    ``mu_sched`` is a momentum in the place of ``mu``, an expression for instance.
    """

    mu: Number | None = hyper(0.0, off=0)
    lam: Number | None = hyper(1e-4, off=0)
    mu_sched: Number | None = hyper(None)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The parameter moves by its momentum."""
        mu = self.mu if self.mu_sched is None else self.mu_sched
        if mu is None:
            return param - self.rate * grad
        nu = state(param, "nu")
        nu_next = mu * nu - self.rate * grad
        yield nu, nu_next
        return param + nu_next


@dataclass(frozen=True, kw_only=True)
class ADAM(JuliaRule):
    r"""Adam in the paper's faster form, in which epsilon is not corrected.

    .. math:: W' = W - \eta_0 \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m'}{\sqrt{v'} + \epsilon}

    The schedule is read once, when the state is made: it has no effect later.
    """

    eta: Number = hyper(0.001)
    beta1: Number = hyper(0.9)
    beta2: Number = hyper(0.999)
    eps: Number = hyper(1e-8)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The mean over the root of the mean square, at the first rate."""
        m, v = state(param, "m"), state(param, "v")
        m_next, v_next = average(self.beta1, m, grad), average(self.beta2, v, so.square(grad))
        yield m, m_next
        yield v, v_next
        rate = self.rate_at(0) * so.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)
        return param - rate * m_next / (so.sqrt(v_next) + self.eps)


@dataclass(frozen=True, kw_only=True)
class AdaGrad(JuliaRule):
    r"""AdaGrad, epsilon inside the root: :math:`x' = x + G^2`, :math:`W' = W - \eta G / \sqrt{x' + \epsilon}`."""

    eta: Number = hyper(0.1)
    eps: Number = hyper(1e-6)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over the root of the sum of its squares."""
        x = state(param, "x")
        x_next = x + so.square(grad)
        yield x, x_next
        return param - self.rate * grad / so.sqrt(x_next + self.eps)


@dataclass(frozen=True, kw_only=True)
class AdaDelta(JuliaRule):
    r"""AdaDelta with a rate; the accumulator takes d without it, where the document has it inside.

    .. math:: x' = \rho x + (1 - \rho) G^2, \qquad d = \frac{\sqrt{\Delta + \epsilon}}{\sqrt{x' + \epsilon}} G, \qquad
        \Delta' = \rho \Delta + (1 - \rho) d^2, \qquad W' = W - \eta d
    """

    eta: Number = hyper(1.0)
    rho: Number = hyper(0.95)
    eps: Number = hyper(1e-6)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient scaled by the ratio of the sizes of steps and gradients."""
        x, dx = state(param, "x"), state(param, "dx")
        x_next = average(self.rho, x, so.square(grad))
        step = so.sqrt(dx + self.eps) / so.sqrt(x_next + self.eps) * grad
        yield x, x_next
        yield dx, average(self.rho, dx, so.square(step))
        return param - self.rate * step


@dataclass(frozen=True, kw_only=True)
class AdaMax(JuliaRule):
    r"""AdaMax with an epsilon.

    .. math:: u' = \max(\beta_2 u, |G|), \qquad W' = W - \frac{\eta}{1 - \beta_1^t} \frac{m'}{u' + \epsilon}
    """

    eta: Number = hyper(0.002)
    beta1: Number = hyper(0.9)
    beta2: Number = hyper(0.999)
    eps: Number = hyper(1e-8)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The mean over the largest gradient."""
        m, u = state(param, "m"), state(param, "u")
        m_next, u_next = average(self.beta1, m, grad), so.maximum(self.beta2 * u, so.abs(grad))
        yield m, m_next
        yield u, u_next
        return param - self.rate / (1 - self.beta1**t) * m_next / (u_next + self.eps)


@dataclass(frozen=True, kw_only=True)
class RMSProp(JuliaRule):
    r"""RMSProp, not centred, epsilon inside the root; the rate is .001 by default, .1 in the document.

    .. math:: s' = \rho s + (1 - \rho) G^2, \qquad W' = W - \eta \frac{G}{\sqrt{s' + \epsilon}}
    """

    eta: Number = hyper(0.001)
    rho: Number = hyper(0.9)
    eps: Number = hyper(1e-8)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over the root of its mean square."""
        s = state(param, "s")
        s_next = average(self.rho, s, so.square(grad))
        yield s, s_next
        return param - self.rate * grad / so.sqrt(s_next + self.eps)


@dataclass(frozen=True, kw_only=True)
class Nadam(JuliaRule):
    r"""Adam with Nesterov's momentum by a schedule of momenta; the mean itself decays by :math:`\beta_1`.

    .. math::
        \mu_t &= \mu (1 - \gamma \alpha^{t \delta}), \qquad P' = P \mu_t, \qquad m' = \beta_1 m + (1 - \beta_1) G \\
        W' &= W - \eta \frac{(1 - \mu_t) G / (1 - P') + \mu_{t+1} m' / (1 - P' \mu_{t+1})}
            {\sqrt{n' / (1 - \beta_2^t)} + \epsilon}

    P belongs to the parameter, t starts at 1. ``mu_sched`` holds :math:`\mu` (:math:`\beta_1` if not given),
    :math:`\delta` = .004, :math:`\gamma` = .5 and :math:`\alpha` = .96 by their names: ``{"mu": 0.9, "delta": 0.05}``.
    """

    eta: Number = hyper(0.001)
    beta1: Number = hyper(0.99)
    beta2: Number = hyper(0.999)
    eps: Number = hyper(1e-8)
    mu_sched: Mapping[str, Any] | None = field(default=None, hash=False)

    def mu(self, when: Any) -> Any:
        """The momentum of an update."""
        numbers = {"mu": self.beta1, "delta": 0.004, "gamma": 0.5, "alpha": 0.96, **(self.mu_sched or {})}
        return numbers["mu"] * (1 - numbers["gamma"] * numbers["alpha"] ** (when * numbers["delta"]))

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The parameter moves by the gradient and the mean, each corrected by the product of momenta."""
        m, n = state(param, "m"), state(param, "n")
        product = common_state(f"{param.name}_product", 1.0)
        m_next, n_next = average(self.beta1, m, grad), average(self.beta2, n, so.square(grad))
        now, ahead = self.mu(t), self.mu(t + 1)
        product_next = product * now
        yield m, m_next
        yield n, n_next
        yield product, product_next
        of_grad = so.cast((1 - now) / (1 - product_next), grad.dtype)
        of_mean = so.cast(ahead / (1 - product_next * ahead), grad.dtype)
        root = so.sqrt(n_next / (1 - self.beta2**t)) + self.eps
        return param - self.rate * (of_grad * grad + of_mean * m_next) / root


#: The optimizers, by their names in lower case.
OPTIMIZERS: dict[str, Maker] = makers(
    *(SGD, ADAM, AdaGrad, AdaDelta, AdaMax, RMSProp, Nadam),
    **{"η": "eta", "μ": "mu", "λ": "lam", "ρ": "rho", "β1": "beta1", "β2": "beta2", "ε": "eps", "ϵ": "eps"},
    **{"η_sched": "eta_sched", "μ_sched": "mu_sched"},
)
