"""optax's schedules, which count from 0. optax computes them in float32; here they are computed in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add, mul
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node
from symopt.optimizers.like_schedules.table import Table, table
from symopt.optimizers.schedules import (
    Cosine,
    Curve,
    Fixed,
    Piecewise,
    Polynomial,
    Schedule,
    WarmupCosine,
    sequence,
    with_warmup,
)
from symopt.optimizers.schedules.base import Number, number


@dataclass(frozen=True)
class Decay(Curve):
    """``exponential_decay``: a power of the rate with the share of the transition, which may begin late."""

    init_value: Number = number()
    transition_steps: Number = number(low=1e-300)
    decay_rate: Number = number(low=0)
    transition_begin: Number = number(0)
    end_value: Number | None = None
    staircase: bool = False

    def value(self, i: Node) -> Node:
        """The rate after the transition has gone on for a while, up or down to the end."""
        share = so.maximum(i - self.transition_begin, 0) / self.transition_steps
        value = self.init_value * self.decay_rate ** (so.floor(share) if self.staircase else share)
        if self.end_value is None:
            return value
        bounded = so.where(self.decay_rate < 1, so.maximum(value, self.end_value), so.minimum(value, self.end_value))
        return so.where(share > 0, bounded, self.init_value)


@dataclass(frozen=True)
class Late(Curve):
    """A curve that begins late."""

    curve: Curve
    begin: Number = number()

    def value(self, i: Node) -> Node:
        """The first value until it begins."""
        return self.curve.value(so.maximum(i - self.begin, 0))


def constant_schedule(value: float) -> Schedule:
    """The same value at all times."""
    return Fixed(value)


def exponential_decay(
    init_value: float,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    """Constant where there are no steps, or where the rate is 0."""
    if transition_steps <= 0 or decay_rate == 0:
        return Fixed(init_value)
    return Decay(init_value, transition_steps, decay_rate, max(transition_begin, 0), end_value, staircase)


def cosine_decay_schedule(init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0) -> Schedule:
    """``alpha`` is the end as a share of the first value."""
    return Cosine(init_value, decay_steps, init_value * alpha, exponent)


def polynomial_schedule(
    init_value: float, end_value: float, power: float, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    """Constant where there are no steps."""
    if transition_steps <= 0:
        return Fixed(init_value)
    return Late(Polynomial(init_value, transition_steps, end_value, power), max(transition_begin, 0))


def linear_schedule(init_value: float, end_value: float, transition_steps: int, transition_begin: int = 0) -> Schedule:
    """A line."""
    return polynomial_schedule(init_value, end_value, 1, transition_steps, transition_begin)


def piecewise_constant_schedule(
    init_value: float, boundaries_and_scales: Mapping[Any, float] | None = None
) -> Schedule:
    """It changes at its boundaries, by factors."""
    return Piecewise(*_scaled(init_value, boundaries_and_scales))


def piecewise_interpolate_schedule(
    interpolate_type: str, init_value: float, boundaries_and_scales: Mapping[Any, float] | None = None
) -> Schedule:
    """The way from boundary to boundary is "linear" or "cosine"."""
    return Piecewise(*_scaled(init_value, boundaries_and_scales), interpolate_type)


def warmup_constant_schedule(init_value: float, peak_value: float, warmup_steps: int) -> Schedule:
    """A line up to a constant."""
    return linear_schedule(init_value, peak_value, warmup_steps) if warmup_steps > 0 else Fixed(peak_value)


def warmup_cosine_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Schedule:
    """``decay_steps`` include the warm-up."""
    if warmup_steps <= 0:
        return Cosine(peak_value, decay_steps, end_value, exponent)
    return WarmupCosine(peak_value, warmup_steps, decay_steps, init_value, end_value, exponent)


def warmup_exponential_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    """The decay counts from the end of the warm-up."""
    decay = exponential_decay(peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value)
    return with_warmup(decay, warmup_steps, init_value) if warmup_steps > 0 else decay


def sgdr_schedule(cosine_kwargs: Sequence[Mapping[str, Any]]) -> Schedule:
    """Warm-ups and cosines, one after the other."""
    cycles = [warmup_cosine_decay_schedule(**settings) for settings in cosine_kwargs]
    return sequence(cycles, list(accumulate((settings["decay_steps"] for settings in cosine_kwargs), add))[:-1])


def cosine_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Up and down along cosines."""
    start = peak_value / div_factor
    values = [start, peak_value, start / final_div_factor]
    return Piecewise(values, [int(pct_start * transition_steps), transition_steps], "cosine")


def linear_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Up and down along lines, and on down."""
    start = peak_value / div_factor
    knots = [int(pct_start * transition_steps), int(pct_final * transition_steps), transition_steps]
    return Piecewise([start, peak_value, start, start / final_div_factor], knots, "linear")


def _scaled(init_value: float, scales: Mapping[Any, float] | None) -> tuple[list[float], list[int]]:
    """Values and boundaries from factors by boundary."""
    ordered = sorted((int(boundary), scale) for boundary, scale in (scales or {}).items())
    return list(accumulate((scale for _, scale in ordered), mul, initial=init_value)), [at for at, _ in ordered]


SCHEDULES: Table = table(
    constant_schedule=constant_schedule,
    exponential_decay=exponential_decay,
    cosine_decay_schedule=cosine_decay_schedule,
    polynomial_schedule=polynomial_schedule,
    linear_schedule=linear_schedule,
    piecewise_constant_schedule=piecewise_constant_schedule,
    piecewise_interpolate_schedule=piecewise_interpolate_schedule,
    warmup_constant_schedule=warmup_constant_schedule,
    warmup_cosine_decay_schedule=warmup_cosine_decay_schedule,
    warmup_exponential_decay_schedule=warmup_exponential_decay_schedule,
    sgdr_schedule=sgdr_schedule,
    cosine_onecycle_schedule=cosine_onecycle_schedule,
    linear_onecycle_schedule=linear_onecycle_schedule,
)
