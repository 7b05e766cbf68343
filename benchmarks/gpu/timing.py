"""The time of a step: the median over rounds of many steps each."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

Clock = Callable[[Callable[[], object]], float]
"""Runs something, and says how many seconds it took on the device."""

ROUNDS, QUICK_ROUNDS = 15, 5
SECONDS, QUICK_SECONDS = 0.06, 0.02
"""Of a round: long enough that starting it does not count."""


class Event(Protocol):
    """What the events of CuPy and of torch have in common."""

    def record(self) -> object: ...

    def synchronize(self) -> object: ...


def by_events(make: Callable[[], Event], milliseconds: Callable[[Event, Event], float]) -> Clock:
    """A clock of two CUDA events in the current stream."""

    def clock(work: Callable[[], object]) -> float:
        begin, end = make(), make()
        begin.record()
        work()
        end.record()
        end.synchronize()
        return milliseconds(begin, end) / 1e3

    return clock


def by_the_wall(work: Callable[[], object]) -> float:
    """For work that has ended when it returns."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def rounds_of(run: Callable[[int], object], clock: Clock, quick: bool) -> list[float]:
    """The seconds of a step in every round; warm from the rounds that find out how many steps fill one."""
    wanted, rounds = (QUICK_SECONDS, QUICK_ROUNDS) if quick else (SECONDS, ROUNDS)
    steps = 1
    run(4)  # the first compile, the next capture

    def timed() -> float:
        return clock(lambda: run(steps))

    while True:
        run(steps)  # some compile for the number of steps
        taken = timed()
        if taken >= wanted / 2 or steps >= 100_000:
            break
        steps = min(100_000, max(steps + 1, round(steps * min(16.0, wanted / max(taken, 1e-9)))))
    return [timed() / steps for _ in range(rounds)]
