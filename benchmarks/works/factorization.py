"""Steps of SGD with momentum on the mean of (U V - X)^2, small (20x3 times 3x5) and large (400x400 times 400x784)."""

from __future__ import annotations

import numpy as np

from benchmarks import data, limits, settings
from benchmarks.contest import LIMIT, OURS, Contestant, Maker, SteadyWork, later, ratios
from benchmarks.data import MOMENTUM


def symopt(rows: int) -> Contestant:
    import symopt as so

    given = data.factorization(rows)
    x = so.input("x", shape=given.x.shape, dtype="float32")
    u, v = so.parameter(given.u, name="u"), so.parameter(given.v, name="v")
    loss = so.square(u @ v - x).mean()
    rule = so.SGD(learning_rate=given.rate, momentum=MOMENTUM)
    step = so.function([x], [], updates=rule.get_updates(loss, [u, v]), backend=settings.backend())
    return Contestant(lambda k: step.repeat(k, given.x), lambda: [u.value, v.value])


def limit(rows: int) -> Contestant:
    given = data.factorization(rows)
    name = "factorization_small" if rows == 20 else "factorization"
    library = limits.load(name, RATE=given.rate, MOMENTUM=MOMENTUM)
    velocities = [np.zeros_like(given.u), np.zeros_like(given.v)]
    return limits.contestant(library, [given.x, given.u, given.v, *velocities], [1, 2])


CONTESTANTS: dict[str, Maker] = {
    OURS: symopt,
    LIMIT: limit,
    "jax scan": later("jax", "factorization", True),
    "jax jit": later("jax", "factorization", False),
    "pytensor": later("pytensor", "factorization"),
    "torch.compile": later("torch", "factorization", True),
    "torch": later("torch", "factorization", False),
}

WORKS = (
    SteadyWork(
        name="factorization",
        sizes=(20, 400),
        contestants=CONTESTANTS,
        check_steps=lambda rows: 20_000 if rows == 20 else 4,  # the small one's are short
        targets=lambda rows: ratios(1.0, 0.1 if rows == 20 else 0.75, CONTESTANTS),
        settle_seconds=0.2,
    ),
)
