"""PyTorch's schedules, which count from 0. ``optimizer_lr`` is the learning rate of the optimizer."""

from __future__ import annotations

from typing import Any

from symopt.optimizers.like_schedules.table import Table, refuse, table
from symopt.optimizers.schedules import (
    Cosine,
    CosineRestarts,
    Cyclic,
    Exp,
    MultiStep,
    Piecewise,
    Polynomial,
    ReduceOnPlateau,
    Schedule,
    Step,
)


def step_lr(step_size: int, gamma: float = 0.1, *, optimizer_lr: float) -> Schedule:
    """``StepLR``."""
    return Step(optimizer_lr, step_size, gamma)


def multi_step_lr(milestones: list[int], gamma: float = 0.1, *, optimizer_lr: float) -> Schedule:
    """``MultiStepLR``; a milestone that is named twice counts twice."""
    factors = [gamma ** sum(m <= k for m in milestones) for k in sorted(set(milestones))]
    if len(factors) == len(milestones):
        return MultiStep(optimizer_lr, sorted(milestones), gamma)
    return Piecewise([optimizer_lr, *(optimizer_lr * f for f in factors)], sorted(set(milestones)))


def exponential_lr(gamma: float, *, optimizer_lr: float) -> Schedule:
    """``ExponentialLR``."""
    return Exp(optimizer_lr, gamma)


def constant_lr(factor: float = 1 / 3, total_iters: int = 5, *, optimizer_lr: float) -> Schedule:
    """``ConstantLR``."""
    return Piecewise([optimizer_lr * factor, optimizer_lr], [total_iters])


def linear_lr(
    start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5, *, optimizer_lr: float
) -> Schedule:
    """``LinearLR``."""
    return Polynomial(optimizer_lr * start_factor, total_iters, optimizer_lr * end_factor)


def polynomial_lr(total_iters: int = 5, power: float = 1.0, *, optimizer_lr: float) -> Schedule:
    """``PolynomialLR``."""
    return Polynomial(optimizer_lr, total_iters, power=power)


def cosine_annealing_lr(T_max: int, eta_min: float = 0.0, *, optimizer_lr: float) -> Schedule:
    """``CosineAnnealingLR``, which goes up again after ``T_max``."""
    return Cosine(optimizer_lr, T_max, eta_min, periodic=True)


def cosine_annealing_warm_restarts(T_0: int, T_mult: int = 1, eta_min: float = 0.0, *, optimizer_lr: float) -> Schedule:
    """``CosineAnnealingWarmRestarts``."""
    return CosineRestarts(optimizer_lr, T_0, T_mult, eta_min)


def one_cycle_lr(
    max_lr: float,
    total_steps: int | None = None,
    epochs: int | None = None,
    steps_per_epoch: int | None = None,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    cycle_momentum: bool = True,
    base_momentum: float = 0.85,
    max_momentum: float = 0.95,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
    *,
    optimizer_lr: float | None = None,
) -> Schedule:
    """``OneCycleLR``: its rate, whatever that of the optimizer. The momentum that it also moves is left out."""
    if total_steps is None:
        if epochs is None or steps_per_epoch is None:
            raise TypeError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
        total_steps = epochs * steps_per_epoch
    kinds = {"cos": "cosine", "linear": "linear"}
    if anneal_strategy not in kinds:
        raise ValueError(f"OneCycleLR: anneal_strategy={anneal_strategy!r}: expected 'cos' or 'linear'")
    initial = max_lr / div_factor
    values = [initial, max_lr, initial / final_div_factor]
    knots = [pct_start * total_steps - 1, total_steps - 1]
    if three_phase:
        values.insert(2, initial)
        knots.insert(1, 2 * pct_start * total_steps - 2)
    return Piecewise(values, knots, kinds[anneal_strategy])


def cyclic_lr(
    base_lr: float,
    max_lr: float,
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    mode: str = "triangular",
    gamma: float = 1.0,
    scale_fn: Any = None,
    scale_mode: str = "cycle",
    cycle_momentum: bool = True,
    base_momentum: float = 0.8,
    max_momentum: float = 0.9,
    *,
    optimizer_lr: float | None = None,
) -> Schedule:
    """``CyclicLR``: its rate, whatever that of the optimizer. The momentum that it also moves is left out."""
    refuse("CyclicLR", scale_fn=scale_fn)
    if mode not in ("triangular", "triangular2", "exp_range"):
        raise ValueError(f"CyclicLR: mode={mode!r}: expected 'triangular', 'triangular2' or 'exp_range'")
    down = step_size_up if step_size_down is None else step_size_down
    shrink = 0.5 if mode == "triangular2" else 1.0
    return Cyclic(base_lr, max_lr, step_size_up, down, shrink, gamma if mode == "exp_range" else 1.0)


def reduce_lr_on_plateau(
    mode: str = "min",
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    threshold_mode: str = "rel",
    cooldown: int = 0,
    min_lr: float = 0.0,
    eps: float = 1e-8,
    *,
    optimizer_lr: float,
) -> Schedule:
    """``ReduceLROnPlateau``."""
    if threshold_mode not in ("rel", "abs"):
        raise ValueError(f"ReduceLROnPlateau: threshold_mode={threshold_mode!r}: expected 'rel' or 'abs'")
    relative = threshold_mode == "rel"
    return ReduceOnPlateau(
        optimizer_lr, factor, patience, threshold, min_lr, cooldown, eps, mode=mode, relative=relative
    )


SCHEDULES: Table = table(
    StepLR=step_lr,
    MultiStepLR=multi_step_lr,
    ExponentialLR=exponential_lr,
    ConstantLR=constant_lr,
    LinearLR=linear_lr,
    PolynomialLR=polynomial_lr,
    CosineAnnealingLR=cosine_annealing_lr,
    CosineAnnealingWarmRestarts=cosine_annealing_warm_restarts,
    OneCycleLR=one_cycle_lr,
    CyclicLR=cyclic_lr,
    ReduceLROnPlateau=reduce_lr_on_plateau,
)
