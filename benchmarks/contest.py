"""What a benchmark is made of: contestants, works, targets, and what came of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

OURS = "symopt"


@dataclass(frozen=True)
class Contestant:
    """A way to do the work, ready to run inside a worker process."""

    steps: tuple[Callable[[], object], ...]
    """Steps to run one after the other, over and over; they differ in the data they are given."""
    results: Callable[[], list[np.ndarray]]
    """The state after the steps that ran so far, for comparison with the other contestants."""


@dataclass(frozen=True)
class Target:
    """A limit on symopt's figure, or on its ratio to the best of some opponents; without a limit, told only."""

    limit: float | None = None
    against: tuple[str, ...] = ()


Targets = Callable[[int], tuple[Target, ...]]


@dataclass(frozen=True)
class SteadyWork:
    """Steps timed in long-lived workers, one round each in turn."""

    name: str
    sizes: tuple[int, ...]
    contestants: Mapping[str, Callable[[int], Contestant]]
    targets: Targets
    rtol: float = 1e-4
    rounds: int = 15
    quick_rounds: int = 5
    round_seconds: float = 0.1
    settle_seconds: float = 0.05
    """A pause before each round, in which the threads of the round before end their spinning."""
    unit: str = "s"


@dataclass(frozen=True)
class FreshWork:
    """Something measured once in each fresh process: the text of a program that prints its figure."""

    name: str
    sizes: tuple[int, ...]
    contestants: Mapping[str, Callable[[int], str]]
    targets: Targets
    rounds: int = 7
    quick_rounds: int = 3
    unit: str = "s"
    growth: float | None = None
    """Limit on (time at the last size / time at the first) / (last size / first size)."""


Work = SteadyWork | FreshWork


@dataclass
class Outcome:
    """The figures of one work at one size: a list over the rounds for each contestant that ran."""

    work: str
    size: str
    unit: str
    targets: tuple[Target, ...]
    figures: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    wrong: bool = False

    def median(self, name: str) -> float:
        return statistics.median(self.figures[name])

    def ratio(self, name: str) -> float:
        """The median over the rounds of symopt's figure divided by the opponent's of the same round."""
        return statistics.median(a / b for a, b in zip(self.figures[OURS], self.figures[name], strict=True))

    def best(self, names: tuple[str, ...]) -> str | None:
        return min((n for n in names if n in self.figures), key=self.median, default=None)

    def reached(self, target: Target) -> tuple[float, str] | None:
        """What the target's limit bounds, and the opponent that decided; None where it can't be told."""
        if OURS not in self.figures:
            return None
        if not target.against:
            return self.median(OURS), ""
        best = self.best(target.against)
        return None if best is None else (self.ratio(best), best)

    def verdict(self) -> str:
        if self.wrong:
            return "WRONG"
        met = []
        for target in self.targets:
            if target.limit is None:
                continue
            reached = self.reached(target)
            if reached is None:
                return "-"
            met.append(reached[0] <= target.limit)
        if not met:
            return ""
        return "ok" if all(met) else "MISS"
