"""Monitors averaged over batches."""

from __future__ import annotations

from collections.abc import Sequence

from symopt.graph.nodes import Array

#: Named numbers: the loss first, then the user's monitors, then gradient norms.
Monitors = dict[str, float]

#: Those of the training data of an epoch, and those of the latest validation.
Pair = tuple[Monitors, Monitors]


class Averages:
    """Means of monitors, with the lengths of batches as weights."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._totals = [0.0] * len(self._names)
        self._weight = 0

    def add(self, values: Sequence[Array], weight: int) -> None:
        """Take the values of one batch into account."""
        for i, value in enumerate(values):
            self._totals[i] += weight * float(value)
        self._weight += weight

    def means(self) -> Monitors:
        """The means so far; NaN before the first batch."""
        weight = self._weight or float("nan")
        return {name: total / weight for name, total in zip(self._names, self._totals, strict=True)}
