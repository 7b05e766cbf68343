"""PyTorch's optimizers that divide by the size of earlier gradients, but for Adam's kin."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper, iteration
from symopt.optimizers.like.pieces import Moves, average, initially, rms, t
from symopt.optimizers.like.torch.base import Torch, shrunk
from symopt.optimizers.preparation import Pair
from symopt.optimizers.states import state


@dataclass(frozen=True, kw_only=True)
class Adadelta(Torch):
    r"""PyTorch's Adadelta.

    .. math::
        A' &= \rho A + (1 - \rho) G^2, \qquad \delta = \frac{\sqrt{D + \epsilon}}{\sqrt{A' + \epsilon}} G \\
        D' &= \rho D + (1 - \rho) \delta^2, \qquad \theta' = \theta - \eta \delta

    Peculiar: there is a rate (1 by default; none in the paper), and D averages the steps without it.
    """

    lr: Number = hyper(1.0, low=0)
    rho: Number = hyper(0.9, low=0, high=1)
    eps: Number = hyper(1e-6, low=0)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient times the size of earlier steps over that of earlier gradients."""
        square, moved = state(param, "square_avg"), state(param, "acc_delta")
        square_next = average(self.rho, square, so.square(grad))
        delta = so.sqrt(moved + self.eps) / so.sqrt(square_next + self.eps) * grad
        yield square, square_next
        yield moved, average(self.rho, moved, so.square(delta))
        return param - self.lr * delta


@dataclass(frozen=True, kw_only=True)
class Adagrad(Torch):
    r"""PyTorch's Adagrad.

    .. math::
        h' = h + G^2, \qquad \theta' = \theta - \frac{\eta}{1 + (t - 1) \kappa} \frac{G}{\sqrt{h'} + \epsilon}

    Peculiar: :math:`\epsilon` stands outside the root; ``lr_decay`` :math:`\kappa` lowers the rate once more; h starts
    at ``initial_accumulator_value``.
    """

    lr: Number = hyper(1e-2, low=0)
    lr_decay: Number | None = hyper(0.0, low=0, off=0)
    initial_accumulator_value: Number | None = hyper(0.0, low=0, off=0)
    eps: Number = hyper(1e-10, low=0)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over the root of the sum of squares."""
        total = state(param, "sum")
        total_next = initially(self.initial_accumulator_value, total) + so.square(grad)
        yield total, total_next
        rate = self.lr if self.lr_decay is None else self.lr / (1 + iteration * self.lr_decay)
        return param - rate * grad / (so.sqrt(total_next) + self.eps)


@dataclass(frozen=True, kw_only=True)
class RMSprop(Torch):
    r"""PyTorch's RMSprop.

    .. math::
        v' &= \alpha v + (1 - \alpha) G^2, \qquad a' = \alpha a + (1 - \alpha) G \\
        b' &= \mu b + \frac{G}{\sqrt{v' - a'^2} + \epsilon}, \qquad \theta' = \theta - \eta b'

    a' only with ``centered``.

    Peculiar: :math:`\epsilon` stands outside the root, also when centred; momentum keeps the rate out of its buffer
    (optax: in); the variance is the difference of two averages, which in float32 may fall below 0 and give NaN.
    """

    lr: Number = hyper(1e-2, low=0)
    alpha: Number = hyper(0.99, low=0, high=1)
    eps: Number = hyper(1e-8, low=0)
    momentum: Number | None = hyper(0.0, low=0, off=0)
    centered: bool = False

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over its deviation, with momentum."""
        square = state(param, "square_avg")
        square_next = variance = average(self.alpha, square, so.square(grad))
        yield square, square_next
        if self.centered:
            mean = state(param, "grad_avg")
            mean_next = average(self.alpha, mean, grad)
            yield mean, mean_next
            variance = square_next - so.square(mean_next)
        step = grad / (so.sqrt(variance) + self.eps)
        if self.momentum is not None:
            buffer = state(param, "momentum_buffer")
            step = self.momentum * buffer + step
            yield buffer, step
        return param - self.lr * step


@dataclass(frozen=True, kw_only=True)
class Adafactor(Torch):
    r"""PyTorch's Adafactor.

    .. math::
        v' &= v + t^{\tau} (g^2 - v), \qquad u = g / \sqrt{\max(v', \epsilon_1^2)} \\
        \theta' &= \theta (1 - \eta \lambda) - \max(\epsilon_2, \mathrm{rms}(\theta)) \min(\eta, t^{-1/2})
            \frac{u}{\max(1, \mathrm{rms}(u) / d)}

    From two dimensions on, v' is the outer product of averages of row and column means of :math:`g^2`, over the mean
    of the former. ``eps=(None, x)`` takes the machine epsilon of the parameter's dtype for :math:`\epsilon_1`.

    Peculiar: :math:`\epsilon_1` bounds v' from below (paper: it is added to :math:`g^2`), as its square; the rate is
    a bound of :math:`1/\sqrt{t}`; decay is decoupled.
    """

    lr: Number = hyper(1e-2, low=0)
    beta2_decay: Number = hyper(-0.8, high=0)
    eps1: Number | None = hyper(None, low=0)
    eps2: Number = hyper(1e-3, low=0)
    d: Number = hyper(1.0, low=1)

    @property
    def decouples(self) -> bool:
        """Always."""
        return True

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over the root of its factored mean square, bounded, times the size of the parameter."""
        eps1 = float(np.finfo(param.dtype.name).eps) if self.eps1 is None else self.eps1
        estimate = yield from self.mean_square(param, grad, eps1)
        step = grad / so.sqrt(so.maximum(estimate, eps1 * eps1))
        rate = so.minimum(self.lr, 1 / so.sqrt(t)) * so.maximum(self.eps2, rms(param))
        return shrunk(param, self.lr, self.weight_decay) - rate / so.maximum(1, rms(step) / self.d) * step

    def mean_square(self, param: Shared, grad: Node, eps1: Any) -> Generator[Pair, None, Node]:
        """The mean square of the gradient: its average, or that of rows by that of columns."""
        keep = 1 - t**self.beta2_decay
        if grad.ndim < 2:
            variance = state(param, "variance")
            variance_next = average(keep, variance, so.square(grad))
            yield variance, variance_next
            return variance_next
        *stack, height, width = param.storage.shape
        rows = state(param, "row_var", shape=(*stack, height, 1))
        columns = state(param, "col_var", shape=(*stack, 1, width))
        rows_next = average(keep, rows, so.mean(so.square(grad), axis=-1, keepdims=True))
        columns_next = average(keep, columns, so.mean(so.square(grad), axis=-2, keepdims=True))
        yield rows, rows_next
        yield columns, columns_next
        return rows_next * columns_next / so.maximum(so.mean(rows_next, axis=-2, keepdims=True), eps1)
