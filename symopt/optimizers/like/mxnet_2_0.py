"""The optimizers of MXNet 2.0 (``mxnet.optimizer`` of 2.0.0b1).

Each has a fused kernel and a ``step`` in Python; ``use_fused_step`` chooses. Decay is added to the clipped gradient,
but for AdaBelief. Names of parameters switch no decay off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like import mxnet_rules as rules
from symopt.optimizers.like.mxnet_pieces import ClipTest, MXNetRule, centered, clipped, makers, switch_off
from symopt.optimizers.like.pieces import Maker, Moves, average, norm, t
from symopt.optimizers.states import state


@dataclass(frozen=True, kw_only=True)
class MXNet20(MXNetRule):
    """``clip_gradient=0`` is off in a fused step, and zeroes the gradient otherwise."""

    use_fused_step: bool = True

    @property
    def clip_test(self) -> ClipTest:
        """Python tests ``is not None``."""
        return "truth" if self.use_fused_step else "python"


@dataclass(frozen=True, kw_only=True)
class InPython(MXNet20):
    """There is no kernel: ``step`` is called in any case, and ``clip_gradient=0`` zeroes the gradient."""

    @property
    def clip_test(self) -> ClipTest:
        """Python tests ``is not None``."""
        return "python"


@dataclass(frozen=True, kw_only=True)
class SGD(rules.SGDRule, MXNet20):
    r"""SGD with the rate inside the momentum.

    .. math:: G = \mathrm{clip}(r g, c) + \lambda w, \qquad m' = \mu m - \eta G, \qquad w' = w + m'
    """

    still_without: ClassVar[tuple[str, ...]] = ("momentum", "wd")

    learning_rate: Number = hyper(0.1)


@dataclass(frozen=True, kw_only=True)
class NAG(rules.SGDRule, MXNet20):
    r"""Nesterov's momentum.

    .. math:: G = \mathrm{clip}(r g, c) + \lambda w, \qquad m' = \mu m - \eta G, \qquad w' = w + \mu m' - \eta G
    """

    learning_rate: Number = hyper(0.1)
    momentum: Number | None = hyper(0.9, off=0)

    def moved(self, param: Shared, grad: Node, rate: Any) -> Moves:
        """The next value of a parameter that looks ahead along its momentum."""
        if self.momentum is None:
            return param - rate * grad
        mom = state(param, "mom")
        mom_next = self.momentum * mom - rate * grad
        yield mom, mom_next
        return param + self.momentum * mom_next - rate * grad


@dataclass(frozen=True, kw_only=True)
class AdaGrad(InPython):
    r"""AdaGrad with epsilon outside the root and decay in the gradient, as its document says.

    .. math:: G = \mathrm{clip}(r g, c) + \lambda w, \qquad h' = h + G^2, \qquad
        w' = w - \eta \frac{G}{\sqrt{h'} + \epsilon}

    With a row-sparse gradient the same holds for the listed rows alone, and decay must be 0; for a dense gradient with
    zeros in the other rows that comes out the same.
    """

    epsilon: Number = hyper(1e-6)

    still_without: ClassVar[tuple[str, ...]] = ("wd",)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over the root of the sum of its squares."""
        history = state(param, "history")
        history_next = history + so.square(grad)
        yield history, history_next
        return param - self.learning_rate * grad / (so.sqrt(history_next) + self.epsilon)


@dataclass(frozen=True, kw_only=True)
class RMSProp(MXNet20):
    r"""RMSProp with epsilon outside the root; with ``centered``, Graves' with epsilon inside the root.

    .. math:: G = \mathrm{clip}(r g, c) + \lambda w, \qquad n' = \rho n + (1 - \rho) G^2, \qquad
        w' = \mathrm{clip}\left(w - \eta \frac{G}{\sqrt{n'} + \epsilon}, c_w\right)

    Centred: :math:`a' = \rho a + (1 - \rho) G`, :math:`\Delta' = \mu \Delta - \eta G / \sqrt{n' - a'^2 + \epsilon}` and
    :math:`w' = \mathrm{clip}(w + \Delta', c_w)`; otherwise ``momentum`` has no effect.
    """

    learning_rate: Number = hyper(0.001)
    rho: Number = hyper(0.9)
    momentum: Number = hyper(0.9)
    epsilon: Number = hyper(1e-8)
    centered: bool = False
    clip_weights: Number | None = hyper(None)

    def __post_init__(self) -> None:
        super().__post_init__()
        switch_off(self, "clip_weights", self.clip_test)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over the root of its mean square, or over its deviation."""
        if self.centered:
            decays = (self.rho, self.momentum)
            value = yield from centered(param, grad, self.learning_rate, decays, self.epsilon)
        else:
            n = state(param, "n")
            n_next = average(self.rho, n, so.square(grad))
            yield n, n_next
            value = param - self.learning_rate * grad / (so.sqrt(n_next) + self.epsilon)
        return clipped(value, self.clip_weights)


@dataclass(frozen=True, kw_only=True)
class AdaDelta(InPython):
    r"""AdaDelta with a rate, which is not in the accumulator.

    .. math::
        G &= \mathrm{clip}(r g, c) + \lambda w \\
        A' &= \rho A + (1 - \rho) G^2 \\
        d &= \frac{\sqrt{D + \epsilon}}{\sqrt{A' + \epsilon}} G \\
        D' &= \rho D + (1 - \rho) d^2 \\
        w' &= w - \eta d
    """

    learning_rate: Number = hyper(1.0)
    rho: Number = hyper(0.9)
    epsilon: Number = hyper(1e-6)
    use_fused_step: bool = False

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient scaled by the ratio of the sizes of steps and gradients."""
        acc_g, acc_delta = state(param, "acc_g"), state(param, "acc_delta")
        acc_g_next = average(self.rho, acc_g, so.square(grad))
        delta = so.sqrt(acc_delta + self.epsilon) / so.sqrt(acc_g_next + self.epsilon) * grad
        yield acc_g, acc_g_next
        yield acc_delta, average(self.rho, acc_delta, so.square(delta))
        return param - self.learning_rate * delta


@dataclass(frozen=True, kw_only=True)
class Adam(rules.AdamRule, MXNet20):
    r"""Adam in the paper's faster form, in which epsilon is not corrected.

    .. math:: G = \mathrm{clip}(r g, c) + \lambda w, \qquad
        w' = w - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m'}{\sqrt{v'} + \epsilon}
    """


@dataclass(frozen=True, kw_only=True)
class Adamax(rules.AdamaxRule, InPython):
    r"""Adamax with an epsilon, which 1.9 lacks.

    .. math:: G = \mathrm{clip}(r g, c) + \lambda w, \qquad u' = \max(\beta_2 u, |G|), \qquad
        w' = w - \frac{\eta}{1 - \beta_1^t} \frac{m'}{u' + \epsilon}
    """

    epsilon: Number = hyper(1e-8)
    use_fused_step: bool = False

    def denominator(self, u: Node) -> Node:
        """The largest gradient and epsilon."""
        return u + self.epsilon


@dataclass(frozen=True, kw_only=True)
class Nadam(rules.NadamRule, InPython):
    r"""Adam with Nesterov's momentum by a schedule of momenta.

    .. math::
        G &= \mathrm{clip}(r g, c) + \lambda w \\
        \mu_t &= \beta_1 (1 - \tfrac{1}{2} 0.96^{t s}), \qquad P' = P \mu_t \\
        w' &= w - \eta \frac{(1 - \mu_t) G / (1 - P') + \mu_{t+1} m' / (1 - P' \mu_{t+1})}
            {\sqrt{v' / (1 - \beta_2^t)} + \epsilon}

    P belongs to the optimizer: with k parameters it is multiplied k times a step, and each parameter sees another P.
    """

    use_fused_step: bool = False


@dataclass(frozen=True, kw_only=True)
class Ftrl(rules.FtrlRule, MXNet20):
    r"""Follow the regularized leader; decay is its quadratic penalty.

    .. math::
        G &= \mathrm{clip}(r g, c), \qquad n' = n + G^2, \qquad
        z' = z + G - \frac{\sqrt{n'} - \sqrt{n}}{\eta} w \\
        w' &= -\mathrm{sign}(z') \frac{\max(|z'| - \lambda_1, 0)}{(\beta + \sqrt{n'}) / \eta + \lambda}
    """


@dataclass(frozen=True, kw_only=True)
class FTML(rules.FTMLRule, MXNet20):
    r"""Follow the moving leader.

    .. math::
        G &= \mathrm{clip}(r g, c) + \lambda w, \qquad
        d' = \frac{1 - \beta_1^t}{\eta} \left(\sqrt{\frac{v'}{1 - \beta_2^t}} + \epsilon\right) \\
        z' &= \beta_1 z + (1 - \beta_1) G - (d' - \beta_1 d) w, \qquad w' = -z' / d'
    """

    learning_rate: Number = hyper(0.0025)


@dataclass(frozen=True, kw_only=True)
class Signum(rules.SignumRule, MXNet20):
    r"""The sign of the momentum.

    .. math:: G = \mathrm{clip}(r g, c) + \lambda w, \qquad m' = \mu m - (1 - \mu) G, \qquad
        w' = (1 - \eta \lambda_h) w + \eta \, \mathrm{sign}(m')

    Without momentum :math:`w' = (1 - \eta (\lambda + \lambda_h)) w - \eta \, \mathrm{sign}(g)`: neither rescaling nor
    clip has an effect.
    """

    def decay_without_momentum(self) -> Any:
        """The sum of both decays."""
        given = [decay for decay in (self.wd, self.wd_lh) if decay is not None]
        return sum(given[1:], given[0]) if given else None


@dataclass(frozen=True, kw_only=True)
class LAMB(rules.LAMBRule, MXNet20):
    r"""Adam's step with decay, scaled by the trust ratio, which is 1 where a norm is 0.

    .. math:: u = \frac{\hat m}{\sqrt{\hat v} + \epsilon} + \lambda w, \qquad
        w' = w - \eta \frac{\mathrm{clamp}(\|w\|, l, h)}{\|u\|} u

    Without ``bias_correction`` there are no hats. MXNet takes the norms in float32.
    """


@dataclass(frozen=True, kw_only=True)
class LARS(rules.LARSRule, MXNet20):
    r"""SGD at a rate of its own for each parameter; the norm is that of the gradient before the clip.

    .. math:: \eta' = \eta \frac{\eta_c \|w\|}{\|r g\| + \lambda \|w\| + \epsilon}, \qquad
        m' = \mu m - \eta' (\mathrm{clip}(r g, c) + \lambda w), \qquad w' = w + m'

    The rate is :math:`\eta` itself where a norm is 0, and for names that end in gamma, beta or bias.
    ``clip_gradient=0`` zeroes the gradient in the fused step too. MXNet takes the norms in float32.
    """

    learning_rate: Number = hyper(0.1)
    epsilon: Number = hyper(1e-8)

    @property
    def clip_test(self) -> ClipTest:
        """The kernel gets every clip but None."""
        return "kernel" if self.use_fused_step else "python"

    def rule(self, param: Shared, grad: Node) -> Moves:
        """SGD at the rate of this parameter."""
        return (yield from self.scaled(param, grad, self.epsilon))


@dataclass(frozen=True, kw_only=True)
class AdamW(rules.AdamRule, MXNet20):
    r"""Adam whose decay goes past the averages, but not past the correction of the rate.

    .. math::
        G &= \mathrm{clip}(r g, c), \qquad \eta_t = \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \\
        w' &= w - \eta_t \left(\frac{m'}{\sqrt{v'} + \epsilon} + \lambda w\right)

    ``step`` takes the decay from the parameter that has moved already: :math:`w' = (1 - \eta_t \lambda) (w - \eta_t m'
    / (\sqrt{v'} + \epsilon))`. Without ``correct_bias``, :math:`\eta_t = \eta`. The kernel computes in float32.
    """

    epsilon: Number = hyper(1e-6)
    correct_bias: bool = True

    decay_enters: ClassVar[Literal["elsewhere"]] = "elsewhere"

    def rule(self, param: Shared, grad: Node) -> Moves:
        """Adam's step and decay, at one rate."""
        m, v = yield from rules.moments(self, param, grad)
        rate = rules.corrected(self) if self.correct_bias else self.learning_rate
        value = param - rate * m / (so.sqrt(v) + self.epsilon)
        if self.wd is None:
            return value
        return value - rate * self.wd * (param if self.use_fused_step else value)


@dataclass(frozen=True, kw_only=True)
class AdaBelief(rules.AdamRule, MXNet20):
    r"""Adam with the distance of the gradient from its mean; epsilon piles up in the average. Decay is inside the clip.

    .. math::
        G &= \mathrm{clip}(r g + \lambda w, c), \qquad v' = \beta_2 v + (1 - \beta_2) (G - m')^2 + \epsilon \\
        w' &= w - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m'}{\sqrt{v'} + \epsilon}

    Without ``correct_bias`` the rate is :math:`\eta` itself. The kernel computes in float32.
    """

    epsilon: Number = hyper(1e-6)
    correct_bias: bool = True

    decay_enters: ClassVar[Literal["before clip"]] = "before clip"

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The mean over the root of the mean square of distances."""
        m, v = state(param, "m"), state(param, "v")
        m_next = average(self.beta1, m, grad)
        v_next = average(self.beta2, v, so.square(grad - m_next)) + self.epsilon
        yield m, m_next
        yield v, v_next
        rate = rules.corrected(self) if self.correct_bias else self.learning_rate
        return param - rate * m_next / (so.sqrt(v_next) + self.epsilon)


@dataclass(frozen=True, kw_only=True)
class LANS(rules.AdamRule, MXNet20):
    r"""LAMB in two parts, of the mean and of the gradient, each with a trust ratio of its own.

    .. math::
        G &= \mathrm{clip}(r g / \|r g\|, c), \qquad s = \sqrt{v' / (1 - \beta_2^t)} + \epsilon \\
        p &= \frac{m'}{(1 - \beta_1^t) s} + \lambda w, \qquad q = \frac{G}{s} + \lambda w \\
        w' &= w - \eta \|w\| \left(\beta_1 \frac{p}{\|p\|} + (1 - \beta_1) \frac{q}{\|q\|}\right)

    A ratio is 1 where a norm is 0; the norm of w is kept from ``lower_bound`` to ``upper_bound``. ``step`` forms q from
    the parameter that the first part has moved already. MXNet takes the norms in float32.
    """

    epsilon: Number = hyper(1e-6)
    lower_bound: Number | None = hyper(None, low=0, off=0)
    upper_bound: Number | None = hyper(None, low=0, off=0)

    decay_enters: ClassVar[Literal["elsewhere"]] = "elsewhere"

    def prepared(self, param: Shared, grad: Node) -> Node:
        """The gradient rescaled, divided by its norm, clipped."""
        grad = self.rescaled(grad)
        return self.clipped(grad / norm(grad))

    def rule(self, param: Shared, grad: Node) -> Moves:
        """Both parts, each as long as the parameter."""
        m, v = yield from rules.moments(self, param, grad)
        size = rules.bounded(self, norm(param))
        root = so.sqrt(v / (1 - self.beta2**t)) + self.epsilon
        first = self.decayed(param, m / (1 - self.beta1**t) / root)
        value = param - self.learning_rate * self.beta1 * rules.trust(size, norm(first)) * first
        second = self.decayed(param if self.use_fused_step else value, grad / root)
        return value - self.learning_rate * (1 - self.beta1) * rules.trust(size, norm(second)) * second


#: The optimizers, by their names in lower case.
OPTIMIZERS: dict[str, Maker] = makers(
    *(SGD, NAG, AdaGrad, RMSProp, AdaDelta, Adam, Adamax, Nadam, Ftrl, FTML, Signum, LAMB, LARS),
    *(AdamW, AdaBelief, LANS),
    lr="learning_rate",
)
