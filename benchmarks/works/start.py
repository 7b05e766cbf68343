"""From the start of a process to its first finished step, with empty caches of compiled code and with filled ones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from benchmarks.contest import FreshWork, Maker, Target, ratios
from benchmarks.works import networks, rosenbrock

PROBLEMS: dict[str, tuple[dict[str, Maker], int]] = {
    "rosenbrock": (dict(rosenbrock.WORKS[1].contestants), 2),
    "network": (networks.contestants("network"), 128),  # one batch
}
LIMITS = {("rosenbrock", True): 0.8, ("network", True): 1.5, ("rosenbrock", False): 0.5, ("network", False): 0.6}


def first_step(problem: str, contestant: str) -> None:
    """Prints the seconds since the process was started."""
    contestants, size = PROBLEMS[problem]
    contestants[contestant](size).run(1)
    print(time.time() - float(os.environ["BENCH_STARTED"]))


def starting(problem: str, contestant: str) -> Callable[[int], str]:
    return lambda size: f"from benchmarks.works.start import first_step; first_step({problem!r}, {contestant!r})"


def work(problem: str, cold: bool) -> FreshWork:
    names = PROBLEMS[problem][0]
    return FreshWork(
        name=f"start_{problem}_{'cold' if cold else 'warm'}",
        sizes=(0,),
        contestants={name: starting(problem, name) for name in names},
        targets=lambda size: (Target(LIMITS[problem, cold]), *ratios(None, None, names)),
        rounds=5,
        quick_rounds=1,
        cold=cold,
    )


WORKS = tuple(work(problem, cold) for problem in PROBLEMS for cold in (True, False))
