"""Steps of Adam on the curve y = a exp(-b x) cos(c x + d) + e through many points, in float64."""

from __future__ import annotations

import numpy as np

from benchmarks import data, limits, settings
from benchmarks.contest import LIMIT, OURS, Contestant, Maker, SteadyWork, later, ratios
from benchmarks.data import B1, B2, EPSILON, RATE


def symopt(rows: int) -> Contestant:
    import symopt as so

    points = data.curve(rows)
    x, y = so.input("x", shape=(rows,)), so.input("y", shape=(rows,))
    a, b, c, d, e = parameters = [
        so.parameter(value, name=name) for name, value in zip("abcde", points.start, strict=True)
    ]
    loss = so.square(a * so.exp(-b * x) * so.cos(c * x + d) + e - y).mean()
    rule = so.Adam(learning_rate=RATE, beta1=B1, beta2=B2, epsilon=EPSILON)
    step = so.function([x, y], [], updates=rule.get_updates(loss, parameters), backend=settings.backend())
    return Contestant(lambda k: step.repeat(k, points.x, points.y), lambda: [p.value for p in parameters])


def limit(rows: int) -> Contestant:
    points = data.curve(rows)
    library = limits.load("curve", N=rows, RATE=RATE, B1=B1, B2=B2, EPSILON=EPSILON)
    start = np.array(points.start)
    both = limits.contestant(
        library, [points.x, points.y, start, np.zeros_like(start), np.zeros_like(start), np.zeros(())], [2]
    )
    return Contestant(both.run, lambda: list(both.results()[0].reshape(-1, 1)))


CONTESTANTS: dict[str, Maker] = {
    OURS: symopt,
    LIMIT: limit,
    "torch.compile": later("torch", "curve", True),
    "torch": later("torch", "curve", False),
    "numpy": later("numpy", "curve"),
    "numexpr": later("numexpr", "curve"),
    "pytensor": later("pytensor", "curve"),
    "jax": later("jax", "curve"),
    "numba": later("numba", "curve"),
}

WORKS = (
    SteadyWork(
        name="curve",
        sizes=(2_000_000,),
        contestants=CONTESTANTS,
        targets=lambda rows: ratios(1.25, 0.5, CONTESTANTS),
        rtol=1e-9,
        round_seconds=0.2,
        settle_seconds=0.2,
    ),
)
