"""PyTorch's optimizers that do not divide by the size of gradients: SGD, Rprop, ASGD, Muon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper, iteration
from symopt.optimizers.like.pieces import Foreign, Moves, average, initially, norm, t
from symopt.optimizers.like.torch.base import Torch, shrunk
from symopt.optimizers.states import common_state, state


@dataclass(frozen=True, kw_only=True)
class SGD(Torch):
    r"""PyTorch's SGD.

    .. math:: b' = \mu b + (1 - \tau) G, \qquad \theta' = \theta - \eta b'

    With ``nesterov``, :math:`\theta' = \theta - \eta (G + \mu b')`.

    Peculiar: the rate stays out of b; the first b' is G, without the ``dampening`` :math:`\tau` of all later ones.
    """

    momentum: Number | None = hyper(0.0, low=0, off=0)
    dampening: Number | None = hyper(0.0, off=0)
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (self.momentum == 0 or self.dampening not in (0, None)):
            raise ValueError("SGD(nesterov=True): it requires a momentum and zero dampening")

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The rate times the buffer."""
        if self.momentum is None:
            return param - self.lr * grad
        buffer = state(param, "momentum_buffer")
        gain = grad if self.dampening is None else so.where(so.equal(iteration, 0), 1, 1 - self.dampening) * grad
        buffer_next = self.momentum * buffer + gain
        yield buffer, buffer_next
        return param - self.lr * (grad + self.momentum * buffer_next if self.nesterov else buffer_next)


@dataclass(frozen=True, kw_only=True)
class Rprop(Foreign):
    r"""PyTorch's Rprop, which is iRprop-.

    .. math::
        s' &= \mathrm{clip}(s \cdot (\eta_+, \eta_-, 1), s_{min}, s_{max}) \quad\text{as } g \cdot p >, <, = 0 \\
        p' &= 0 \text{ where } g \cdot p < 0 \text{, else } g, \qquad \theta' = \theta - \mathrm{sign}(p') s'

    p is the gradient before, from 0 on; s starts at ``lr``. ``etas`` are the factors (minus, plus).

    Peculiar: after a change of sign the gradient counts as 0, and the parameter stays where it is.
    """

    lr: Number = hyper(1e-2, low=0)
    eta_minus: Number = hyper(0.5, low=0, high=1)
    eta_plus: Number = hyper(1.2, low=1)
    smallest: Number = hyper(1e-6, low=0)
    largest: Number = hyper(50.0, low=0)
    maximize: bool = False

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """Gradients to go down along."""
        return [-grad for grad in grads] if self.maximize else list(grads)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """A step of its own for each element, against the sign of the gradient."""
        before, size = state(param, "prev"), state(param, "step_size")
        same = grad * before
        factor = so.where(same > 0, self.eta_plus, so.where(same < 0, self.eta_minus, 1))
        size_next = so.clip(initially(self.lr, size) * factor, self.smallest, self.largest)
        counted = so.where(same < 0, 0, grad)
        yield before, counted
        yield size, size_next
        return param - so.sign(counted) * size_next


@dataclass(frozen=True, kw_only=True)
class ASGD(Torch):
    r"""PyTorch's ASGD: SGD that also averages the parameter.

    .. math::
        \theta' &= \theta (1 - \kappa \eta_t) - \eta_t G, \qquad a' = a + (\theta' - a) \mu_t \\
        \eta_{t+1} &= \frac{\eta}{(1 + \kappa \eta t)^\alpha}, \qquad \mu_{t+1} = \frac{1}{\max(1, t - t_0)}

    :math:`\kappa` is ``lambd``; :math:`\eta_1 = \eta` and :math:`\mu_1 = 1`. The average a is the state ``ax``.

    Peculiar: nothing ever uses the average; the rate is one step late; rate and :math:`\mu` are kept in float32.
    """

    lr: Number = hyper(1e-2, low=0)
    lambd: Number = hyper(1e-4)
    alpha: Number = hyper(0.75)
    t0: Number = hyper(1e6)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """A shrunk parameter, less the rate times the gradient, and the average of such."""
        rate = common_state(f"{param.name}_eta", dtype="float32")
        weight = common_state(f"{param.name}_mu", 1.0, dtype="float32")
        mean = state(param, "ax")
        rate_now = so.cast(initially(self.lr, rate), param.dtype)
        value = param * (1 - self.lambd * rate_now) - rate_now * grad
        yield rate, so.cast(self.lr / (1 + self.lambd * self.lr * t) ** self.alpha, "float32")
        yield weight, so.cast(1 / so.maximum(1, t - self.t0), "float32")
        yield mean, mean + (value - mean) * so.cast(weight, param.dtype)
        return value


@dataclass(frozen=True, kw_only=True)
class Muon(Foreign):
    r"""PyTorch's Muon, for matrices.

    .. math::
        b' = \mu b + (1 - \mu) g, \qquad \theta' = \theta (1 - \eta \lambda) - \eta k \, O(\mu b' + (1 - \mu) g)

    Without ``nesterov``, O(b'). O brings the singular values near 1: X = G / max(norm(G), eps), on its side if it is
    taller than wide, then ``ns_steps`` times :math:`X \leftarrow a X + (b S + c S^2) X` with :math:`S = X X^T`. k is
    :math:`\sqrt{\max(1, rows / columns)}`, or with ``adjust_lr_fn="match_rms_adamw"`` 0.2 times the root of the longer
    side.

    Peculiar: PyTorch orthogonalises in bfloat16; here it is done in the dtype of the parameter, which is the one place
    where the numbers differ (by some 0.1 of the rate).
    """

    lr: Number = hyper(1e-3, low=0)
    weight_decay: Number | None = hyper(0.1, low=0, off=0)
    momentum: Number = hyper(0.95, low=0)
    nesterov: bool = True
    ns1: Number = hyper(3.4445)
    ns2: Number = hyper(-4.775)
    ns3: Number = hyper(2.0315)
    eps: Number = hyper(1e-7, low=0)
    ns_steps: int = 5
    adjust_lr_fn: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Muon(adjust_lr_fn={self.adjust_lr_fn!r}): expected 'original' or 'match_rms_adamw'")

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The orthogonalised momentum."""
        if grad.ndim != 2:
            raise ValueError(f"Muon is for matrices; {param.name!r} has {grad.ndim} dimensions")
        buffer = state(param, "momentum_buffer")
        buffer_next = average(self.momentum, buffer, grad)
        yield buffer, buffer_next
        height, width = param.storage.shape
        step = self.orthogonal(self.mixed(grad, buffer_next), tall=height > width)
        original = max(1.0, height / width) ** 0.5
        factor = 0.2 * max(height, width) ** 0.5 if self.adjust_lr_fn == "match_rms_adamw" else original
        return shrunk(param, self.lr, self.weight_decay) - self.lr * factor * step

    def mixed(self, grad: Node, buffer: Node) -> Node:
        """What is orthogonalised: the momentum, with a look ahead."""
        return self.momentum * buffer + (1 - self.momentum) * grad if self.nesterov else buffer

    def orthogonal(self, value: Node, tall: bool) -> Node:
        """A matrix with the singular vectors of ``value``, and singular values near 1: Newton and Schulz's steps."""
        x = value.T if tall else value
        x = x / so.maximum(norm(x), self.eps)
        for _ in range(self.ns_steps):
            gram = x @ x.T
            x = self.ns1 * x + (self.ns2 * gram + self.ns3 * (gram @ gram)) @ x
        return x.T if tall else x
