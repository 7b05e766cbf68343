"""The network built, compiled and called once in a fresh process: seconds from after the import."""

from __future__ import annotations

import time

from benchmarks.contest import OURS, FreshWork, Target
from benchmarks.works import numexpr_network


def build_seconds() -> float:
    import symopt  # noqa: F401  (its own time is another line of the table)

    problem = numexpr_network.problem()
    start = time.perf_counter()
    contestant = numexpr_network.symopt_network(problem)
    contestant.run(1)
    return time.perf_counter() - start


WORKS = (
    FreshWork(
        name="build",
        sizes=(0,),
        contestants={OURS: lambda size: "from benchmarks.works import build; print(build.build_seconds())"},
        targets=lambda size: (Target(limit=0.5),),
    ),
)
