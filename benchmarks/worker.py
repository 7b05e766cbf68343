"""A long-lived process of one contestant: commands come by lines on stdin, answers go as JSON lines to stdout.

``check``: run every step twice and answer with a sample of the state. ``calibrate SECONDS``: find how many cycles over
the steps fill that time. ``round``: run as many, and answer with the seconds of one step.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from benchmarks.contest import Contestant, SteadyWork
from benchmarks.works import WORKS

SAMPLES = 997


def sample(array: np.ndarray) -> list[float]:
    """Some elements, spread evenly, as JSON can carry them."""
    flat = np.asarray(array, dtype=np.float64).ravel()
    return flat[:: max(1, flat.size // SAMPLES)].tolist()


def seconds(contestant: Contestant, cycles: int) -> float:
    """The seconds of one step, over so many cycles."""
    steps = contestant.steps
    start = time.perf_counter()
    for _ in range(cycles):
        for step in steps:
            step()
    return (time.perf_counter() - start) / (cycles * len(steps))


def main(work_name: str, contestant_name: str, size: str) -> None:
    work = WORKS[work_name]
    assert isinstance(work, SteadyWork)
    contestant = work.contestants[contestant_name](int(size))
    cycles = 1
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever a contestant prints must not look like an answer
    for line in sys.stdin:
        command, *arguments = line.split()
        answer: object = None
        if command == "check":
            seconds(contestant, 2)
            answer = [sample(array) for array in contestant.results()]
        elif command == "calibrate":
            wanted = float(arguments[0])
            while (spent := seconds(contestant, cycles) * cycles * len(contestant.steps)) < wanted / 4:
                cycles *= 2
            cycles = max(1, round(cycles * wanted / spent))
            answer = cycles
        elif command == "round":
            seconds(contestant, 1)  # the other contestants have emptied the caches
            answer = seconds(contestant, cycles)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
