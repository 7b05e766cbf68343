"""Epochs of Adam in batches of 128: logistic regression over 60 000 rows, and a network 784-256-128-10 over 6 400.

A step is an epoch, which gives the mean of the losses of its rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks import data, limits, settings
from benchmarks.contest import LIMIT, OURS, Contestant, Maker, SteadyWork, later, ratios
from benchmarks.data import B1, B2, BATCH, EPSILON

ROWS = {"logistic": 60_000, "network": 6_400}


def given(name: str, rows: int) -> data.Samples:
    make: Callable[[int], data.Samples] = {"logistic": data.logistic, "network": data.network}[name]
    return make(rows)


def symopt(name: str, rows: int) -> Contestant:
    import symopt as so

    start = given(name, rows)
    x = so.input("x", shape=("n", data.WIDTHS[0]), dtype="float32")
    labels = so.input("labels", shape=("n",), dtype="int64")
    parameters = [so.parameter(value, name=f"p{i}") for i, value in enumerate(start.parameters)]
    hidden = x
    for weights, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        hidden = so.tanh(hidden @ weights + bias)
    loss = so.cross_entropy(hidden @ parameters[-2] + parameters[-1], labels).mean()
    rule = so.Adam(learning_rate=start.rate, beta1=B1, beta2=B2, epsilon=EPSILON)
    step = so.function([x, labels], loss, updates=rule.get_updates(loss, parameters), backend=settings.backend())
    mean = np.zeros(())

    def run(epochs: int) -> None:
        for _ in range(epochs):
            mean[...] = step.epoch([start.x, start.labels], batch_size=BATCH)

    return Contestant(run, lambda: [mean, *(p.value for p in parameters)])


def limit(name: str, rows: int) -> Contestant:
    start = given(name, rows)
    library = limits.load(name, TOTAL=rows, RATE=start.rate, B1=B1, B2=B2, EPSILON=EPSILON)
    values = [array for p in start.parameters for array in (p, np.zeros_like(p), np.zeros_like(p))]
    places = [2, *range(4, 4 + len(values), 3)]
    return limits.contestant(library, [start.x, start.labels, np.zeros(()), np.zeros(()), *values], places)


def contestants(name: str) -> dict[str, Maker]:
    return {
        OURS: lambda rows: symopt(name, rows),
        LIMIT: lambda rows: limit(name, rows),
        "jax scan": later("jax", "network", name, True),
        "jax jit": later("jax", "network", name, False),
        "pytensor": later("pytensor", "network", name),
        "torch.compile": later("torch", "network", name, True),
        "torch": later("torch", "network", name, False),
    }


def work(name: str, to_limit: float, to_best: float) -> SteadyWork:
    names = contestants(name)
    return SteadyWork(
        name=name,
        sizes=(ROWS[name],),
        contestants=names,
        targets=lambda rows: ratios(to_limit, to_best, names),
        check_steps=lambda rows: 1,
        rtol=1e-2,  # Adam's first steps are signs of gradients, and some gradients are as small as their rounding
        round_seconds=0.3,
        settle_seconds=0.3,
    )


WORKS = (work("logistic", 1.05, 0.4), work("network", 0.95, 0.75))
