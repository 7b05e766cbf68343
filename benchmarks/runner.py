"""Runs works: every contestant in processes of its own, taking turns, so that drift of the machine hits all alike."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import settings
from benchmarks.contest import LIMIT, OURS, FreshWork, Outcome, SteadyWork, Target, Work

ROOT = Path(__file__).resolve().parents[1]


class Failed(Exception):
    """A contestant's process ended in an error; the last line of what it said."""


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it ended without a word"


def environment(folder: Path) -> dict[str, str]:
    """A process's environment: its caches in a folder, and when it was started."""
    return os.environ | settings.caches(folder) | {"BENCH_STARTED": repr(time.time())}


class Worker:
    """The parent's end of a worker process."""

    def __init__(self, work: str, contestant: str, size: int, folder: Path) -> None:
        self.stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed by close)
        command = [sys.executable, "-m", "benchmarks.worker", work, contestant, str(size)]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
        )

    def ask(self, command: str) -> Any:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.process.wait()
            self.stderr.seek(0)
            raise Failed(last_line(self.stderr.read()))
        return json.loads(answer)

    def close(self) -> None:
        if self.process.stdin and self.process.poll() is None:
            self.process.stdin.close()
        self.process.wait()
        self.stderr.close()


def differ(one: list[list[float]], other: list[list[float]], rtol: float) -> str:
    """Says where two samples of results differ; empty where they agree."""
    if [len(a) for a in one] != [len(b) for b in other]:
        return "different sizes"
    for i, (a, b) in enumerate(zip(one, other, strict=True)):
        x, y = np.array(a), np.array(b)
        if not np.allclose(x, y, rtol=rtol, atol=rtol * float(np.max(np.abs(y), initial=0.0)) / 10, equal_nan=True):
            return f"result {i} differs by {np.max(np.abs(x - y)):.3g}"
    return ""


def each(names: list[str], ask: Callable[[str], Any], outcome: Outcome) -> dict[str, Any]:
    """Asks all; drops from ``names`` those that fail, with a note."""
    answers = {}
    for name in list(names):
        try:
            answers[name] = ask(name)
        except Failed as failure:
            names.remove(name)
            outcome.figures.pop(name, None)
            outcome.notes.append(f"{outcome.work} {outcome.size}: {name} did not run: {failure}")
    return answers


def run_steady(work: SteadyWork, size: int, rounds: int) -> Outcome:
    outcome = Outcome(work.name, show_size(size), work.unit, work.targets(size))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        workers = {name: Worker(work.name, name, size, Path(folder)) for name in work.contestants}
        for worker in workers.values():
            stack.callback(worker.close)
        names = list(workers)
        samples = each(names, lambda name: workers[name].ask(f"check {work.check_steps(size)}"), outcome)
        compare(work, samples, outcome)
        each(names, lambda name: workers[name].ask(f"calibrate {work.round_seconds}"), outcome)
        for _ in range(rounds):
            for name, figure in each(names, lambda name: settled(workers[name], work.settle_seconds), outcome).items():
                outcome.figures.setdefault(name, []).append(figure)
    return outcome


def compare(work: SteadyWork, samples: dict[str, list[list[float]]], outcome: Outcome) -> None:
    """Everybody's results with those of hand-written C, or else of the first who is not symopt."""
    reference = next((name for name in (LIMIT, *samples) if name in samples and name != OURS), None)
    for name, sample in samples.items():
        if reference and (difference := differ(sample, samples[reference], work.rtol)):
            outcome.wrong = True
            outcome.notes.append(f"{work.name} {outcome.size}: {name} against {reference}: {difference}")


def settled(worker: Worker, pause: float) -> float:
    time.sleep(pause)
    return worker.ask("round")


def run_fresh(work: FreshWork, size: int, rounds: int) -> Outcome:
    outcome = Outcome(work.name, show_size(size), work.unit, work.targets(size))
    names = list(work.contestants)
    with tempfile.TemporaryDirectory() as kept:

        def figure(name: str) -> float:
            program = work.contestants[name](size)
            if not work.cold:
                return once(program, Path(kept))
            with tempfile.TemporaryDirectory() as empty:
                return once(program, Path(empty))

        each(names, figure, outcome)  # fills the caches of files, of bytecode, and of compiled code that is kept
        for _ in range(rounds):
            for name, seconds in each(names, figure, outcome).items():
                outcome.figures.setdefault(name, []).append(seconds)
    return outcome


def once(program: str, folder: Path) -> float:
    """Runs the program in a fresh process; its last line is the figure."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment(folder), capture_output=True, text=True
    )
    if done.returncode:
        raise Failed(last_line(done.stderr))
    return float(last_line(done.stdout))


def growth(work: FreshWork, first: Outcome, last: Outcome) -> Outcome:
    """How much faster than the size the time grows: 1 where it is linear."""
    low, high = work.sizes[0], work.sizes[-1]
    outcome = Outcome(work.name, f"{low} to {high}", "x", (Target(work.growth),))
    if OURS in first.figures and OURS in last.figures:
        outcome.figures[OURS] = [last.median(OURS) / first.median(OURS) / (high / low)]
    return outcome


def run(
    work: Work, quick: bool, sizes: list[int] | None = None, contestants: list[str] | None = None
) -> Iterator[Outcome]:
    """A work's sizes, one outcome each; of the contestants either all, or symopt, C and those that are named."""
    rounds = work.quick_rounds if quick else work.rounds
    if contestants:
        kept = {name: make for name, make in work.contestants.items() if name in (OURS, LIMIT, *contestants)}
        work = dataclasses.replace(work, contestants=kept)
    outcomes = []
    for size in [size for size in work.sizes if not sizes or size in sizes]:
        outcome = run_steady(work, size, rounds) if isinstance(work, SteadyWork) else run_fresh(work, size, rounds)
        outcomes.append(outcome)
        yield outcome
    if isinstance(work, FreshWork) and work.growth is not None and len(outcomes) == len(work.sizes):
        yield growth(work, outcomes[0], outcomes[-1])


def show_size(size: int) -> str:
    text = str(size)
    return f"1e{len(text) - 1}" if size >= 1000 and text.strip("0") == "1" else ("" if size == 0 else text)
