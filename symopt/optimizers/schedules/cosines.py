"""Schedules along a cosine, with and without a warm-up, restarts and cycles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import symopt.tensor as so
from symopt.graph.nodes import Node
from symopt.optimizers.schedules.base import Curve, Number, number
from symopt.optimizers.schedules.curves import Piecewise


def half_wave(share: Node) -> Node:
    """From 1 at 0 down to 0 at 1, along a cosine."""
    return (1 + so.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class Cosine(Curve):
    r"""Half a cosine: :math:`\alpha_i = e + (\alpha - e) \left(\frac{1 + \cos(\pi x)}{2}\right)^p`, x = min(i/T, 1).

    Parameters
    ----------
    rate : :math:`\alpha`, the number at index 0.
    steps : T, after which the end is reached, more than 0.
    end : e, 0 by default.
    power : p, at least 0; 1 by default.
    periodic : go up and down again after T, as PyTorch's and Sorix's ``CosineAnnealingLR`` do: x = i / T.

    Sources: Loshchilov and Hutter, arXiv:1608.03983, equation 5; MXNet's ``CosineScheduler``; optax's
    ``cosine_decay_schedule``, where the end is a share ``alpha`` of the rate.
    """

    rate: Number = number()
    steps: Number = number(low=1e-300)
    end: Number = number(0.0)
    power: Number = number(1.0, low=0)
    periodic: bool = False

    def value(self, i: Node) -> Node:
        """Along half a wave."""
        share = i / self.steps if self.periodic else so.minimum(i / self.steps, 1)
        return self.end + (self.rate - self.end) * half_wave(share) ** self.power


@dataclass(frozen=True)
class CosineRestarts(Curve):
    r"""Half a cosine, again and again: :math:`\alpha_i = e + (\alpha - e) \frac{1 + \cos(\pi t / T_k)}{2}`.

    t counts from the last restart, and the length of period k is :math:`T_k = T g^k`.

    Parameters
    ----------
    rate : :math:`\alpha`, the number after each restart.
    period : T, the length of the first period, more than 0.
    growth : g, by which each period is longer than the one before, at least 1; 1 by default.
    end : e, 0 by default.

    Source: Loshchilov and Hutter, arXiv:1608.03983; PyTorch's ``CosineAnnealingWarmRestarts``.
    """

    rate: Number = number()
    period: Number = number(low=1e-300)
    growth: float = 1.0
    end: Number = number(0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.growth >= 1:
            raise ValueError(f"CosineRestarts(growth={self.growth!r}): expected a number of at least 1")

    def value(self, i: Node) -> Node:
        """Along half a wave, by the share of the present period."""
        share = i / self.period
        if self.growth == 1:
            share = share - so.floor(share)
        else:
            # The restarts are at (g^k - 1) / (g - 1); the logarithm of one must not fall below its k by rounding.
            periods = so.floor(so.log1p(share * (self.growth - 1)) / math.log(self.growth) + 1e-9)
            length = self.growth**periods
            share = (share - (length - 1) / (self.growth - 1)) / length
        return self.end + (self.rate - self.end) * half_wave(share)


@dataclass(frozen=True)
class WarmupCosine(Curve):
    r"""A line up to the peak, then half a cosine down.

    .. math::
        \alpha_i = s + (\alpha - s) \frac{i}{w}, \quad i < w; \qquad
        \alpha_i = e + (\alpha - e) \left(\frac{1 + \cos(\pi x)}{2}\right)^p,
        \quad x = \min\left(\frac{i - w}{T - w}, 1\right)

    Parameters
    ----------
    rate : :math:`\alpha`, the peak, at index w.
    warmup : w, how long it goes up, more than 0.
    steps : T, after which the end is reached, more than w.
    start : s, the number at index 0; 0 by default.
    end : e, 0 by default.
    power : p, at least 0; 1 by default.

    Source: optax's ``warmup_cosine_decay_schedule``.
    """

    rate: Number = number()
    warmup: Number = number(low=1e-300)
    steps: Number = number(low=1e-300)
    start: Number = number(0.0)
    end: Number = number(0.0)
    power: Number = number(1.0, low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        ends = self.warmup, self.steps
        if not any(isinstance(end, Node) for end in ends) and not self.warmup < self.steps:
            raise ValueError(f"WarmupCosine(steps={self.steps!r}): expected more than warmup={self.warmup!r}")

    def value(self, i: Node) -> Node:
        """A line before, half a wave after the peak."""
        rising = self.start + (self.rate - self.start) * i / self.warmup
        share = so.minimum((i - self.warmup) / (self.steps - self.warmup), 1)
        falling = self.end + (self.rate - self.end) * half_wave(share) ** self.power
        return so.where(i < self.warmup, rising, falling)


@dataclass(frozen=True)
class OneCycle(Curve):
    r"""Up to the peak and down again: from :math:`\alpha / d` to :math:`\alpha`, and to :math:`\alpha / (d f)` at T.

    Parameters
    ----------
    rate : :math:`\alpha`, the peak.
    steps : T, after which the end is reached, more than 0.
    warmup : the share of the steps that go up, from 0 to 1; 0.3 by default.
    divisor : d, by which the start is below the peak; 25 by default.
    final_divisor : f, by which the end is below the start; 1e4 by default.
    kind : along a "cosine" (the default) or "linear".

    Sources: Smith and Topin, arXiv:1708.07120; optax's ``cosine_onecycle_schedule``, which rounds the peak's index
    down. PyTorch's ``OneCycleLR`` has its peak and end one step earlier.
    """

    rate: Number = number()
    steps: Number = number(low=1e-300)
    warmup: Number = number(0.3, low=1e-300, high=1)
    divisor: Number = number(25.0, low=1e-300)
    final_divisor: Number = number(1e4, low=1e-300)
    kind: str = "cosine"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in ("linear", "cosine"):
            raise ValueError(f"OneCycle(kind={self.kind!r}): expected 'linear' or 'cosine'")

    def value(self, i: Node) -> Node:
        """Up and down."""
        start = self.rate / self.divisor
        values = start, self.rate, start / self.final_divisor
        return Piecewise(values, (self.warmup * self.steps, self.steps), self.kind).value(i)


@dataclass(frozen=True)
class Cyclic(Curve):
    r"""Up and down along lines, again and again: from :math:`\alpha` to the peak :math:`p` and back.

    .. math:: \alpha_i = \alpha + (p - \alpha) \gamma^i s^k \cdot \text{the share of the way}

    in cycle k = 0, 1, ...

    Parameters
    ----------
    rate : :math:`\alpha`, at the ends of each cycle.
    peak : p, the highest number of the first cycle.
    up : how long it goes up, more than 0; 2000 by default.
    down : how long it goes down, more than 0; 2000 by default.
    shrink : s, by which each cycle is lower than the one before, at least 0; 1 by default.
    gamma : :math:`\gamma`, by which it is lower after each step, at least 0; 1 by default.

    Source: Smith, arXiv:1506.01186; PyTorch's ``CyclicLR``, where "triangular2" has a ``shrink`` of 0.5.
    """

    rate: Number = number()
    peak: Number = number()
    up: Number = number(2000, low=1e-300)
    down: Number = number(2000, low=1e-300)
    shrink: Number = number(1.0, low=0)
    gamma: Number = number(1.0, low=0)

    def value(self, i: Node) -> Node:
        """A triangle in each cycle."""
        length = self.up + self.down
        cycle = so.floor(i / length)
        position = i - cycle * length
        share = so.minimum(position / self.up, (length - position) / self.down)
        return self.rate + (self.peak - self.rate) * share * self.gamma**i * self.shrink**cycle
