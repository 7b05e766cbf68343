"""Large graphs built, differentiated, compiled and called once in a fresh process; the time must grow linearly."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contest import OURS, FreshWork, Target

NODES_PER_LOSS = 10


def chain(so: Any, x: Any, nodes: int) -> Any:
    """One long chain of mixed elementwise operations over a vector."""
    cycle: tuple[Callable[[Any], Any], ...] = (
        so.tanh,
        lambda y: y + x,
        lambda y: y * 0.5,
        so.sin,
        lambda y: x - y,
        so.square,
        lambda y: y / 3.0,
        lambda y: so.sqrt(1.0 + y),
    )
    y = x
    for i in range(nodes):
        y = cycle[i % len(cycle)](y)
    return y.sum()


def wide(so: Any, x: Any, nodes: int) -> Any:
    """Many small losses added, about ten nodes each."""
    count = nodes // NODES_PER_LOSS
    slopes, shifts, goals = np.random.default_rng(0).standard_normal((3, count)).tolist()
    total = 0.0
    for slope, shift, goal in zip(slopes, shifts, goals, strict=True):
        total = total + so.square(so.tanh(slope * x + shift) * so.cos(x) - goal).sum()
    return total


def graph_seconds(kind: Callable[[Any, Any, int], Any], nodes: int) -> float:
    import symopt as so

    start = time.perf_counter()
    x = so.parameter(np.linspace(0.1, 1.0, 10), name="x")
    loss = kind(so, x, nodes)
    (gradient,) = so.gradient(loss, [x])
    step = so.function([], [loss], updates=[(x, x - 0.01 * gradient)], backend="numexpr")
    step()
    return time.perf_counter() - start


def measuring(kind: str) -> Callable[[int], str]:
    return lambda size: f"from benchmarks.works import graph; print(graph.graph_seconds(graph.{kind}, {size}))"


WORKS = tuple(
    FreshWork(
        name=f"graph_{kind}",
        sizes=(2_500, 5_000, 10_000),
        contestants={OURS: measuring(kind)},
        targets=lambda size: (Target(limit=5.0 if size == 10_000 else None),),
        rounds=3,
        quick_rounds=1,
        growth=1.5,
    )
    for kind in ("chain", "wide")
)
