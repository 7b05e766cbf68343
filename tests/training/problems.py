"""Small problems to train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import symopt as so
from symopt.graph.nodes import Input, Node, Shared


@dataclass(frozen=True)
class Script:
    """A loss that takes given values one after the other: after k updates it is ``losses[k]``.

    Its gradient is 1, so with a learning rate of 1 the parameter goes 0, -1, -2, ... and tells how many updates made
    it.
    """

    param: Shared
    loss: Node

    @property
    def updates(self) -> int:
        """How many updates made the present value of the parameter."""
        return -int(self.param.value)


def script(losses: Sequence[float]) -> Script:
    """A loss of given values."""
    u = so.parameter(0.0, name="u")
    table = so.constant(np.asarray(losses, float))
    value = so.take(table, so.cast(so.round(-u), "int64"))
    return Script(u, u - so.stop_gradient(u) + so.stop_gradient(value))


def trainer_of(script: Script, **settings: Any) -> so.Trainer:
    """A trainer that makes one update an epoch."""
    return so.build("sgd", script.loss, learning_rate=1.0, backend="numpy", **settings)


@dataclass(frozen=True)
class Line:
    """Rows of x and y = 3 x - 1 with some noise, and a model of them."""

    x: Input
    y: Input
    a: Shared
    b: Shared
    loss: Node
    rows: dict[str, np.ndarray]

    def params(self) -> list[np.ndarray]:
        """The parameters as they are now."""
        return [self.a.value, self.b.value]


def line(length: int = 20, dtype: str = "float64", seed: int = 0) -> Line:
    """A straight line through noisy points."""
    rng = np.random.default_rng(seed)
    xs = rng.normal(size=length)
    rows = {"x": xs.astype(dtype), "y": (3 * xs - 1 + 0.1 * rng.normal(size=length)).astype(dtype)}
    x, y = so.vector("x", dtype), so.vector("y", dtype)
    a, b = so.parameter(np.zeros((), dtype), name="a"), so.parameter(np.zeros((), dtype), name="b")
    return Line(x, y, a, b, so.square(a * x + b - y).mean(), rows)
