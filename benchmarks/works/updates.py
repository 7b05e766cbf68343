"""The updates of Adam, RMSProp and AdaGrad alone, of a float32 vector whose gradient comes from outside.

A thousand elements are looped over in compiled code by whoever can, more are called from Python step by step.
"""

from __future__ import annotations

import functools

import numpy as np

from benchmarks import data, limits, settings
from benchmarks.contest import LIMIT, OURS, Contestant, Maker, SteadyWork, Target, calls, later, ratios
from benchmarks.data import B1, B2, EPSILON, GAMMA, HALFLIFE, RATE

LOOPED = 1_000
NUMBER_OF_STATES = {"adam": 2, "rmsprop": 2, "adagrad": 1}


def symopt(rule_name: str, n: int) -> Contestant:
    import symopt as so

    rule = {
        "adam": lambda: so.Adam(learning_rate=RATE, beta1=B1, beta2=B2, epsilon=EPSILON),
        "rmsprop": lambda: so.RMSProp(learning_rate=RATE, rms_halflife=HALFLIFE, rms_regularizer=EPSILON),
        "adagrad": lambda: so.AdaGrad(learning_rate=RATE, rms_regularizer=EPSILON),
    }[rule_name]()
    start, gradient = data.update(n)
    g = so.input("g", shape=(n,), dtype="float32")
    p = so.parameter(start, name="p")
    updates = rule.get_updates((g * p).sum(), [p])  # whose gradient is g
    step = so.function([g], [], updates=updates, backend=settings.backend())
    states = {variable.name: variable for variable, _ in updates}
    names = {"adam": ("p_mean", "p_square"), "rmsprop": ("p_mean", "p_variance"), "adagrad": ("p_squares",)}[rule_name]
    run = (lambda k: step.repeat(k, gradient)) if n <= LOOPED else calls(functools.partial(step, gradient))
    return Contestant(run, lambda: [p.value, *(states[name].value for name in names)])


def limit(rule_name: str, n: int) -> Contestant:
    constants = {"B1": B1, "B2": B2, "GAMMA": GAMMA, "EPSILON": EPSILON, "RATE": RATE}
    library = limits.load("updates", **{rule_name.upper(): 1}, N=n, **constants)
    p, g = data.update(n)
    zeros = np.zeros(n, np.float32)
    states = [2, 3] if NUMBER_OF_STATES[rule_name] == 2 else [3]
    both = limits.contestant(library, [p, g, zeros, zeros, np.ones(2)], [0, *states])
    return both if n <= LOOPED else Contestant(calls(functools.partial(both.run, 1)), both.results)


def contestants(rule_name: str) -> dict[str, Maker]:
    peers: dict[str, Maker] = {
        "numba": later("numba", "update", rule_name),
        "numpy": later("numpy", "update", rule_name),
        "numexpr": later("numexpr", "update", rule_name),
        "jax": later("jax", "update", rule_name),
        "torch": later("torch", "update", rule_name),
        "numba loop": later("numba", "update_loop", rule_name),
    }
    return {OURS: functools.partial(symopt, rule_name), LIMIT: functools.partial(limit, rule_name)} | peers


def targets(
    size: int, to_limit: dict[int, float], to_best: dict[int, float], names: dict[str, Maker]
) -> tuple[Target, ...]:
    # A loop in numba is a loop written by hand, as the limit is; the targets were set against a call of it.
    return ratios(to_limit[size], to_best[size], names, apart=("numba loop",))


WORKS = tuple(
    SteadyWork(
        name=f"update_{rule_name}",
        sizes=(1_000, 100_000, 10_000_000),
        contestants=contestants(rule_name),
        targets=functools.partial(
            targets,
            to_limit={1_000: 1.1, 100_000: 1.0, 10_000_000: 1.05},
            to_best={1_000: 0.2, 100_000: 1.05, 10_000_000: 1.1},
            names=contestants(rule_name),
        ),
    )
    for rule_name in NUMBER_OF_STATES
)
