"""The optimizers of MXNet 1.9.1 (``mxnet.optimizer``).

Some are kernels, some are Python; the two read ``clip_gradient=0`` differently (:data:`ClipTest`), and some add decay
before the clip. With ``param_names``, parameters whose names end neither in ``_weight`` nor in ``_gamma`` do not decay,
unless ``wd_mult`` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like import mxnet_rules as rules
from symopt.optimizers.like.mxnet_pieces import ClipTest, MXNetRule, centered, clipped, makers, plain, switch_off
from symopt.optimizers.like.pieces import Maker, Moves, average
from symopt.optimizers.states import state


@dataclass(frozen=True, kw_only=True)
class MXNet19(MXNetRule):
    """Parameters decay by their names."""

    decays_by_name: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class InPython(MXNet19):
    """An optimizer written in Python: ``clip_gradient=0`` zeroes the gradient."""

    @property
    def clip_test(self) -> ClipTest:
        """Python tests ``is not None``."""
        return "python"


@dataclass(frozen=True, kw_only=True)
class SGD(rules.SGDRule, MXNet19):
    r"""SGD with the rate inside the momentum, so that a change of rate acts on new gradients only.

    .. math:: G = \mathrm{clip}(r g, c) + \lambda w, \qquad m' = \mu m - \eta G, \qquad w' = w + m'
    """

    still_without: ClassVar[tuple[str, ...]] = ("momentum", "wd")


@dataclass(frozen=True, kw_only=True)
class NAG(rules.SGDRule, MXNet19):
    r"""Nesterov's momentum, whose stored momentum decays by the new parameter.

    .. math::
        G &= \mathrm{clip}(r g, c) + \lambda w \\
        m^* &= \mu m - \eta G \\
        w' &= w + \mu m^* - \eta G \\
        m' &= m^* - \eta \lambda (w' - w)

    The kernel overwrites the parameter before it stores the momentum, and so takes the decay in it from the new one.
    """

    def moved(self, param: Shared, grad: Node, rate: Any) -> Moves:
        """The next value of a parameter that looks ahead along its momentum."""
        if self.momentum is None:
            return param - rate * grad
        mom = state(param, "mom")
        ahead = self.momentum * mom - rate * grad
        value = param + self.momentum * ahead - rate * grad
        yield mom, ahead if self.wd is None else ahead - rate * self.wd * (value - param)
        return value


@dataclass(frozen=True, kw_only=True)
class AdaGrad(InPython):
    r"""AdaGrad with epsilon inside the root; decay stays out of the history and of the scaling.

    .. math:: G = \mathrm{clip}(r g, c), \qquad h' = h + G^2, \qquad
        w' = w - \eta \left(\frac{G}{\sqrt{h' + \epsilon}} + \lambda w\right)

    With a row-sparse gradient the same holds for the listed rows alone, and decay must be 0; for a dense gradient with
    zeros in the other rows that comes out the same.
    """

    eps: Number = hyper(1e-7)

    decay_enters: ClassVar[Literal["elsewhere"]] = "elsewhere"

    still_without: ClassVar[tuple[str, ...]] = ("wd",)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over the root of the sum of its squares, and decay."""
        history = state(param, "history")
        history_next = history + so.square(grad)
        yield history, history_next
        return param - self.learning_rate * self.decayed(param, grad / so.sqrt(history_next + self.eps))


@dataclass(frozen=True, kw_only=True)
class RMSProp(MXNet19):
    r"""The raw operators ``rmsprop_update`` and, with ``centered``, ``rmspropalex_update``; epsilon inside the root.

    .. math::
        G &= \mathrm{clip}(r g + \lambda w, c) \\
        n' &= \gamma_1 n + (1 - \gamma_1) G^2 \\
        w' &= \mathrm{clip}\left(w - \eta \frac{G}{\sqrt{n' + \epsilon}}, c_w\right)

    Centred: :math:`a' = \gamma_1 a + (1 - \gamma_1) G`, :math:`\Delta' = \gamma_2 \Delta - \eta G / \sqrt{n' - a'^2 +
    \epsilon}` and :math:`w' = \mathrm{clip}(w + \Delta', c_w)`; otherwise there is no momentum, and ``gamma2`` has no
    effect. Limits of 0 are off.
    """

    learning_rate: Number = hyper(0.001)
    gamma1: Number = hyper(0.9)
    gamma2: Number = hyper(0.9)
    epsilon: Number = hyper(1e-8)
    centered: bool = False
    clip_weights: Number | None = hyper(None)

    decay_enters: ClassVar[Literal["before clip"]] = "before clip"

    def __post_init__(self) -> None:
        super().__post_init__()
        switch_off(self, "clip_weights", "truth")

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over the root of its mean square, or over its deviation."""
        if self.centered:
            decays = (self.gamma1, self.gamma2)
            value = yield from centered(param, grad, self.learning_rate, decays, self.epsilon)
        else:
            value = yield from plain(param, grad, self.learning_rate, self.gamma1, self.epsilon)
        return clipped(value, self.clip_weights)


@dataclass(frozen=True, kw_only=True)
class AdaDelta(InPython):
    r"""AdaDelta without any rate; decay is not scaled by anything.

    .. math::
        G &= \mathrm{clip}(r g, c) \\
        A' &= \rho A + (1 - \rho) G^2 \\
        d &= \frac{\sqrt{D + \epsilon}}{\sqrt{A' + \epsilon}} G \\
        D' &= \rho D + (1 - \rho) d^2 \\
        w' &= w - d - \lambda w

    ``learning_rate`` is taken and has no effect.
    """

    rho: Number = hyper(0.9)
    epsilon: Number = hyper(1e-5)

    decay_enters: ClassVar[Literal["elsewhere"]] = "elsewhere"

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient scaled by the ratio of the sizes of steps and gradients."""
        acc_g, acc_delta = state(param, "acc_g"), state(param, "acc_delta")
        acc_g_next = average(self.rho, acc_g, so.square(grad))
        delta = so.sqrt(acc_delta + self.epsilon) / so.sqrt(acc_g_next + self.epsilon) * grad
        yield acc_g, acc_g_next
        yield acc_delta, average(self.rho, acc_delta, so.square(delta))
        return param - self.decayed(param, delta)


@dataclass(frozen=True, kw_only=True)
class Adam(rules.AdamRule, MXNet19):
    r"""Adam in the paper's faster form, in which epsilon is not corrected; decay is inside the clip.

    .. math:: G = \mathrm{clip}(r g + \lambda w, c), \qquad
        w' = w - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m'}{\sqrt{v'} + \epsilon}
    """

    decay_enters: ClassVar[Literal["before clip"]] = "before clip"


@dataclass(frozen=True, kw_only=True)
class Adamax(rules.AdamaxRule, InPython):
    r"""Adamax without epsilon: an element whose gradient is 0 from the start becomes NaN.

    .. math:: G = \mathrm{clip}(r g + \lambda w, c), \qquad u' = \max(\beta_2 u, |G|), \qquad
        w' = w - \frac{\eta}{1 - \beta_1^t} \frac{m'}{u'}
    """

    decay_enters: ClassVar[Literal["before clip"]] = "before clip"


@dataclass(frozen=True, kw_only=True)
class Nadam(rules.NadamRule, InPython):
    r"""Adam with Nesterov's momentum by a schedule of momenta.

    .. math::
        G &= \mathrm{clip}(r g + \lambda w, c) \\
        \mu_t &= \beta_1 (1 - \tfrac{1}{2} 0.96^{t s}), \qquad P' = P \mu_t \\
        w' &= w - \eta \frac{(1 - \mu_t) G / (1 - P') + \mu_{t+1} m' / (1 - P' \mu_{t+1})}
            {\sqrt{v' / (1 - \beta_2^t)} + \epsilon}

    P belongs to the optimizer: with k parameters it is multiplied k times a step, and each parameter sees another P.
    """

    decay_enters: ClassVar[Literal["before clip"]] = "before clip"


@dataclass(frozen=True, kw_only=True)
class Ftrl(rules.FtrlRule, MXNet19):
    r"""Follow the regularized leader; decay is its quadratic penalty.

    .. math::
        G &= \mathrm{clip}(r g, c), \qquad n' = n + G^2, \qquad
        z' = z + G - \frac{\sqrt{n'} - \sqrt{n}}{\eta} w \\
        w' &= -\mathrm{sign}(z') \frac{\max(|z'| - \lambda_1, 0)}{(\beta + \sqrt{n'}) / \eta + \lambda}
    """


@dataclass(frozen=True, kw_only=True)
class FTML(rules.FTMLRule, MXNet19):
    r"""Follow the moving leader; decay is inside the clip.

    .. math::
        G &= \mathrm{clip}(r g + \lambda w, c), \qquad
        d' = \frac{1 - \beta_1^t}{\eta} \left(\sqrt{\frac{v'}{1 - \beta_2^t}} + \epsilon\right) \\
        z' &= \beta_1 z + (1 - \beta_1) G - (d' - \beta_1 d) w, \qquad w' = -z' / d'
    """

    decay_enters: ClassVar[Literal["before clip"]] = "before clip"


@dataclass(frozen=True, kw_only=True)
class Signum(rules.SignumRule, MXNet19):
    r"""The sign of the momentum.

    .. math:: G = \mathrm{clip}(r g, c) + \lambda w, \qquad m' = \mu m - (1 - \mu) G, \qquad
        w' = (1 - \eta \lambda_h) w + \eta \, \mathrm{sign}(m')

    Without momentum :math:`w' = (1 - \eta \lambda) w - \eta \, \mathrm{sign}(g)`: neither rescaling nor clip nor
    ``wd_lh`` (:math:`\lambda_h`) has an effect.
    """


@dataclass(frozen=True, kw_only=True)
class LAMB(rules.LAMBRule, MXNet19):
    r"""Adam's step with decay, scaled by the trust ratio, which is 1 where a norm is 0.

    .. math:: u = \frac{\hat m}{\sqrt{\hat v} + \epsilon} + \lambda w, \qquad
        w' = w - \eta \frac{\mathrm{clamp}(\|w\|, l, h)}{\|u\|} u

    Without ``bias_correction`` there are no hats. MXNet takes the norms in float32.
    """


@dataclass(frozen=True, kw_only=True)
class LARS(rules.LARSRule, MXNet19):
    r"""SGD at a rate of its own for each parameter; the norm is that of the gradient before the clip.

    .. math:: \eta' = \eta \frac{\eta_c \|w\|}{\|r g\| + \lambda \|w\| + \epsilon}, \qquad
        m' = \mu m - \eta' (\mathrm{clip}(r g, c) + \lambda w), \qquad w' = w + m'

    The rate is :math:`\eta` itself where a norm is 0, and for names that end in gamma, beta or bias.
    """

    eps: Number = hyper(0.0)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """SGD at the rate of this parameter."""
        return (yield from self.scaled(param, grad, self.eps))


@dataclass(frozen=True, kw_only=True)
class DCASGD(InPython):
    r"""Asynchronous SGD that makes up for its delay; works with a momentum of 0 only.

    .. math:: w' = w - \eta \left(G + \lambda w + \lambda_d G^2 (w - w_{-1})\right), \qquad G = \mathrm{clip}(r g, c)

    :math:`w_{-1}` (the state ``w_prev``) is the parameter as it was one update earlier, at first the parameter itself.
    """

    momentum: Number = hyper(0.0, low=0, high=0)
    lamda: Number = hyper(0.04)

    decay_enters: ClassVar[Literal["elsewhere"]] = "elsewhere"

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient, decay, and what the change of the parameter does to the gradient."""
        w_prev = state(param, "w_prev", param.storage.read())
        yield w_prev, param
        delay = self.lamda * so.square(grad) * (param - w_prev)
        return param - self.learning_rate * (self.decayed(param, grad) + delay)


#: The optimizers, by their names in lower case.
OPTIMIZERS: dict[str, Maker] = makers(
    *(SGD, NAG, AdaGrad, RMSProp, AdaDelta, Adam, Adamax, Nadam, Ftrl, FTML, Signum, LAMB, LARS, DCASGD),
    lr="learning_rate",
)
