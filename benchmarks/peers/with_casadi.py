"""Peers in CasADi: a function of the state, run by its virtual machine, or as C that it generates; both in float64."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import casadi
import numpy as np

from benchmarks import data, settings
from benchmarks.contest import Contestant
from benchmarks.data import EPSILON, GAMMA, RATE

TOGETHER = 1_000  # steps that CasADi folds into one function


def rosenbrock_step(n: int) -> Any:
    """From x, mean and variance, one after the other, to their next values."""
    state = casadi.SX.sym("state", 3 * n)
    x, m, v = casadi.vertsplit(state, n)
    loss = casadi.sumsqr(10 * (x[1:] - x[:-1] ** 2)) + casadi.sumsqr(1 - x[:-1])
    g = casadi.gradient(loss, x)
    gain = (1 - GAMMA) * (g - m)
    v_next = GAMMA * (v + gain * (g - m))
    x_next = x - RATE * g / casadi.sqrt(v_next + EPSILON)
    return casadi.Function("rosenbrock", [state], [casadi.vertcat(x_next, m + gain, v_next)])


def start(n: int) -> np.ndarray:
    return np.concatenate([data.rosenbrock(n), np.zeros(2 * n)]).astype(np.float64)


class Turns:
    """Calls with prepared buffers, from one array into another and then back: a result must not lie on its argument."""

    def __init__(self, state: np.ndarray) -> None:
        self.states = state, np.empty_like(state)
        self.calls = 0
        self.kept: list[Any] = []  # the prepared calls hold no reference to their buffers

    def prepared(self, function: Any) -> tuple[Callable[[], None], Callable[[], None]]:
        """The call in either direction."""
        buffers, triggers = zip(function.buffer(), function.buffer(), strict=True)
        self.kept += [function, *buffers]
        for turn, buffer in enumerate(buffers):
            buffer.set_arg(0, memoryview(self.states[turn]))
            buffer.set_res(0, memoryview(self.states[1 - turn]))
        return triggers

    def run(self, triggers: tuple[Callable[[], None], Callable[[], None]], count: int) -> None:
        there, back = triggers if self.calls % 2 == 0 else triggers[::-1]
        for _ in range(count // 2):
            there()
            back()
        if count % 2:
            there()
        self.calls += count

    def results(self, n: int) -> list[np.ndarray]:
        return [self.states[self.calls % 2][:n]]


def rosenbrock(n: int) -> Contestant:
    turns = Turns(start(n))
    triggers = turns.prepared(rosenbrock_step(n))
    return Contestant(lambda k: turns.run(triggers, k), lambda: turns.results(n))


def rosenbrock_code(n: int) -> Contestant:
    """The loop over a thousand steps is in the generated C too."""
    step = rosenbrock_step(n)
    turns = Turns(start(n))
    with tempfile.TemporaryDirectory() as folder:
        single, many = generated(step, Path(folder)), generated(step.fold(TOGETHER), Path(folder))
    one, thousand = turns.prepared(single), turns.prepared(many)

    def run(k: int) -> None:
        turns.run(thousand, k // TOGETHER)
        turns.run(one, k % TOGETHER)

    return Contestant(run, lambda: turns.results(n))


def generated(function: Any, folder: Path) -> Any:
    """The function as C that CasADi writes and gcc compiles; CasADi calls it in float64."""
    generator = casadi.CodeGenerator(f"{function.name()}.c")
    generator.add(function)
    source = generator.generate(f"{folder}/")
    library = folder / f"{function.name()}.so"
    flags = ["-O3", f"-march={settings.march()}", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, source, "-o", str(library), "-lm"], check=True)
    return casadi.external(function.name(), str(library))
