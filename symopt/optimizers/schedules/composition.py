"""Schedules one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node
from symopt.optimizers.schedules.base import Counts, Number, Schedule, as_schedule, check_ascending, check_every, number


@dataclass(frozen=True)
class Chain(Schedule):
    """Schedules one after the other, each of which counts from its own beginning; made by :func:`sequence`."""

    schedules: tuple[Schedule, ...]
    boundaries: Number = number(low=0)
    every: str = "iteration"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_every(self.every)
        if not isinstance(self.boundaries, tuple) or len(self.boundaries) + 1 != len(self.schedules):
            raise ValueError(f"sequence: {self.schedules!r} with {self.boundaries!r}: expected one boundary less")
        check_ascending(self, "boundaries", self.boundaries)

    def expression(self, counts: Counts) -> Node:
        count = counts[self.every]
        beginnings = [None, *self.boundaries]
        values = [
            schedule.expression(counts if begin is None else {**counts, self.every: so.maximum(count - begin, 0)})
            for schedule, begin in zip(self.schedules, beginnings, strict=True)
        ]
        result = values[-1]
        for boundary, value in zip(reversed(self.boundaries), reversed(values[:-1]), strict=True):
            result = so.where(count < boundary, value, result)
        return result


@dataclass(frozen=True)
class Warmup(Schedule):
    """A line up to where a schedule begins, and then that schedule; made by :func:`with_warmup`."""

    schedule: Schedule
    steps: Number = number(low=1e-300)
    start: Number = number(0.0)
    every: str = "iteration"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_every(self.every)

    def expression(self, counts: Counts) -> Node:
        count = counts[self.every]
        after = self.schedule.expression({**counts, self.every: so.maximum(count - self.steps, 0)})
        share = so.minimum(count / self.steps, 1)
        # Until the warm-up is over, the schedule stays at its beginning.
        return so.where(share < 1, self.start + (after - self.start) * share, after)


def sequence(schedules: Sequence[Any], boundaries: Sequence[float], every: str = "iteration") -> Schedule:
    """Schedules (or numbers) one after the other.

    Parameters
    ----------
    schedules : at least one; each counts from 0 where it begins.
    boundaries : where the second one begins, the third, ...; one less than schedules.
    every : what the boundaries count, "iteration" or "epoch".

    >>> import symopt as so
    >>> schedule = so.schedules.sequence([0.1, so.schedules.Exp(0.2, gamma=0.5)], [3])
    >>> [schedule.at(i) for i in range(6)]
    [0.1, 0.1, 0.1, 0.2, 0.1, 0.05]
    """
    return Chain(tuple(map(as_schedule, schedules)), tuple(boundaries), every)


def with_warmup(schedule: Any, steps: float, start: float = 0.0, every: str = "iteration") -> Schedule:
    """A schedule (or a number) that is reached in a line: in ``steps`` steps from ``start``.

    Afterwards the schedule counts from 0.

    >>> import symopt as so
    >>> print(so.schedules.with_warmup(0.1, steps=100))
    where(minimum(iteration / 100, 1) < 1, 0.1 * minimum(iteration / 100, 1), 0.1)
    """
    return Warmup(as_schedule(schedule), steps, start, every)
