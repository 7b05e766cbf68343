"""Steps whose generated source is kept in golden files: one of each kind that a compiler treats in its own way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest

import symopt as so
from symopt.graph import construct
from symopt.graph.nodes import Input, Node

#: A step: inputs, outputs, updates, and the run-time sizes that it is emitted for.
Step = tuple[Sequence[Input], Sequence[Node], Sequence[tuple[Node, Node]], dict[str, int]]


def descend(loss: Node, *params: Node) -> list[tuple[Node, Node]]:
    """RMSProp, written out: two updates for each parameter."""
    rate = construct.make_shared(1e-3, "rate", "hyperparameter")
    updates: list[tuple[Node, Node]] = []
    for param, grad in zip(params, so.gradient(loss, params), strict=True):
        square = so.state(np.zeros_like(param.value), f"{param.name}_square")
        square_next = 0.9 * square + 0.1 * so.square(grad)
        updates += [(square, square_next), (param, param - rate * grad / so.sqrt(square_next + 1e-8))]
    return updates


def network() -> Step:
    x, y = so.input("x", ("n", 20), "float32"), so.input("y", ("n",), "int64")
    w = so.parameter(np.zeros((20, 8)), "w", dtype="float32")
    b = so.parameter(np.zeros(8), "b", dtype="float32")
    v = so.parameter(np.zeros((8, 3)), "v", dtype="float32")
    loss = so.cross_entropy(so.tanh(x @ w + b) @ v, y).mean()
    return [x, y], [loss], descend(loss, w, b, v), {"n": 32}


def rosenbrock() -> Step:
    u = so.parameter([-1.2, 1.0], "u")
    velocity = so.state([0.0, 0.0], "velocity")
    loss = (100 * (u[1:] - u[:-1] ** 2) ** 2 + (1 - u[:-1]) ** 2).sum()
    velocity_next = 0.9 * velocity - 1e-3 * so.gradient(loss, [u])[0]
    return [], [loss], [(velocity, velocity_next), (u, u + velocity_next)], {}


def softmax_regression_with_gathered_labels() -> Step:
    x, y = so.input("x", ("n", 64)), so.input("y", ("n",), "int64")
    u = so.parameter(np.zeros((64, 10)), "u")
    chances = so.exp(x @ u) / so.exp(x @ u).sum(1, keepdims=True)
    loss = -so.log(chances[so.arange(x.shape[0]), y]).mean()
    return [x, y], [loss, (so.argmax(chances, 1) - y).sum()], [(u, u - 0.1 * so.gradient(loss, [u])[0])], {"n": 100}


def long_and_narrow_products() -> Step:
    x, y = so.input("x", ("n", 300), "float32"), so.input("y", ("n", 5), "float32")
    w = so.parameter(np.zeros((300, 5)), "w", dtype="float32")
    v = so.parameter(np.zeros(300), "v", dtype="float32")
    a, b = so.input("a", (40, 4000), "float32"), so.input("b", (40, 5), "float32")
    loss = so.square(x @ w - y).mean() + so.square(x @ v).mean()
    return [x, y, a, b], [loss, a.T @ b], descend(loss, w, v), {"n": 100}


def update_in_blocks_on_two_threads() -> Step:
    g = so.input("g", (1000, 1000), "float32")
    w = so.parameter(np.zeros((1000, 1000)), "w", dtype="float32")
    m = so.state(np.zeros((1000, 1000)), "m", dtype="float32")
    m_next = 0.9 * m + 0.1 * g
    return [g], [so.sum(so.square(g))], [(m, m_next), (w, w - 0.01 * m_next / (so.sqrt(so.square(g)) + 1e-8))], {}


def rows_in_blocks() -> Step:
    x = so.input("x", ("n", 300))
    scale = so.parameter(np.ones(300), "scale")
    y = so.exp(x * scale - x.max(1, keepdims=True))
    return [x], [y / y.sum(1, keepdims=True), y.mean(0)], [], {"n": 2000}


def expression_for_numexpr() -> Step:
    a, b, c, d, e, f = (so.input(name, ("n",)) for name in "abcdef")
    total = (a + b) * (c - 0.5) + (d - 2) * (e + f) - a / 3
    return [a, b, c, d, e, f], [so.where(total > 0, total, 0) + b, so.square(total - 1) * -2], [], {"n": 30_000}


def run_time_sizes() -> Step:
    x, y = so.input("x", ("n", "m")), so.vector("y")
    total = so.state(0.0, "total")
    moved = x[1:, ::-1] - x[:-1] * y
    return [x, y], [moved.reshape(-1), x.T @ x, x[-2::-1, 0].mean()], [(total, total + moved.sum())], {"n": 50, "m": 7}


def random_numbers() -> Step:
    x = so.input("x", ("n", 4), "float32")
    noisy = x + 0.1 * so.random.normal(x.shape, seed=3, dtype="float32")
    return [x], [so.where(so.random.bernoulli(x.shape, p=0.8) > 0, noisy / 0.8, 0)], [], {"n": 10}


def hyperparameters_and_numbers() -> Step:
    rate = construct.make_shared(0.1, "rate", "hyperparameter")
    step = so.state(0, "step")
    a, b = so.parameter(1.0, "a"), so.parameter(2.0, "b", dtype="float32")
    decayed = rate / (1 + rate) ** 2
    return [], [decayed], [(a, a - decayed * so.tanh(a)), (b, b * decayed + 1), (step, step + 1)], {}


def swapped_and_reversed() -> Step:
    a, b = so.parameter(np.ones(3), "a"), so.parameter(np.zeros(3), "b")
    c = so.parameter(np.ones(4), "c")
    return [], [], [(a, b), (b, a), (c, c[::-1] * 2)], {}


def many_arrays() -> Step:
    """As an updater has them: gradients from elsewhere, for arrays of many sizes."""
    grads, updates = [], []
    for number, size in enumerate((7, 100, 2000, 31, 500, 5000, 64, 12)):
        w = so.parameter(np.zeros(size), f"w{number}", dtype="float32")
        m = so.state(np.zeros(size), f"m{number}", dtype="float32")
        g = so.input(f"g{number}", (size,), "float32")
        m_next = 0.9 * m + 0.1 * g
        grads.append(g)
        updates += [(m, m_next), (w, w - 0.01 * so.sign(m_next))]
    return grads, [], updates, {}


STEPS: list[Callable[[], Step]] = [
    network,
    rosenbrock,
    softmax_regression_with_gathered_labels,
    long_and_narrow_products,
    update_in_blocks_on_two_threads,
    rows_in_blocks,
    expression_for_numexpr,
    run_time_sizes,
    random_numbers,
    hyperparameters_and_numbers,
    swapped_and_reversed,
    many_arrays,
]
every_step = pytest.mark.parametrize("make", STEPS, ids=lambda make: make.__name__)


def emitted(make: Callable[[], Step], backend: str) -> str:
    """The source of a step."""
    inputs, outputs, updates, sizes = make()
    source = so.emit(inputs, outputs, updates, backend=backend, sizes=sizes, title=make.__name__.replace("_", " "))
    return re.sub(r"[^'\"]*kept_steps\.py:\d+", "model.py:1", source)
