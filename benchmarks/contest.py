"""What a benchmark is made of: contestants, works, targets, and what came of them."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np

OURS = "symopt"
LIMIT = "C"


@dataclass(frozen=True)
class Contestant:
    """A way to do the work, ready to run inside a worker process."""

    run: Callable[[int], object]
    """Runs so many steps, in the fastest way there is to run that many; the runs of one worker add up."""
    results: Callable[[], list[np.ndarray]]
    """The state after the steps that ran so far, for comparison with the other contestants."""


def calls(*steps: Callable[[], object]) -> Callable[[int], object]:
    """``run`` for steps that Python calls, one after the other, over and over; it returns what the last one did."""
    turns = itertools.cycle(steps)

    def run(count: int) -> object:
        outputs: object = None
        for step in itertools.islice(turns, count):
            outputs = step()
        return outputs

    return run


Maker = Callable[[int], Contestant]


def later(library: str, function: str, *arguments: object) -> Maker:
    """A peer: a function of ``benchmarks.peers.with_LIBRARY``, which is loaded in the worker alone."""
    return lambda size: getattr(import_module(f"benchmarks.peers.with_{library}"), function)(*arguments, size)


@dataclass(frozen=True)
class Target:
    """A limit on symopt's figure, or on its ratio to the best of some opponents; without a limit, told only."""

    limit: float | None = None
    against: tuple[str, ...] = ()


Targets = Callable[[int], tuple[Target, ...]]


def ratios(
    to_limit: float | None, to_best: float | None, contestants: Mapping[str, object], apart: tuple[str, ...] = ()
) -> tuple[Target, Target]:
    """The targets of a work with hand-written C and peers; ``apart`` are told, but are no peers."""
    peers = tuple(name for name in contestants if name not in (OURS, LIMIT, *apart))
    return Target(to_limit, (LIMIT,)), Target(to_best, peers)


@dataclass(frozen=True)
class SteadyWork:
    """Steps timed in long-lived workers, one round each in turn."""

    name: str
    sizes: tuple[int, ...]
    contestants: Mapping[str, Maker]
    targets: Targets
    rtol: float = 1e-4
    """How far results may differ, in relation to their own size or to a tenth of the largest of their array."""
    check_steps: Callable[[int], int] = lambda size: 4
    """After how many steps results are compared, by the size: so many that a wrong one shows."""
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
    cold: bool = False
    """Whether every process begins with empty caches of compiled code; else it finds those of the process before."""
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

    def ratio(self, opponent: str, name: str = OURS) -> float:
        """The median over the rounds of a contestant's figure divided by the opponent's of the same round."""
        pairs = zip(self.figures[name], self.figures[opponent], strict=True)
        return statistics.median(a / b for a, b in pairs)

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

    def met(self, target: Target) -> bool | None:
        """Whether the target is reached; None where there is no limit, or no figure."""
        reached = self.reached(target)
        return None if target.limit is None or reached is None else reached[0] <= target.limit

    def verdict(self) -> str:
        if self.wrong:
            return "WRONG"
        limited = [target for target in self.targets if target.limit is not None]
        met = [self.met(target) for target in limited]
        if None in met:
            return "-"
        return "" if not met else "ok" if all(met) else "MISS"
