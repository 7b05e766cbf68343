"""A step of RMSProp by numexpr, called from Python: 784-256-128-10 tanh network, cross-entropy, batches of 128."""

from __future__ import annotations

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np

from benchmarks.arrays import aligned
from benchmarks.contest import OURS, Contestant, SteadyWork, Target, calls

WIDTHS = (784, 256, 128, 10)
BATCH = 128
RATE, HALFLIFE, EPSILON = 1e-3, 14.0, 1e-8


class Problem(NamedTuple):
    """Initial weights and biases in turn, and two batches of inputs and labels.

    The batches differ in their labels alone: a network that could learn them would reach gradients so small that
    their squares are denormal numbers, which are slow.
    """

    parameters: list[np.ndarray]
    batches: list[tuple[np.ndarray, np.ndarray]]


def problem() -> Problem:
    rng = np.random.default_rng(0)
    parameters: list[np.ndarray] = []
    for inner, outer in itertools.pairwise(WIDTHS):
        parameters.append((rng.standard_normal((inner, outer)) / math.sqrt(inner)).astype(np.float32))
        parameters.append(np.zeros(outer, np.float32))
    x = rng.random((BATCH, WIDTHS[0]), dtype=np.float32)
    labels = rng.integers(WIDTHS[-1], size=BATCH)
    return Problem(parameters, [(x, labels), (x.copy(), (labels + 1) % WIDTHS[-1])])


def symopt_network(given: Problem) -> Contestant:
    import symopt as so

    x = so.input("x", shape=("n", WIDTHS[0]), dtype="float32")
    labels = so.input("labels", shape=("n",), dtype="int64")
    w1, b1, w2, b2, w3, b3 = parameters = [so.parameter(p, name=f"p{i}") for i, p in enumerate(given.parameters)]
    hidden = so.tanh(so.tanh(x @ w1 + b1) @ w2 + b2)
    loss = so.cross_entropy(hidden @ w3 + b3, labels).mean()
    rule = so.RMSProp(learning_rate=RATE, rms_halflife=HALFLIFE, rms_regularizer=EPSILON)
    step = so.function([x, labels], loss, updates=rule.get_updates(loss, parameters), backend="numexpr")
    steps = (functools.partial(step, *batch) for batch in given.batches)
    return Contestant(calls(*steps), lambda: [p.value for p in parameters])


def single(value: float) -> np.ndarray:
    return np.array(value, np.float32)


class FlatRMSProp:
    """RMSProp by ufuncs with out= over all parameters at once, which lie in one vector, as do their gradients.

    The equations are arranged for the fewest operations: with d = g - m, m' = m + (1 - gamma) d and
    v' = gamma (v + (1 - gamma) d^2). The vector is worked off in blocks that stay in the cache.
    """

    def __init__(self, parameters: list[np.ndarray], block: int) -> None:
        total = sum(p.size for p in parameters)
        vectors = [aligned(total) for _ in range(4)]
        for vector in vectors:
            vector[:] = 0
        p, g, *_ = vectors  # and the states m and v
        ends = np.cumsum([parameter.size for parameter in parameters]).tolist()
        self.parameters, self.gradients = [], []
        for parameter, end in zip(parameters, ends, strict=True):
            span = slice(end - parameter.size, end)
            self.parameters.append(p[span].reshape(parameter.shape))
            self.gradients.append(g[span].reshape(parameter.shape))
            self.parameters[-1][...] = parameter
        scratch = aligned(min(block, total)), aligned(min(block, total))
        self.blocks = [
            (
                *(vector[low : low + block] for vector in vectors),
                *(s[: min(block, total - low)] for s in scratch),
            )
            for low in range(0, total, block)
        ]
        gamma = math.exp(-math.log(2) / HALFLIFE)
        self.constants = single(gamma), single(1 - gamma), single(RATE), single(EPSILON)

    def update(self) -> None:
        add, subtract, multiply, divide, sqrt = np.add, np.subtract, np.multiply, np.divide, np.sqrt
        gamma, rest, rate, epsilon = self.constants
        for p, g, m, v, d, t in self.blocks:
            subtract(g, m, d)
            multiply(d, rest, t)
            add(m, t, m)
            multiply(t, d, t)
            add(v, t, v)
            multiply(v, gamma, v)
            add(v, epsilon, t)
            sqrt(t, t)
            divide(g, t, t)
            multiply(t, rate, t)
            subtract(p, t, p)


def numpy_network(given: Problem, block: int = 32_768) -> Contestant:
    """The step written by hand: np.dot and ufuncs with out= everywhere, nothing allocated.

    Column sums are products with ones; the last layer's rows lie along the second axis (``zt``), where NumPy
    reduces faster; and what broadcasts is copied first, because a ufunc that broadcasts allocates a buffer.
    """
    rule = FlatRMSProp(given.parameters, block)
    w1, b1, w2, b2, w3, b3 = rule.parameters
    g_w1, g_b1, g_w2, g_b2, g_w3, g_b3 = rule.gradients
    h1, h2 = aligned(BATCH * WIDTHS[1]).reshape(BATCH, -1), aligned(BATCH * WIDTHS[2]).reshape(BATCH, -1)
    d1, d2 = aligned(h1.size).reshape(h1.shape), aligned(h2.size).reshape(h2.shape)
    z, zt = np.empty((BATCH, WIDTHS[3]), np.float32), np.empty((WIDTHS[3], BATCH), np.float32)
    z_transposed, zt_flat, zt_transposed, b3_column = z.T, zt.ravel(), zt.T, b3[:, None]
    wide = np.empty_like(zt)
    w2_t, w3_t, h1_t, h2_t = w2.T, w3.T, h1.T, h2.T
    largest, total, picked, logs = (np.empty(BATCH, np.float32) for _ in range(4))
    offsets, index = np.arange(BATCH), np.empty(BATCH, np.intp)
    one, ones = single(1), np.ones(BATCH, np.float32)
    batch, share, mean = np.array(BATCH), single(1 / BATCH), np.full(BATCH, 1 / BATCH, np.float32)
    add, subtract, multiply, divide = np.add, np.subtract, np.multiply, np.divide
    copyto, dot, tanh, exp, log, highest = np.copyto, np.dot, np.tanh, np.exp, np.log, np.maximum.reduce

    def step(x: np.ndarray, labels: np.ndarray) -> np.floating:
        dot(x, w1, h1)
        copyto(d1, b1)
        add(h1, d1, h1)
        tanh(h1, h1)
        dot(h1, w2, h2)
        copyto(d2, b2)
        add(h2, d2, h2)
        tanh(h2, h2)
        dot(h2, w3, z)
        copyto(zt, z_transposed)
        copyto(wide, b3_column)
        add(zt, wide, zt)

        highest(zt, 0, None, largest)
        copyto(wide, largest)
        subtract(zt, wide, zt)
        multiply(labels, batch, index)
        add(index, offsets, index)
        zt_flat.take(index, None, picked, "clip")
        exp(zt, zt)
        add.reduce(zt, 0, None, total)
        log(total, logs)
        subtract(logs, picked, logs)
        loss = dot(logs, mean)

        divide(share, total, total)
        copyto(wide, total)
        multiply(zt, wide, zt)
        zt_flat.take(index, None, picked, "clip")
        subtract(picked, share, picked)
        zt_flat[index] = picked
        dot(h2_t, zt_transposed, g_w3)
        dot(zt, ones, g_b3)
        dot(zt_transposed, w3_t, d2)
        multiply(h2, h2, h2)
        subtract(one, h2, h2)
        multiply(d2, h2, d2)
        dot(h1_t, d2, g_w2)
        dot(ones, d2, g_b2)
        dot(d2, w2_t, d1)
        multiply(h1, h1, h1)
        subtract(one, h1, h1)
        multiply(d1, h1, d1)
        dot(x.T, d1, g_w1)
        dot(ones, d1, g_b1)
        rule.update()
        return loss

    steps = (functools.partial(step, *batch) for batch in given.batches)
    return Contestant(calls(*steps), lambda: rule.parameters)


def numpy_unblocked(given: Problem) -> Contestant:
    """The same with each ufunc of the update over all parameters."""
    return numpy_network(given, block=1 << 30)


WORKS = (
    SteadyWork(
        name="numexpr_network",
        sizes=(BATCH,),
        contestants={
            OURS: lambda size: symopt_network(problem()),
            "numpy": lambda size: numpy_network(problem()),
            "numpy unblocked": lambda size: numpy_unblocked(problem()),
        },
        targets=lambda size: (Target(1.1, ("numpy", "numpy unblocked")),),
        rtol=1e-3,
        round_seconds=0.3,
        settle_seconds=0.4,  # OpenBLAS
    ),
)
