"""The raw operators ``rmspropalex_update`` and ``rmsprop_update`` of MXNet 1.9.1, as other languages call them too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like.mxnet_pieces import Kernel, centered, clipped, makers, plain, switch_off
from symopt.optimizers.like.pieces import Maker, Moves, required


@dataclass(frozen=True, kw_only=True)
class RMSPropUpdate(Kernel):
    r"""``rmsprop_update``: not centred, epsilon inside the root, no momentum.

    .. math::
        G &= \mathrm{clip}(r g + \lambda w, c) \\
        n' &= \gamma_1 n + (1 - \gamma_1) G^2 \\
        w' &= \mathrm{clip}\left(w - \eta \frac{G}{\sqrt{n' + \epsilon}}, c_w\right)

    Decay is inside the clip. Limits of 0 are not off: ``clip_gradient=0`` zeroes the gradient, decay and all, and
    ``clip_weights=0`` zeroes the weights; below 0 is off.
    """

    lr: Number = required()
    gamma1: Number = hyper(0.95)
    epsilon: Number = hyper(1e-8)
    clip_weights: Number | None = hyper(None)

    decay_enters: ClassVar[Literal["before clip"]] = "before clip"

    def __post_init__(self) -> None:
        super().__post_init__()
        switch_off(self, "clip_weights", "kernel")

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over the root of its mean square."""
        value = yield from plain(param, grad, self.lr, self.gamma1, self.epsilon)
        return clipped(value, self.clip_weights)


@dataclass(frozen=True, kw_only=True)
class RMSPropAlexUpdate(RMSPropUpdate):
    r"""``rmspropalex_update``: Graves' centred RMSProp. The R document calls it non-centred.

    .. math::
        G &= \mathrm{clip}(r g + \lambda w, c) \\
        n' &= \gamma_1 n + (1 - \gamma_1) G^2 \\
        a' &= \gamma_1 a + (1 - \gamma_1) G \\
        \Delta' &= \gamma_2 \Delta - \eta \frac{G}{\sqrt{n' - a'^2 + \epsilon}} \\
        w' &= \mathrm{clip}(w + \Delta', c_w)

    a is the state ``g``. Limits are read as in ``rmsprop_update``.
    """

    gamma2: Number = hyper(0.9)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over its deviation, with momentum."""
        value = yield from centered(param, grad, self.lr, (self.gamma1, self.gamma2), self.epsilon)
        return clipped(value, self.clip_weights)


_made = makers(RMSPropAlexUpdate, RMSPropUpdate)

#: The operators, by their names.
OPTIMIZERS: dict[str, Maker] = {
    "rmspropalex_update": _made["rmspropalexupdate"],
    "rmsprop_update": _made["rmspropupdate"],
}
