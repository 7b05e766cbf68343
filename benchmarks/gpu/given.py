"""The numbers that all contestants begin with, and what must come out of some steps: NumPy alone."""

from __future__ import annotations

import numpy as np

from benchmarks import data
from benchmarks.data import B1, B2, BATCH, EPSILON, GAMMA, RATE
from benchmarks.gpu.works import lengths

PERIOD = 1_000_003
"""Elements after which large arrays repeat: they are made quickly, and the reference needs no more of them."""
CHECKED = 4
"""Steps before results are compared."""
SAMPLES = 997
CURVE_RATE = 1e-2


def repeated(seed: int, size: int) -> np.ndarray:
    return np.resize(data.normal(seed, min(size, PERIOD)), size)


def update(size: int, tensors: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Parameters, each with its gradient, which is the same at every step."""
    sizes = lengths(size) if tensors else [size]
    return [(repeated(2 * i, n), repeated(2 * i + 1, n)) for i, n in enumerate(sizes)]


def curve(rows: int) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Points x and y in float32, and where a to e begin."""
    points = data.curve(min(rows, PERIOD))
    x, y = (np.resize(array.astype(np.float32), rows) for array in (points.x, points.y))
    return x, y, points.start


def sample(array: object, size: int | None = None) -> list[float]:
    """The first elements and the last, and some between; those of an array of ``size`` that repeats this one."""
    flat = np.asarray(array).ravel()
    size = flat.size if size is None else size
    chosen = np.unique(np.linspace(0, size - 1, min(size, SAMPLES)).astype(np.int64))
    return flat[chosen % flat.size].astype(np.float64).tolist()


# ---------------------------------------------------------------------------------------------------------- references


def expected(kind: str, size: int, tensors: bool, centred_by_difference: bool, rotates: bool) -> list[list[float]]:
    """Samples of what must come out of a work after the checked steps."""
    if kind == "network":
        return [sample(array) for array in trained(size, rotates)]
    if kind == "curve":
        return [sample(array) for array in fitted(size)]
    rule, pairs = kind.removeprefix("update_"), update(size, tensors)
    return [sample(updated(rule, p, g, centred_by_difference), p.size) for p, g in pairs]


def updated(rule: str, start: np.ndarray, gradient: np.ndarray, centred_by_difference: bool) -> np.ndarray:
    """One period of a parameter after the checked steps, in float64; RMSProp's variance as Graves or torch has it."""
    p, g = start[:PERIOD].astype(np.float64), gradient[:PERIOD].astype(np.float64)
    m, v = np.zeros_like(p), np.zeros_like(p)
    for step in range(1, CHECKED + 1):
        if rule == "adam":
            m, v = B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g * g
            p = p - RATE * m / (1 - B1**step) / (np.sqrt(v / (1 - B2**step)) + EPSILON)
        elif rule == "adagrad":
            v = v + g * g
            p = p - RATE * g / (np.sqrt(v) + EPSILON)
        elif centred_by_difference:
            m, v = GAMMA * m + (1 - GAMMA) * g, GAMMA * v + (1 - GAMMA) * g * g
            p = p - RATE * g / (np.sqrt(v - m * m) + EPSILON)
        else:
            distance = g - m
            m, v = m + (1 - GAMMA) * distance, GAMMA * (v + (1 - GAMMA) * distance * distance)
            p = p - RATE * g / np.sqrt(v + EPSILON)
    return p


def fitted(rows: int) -> list[np.ndarray]:
    """The five numbers of the curve after the checked steps, in float64, from one period of the points."""
    x, y, start = curve(min(rows, PERIOD))
    x, y = x.astype(np.float64), y.astype(np.float64)
    p, m, v = np.array(start), np.zeros(5), np.zeros(5)
    for step in range(1, CHECKED + 1):
        a, b, c, d, e = p
        decay, cosine, sine = np.exp(-b * x), np.cos(c * x + d), np.sin(c * x + d)
        residual = a * decay * cosine + e - y
        slopes = (decay * cosine, -a * x * decay * cosine, -a * x * decay * sine, -a * decay * sine, np.ones_like(x))
        g = np.array([2 * np.mean(residual * slope) for slope in slopes])
        m, v = B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g * g
        p = p - CURVE_RATE * m / (1 - B1**step) / (np.sqrt(v / (1 - B2**step)) + EPSILON)
    return list(p.reshape(5, 1))


def trained(rows: int, rotates: bool) -> list[np.ndarray]:
    """The parameters of the network after the checked steps, in float64; each has its own batch if it ``rotates``."""
    start = data.network(rows)
    params = [p.astype(np.float64) for p in start.parameters]
    m, v = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
    batches = rows // BATCH
    for step in range(1, CHECKED + 1):
        low = (step - 1) % batches * BATCH if rotates else 0
        gradients = network_gradients(params, start.x[low : low + BATCH], start.labels[low : low + BATCH])
        for i, g in enumerate(gradients):
            m[i], v[i] = B1 * m[i] + (1 - B1) * g, B2 * v[i] + (1 - B2) * g * g
            params[i] = params[i] - start.rate * m[i] / (1 - B1**step) / (np.sqrt(v[i] / (1 - B2**step)) + EPSILON)
    return params


def network_gradients(params: list[np.ndarray], x: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    layers = [x.astype(np.float64)]
    for weights, bias in zip(params[:-2:2], params[1:-2:2], strict=True):
        layers.append(np.tanh(layers[-1] @ weights + bias))
    scores = layers[-1] @ params[-2] + params[-1]
    chances = np.exp(scores - scores.max(1, keepdims=True))
    back = chances / chances.sum(1, keepdims=True)
    back[np.arange(len(labels)), labels] -= 1
    back /= len(labels)
    gradients: list[np.ndarray] = []
    for number in range(len(layers) - 1, -1, -1):
        gradients = [layers[number].T @ back, back.sum(0), *gradients]
        back = back @ params[2 * number].T * (1 - layers[number] ** 2)
    return gradients
