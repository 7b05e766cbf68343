"""Schedules that decay, by a formula or in steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import symopt.tensor as so
from symopt.graph.nodes import Node
from symopt.optimizers.schedules.base import Curve, Number, check_ascending, number


@dataclass(frozen=True)
class Exp(Curve):
    r"""Exponential decay: :math:`\alpha_i = \alpha \gamma^i`.

    Parameters
    ----------
    rate : :math:`\alpha`, the number at index 0.
    gamma : :math:`\gamma`, at least 0; 0.9 by default.

    Source: MXNet.jl's ``LearningRate.Exp``; PyTorch's and Sorix's ``ExponentialLR``.

    >>> import symopt as so
    >>> print(so.schedules.Exp(0.1), so.schedules.Exp(0.1).at(2))
    0.1 * 0.9**iteration 0.081...
    """

    rate: Number = number()
    gamma: Number = number(0.9, low=0)

    def value(self, i: Node) -> Node:
        """A power of gamma."""
        return self.rate * self.gamma**i


@dataclass(frozen=True)
class Inv(Curve):
    r"""Decay with the inverse of a power: :math:`\alpha_i = \alpha (1 + \gamma i)^{-p}`.

    Parameters
    ----------
    rate : :math:`\alpha`, the number at index 0.
    gamma : :math:`\gamma`, at least 0; 0.9 by default.
    p : the power, 0.5 by default.

    Source: MXNet.jl's ``LearningRate.Inv``; Caffe's ``inv`` policy.
    """

    rate: Number = number()
    gamma: Number = number(0.9, low=0)
    p: Number = number(0.5)

    def value(self, i: Node) -> Node:
        """The inverse of a power of a line."""
        return self.rate * (1 + self.gamma * i) ** -self.p


@dataclass(frozen=True)
class Step(Curve):
    r"""A drop by a factor after every so many: :math:`\alpha_i = \max(\alpha \gamma^{\lfloor i / s \rfloor}, l)`.

    Parameters
    ----------
    rate : :math:`\alpha`, the number before the first drop.
    size : s, how long it stays between drops, more than 0.
    gamma : :math:`\gamma`, the factor of each drop, at least 0; 0.1 by default.
    floor : l, below which it does not drop; 0 by default.

    Source: PyTorch's and Sorix's ``StepLR``. MXNet's ``FactorScheduler`` counts from 1 and drops one update late.
    """

    rate: Number = number()
    size: Number = number(low=1e-300)
    gamma: Number = number(0.1, low=0)
    floor: Number = number(0.0)

    def value(self, i: Node) -> Node:
        """A power of gamma, with the number of drops."""
        return so.maximum(self.rate * self.gamma ** so.floor(i / self.size), self.floor)


@dataclass(frozen=True)
class MultiStep(Curve):
    r"""A drop by a factor at each milestone: :math:`\alpha_i = \alpha \gamma^k` after k milestones.

    Parameters
    ----------
    rate : :math:`\alpha`, the number before the first milestone.
    milestones : the indices at which it drops, in ascending order.
    gamma : :math:`\gamma`, the factor of each drop, at least 0; 0.1 by default.

    Source: PyTorch's ``MultiStepLR``. MXNet's ``MultiFactorScheduler`` counts from 1 and drops one update late.
    """

    rate: Number = number()
    milestones: Number = number(low=0)
    gamma: Number = number(0.1, low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ascending(self, "milestones", self.milestones)

    def value(self, i: Node) -> Node:
        """The power of gamma that belongs to the interval."""
        count = len(self.milestones)
        values = [self.rate * self.gamma**k if k else so.as_tensor(self.rate) for k in range(count + 1)]
        return _by_interval(i, self.milestones, values)


@dataclass(frozen=True)
class Piecewise(Curve):
    r"""Given values between given boundaries, or on the way from one to the next.

    ``values[0]`` holds at index 0 and ``values[k]`` at ``boundaries[k - 1]``. In between, at the share x of the way
    from one value u to the next v, it is u (constant), :math:`u + (v - u) x` (linear), or
    :math:`u + (v - u) (1 - \cos \pi x) / 2` (cosine). After the last boundary the last value holds.

    Parameters
    ----------
    values : one more than boundaries.
    boundaries : indices in ascending order.
    kind : "constant" (the default), "linear" or "cosine".

    Source: optax's ``piecewise_constant_schedule`` and ``piecewise_interpolate_schedule``, which are given factors
    instead of values.
    """

    values: Number = number()
    boundaries: Number = number(low=0)
    kind: str = "constant"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ascending(self, "boundaries", self.boundaries)
        if not isinstance(self.values, tuple) or len(self.values) != len(self.boundaries) + 1:
            raise ValueError(f"Piecewise(values={self.values!r}): expected one more than boundaries")
        if self.kind not in ("constant", "linear", "cosine"):
            raise ValueError(f"Piecewise(kind={self.kind!r}): expected 'constant', 'linear' or 'cosine'")
        if self.kind != "constant" and any(not isinstance(b, Node) and b == 0 for b in self.boundaries):
            raise ValueError("Piecewise(boundaries=[0, ...]): there is no way to a value at index 0; leave it out")

    def value(self, i: Node) -> Node:
        """The value of the interval, or that between its ends."""
        values = [so.as_tensor(value) for value in self.values]
        if self.kind == "constant":
            return _by_interval(i, self.boundaries, values)
        knots = [0.0, *self.boundaries]
        ways = [self._between(i, *ends) for ends in zip(pairwise(knots), pairwise(values), strict=True)]
        return _by_interval(i, self.boundaries, [*ways, values[-1]])

    def _between(self, i: Node, ends: tuple[Number, Number], values: tuple[Node, Node]) -> Node:
        """On the way from one value to the next."""
        share = (i - ends[0]) / (ends[1] - ends[0])
        shape = share if self.kind == "linear" else (1 - so.cos(math.pi * share)) / 2
        return values[0] + (values[1] - values[0]) * shape


@dataclass(frozen=True)
class Polynomial(Curve):
    r"""Polynomial decay: :math:`\alpha_i = e + (\alpha - e) (1 - \min(i / T, 1))^p`.

    Parameters
    ----------
    rate : :math:`\alpha`, the number at index 0.
    steps : T, after which the end is reached, more than 0.
    end : e, 0 by default.
    power : p, at least 0; 1 (a line) by default.

    Source: PyTorch's ``PolynomialLR``, MXNet's ``PolyScheduler`` (power 2 by default), optax's
    ``polynomial_schedule``.
    """

    rate: Number = number()
    steps: Number = number(low=1e-300)
    end: Number = number(0.0)
    power: Number = number(1.0, low=0)

    def value(self, i: Node) -> Node:
        """A power of the share that is left."""
        return self.end + (self.rate - self.end) * (1 - so.minimum(i / self.steps, 1)) ** self.power


@dataclass(frozen=True)
class NadamScheduler(Curve):
    r"""The momentum of Nadam, which warms up: :math:`\mu_i = \mu (1 - \gamma \alpha^{\delta i})`.

    Parameters
    ----------
    momentum : :math:`\mu`, what it comes to in the end, from 0 to 1; 0.99 by default.
    delta : :math:`\delta`, how fast; 0.004 by default.
    gamma : :math:`\gamma`, the share that is missing at index 0, from 0 to 1; 0.5 by default.
    alpha : :math:`\alpha`, from 0 to 1; 0.96 by default.

    Sources: Dozat (2016), section 3; MXNet.jl's ``Momentum.NadamScheduler``, whose momentum of the next step is that
    at the next index.
    """

    momentum: Number = number(0.99, low=0, high=1)
    delta: Number = number(0.004)
    gamma: Number = number(0.5, low=0, high=1)
    alpha: Number = number(0.96, low=0, high=1)

    def value(self, i: Node) -> Node:
        """The momentum less what is still missing."""
        return self.momentum * (1 - self.gamma * self.alpha ** (self.delta * i))


def _by_interval(i: Node, boundaries: tuple[Number, ...], values: list[Node]) -> Node:
    """``values[k]`` before ``boundaries[k]``, and the last one from the last boundary on."""
    result = values[-1]
    for boundary, value in zip(reversed(boundaries), reversed(values[:-1]), strict=True):
        result = so.where(i < boundary, value, result)
    return result
