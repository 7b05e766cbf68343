"""optax's optimizers that divide by the size of earlier gradients, but for adam's kin."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like.optax.base import Chained, Direction, Optax, trace
from symopt.optimizers.like.pieces import NONE, Moves, average, initially, rms, t
from symopt.optimizers.preparation import Pair
from symopt.optimizers.states import common_state, state


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optax):
    r"""optax's rmsprop.

    .. math::
        v' &= \gamma v + (1 - \gamma) G^2, \qquad m' = \gamma m + (1 - \gamma) G \\
        b' &= \eta \frac{G}{\sqrt{v' - m'^2 + \epsilon}} + \mu b, \qquad \theta' = \theta - b'

    m' only with ``centered``. ``eps_in_sqrt=False`` puts :math:`\epsilon` outside the root; v starts at
    ``initial_scale``; ``bias_correction`` divides both averages by :math:`1 - \gamma^t`.

    Peculiar: :math:`\epsilon` stands inside the root by default, and the rate inside the momentum (PyTorch: both
    outside).
    """

    decay: Number = hyper(0.9, low=0, high=1)
    eps: Number = hyper(1e-8)
    initial_scale: Number | None = hyper(0.0, off=0)
    eps_in_sqrt: bool = True
    centered: bool = False
    momentum: Number | None = hyper(None)
    nesterov: bool = False
    bias_correction: bool = False

    def direction(self, param: Shared, grad: Node) -> Direction:
        """The gradient over its deviation."""
        correction = 1 - self.decay**t if self.bias_correction else 1
        square = state(param, "nu")
        square_next = average(self.decay, initially(self.initial_scale, square), so.square(grad))
        yield square, square_next
        variance = square_next / correction
        if self.centered:
            mean = state(param, "mu")
            mean_next = average(self.decay, mean, grad)
            yield mean, mean_next
            variance = variance - so.square(mean_next / correction)
        return grad / (so.sqrt(variance + self.eps) if self.eps_in_sqrt else so.sqrt(variance) + self.eps)

    def rule(self, param: Shared, grad: Node) -> Moves:
        """Momentum of steps."""
        step = -self.learning_rate * (yield from self.direction(param, grad))
        return param + (yield from trace(param, step, self.momentum, self.nesterov))


@dataclass(frozen=True, kw_only=True)
class Adagrad(Optax):
    r"""optax's adagrad.

    .. math:: h' = h + G^2, \qquad \theta' = \theta - \eta \frac{G}{\sqrt{h' + \epsilon}}

    Peculiar: h starts at 0.1, and :math:`\epsilon` stands inside the root; where h' is 0 nothing moves.
    """

    initial_accumulator_value: Number | None = hyper(0.1, low=0, off=0)
    eps: Number = hyper(1e-7)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """The gradient over the root of the sum of squares."""
        total = state(param, "sum_of_squares")
        total_next = initially(self.initial_accumulator_value, total) + so.square(grad)
        yield total, total_next
        return over_root(grad, total_next, self.eps)


def over_root(grad: Node, square: Node, eps: Any) -> Node:
    """A gradient over the root of ``square + eps``, and 0 where the square is 0."""
    return so.where(square > 0, grad / so.sqrt(so.where(square > 0, square, 1) + eps), 0)


@dataclass(frozen=True, kw_only=True)
class Adadelta(Optax):
    r"""optax's adadelta.

    .. math::
        A' &= \rho A + (1 - \rho) G^2, \qquad \delta = \frac{\sqrt{D + \epsilon}}{\sqrt{A' + \epsilon}} G \\
        D' &= \rho D + (1 - \rho) \delta^2, \qquad \theta' = \theta - \eta \delta

    Peculiar: decay joins the gradient before the averages, :math:`G = g + \lambda \theta`, unlike in optax's adamw.
    """

    rho: Number = hyper(0.9, low=0, high=1)
    eps: Number = hyper(1e-6)
    weight_decay: Number | None = hyper(0.0, off=0)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """The gradient times the size of earlier steps over that of earlier gradients."""
        if self.weight_decay is not None:
            grad = grad + self.weight_decay * param
        square, moved = state(param, "e_g"), state(param, "e_x")
        square_next = average(self.rho, square, so.square(grad))
        delta = so.sqrt(moved + self.eps) / so.sqrt(square_next + self.eps) * grad
        yield square, square_next
        yield moved, average(self.rho, moved, so.square(delta))
        return delta


@dataclass(frozen=True, kw_only=True)
class SM3(Optax):
    r"""optax's sm3: Adagrad with one accumulator for each slice of each axis.

    .. math::
        c &= \min_i \mu_i + G^2, \qquad \mu_i' = \max_{\text{axes but } i} c \\
        m' &= \beta m + (1 - \beta) \frac{G}{\sqrt{c + 10^{-8}}}, \qquad \theta' = \theta - \eta m'

    Peculiar: the epsilon cannot be chosen; momentum averages (in the paper's text it is the same).
    """

    momentum: Number = hyper(0.9)

    def direction(self, param: Shared, grad: Node) -> Direction:
        """The mean of gradients over the roots of their covers."""
        shape = param.storage.shape
        axes = range(len(shape))
        covers = [state(param, f"mu_{axis}", shape=(shape[axis],)) for axis in axes]
        wide = [so.reshape(covers[i], tuple(shape[i] if i == axis else 1 for axis in axes)) for i in axes]
        cover = reduce(so.minimum, wide) + so.square(grad) if covers else so.square(grad)
        for i in axes:
            others = tuple(axis for axis in axes if axis != i)
            yield covers[i], so.max(cover, axis=others) if others else cover
        mean = state(param, "nu")
        mean_next = average(self.momentum, mean, over_root(grad, cover, 1e-8))
        yield mean, mean_next
        return mean_next


@dataclass(frozen=True, kw_only=True)
class Adafactor(Chained):
    r"""optax's adafactor.

    .. math::
        d &= 1 - (t - t_0)^{-\tau}, \qquad v' = d v + (1 - d) (G^2 + \epsilon) \\
        u &= G / \sqrt{v'}, \qquad u \leftarrow u / \max(1, \mathrm{rms}(u) / c) \\
        u &\leftarrow \eta \max(\mathrm{rms}(\theta), 10^{-3}) u, \qquad
        m' = \beta m + (1 - \beta) u, \qquad \theta' = \theta - m' - \lambda \theta

    Where the two longest axes both have ``min_dim_size_to_factor`` elements, v' is the product of averages of means
    over the one and over the other, over the mean of the former. What is None or False is left out.

    Peculiar: :math:`\epsilon` is added to the square (PyTorch: a lower bound); the step is clipped before the rate and
    the size of the parameter; decay is not scaled by the rate; d is computed in float32, and m kept in it.
    """

    learning_rate: Number | None = hyper(None)
    min_dim_size_to_factor: int = 128
    decay_rate: Number = hyper(0.8)
    decay_offset: Number = hyper(0.0)
    multiply_by_parameter_scale: bool = True
    clipping_threshold: Number | None = hyper(1.0, off=NONE)
    momentum: Number | None = hyper(None)
    weight_decay_rate: Number | None = hyper(None)
    eps: Number = hyper(1e-30)
    factored: bool = True

    def rule(self, param: Shared, grad: Node) -> Moves:
        """The gradient over the root of its factored mean square, clipped, times the size of the parameter."""
        step = yield from self.scaled(param, grad)
        if self.clipping_threshold is not None:
            step = step / so.maximum(1, rms(step) / self.clipping_threshold)
        if self.learning_rate is not None:
            step = self.learning_rate * step
        if self.multiply_by_parameter_scale:
            step = step * so.maximum(rms(param), 1e-3)
        if self.momentum is not None:
            mean = common_state(f"{param.name}_ema", 0.0, param.storage.shape, "float32")
            step = so.cast(self.momentum * mean, param.dtype) + (1 - self.momentum) * step
            yield mean, so.cast(step, "float32")
        return param - step if self.weight_decay_rate is None else param - (step + self.weight_decay_rate * param)

    def scaled(self, param: Shared, grad: Node) -> Generator[Pair, None, Node]:
        """The gradient over the root of its mean square: its average, or that along two axes."""
        count = so.cast(t - self.decay_offset, "float32")
        keep = so.cast(1 - count ** so.cast(-self.decay_rate, "float32"), grad.dtype)
        square = so.square(grad) + self.eps
        shape = param.storage.shape
        axes = self.longest_axes(shape)
        if axes is None:
            past = state(param, "v")
            present = average(keep, past, square)
            yield past, present
            return grad / so.sqrt(present)
        roots = []
        for name, axis in zip(("v_row", "v_col"), axes[::-1], strict=True):
            past = state(param, name, shape=(*shape[:axis], *shape[axis + 1 :]))
            present = average(keep, past, so.mean(square, axis=axis))
            yield past, present
            present = so.expand_dims(present, axis)
            roots.append(present / so.mean(present, axis=axes[0], keepdims=True) if name == "v_row" else present)
        return grad / so.sqrt(roots[0]) / so.sqrt(roots[1])

    def longest_axes(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """The second longest and the longest axis, if there is something to factor."""
        if not self.factored or len(shape) < 2:
            return None
        *_, second, longest = (int(axis) for axis in np.argsort(shape))
        return (second, longest) if shape[second] >= self.min_dim_size_to_factor else None
