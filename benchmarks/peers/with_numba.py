"""Peers in numba: loops by hand, gradients too."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from benchmarks import data
from benchmarks.contest import Contestant, calls
from benchmarks.peers.with_numpy import CurveAdam

PARALLEL_FROM = 32_768
B1, B2, GAMMA, RATE, EPSILON = map(np.float32, (data.B1, data.B2, data.GAMMA, data.RATE, data.EPSILON))
REST1, REST2, REST = map(np.float32, (1 - data.B1, 1 - data.B2, 1 - data.GAMMA))
B1_DOUBLE, B2_DOUBLE, RATE_DOUBLE = data.B1, data.B2, data.RATE

inlined = numba.njit(inline="always", error_model="numpy")
serial = numba.njit(error_model="numpy", cache=True)


@inlined
def adam(p: Any, g: Any, m: Any, v: Any, c1: Any, c2: Any) -> Any:
    m = B1 * m + REST1 * g
    v = B2 * v + REST2 * (g * g)
    return p - c1 * m / (c2 * np.sqrt(v) + EPSILON), m, v


@inlined
def rmsprop(p: Any, g: Any, m: Any, v: Any, c1: Any, c2: Any) -> Any:
    distance = g - m
    gain = REST * distance
    v = GAMMA * (v + gain * distance)
    return p - RATE * g / np.sqrt(v + EPSILON), m + gain, v


@inlined
def adagrad(p: Any, g: Any, m: Any, v: Any, c1: Any, c2: Any) -> Any:
    v = v + g * g
    return p - RATE * g / (np.sqrt(v) + EPSILON), m, v


def loop_over(rule: Any, parallel: bool) -> Callable[..., None]:
    @numba.njit(parallel=parallel, error_model="numpy")
    def update(p: Any, g: Any, m: Any, v: Any, c1: Any, c2: Any) -> None:
        for i in numba.prange(p.size):
            p[i], m[i], v[i] = rule(p[i], g[i], m[i], v[i], c1, c2)

    return update


def start_of(rule_name: str, n: int) -> tuple[Any, list[np.ndarray], Callable[[], list[np.ndarray]]]:
    p, g = data.update(n)
    m, v = np.zeros_like(p), np.zeros_like(p)
    rule = {"adam": adam, "rmsprop": rmsprop, "adagrad": adagrad}[rule_name]
    results = [p, v] if rule_name == "adagrad" else [p, m, v]
    return rule, [p, g, m, v], lambda: results


def update(rule_name: str, n: int) -> Contestant:
    """A step a call; Adam's factors by Python's numbers."""
    rule, arrays, results = start_of(rule_name, n)
    whole = loop_over(rule, parallel=n >= PARALLEL_FROM)
    powers = [1.0, 1.0]

    def step() -> None:
        powers[0] *= B1_DOUBLE
        powers[1] *= B2_DOUBLE
        c1, c2 = RATE_DOUBLE / (1 - powers[0]), 1 / math.sqrt(1 - powers[1])
        whole(*arrays, np.float32(c1), np.float32(c2))

    zero = np.float32(0)
    return Contestant(calls(step if rule_name == "adam" else lambda: whole(*arrays, zero, zero)), results)


def update_loop(rule_name: str, n: int) -> Contestant:
    """The loop over steps is compiled too."""
    rule, arrays, results = start_of(rule_name, n)
    whole = loop_over(rule, parallel=n >= PARALLEL_FROM)
    adam = rule_name == "adam"

    @numba.njit(error_model="numpy")
    def steps(k: int, powers: Any, p: Any, g: Any, m: Any, v: Any) -> None:
        for _ in range(k):
            c1 = c2 = np.float32(0)
            if adam:
                powers[0] *= B1_DOUBLE
                powers[1] *= B2_DOUBLE
                c1 = np.float32(RATE_DOUBLE / (1 - powers[0]))
                c2 = np.float32(1 / math.sqrt(1 - powers[1]))
            whole(p, g, m, v, c1, c2)

    powers = np.ones(2)
    return Contestant(lambda k: steps(k, powers, *arrays), results)


@serial
def rosenbrock_step(x: Any, m: Any, v: Any, gradient: Any) -> None:
    n = x.size
    gradient[0] = 0
    for i in range(n - 1):
        d = x[i + 1] - x[i] * x[i]
        gradient[i] += np.float32(-400) * x[i] * d + (np.float32(2) * x[i] - np.float32(2))
        gradient[i + 1] = np.float32(200) * d
    for i in range(n):
        distance = gradient[i] - m[i]
        gain = REST * distance
        m[i] += gain
        v[i] = GAMMA * (v[i] + gain * distance)
        x[i] -= RATE * gradient[i] / np.sqrt(v[i] + EPSILON)


def rosenbrock(n: int) -> Contestant:
    x = data.rosenbrock(n)
    m, v, gradient = (np.zeros_like(x) for _ in range(3))
    return Contestant(calls(lambda: rosenbrock_step(x, m, v, gradient)), lambda: [x])


@numba.njit(parallel=True, error_model="numpy", fastmath=True)
def curve_gradient(x: Any, y: Any, a: float, b: float, c: float, d: float, e: float) -> Any:
    sa = sb = sc = sd = se = 0.0
    for i in numba.prange(x.size):
        decay, angle = math.exp(-b * x[i]), c * x[i] + d
        wave = decay * math.cos(angle)
        residual = a * wave + e - y[i]
        slope = residual * decay * math.sin(angle)
        sa += residual * wave
        sb += residual * wave * x[i]
        sc += slope * x[i]
        sd += slope
        se += residual
    return np.array([sa, -a * sb, -a * sc, -a * sd, se])


def curve(rows: int) -> Contestant:
    x, y, start = data.curve(rows)
    adam = CurveAdam(start)
    return Contestant(calls(lambda: adam.step(curve_gradient(x, y, *adam.p) * (2 / rows))), adam.results)
