"""MXNet's schedules.

They are asked with the number of updates after the present one was counted, so that the first index is 1. Those that
drop do so one update late, and count their steps through the warm-up; the others begin after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import symopt.tensor as so
from symopt.graph.nodes import Node
from symopt.optimizers.like_schedules.table import Table, table
from symopt.optimizers.schedules import Cosine, Curve, MultiStep, Polynomial, Schedule, Step
from symopt.optimizers.schedules.base import Number, number


@dataclass(frozen=True)
class Factor(Step):
    """``FactorScheduler``: the rate never drops below the floor, but it may be below it before the first drop."""

    def value(self, i: Node) -> Node:
        """As in Step, but for the time before the first drop."""
        return so.where(i < self.size, self.rate, super().value(i))


@dataclass(frozen=True)
class Warmed(Curve):
    """A curve after a warm-up, at MXNet's index: the curve is asked at this index less ``late``."""

    first: ClassVar[int] = 1

    curve: Curve = field()
    base_lr: Number = number()
    late: Number = number()
    warmup_steps: Number = number(0, low=0)
    warmup_begin_lr: Number = number(0.0)
    warmup_mode: str = "linear"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warmup_mode not in ("linear", "constant"):
            raise ValueError(f"warmup_mode={self.warmup_mode!r}: expected 'linear' or 'constant'")

    def value(self, i: Node) -> Node:
        """The warm-up, then the curve."""
        begin = so.as_tensor(self.warmup_begin_lr)
        if self.warmup_mode == "linear":
            begin = begin + (self.base_lr - begin) * i / so.maximum(self.warmup_steps, 1)
        return so.where(i < self.warmup_steps, begin, self.curve.value(so.maximum(i - self.late, 0)))


def factor_scheduler(
    step: int,
    factor: float = 1.0,
    stop_factor_lr: float = 1e-8,
    base_lr: float = 0.01,
    warmup_steps: int = 0,
    warmup_begin_lr: float = 0.0,
    warmup_mode: str = "linear",
) -> Schedule:
    """``FactorScheduler``."""
    curve = Factor(base_lr, step, factor, stop_factor_lr)
    return Warmed(curve, base_lr, 1, warmup_steps, warmup_begin_lr, warmup_mode)


def multi_factor_scheduler(
    step: list[int],
    factor: float = 1.0,
    base_lr: float = 0.01,
    warmup_steps: int = 0,
    warmup_begin_lr: float = 0.0,
    warmup_mode: str = "linear",
) -> Schedule:
    """``MultiFactorScheduler``."""
    curve = MultiStep(base_lr, step, factor)
    return Warmed(curve, base_lr, 1, warmup_steps, warmup_begin_lr, warmup_mode)


def poly_scheduler(
    max_update: int,
    base_lr: float = 0.01,
    pwr: float = 2,
    final_lr: float = 0.0,
    warmup_steps: int = 0,
    warmup_begin_lr: float = 0.0,
    warmup_mode: str = "linear",
) -> Schedule:
    """``PolyScheduler``."""
    curve = Polynomial(base_lr, max_update - warmup_steps, final_lr, pwr)
    return Warmed(curve, base_lr, warmup_steps, warmup_steps, warmup_begin_lr, warmup_mode)


def cosine_scheduler(
    max_update: int,
    base_lr: float = 0.01,
    final_lr: float = 0.0,
    warmup_steps: int = 0,
    warmup_begin_lr: float = 0.0,
    warmup_mode: str = "linear",
) -> Schedule:
    """``CosineScheduler``."""
    curve = Cosine(base_lr, max_update - warmup_steps, final_lr)
    return Warmed(curve, base_lr, warmup_steps, warmup_steps, warmup_begin_lr, warmup_mode)


SCHEDULES: Table = table(
    FactorScheduler=factor_scheduler,
    MultiFactorScheduler=multi_factor_scheduler,
    PolyScheduler=poly_scheduler,
    CosineScheduler=cosine_scheduler,
)
