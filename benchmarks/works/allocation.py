"""What one step allocates after the first few: the peak by tracemalloc, the returned outputs apart."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable

import numpy as np

from benchmarks.contest import OURS, Contestant, FreshWork, Target
from benchmarks.works import numexpr_network, numexpr_rosenbrock

CONTESTANTS: dict[str, Callable[[], Contestant]] = {
    "network_symopt": lambda: numexpr_network.symopt_network(numexpr_network.problem()),
    "network_numpy": lambda: numexpr_network.numpy_network(numexpr_network.problem()),
    "rosenbrock_symopt": lambda: numexpr_rosenbrock.symopt_rosenbrock(2),
    "rosenbrock_numpy": lambda: numexpr_rosenbrock.numpy_rosenbrock(2),
}


def size_of(outputs: object) -> int:
    """The bytes of what a step returned: an array or a number, or a list of them."""
    if isinstance(outputs, list | tuple):
        return sys.getsizeof(outputs) + sum(map(size_of, outputs))
    return sys.getsizeof(outputs) if isinstance(outputs, np.ndarray | np.generic | float) else 0


def peak_bytes(contestant: Contestant) -> int:
    """The worst of several steps."""
    worst = 0
    tracemalloc.start()
    for turn in range(20):
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        outputs = contestant.run(1)
        peak = tracemalloc.get_traced_memory()[1]
        if turn >= 10:
            worst = max(worst, peak - before - size_of(outputs))
        del outputs
    return worst


def measuring(name: str) -> Callable[[int], str]:
    program = f"from benchmarks.works import allocation as a; print(a.peak_bytes(a.CONTESTANTS[{name!r}]()))"
    return lambda size: program


WORKS = tuple(
    FreshWork(
        name=f"allocation_{work}",
        sizes=(0,),
        contestants={OURS: measuring(f"{work}_symopt"), "numpy": measuring(f"{work}_numpy")},
        targets=lambda size: (Target(limit=1023),),
        rounds=3,
        quick_rounds=1,
        unit="B",
    )
    for work in ("network", "rosenbrock")
)
