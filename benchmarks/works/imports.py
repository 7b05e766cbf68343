"""``import symopt`` in a fresh process, beside NumPy's own import."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.contest import OURS, FreshWork, Target


def importing(module: str) -> Callable[[int], str]:
    program = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    return lambda size: program


WORKS = (
    FreshWork(
        name="import",
        sizes=(0,),
        contestants={OURS: importing("symopt"), "numpy": importing("numpy")},
        targets=lambda size: (Target(limit=0.4),),
        rounds=11,
    ),
)
