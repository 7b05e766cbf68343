"""Steps divided, for each element, by what is known of its gradients or of its curvature."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, ClassVar

import symopt.tensor as so
from symopt.autodiff import gradient
from symopt.errors import DataError
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.averages import average
from symopt.optimizers.base import Optimizer, RuleSteps
from symopt.optimizers.hyperparameters import Number, decay, hyper
from symopt.optimizers.preparation import Pair
from symopt.optimizers.states import state


@dataclass(frozen=True, kw_only=True)
class AdaGrad(Optimizer):
    r"""AdaGrad: steps divided by the root of the sum of all squares so far.

    .. math::
        h' &= h + g^2 \\
        \theta' &= \theta - \alpha \frac{g}{\sqrt{h' + h_0} + \epsilon}

    A row of a parameter whose gradient is 0 does not change, nor does its h.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 1e-2 by default.
    rms_regularizer : :math:`\epsilon`, outside the root, from 0; 1e-8 by default.
    initial_accumulator : :math:`h_0`, from 0; 0 by default.

    Source: Duchi, Hazan and Singer, JMLR 12 (2011), figure 1, with the diagonal matrix
    :math:`\epsilon I + \operatorname{diag}(h)^{1/2}`; so are PyTorch and MXNet 2. MXNet 1, MXNet.jl, downhill and optax
    have :math:`\epsilon` inside the root; optax starts from 0.1.
    """

    learning_rate: Number = hyper(1e-2, low=0)
    rms_regularizer: Number = hyper(1e-8, low=0)
    initial_accumulator: Number | None = hyper(0.0, low=0, off=0)

    still_without: ClassVar[tuple[str, ...]] = ("momentum", "weight_decay", "clip_weights")

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The sum of squares, and the gradient over its root."""
        squares = state(param, "squares")
        squares_next = squares + so.square(grad)
        yield squares, squares_next
        total = squares_next if self.initial_accumulator is None else squares_next + self.initial_accumulator
        return self.learning_rate * grad / (so.sqrt(total) + self.rms_regularizer)


@dataclass(frozen=True, kw_only=True)
class AdaDelta(Optimizer):
    r"""AdaDelta: gradients scaled by the recent size of steps over the recent size of gradients.

    .. math::
        v' &= \gamma v + (1 - \gamma) g^2 \\
        d &= \frac{\sqrt{u + \epsilon}}{\sqrt{v' + \epsilon}} g \\
        u' &= \gamma u + (1 - \gamma) d^2, \qquad \theta' = \theta - \alpha d

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 1 by default: the paper has none.
    rms_halflife : after this many steps a value counts half in the averages, :math:`\gamma = e^{-\ln 2 / h}`.
    rms_decay : :math:`\gamma` itself, from 0 to 1; 0.95 where neither is given.
    rms_regularizer : :math:`\epsilon`, inside both roots, from 0; 1e-6 by default. It makes the first steps.

    Source: Zeiler, arXiv:1212.5701, algorithm 1. downhill and MXNet 1 have no learning rate; MXNet 1 adds weight decay
    to the step, not to the gradient.
    """

    learning_rate: Number = hyper(1.0, low=0)
    rms_halflife: Number | None = hyper(None, above=0)
    rms_decay: Number | None = hyper(None, low=0, high=1, unless=("rms_halflife", 0.95))
    rms_regularizer: Number = hyper(1e-6, low=0)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """Mean squares of gradients and of steps; the step comes from the old one of steps."""
        gamma = decay(self.rms_halflife, self.rms_decay)
        square = yield from average(param, "square", gamma, so.square(grad))
        steps = state(param, "steps")
        step = so.sqrt(steps + self.rms_regularizer) / so.sqrt(square + self.rms_regularizer) * grad
        yield from average(param, "steps", gamma, so.square(step))
        return self.learning_rate * step


@dataclass(frozen=True, kw_only=True)
class ESGD(Optimizer):
    r"""Equilibrated gradient descent: steps divided by the recent size of random Hessian-vector products.

    .. math::
        D' &= \gamma D + (1 - \gamma) (H r)^2, \qquad r \sim N(0, 1) \\
        \theta' &= \theta - \alpha \frac{g}{\sqrt{D'} + \epsilon}

    H is the Hessian of the loss in all parameters, and H r the gradient of :math:`\sum g r`, where g is the raw
    gradient: clipping and decay do not touch it. The mean of :math:`(H r)^2` is the sum of squares of a row of H. With
    ``accumulate`` the gradient is the mean over all batches of a step, but H is that of the last batch alone.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 1e-4 by default.
    rms_halflife : after this many steps a product counts half in D, :math:`\gamma = e^{-\ln 2 / h}`; 14 where
        neither is given.
    rms_decay : :math:`\gamma` itself, from 0 to 1, instead of the halflife.
    rms_regularizer : :math:`\epsilon`, outside the root, from 0; 1e-8 by default.
    probe : r, instead of random numbers: a tensor or array, or a list of one for each parameter.
    seed : of the random numbers, an int; 0 by default.

    Source: Dauphin, de Vries and Bengio, arXiv:1502.04390, algorithm 1, where D is the mean of all products so far, and
    there is one every 20 steps. The decaying average is downhill's, which takes H for each parameter alone, of the
    clipped gradient, and whose document has :math:`\epsilon` inside the root, where its code does not.
    """

    rms_halflife: Number | None = hyper(None, above=0, unless=("rms_decay", 14.0))
    rms_decay: Number | None = hyper(None, low=0, high=1)
    rms_regularizer: Number = hyper(1e-8, low=0)
    probe: Any = None
    seed: int = 0

    needs_curvature: ClassVar[bool] = True
    common: ClassVar[tuple[str, ...]] = ("probe", "seed")

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise TypeError(f"ESGD(seed={self.seed!r}): expected an int")
        if self.probe is not None:
            probes = self.probe if isinstance(self.probe, (list, tuple)) else [self.probe]
            object.__setattr__(self, "probe", tuple(so.as_tensor(probe) for probe in probes))

    def observe(self, params: Sequence[Shared], raw: Sequence[Node]) -> list[Node]:
        """The products of the Hessian in all parameters with the probes."""
        along = reduce(add, [so.sum(grad * probe) for grad, probe in zip(raw, self.probes(params), strict=True)])
        return gradient(along, params)

    def pairs_given(
        self, params: Sequence[Shared], observed: Sequence[Node], prepared: Sequence[Node]
    ) -> Generator[Pair, None, None]:
        """Gradient descent, on gradients divided by the size of the products."""
        gamma = decay(self.rms_halflife, self.rms_decay)
        divided = []
        for param, grad, product in zip(params, prepared, observed, strict=True):
            square = yield from average(param, "curvature", gamma, so.square(product))
            divided.append(grad / (so.sqrt(square) + self.rms_regularizer))
        yield from self.pairs(params, divided)

    def probes(self, params: Sequence[Shared]) -> list[Node]:
        """A probe of the shape of each parameter."""
        if self.probe is None:
            return [so.random.normal(param.shape, self.seed, dtype=param.dtype) for param in params]
        shapes, wanted = [probe.shape for probe in self.probe], [param.shape for param in params]
        if shapes != wanted:
            raise DataError(f"ESGD needs a probe of the shape of each parameter: {wanted}, not {shapes}")
        return [so.cast(so.stop_gradient(probe), param.dtype) for param, probe in zip(params, self.probe, strict=True)]

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The step is the rate times the divided gradient."""
        yield from ()
        return self.learning_rate * grad
