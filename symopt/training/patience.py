"""When to stop: patience with a validation loss that no longer falls, and limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Limits:
    """When a run ends: see :meth:`symopt.Trainer.iterate`. Updates and epochs count from the trainer's birth."""

    max_updates: int | None = None
    max_epochs: int | None = None
    patience: int = 5
    validate_every: int = 10
    min_improvement: float = 0.0
    final_validation: bool = True

    def __post_init__(self) -> None:
        for name in ("max_updates", "max_epochs"):
            value = getattr(self, name)
            if value is not None and not _is_count(value, 0):
                raise ValueError(f"{name}={value!r}: expected an int of at least 0, or None for no limit")
        if not _is_count(self.patience, 0):
            raise ValueError(f"patience={self.patience!r}: expected a number of validations, an int of at least 0")
        if not _is_count(self.validate_every, 1):
            raise ValueError(
                f"validate_every={self.validate_every!r}: expected a number of epochs, an int of at least 1"
            )
        if not self.min_improvement >= 0:
            raise ValueError(f"min_improvement={self.min_improvement!r}: expected a share of the loss, at least 0")

    @property
    def last_update(self) -> float:
        """How many updates there may be at most."""
        return math.inf if self.max_updates is None else self.max_updates

    def reached(self, updates: int, epochs: int) -> str | None:
        """Which limit has been reached, as a sentence."""
        if self.max_updates is not None and updates >= self.max_updates:
            return f"the limit of {self.max_updates} updates is reached"
        if self.max_epochs is not None and epochs >= self.max_epochs:
            return f"the limit of {self.max_epochs} epochs is reached"
        return None

    def validates_after(self, epoch: int, is_last: bool) -> bool:
        """Whether there is a validation after so many epochs, the last of which may have reached a limit."""
        return self.final_validation if is_last else epoch % self.validate_every == 0


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= least


@dataclass
class Progress:
    """The best loss so far (NaN before the first), and the validations that have passed since."""

    best: float = math.nan
    since: int = 0

    def note(self, loss: float, min_improvement: float) -> bool:
        """Take a validation loss into account; whether it is better than the best by more than this share of it."""
        if math.isnan(self.best):
            better = not math.isnan(loss)
        elif math.isinf(self.best):  # no share can be told
            better = loss < self.best
        else:
            better = self.best - loss > min_improvement * abs(self.best)  # never where the loss is NaN
        if better:
            self.best, self.since = loss, 0
        else:
            self.since += 1
        return better

    def exhausted(self, patience: int) -> str | None:
        """A sentence where patience is at its end."""
        if self.since <= patience:
            return None
        return f"{self.since} validations have passed without an improvement on the best loss, {self.best:.6g}"
