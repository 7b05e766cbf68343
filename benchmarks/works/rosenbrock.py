"""Steps of RMSProp on the Rosenbrock function in float32: looped over in compiled code, and called one by one."""

from __future__ import annotations

import functools

import numpy as np

from benchmarks import data, limits, settings
from benchmarks.contest import LIMIT, OURS, Contestant, Maker, SteadyWork, Target, calls, later, ratios
from benchmarks.data import EPSILON, GAMMA, HALFLIFE, RATE

CALL_SECONDS = 0.7e-6
WORK_SECONDS = 0.03e-6  # of the step that is called: two variables


def symopt(looped: bool, n: int) -> Contestant:
    import symopt as so

    x = so.parameter(data.rosenbrock(n), name="x")
    loss = (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()
    rule = so.RMSProp(learning_rate=RATE, rms_halflife=HALFLIFE, rms_regularizer=EPSILON)
    step = so.function([], [], updates=rule.get_updates(loss, [x]), backend=settings.backend())
    return Contestant(step.repeat if looped else calls(step), lambda: [x.value])


def limit(looped: bool, n: int) -> Contestant:
    library = limits.load("rosenbrock", N=n, GAMMA=GAMMA, EPSILON=EPSILON, RATE=RATE)
    zeros = np.zeros(n, np.float32)
    both = limits.contestant(library, [data.rosenbrock(n), zeros, zeros], [0])
    return both if looped else Contestant(calls(functools.partial(both.run, 1)), both.results)


CALLED: dict[str, Maker] = {
    "numba": later("numba", "rosenbrock"),
    "casadi": later("casadi", "rosenbrock"),
    "pytensor": later("pytensor", "rosenbrock"),
    "jax jit": later("jax", "rosenbrock", False),
    "torch.compile": later("torch", "rosenbrock", True),
    "torch": later("torch", "rosenbrock", False),
}
LOOPED: dict[str, Maker] = {
    "jax scan": later("jax", "rosenbrock", True),
    "casadi C": later("casadi", "rosenbrock_code"),
} | CALLED


def limited_call(size: int) -> tuple[Target, ...]:
    return Target(CALL_SECONDS + WORK_SECONDS), *ratios(None, None, {OURS: 0, LIMIT: 0} | CALLED)


def looped_targets(size: int) -> tuple[Target, ...]:
    to_limit, to_best = {2: (1.1, 0.35), 100: (1.5, 0.2)}[size]
    return ratios(to_limit, to_best, LOOPED, apart=("numba",))


WORKS = (
    SteadyWork(
        name="rosenbrock",
        sizes=(2, 100),
        contestants={OURS: functools.partial(symopt, True), LIMIT: functools.partial(limit, True)} | LOOPED,
        targets=looped_targets,
        check_steps=lambda size: 10,
    ),
    SteadyWork(
        name="call",
        sizes=(2,),
        contestants={OURS: functools.partial(symopt, False), LIMIT: functools.partial(limit, False)} | CALLED,
        targets=limited_call,
        check_steps=lambda size: 10,
    ),
)
