"""Sorix's schedules, which count from 0. ``base_lr`` is the learning rate of its optimizer."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from symopt.optimizers.like_schedules.table import Table, table
from symopt.optimizers.schedules import Cosine, Exp, ReduceOnPlateau, Schedule, Step


@dataclass(frozen=True)
class EarlyPlateau(ReduceOnPlateau):
    """Sorix's ``ReduceLROnPlateau``: it reduces at the bad validation that reaches ``patience``."""

    def noted(self, metric: float) -> ReduceOnPlateau:
        """The schedule after one more validation."""
        borne = dataclasses.replace(self, patience=max(self.patience - 1, 0))
        return dataclasses.replace(ReduceOnPlateau.noted(borne, metric), patience=self.patience)


def step_lr(step_size: int, gamma: float = 0.1, *, base_lr: float) -> Schedule:
    """``StepLR``."""
    return Step(base_lr, step_size, gamma)


def exponential_lr(gamma: float, *, base_lr: float) -> Schedule:
    """``ExponentialLR``."""
    return Exp(base_lr, gamma)


def cosine_annealing_lr(T_max: int, eta_min: float = 0.0, *, base_lr: float) -> Schedule:
    """``CosineAnnealingLR``, which goes up again after ``T_max``."""
    return Cosine(base_lr, T_max, eta_min, periodic=True)


def reduce_lr_on_plateau(
    mode: str = "min",
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    min_lr: float = 0.0,
    *,
    base_lr: float,
) -> Schedule:
    """``ReduceLROnPlateau``, whose threshold is a difference."""
    return EarlyPlateau(base_lr, factor, patience, threshold, floor=min_lr, smallest=0.0, mode=mode, relative=False)


SCHEDULES: Table = table(
    StepLR=step_lr,
    ExponentialLR=exponential_lr,
    CosineAnnealingLR=cosine_annealing_lr,
    ReduceLROnPlateau=reduce_lr_on_plateau,
)
