"""MXNet.jl's schedules, which count from 0.

In MXNet.jl they move only when ``fit!`` advances them, by batch or by epoch; an updater from ``getupdater`` never
does. Here they always count.
"""

from __future__ import annotations

from collections.abc import Callable

from symopt.optimizers.like_schedules.table import Table, table
from symopt.optimizers.schedules import Exp, Fixed, Inv, NadamScheduler, Schedule


def fixed(eta: float = 0.01) -> Schedule:
    """``LearningRate.Fixed``."""
    return Fixed(eta)


def exp(eta0: float, gamma: float = 0.9) -> Schedule:
    """``LearningRate.Exp``."""
    return Exp(eta0, gamma)


def inv(eta0: float, gamma: float = 0.9, p: float = 0.5) -> Schedule:
    """``LearningRate.Inv``."""
    return Inv(eta0, gamma, p)


def nadam_scheduler(mu: float = 0.99, delta: float = 0.004, gamma: float = 0.5, alpha: float = 0.96) -> Schedule:
    """``Momentum.NadamScheduler``; its second number, the momentum of the next step, is that at the next index."""
    return NadamScheduler(mu, delta, gamma, alpha)


def momentum_fixed(mu: float) -> Schedule:
    """``Momentum.Fixed``."""
    return Fixed(mu)


def momentum_null() -> Schedule:
    """``Momentum.Null``."""
    return Fixed(0.0)


_RATES: dict[str, Callable[..., Schedule]] = {"Fixed": fixed, "Exp": exp, "Inv": inv}
_MOMENTA: dict[str, Callable[..., Schedule]] = {
    "Fixed": momentum_fixed,
    "Null": momentum_null,
    "NadamScheduler": nadam_scheduler,
}

SCHEDULES: Table = table(
    **_RATES,
    Null=momentum_null,
    NadamScheduler=nadam_scheduler,
    **{f"LearningRate.{name}": maker for name, maker in _RATES.items()},
    **{f"Momentum.{name}": maker for name, maker in _MOMENTA.items()},
)
