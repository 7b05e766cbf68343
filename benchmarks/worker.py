"""A long-lived process of one contestant: commands come by lines on stdin, answers go as JSON lines to stdout.

``check STEPS``: run so many steps and answer with a sample of the state. ``calibrate SECONDS``: find how many steps
fill that time. ``round``: run as many, and answer with the seconds of one step.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from benchmarks.contest import Contestant, SteadyWork
from benchmarks.works import WORKS

SAMPLES = 997
GROWTH = 16


def sample(array: np.ndarray) -> list[float]:
    """Some elements, spread evenly, as JSON can carry them."""
    flat = np.asarray(array, dtype=np.float64).ravel()
    return flat[:: max(1, flat.size // SAMPLES)].tolist()


def seconds(contestant: Contestant, steps: int) -> float:
    """The seconds of one step, of so many."""
    start = time.perf_counter()
    contestant.run(steps)
    return (time.perf_counter() - start) / steps


def calibrated(contestant: Contestant, wanted: float) -> int:
    """How many steps take about that time."""
    steps = 1
    while True:
        contestant.run(steps)  # some compile for the number of steps
        needed = wanted / max(seconds(contestant, steps), 1e-12)
        if needed < 4 * steps:
            return max(1, round(needed))
        steps = round(min(needed, GROWTH * steps))


def answers(contestant: Contestant) -> None:
    """Does what the lines ask for."""
    steps = 1
    out = sys.stdout
    sys.stdout = sys.stderr  # whatever a contestant prints must not look like an answer
    for line in sys.stdin:
        command, *arguments = line.split()
        answer: object = None
        if command == "check":
            contestant.run(int(arguments[0]))
            answer = [sample(array) for array in contestant.results()]
        elif command == "calibrate":
            answer = steps = calibrated(contestant, float(arguments[0]))
        elif command == "round":
            contestant.run(min(steps, 2))  # the other contestants have emptied the caches
            answer = seconds(contestant, steps)
        print(json.dumps(answer), file=out, flush=True)


def main(work_name: str, contestant_name: str, size: str) -> None:
    work = WORKS[work_name]
    assert isinstance(work, SteadyWork)
    answers(work.contestants[contestant_name](int(size)))


if __name__ == "__main__":
    main(*sys.argv[1:])
