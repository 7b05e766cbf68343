"""The numbers that all contestants of a work begin with, and the constants of its rule: nothing but NumPy."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

from benchmarks.arrays import on_cache_lines

B1, B2, EPSILON, RATE = 0.9, 0.999, 1e-8, 1e-3
HALFLIFE = 14.0
GAMMA = math.exp(-math.log(2) / HALFLIFE)
MOMENTUM = 0.9

BATCH = 128
WIDTHS = (784, 256, 128, 10)


def normal(seed: int, *shape: int) -> np.ndarray:
    return on_cache_lines(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))


def update(n: int) -> tuple[np.ndarray, np.ndarray]:
    """A parameter and its gradient, which is the same at every step."""
    return normal(0, n), normal(1, n)


def rosenbrock(n: int) -> np.ndarray:
    return np.resize(np.array([-1.2, 1.0], np.float32), n)


class Factorization(NamedTuple):
    """Matrices X, U and V of X = U V, and the learning rate for the mean of squares."""

    x: np.ndarray
    u: np.ndarray
    v: np.ndarray
    rate: float


def factorization(rows: int) -> Factorization:
    """The small one (20x3 times 3x5) or the large one (400x400 times 400x784), by its rows."""
    inner, columns = {20: (3, 5), 400: (400, 784)}[rows]
    scale = 1 / math.sqrt(inner)
    x, u, v = normal(0, rows, columns), scale * normal(1, rows, inner), scale * normal(2, inner, columns)
    # The small one takes millions of steps in a run. If it came to rest, its velocities would be denormal numbers, of
    # which the processor takes twice as long to make a step.
    return Factorization(x, on_cache_lines(u), on_cache_lines(v), 1e-5 if rows == 20 else 10.0)


class Samples(NamedTuple):
    """Rows of inputs with labels, and initial parameters: weights and bias of each layer."""

    x: np.ndarray
    labels: np.ndarray
    parameters: list[np.ndarray]
    rate: float


def samples(rows: int, widths: tuple[int, ...], rate: float) -> Samples:
    """Labels that a random linear map gives, with noise: something to learn, which is never learnt to the end."""
    rng = np.random.default_rng(0)
    x = on_cache_lines(rng.random((rows, widths[0]), dtype=np.float32))
    scores = (x - np.float32(0.5)) @ normal(1, widths[0], widths[-1])
    labels = (scores + 4 * normal(2, rows, widths[-1])).argmax(1)
    parameters = []
    for layer, (inner, outer) in enumerate(itertools.pairwise(widths)):
        parameters += [normal(3 + layer, inner, outer) / np.float32(math.sqrt(inner)), np.zeros(outer, np.float32)]
    return Samples(x, labels.astype(np.int64), parameters, rate)


def logistic(rows: int) -> Samples:
    return samples(rows, (WIDTHS[0], WIDTHS[-1]), 1e-4)


def network(rows: int) -> Samples:
    return samples(rows, WIDTHS, 1e-4)


class Curve(NamedTuple):
    """Points x and y, and where a to e begin."""

    x: np.ndarray
    y: np.ndarray
    start: tuple[float, ...]


def curve(rows: int) -> Curve:
    rng = np.random.default_rng(0)
    x = on_cache_lines(rng.uniform(0, 3, rows))
    y = 2 * np.exp(-0.7 * x) * np.cos(4 * x + 0.5) + 0.3 + 0.1 * rng.standard_normal(rows)
    return Curve(x, on_cache_lines(y), (1.5, 0.5, 3.8, 0.3, 0.0))
