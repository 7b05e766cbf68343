"""When to stop: patience with a validation loss that no longer falls, and limits."""

from __future__ import annotations

import math
from dataclasses import dataclass


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
            if value is not None and (not isinstance(value, int) or value < 0):
                raise ValueError(f"{name}={value!r}: expected an int of at least 0, or None for no limit")
        if not isinstance(self.patience, int) or self.patience < 0:
            raise ValueError(f"patience={self.patience!r}: expected a number of validations, an int of at least 0")
        if not isinstance(self.validate_every, int) or self.validate_every < 1:
            raise ValueError(
                f"validate_every={self.validate_every!r}: expected a number of epochs, an int of at least 1"
            )
        if not self.min_improvement >= 0:
            raise ValueError(f"min_improvement={self.min_improvement!r}: expected a share of the loss, at least 0")

    def reached(self, updates: int, epochs: int) -> str | None:
        """Which limit has been reached, as a sentence."""
        if self.max_updates is not None and updates >= self.max_updates:
            return f"the limit of {self.max_updates} updates is reached"
        if self.max_epochs is not None and epochs >= self.max_epochs:
            return f"the limit of {self.max_epochs} epochs is reached"
        return None


class Progress:
    """The best loss so far, and the validations that have passed since."""

    def __init__(self, min_improvement: float) -> None:
        self.best = math.nan
        self.since = 0
        self._min_improvement = min_improvement

    def improves(self, loss: float) -> bool:
        """Whether ``loss`` is better than the best by enough; NaN never is."""
        if math.isnan(loss):
            return False
        if math.isnan(self.best):
            return True
        # (Not best - loss > share * abs(best) alone: a best of infinity would make it NaN.)
        return (
            loss < self.best and self.best - loss > self._min_improvement * abs(self.best)
        ) or self.best == math.inf > loss

    def note(self, loss: float) -> bool:
        """Take a validation loss into account; whether it is an improvement."""
        better = self.improves(loss)
        if better:
            self.best, self.since = loss, 0
        else:
            self.since += 1
        return better
