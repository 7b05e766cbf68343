"""Peers in PyTensor: shared variables with updates, compiled in its default mode, called without checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from benchmarks import data
from benchmarks.contest import Contestant, calls
from benchmarks.data import B1, B2, BATCH, EPSILON, GAMMA, MOMENTUM, RATE

Updates = list[tuple[Any, Any]]


def compiled(inputs: list[Any], outputs: Any, updates: Updates) -> Any:
    function = pytensor.function(inputs, outputs, updates=updates)
    function.trust_input = True
    return function


def number(value: float, like: Any) -> Any:
    """A constant that does not widen what it meets."""
    return np.asarray(value, like.dtype)


def values(shared: list[Any]) -> list[np.ndarray]:
    return [np.asarray(variable.get_value(borrow=True)) for variable in shared]


def zeros(like: Any) -> Any:
    return pytensor.shared(np.zeros_like(like.get_value()))


def adam(loss: Any, parameters: list[Any], rate: float) -> Updates:
    t = pytensor.shared(np.zeros((), np.float64))
    updates: Updates = [(t, t + 1)]
    for p, g in zip(parameters, pt.grad(loss, parameters), strict=True):
        m, v = zeros(p), zeros(p)
        m_next = number(B1, p) * m + number(1 - B1, p) * g
        v_next = number(B2, p) * v + number(1 - B2, p) * g**2
        c1, c2 = (rate / (1 - B1 ** (t + 1))).astype(p.dtype), (1 / (1 - B2 ** (t + 1))).astype(p.dtype)
        updates += [(m, m_next), (v, v_next), (p, p - c1 * m_next / (pt.sqrt(v_next * c2) + number(EPSILON, p)))]
    return updates


def rosenbrock(n: int) -> Contestant:
    x = pytensor.shared(data.rosenbrock(n))
    m, v = zeros(x), zeros(x)
    hundred, one = number(100, x), number(1, x)
    g = pt.grad((hundred * (x[1:] - x[:-1] ** 2) ** 2 + (one - x[:-1]) ** 2).sum(), x)
    gain = number(1 - GAMMA, x) * (g - m)
    v_next = number(GAMMA, x) * (v + gain * (g - m))
    x_next = x - number(RATE, x) * g / pt.sqrt(v_next + number(EPSILON, x))
    step = compiled([], [], [(m, m + gain), (v, v_next), (x, x_next)])
    return Contestant(calls(step), lambda: values([x]))


def factorization(rows: int) -> Contestant:
    given = data.factorization(rows)
    x, u, v = pytensor.shared(given.x), pytensor.shared(given.u), pytensor.shared(given.v)
    updates: Updates = []
    for p, g in zip([u, v], pt.grad(((u @ v - x) ** 2).mean(dtype="float32"), [u, v]), strict=True):
        velocity = zeros(p)
        velocity_next = number(MOMENTUM, p) * velocity - number(given.rate, p) * g
        updates += [(velocity, velocity_next), (p, p + velocity_next)]
    return Contestant(calls(compiled([], [], updates)), lambda: values([u, v]))


def network(name: str, rows: int) -> Contestant:
    """A step is an epoch."""
    given = data.logistic(rows) if name == "logistic" else data.network(rows)
    x, labels = pt.matrix("x", dtype="float32"), pt.vector("labels", dtype="int64")
    parameters = [pytensor.shared(p) for p in given.parameters]
    hidden = x
    for weights, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        hidden = pt.tanh(hidden @ weights + bias)
    logs = pt.special.log_softmax(hidden @ parameters[-2] + parameters[-1], axis=1)
    loss = -logs[pt.arange(labels.shape[0]), labels].mean(dtype="float32")
    step = compiled([x, labels], loss, adam(loss, parameters, given.rate))
    spans = [slice(i, min(i + BATCH, rows)) for i in range(0, rows, BATCH)]
    batches = [(given.x[span], given.labels[span], span.stop - span.start) for span in spans]
    mean = np.zeros(())

    def epoch() -> None:
        mean[...] = sum(step(x, labels) * count for x, labels, count in batches) / rows

    return Contestant(calls(epoch), lambda: [mean, *values(parameters)])


def curve(rows: int) -> Contestant:
    points = data.curve(rows)
    x, y = pytensor.shared(points.x), pytensor.shared(points.y)
    a, b, c, d, e = numbers = [pytensor.shared(np.asarray(value)) for value in points.start]
    loss = ((a * pt.exp(-b * x) * pt.cos(c * x + d) + e - y) ** 2).mean()
    return Contestant(calls(compiled([], [], adam(loss, numbers, RATE))), lambda: values(numbers))
