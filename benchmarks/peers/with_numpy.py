"""Peers in NumPy: the equations as they are written, by ufuncs with out= in preallocated arrays."""

from __future__ import annotations

import math

import numpy as np

from benchmarks import data
from benchmarks.contest import Contestant, calls
from benchmarks.data import B1, B2, EPSILON, GAMMA, RATE


def single(value: float) -> np.ndarray:
    """A constant as a 0-d array: the cheapest operand of a ufunc, and float32 to numexpr."""
    return np.array(value, np.float32)


class AdamScalars:
    """c1 and c2 of the step, computed on the host in double precision, kept in 0-d arrays."""

    def __init__(self) -> None:
        self.t = 0
        self.c1, self.c2 = single(0), single(0)

    def advance(self) -> None:
        self.t += 1
        self.c1[()] = RATE / (1 - B1**self.t)
        self.c2[()] = 1 / math.sqrt(1 - B2**self.t)


def update(rule_name: str, n: int) -> Contestant:
    return {"adam": adam, "rmsprop": rmsprop, "adagrad": adagrad}[rule_name](n)


def adam(n: int) -> Contestant:
    p, g = data.update(n)
    m, v, a, b = (np.zeros(n, np.float32) for _ in range(4))
    b1, rest1, b2, rest2, epsilon = map(single, (B1, 1 - B1, B2, 1 - B2, EPSILON))
    scalars = AdamScalars()
    c1, c2 = scalars.c1, scalars.c2
    add, subtract, multiply, divide, sqrt = np.add, np.subtract, np.multiply, np.divide, np.sqrt

    def step() -> None:
        scalars.advance()
        multiply(m, b1, m)
        multiply(g, rest1, a)
        add(m, a, m)
        multiply(v, b2, v)
        multiply(g, g, a)
        multiply(a, rest2, a)
        add(v, a, v)
        sqrt(v, a)
        multiply(a, c2, a)
        add(a, epsilon, a)
        multiply(m, c1, b)
        divide(b, a, b)
        subtract(p, b, p)

    return Contestant(calls(step), lambda: [p, m, v])


def rmsprop(n: int) -> Contestant:
    p, g = data.update(n)
    m, v, a, b = (np.zeros(n, np.float32) for _ in range(4))
    gamma, rest, rate, epsilon = map(single, (GAMMA, 1 - GAMMA, RATE, EPSILON))
    add, subtract, multiply, divide, sqrt = np.add, np.subtract, np.multiply, np.divide, np.sqrt

    def step() -> None:
        subtract(g, m, a)
        multiply(a, rest, b)
        add(m, b, m)
        multiply(a, b, a)
        add(v, a, v)
        multiply(v, gamma, v)
        add(v, epsilon, a)
        sqrt(a, a)
        multiply(g, rate, b)
        divide(b, a, b)
        subtract(p, b, p)

    return Contestant(calls(step), lambda: [p, m, v])


def adagrad(n: int) -> Contestant:
    p, g = data.update(n)
    h, a, b = (np.zeros(n, np.float32) for _ in range(3))
    rate, epsilon = map(single, (RATE, EPSILON))
    add, subtract, multiply, divide, sqrt = np.add, np.subtract, np.multiply, np.divide, np.sqrt

    def step() -> None:
        multiply(g, g, a)
        add(h, a, h)
        sqrt(h, a)
        add(a, epsilon, a)
        multiply(g, rate, b)
        divide(b, a, b)
        subtract(p, b, p)

    return Contestant(calls(step), lambda: [p, h])


class CurveAdam:
    """Adam on the five numbers of the curve."""

    def __init__(self, start: tuple[float, ...]) -> None:
        self.p = np.array(start)
        self.m, self.v, self.t = np.zeros_like(self.p), np.zeros_like(self.p), 0

    def step(self, gradient: np.ndarray) -> None:
        self.t += 1
        self.m = B1 * self.m + (1 - B1) * gradient
        self.v = B2 * self.v + (1 - B2) * gradient**2
        self.p -= RATE / (1 - B1**self.t) * self.m / (np.sqrt(self.v / (1 - B2**self.t)) + EPSILON)

    def results(self) -> list[np.ndarray]:
        return list(self.p.reshape(-1, 1))


def curve(rows: int) -> Contestant:
    """With the gradient by hand, in blocks that stay in the cache."""
    points = data.curve(rows)
    adam = CurveAdam(points.start)
    block = 8192
    decay, sine, cosine, residual, slope = (np.empty(block) for _ in range(5))

    def part(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        a, b, c, d, e = adam.p
        n = len(x)
        E, S, C, r, s = (array[:n] for array in (decay, sine, cosine, residual, slope))
        np.multiply(x, -b, E)
        np.exp(E, E)
        np.multiply(x, c, s)
        np.add(s, d, s)
        np.sin(s, S)
        np.cos(s, C)
        np.multiply(E, C, C)
        np.multiply(E, S, S)
        np.multiply(C, a, r)
        np.add(r, e, r)
        np.subtract(r, y, r)
        np.multiply(r, x, s)
        return np.array([r @ C, -a * (s @ C), -a * (s @ S), -a * (r @ S), r.sum()])

    def step() -> None:
        parts = [part(points.x[i : i + block], points.y[i : i + block]) for i in range(0, rows, block)]
        adam.step(sum(parts) * (2 / rows))

    return Contestant(calls(step), adam.results)
