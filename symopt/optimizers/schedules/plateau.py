"""The schedule that looks at validation losses instead of counts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import symopt.tensor as so
from symopt.errors import DataError
from symopt.graph.nodes import Node
from symopt.optimizers.schedules.base import Counts, Number, Schedule, number, parts


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    r"""A rate that is reduced when validations bring no improvement: :math:`\alpha' = \max(\gamma \alpha, l)`.

    The Trainer hands it the monitors of every validation, the one before the first update included. A validation
    counts as bad without an improvement on the best one. After more than ``patience`` bad ones in a row the rate is
    reduced, and counting begins anew.

    Parameters
    ----------
    rate : :math:`\alpha`, the present rate.
    gamma : :math:`\gamma`, the factor of each reduction, from 0 to 1; 0.1 by default.
    patience : how many bad validations are borne, at least 0; 10 by default.
    threshold : an improvement is more than this, at least 0; 1e-4 by default.
    floor : l, below which the rate is not reduced; 0 by default.
    cooldown : after a reduction so many validations are never bad, at least 0; 0 by default.
    smallest : a reduction by no more than this is not made, at least 0; 1e-8 by default.
    best : the best number so far; NaN before the first.
    bad : how many bad validations there were in a row.
    waiting : how much of the cooldown is left.
    mode : "min" (the default): lower is better; "max": higher is.
    relative : ``threshold`` is a share of the best number (the default), or a difference.
    monitor : the name of the monitor; "loss" by default.

    Source: PyTorch's ``ReduceLROnPlateau``. Sorix reduces at the bad validation that reaches ``patience``, and its
    threshold is a difference.

    >>> import symopt as so
    >>> schedule = so.schedules.ReduceOnPlateau(0.1, patience=1, gamma=0.5)
    >>> schedule.after([3.0, 2.0, 2.0, 2.0, 1.0])
    [0.1, 0.1, 0.1, 0.05, 0.05]
    """

    rate: Number = number()
    gamma: Number = number(0.1, low=0, high=1)
    patience: Number = number(10, low=0)
    threshold: Number = number(1e-4, low=0)
    floor: Number = number(0.0)
    cooldown: Number = number(0, low=0)
    smallest: Number = number(1e-8, low=0)
    best: Number = number(math.nan)
    bad: Number = number(0)
    waiting: Number = number(0)
    mode: str = "min"
    relative: bool = True
    monitor: str = "loss"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode not in ("min", "max"):
            raise ValueError(f"ReduceOnPlateau(mode={self.mode!r}): expected 'min' or 'max'")

    def expression(self, counts: Counts) -> Node:
        """The present rate."""
        return so.as_tensor(self.rate)

    def at(self, i: float, epoch: float | None = None, metrics: Iterable[float] = ()) -> float:
        """The rate after metric i of ``metrics``; the present rate without metrics."""
        rates = self.after(metrics)
        return rates[int(i)] if rates else float(self.rate)

    def after(self, metrics: Iterable[float]) -> list[float]:
        """The rate after each of these numbers in turn."""
        schedule, rates = self, []
        for metric in metrics:
            schedule = schedule.noted(metric)
            rates.append(float(schedule.rate))
        return rates

    def noted(self, metric: float) -> ReduceOnPlateau:
        """The schedule after one more validation."""
        better = self._improves(metric)
        best = metric if better else self.best
        waiting = max(self.waiting - 1, 0)
        bad = 0 if better or self.waiting > 0 else self.bad + 1
        if bad <= self.patience:
            return dataclasses.replace(self, best=best, bad=bad, waiting=waiting)
        reduced = max(self.rate * self.gamma, self.floor)
        rate = reduced if self.rate - reduced > self.smallest else self.rate
        return dataclasses.replace(self, best=best, bad=0, waiting=self.cooldown, rate=rate)

    def _improves(self, metric: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        best = sign * math.inf if math.isnan(self.best) else self.best
        bound = best * (1 - sign * self.threshold) if self.relative else best - sign * self.threshold
        return bool(sign * metric < sign * bound)  # never where the metric is NaN


def after_validation(value: Any, monitors: Mapping[str, float]) -> Any:
    """A hyperparameter after a validation with these monitors; ``value`` itself where it looks at none."""
    if isinstance(value, ReduceOnPlateau):
        if value.monitor not in monitors:
            raise DataError(f"ReduceOnPlateau: there is no monitor {value.monitor!r}; there are {', '.join(monitors)}")
        return value.noted(monitors[value.monitor])
    if isinstance(value, tuple):
        items = tuple(after_validation(item, monitors) for item in value)
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    if not isinstance(value, Schedule):
        return value
    names = dict.fromkeys(name for name, _ in parts(value))
    after = {name: after_validation(getattr(value, name), monitors) for name in names}
    changes = {name: new for name, new in after.items() if new is not getattr(value, name)}
    return dataclasses.replace(value, **changes) if changes else value
