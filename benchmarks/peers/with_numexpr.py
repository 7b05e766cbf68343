"""Peers in plain numexpr: the equations as they are written, in preallocated arrays, on two threads."""

from __future__ import annotations

from collections.abc import Callable

import numexpr
import numpy as np

from benchmarks import data, settings
from benchmarks.contest import Contestant, calls
from benchmarks.data import B1, B2, EPSILON, GAMMA, RATE
from benchmarks.peers.with_numpy import AdamScalars, CurveAdam, single

numexpr.set_num_threads(settings.THREADS)


def compiled(text: str, names: str) -> Callable[..., np.ndarray]:
    """A NumExpr object over float32 inputs of one letter each (numexpr calls that kind ``float``)."""
    return numexpr.NumExpr(text, [(name, float) for name in names])


def update(rule_name: str, n: int) -> Contestant:
    return {"adam": adam, "rmsprop": rmsprop, "adagrad": adagrad}[rule_name](n)


def adam(n: int) -> Contestant:
    p, g = data.update(n)
    m, v = np.zeros(n, np.float32), np.zeros(n, np.float32)
    b1, rest1, b2, rest2, epsilon = map(single, (B1, 1 - B1, B2, 1 - B2, EPSILON))
    scalars = AdamScalars()
    c1, c2 = scalars.c1, scalars.c2
    first = compiled("b * m + r * g", "bmrg")
    second = compiled("b * v + r * (g * g)", "bvrg")
    parameter = compiled("p - c * m / (d * sqrt(v) + e)", "pcmdve")

    def step() -> None:
        scalars.advance()
        first(b1, m, rest1, g, out=m, ex_uses_vml=False)
        second(b2, v, rest2, g, out=v, ex_uses_vml=False)
        parameter(p, c1, m, c2, v, epsilon, out=p, ex_uses_vml=False)

    return Contestant(calls(step), lambda: [p, m, v])


def rmsprop(n: int) -> Contestant:
    p, g = data.update(n)
    m, v = np.zeros(n, np.float32), np.zeros(n, np.float32)
    gamma, rest, rate, epsilon = map(single, (GAMMA, 1 - GAMMA, RATE, EPSILON))
    second = compiled("c * (v + r * (g - m) ** 2)", "cvrgm")
    first = compiled("c * m + r * g", "cmrg")
    parameter = compiled("p - a * g / sqrt(v + e)", "pagve")

    def step() -> None:
        second(gamma, v, rest, g, m, out=v, ex_uses_vml=False)
        first(gamma, m, rest, g, out=m, ex_uses_vml=False)
        parameter(p, rate, g, v, epsilon, out=p, ex_uses_vml=False)

    return Contestant(calls(step), lambda: [p, m, v])


def adagrad(n: int) -> Contestant:
    p, g = data.update(n)
    h = np.zeros(n, np.float32)
    rate, epsilon = map(single, (RATE, EPSILON))
    squares = compiled("h + g * g", "hg")
    parameter = compiled("p - a * g / (sqrt(h) + e)", "paghe")

    def step() -> None:
        squares(h, g, out=h, ex_uses_vml=False)
        parameter(p, rate, g, h, epsilon, out=p, ex_uses_vml=False)

    return Contestant(calls(step), lambda: [p, h])


def curve(rows: int) -> Contestant:
    """With the gradient by hand; the sums are NumPy's, which are faster than numexpr's."""
    x, y, start = data.curve(rows)
    adam = CurveAdam(start)
    residual, cosine, sine = (np.empty(rows) for _ in range(3))

    def step() -> None:
        a, b, c, d, e = adam.p
        numbers = {"x": x, "y": y, "a": a, "b": b, "c": c, "d": d, "e": e}
        numexpr.evaluate("exp(-b * x) * cos(c * x + d)", numbers, out=cosine)
        numexpr.evaluate("exp(-b * x) * sin(c * x + d)", numbers, out=sine)
        numexpr.evaluate("a * w + e - y", numbers | {"w": cosine}, out=residual)
        first, last, total = residual @ cosine, residual @ sine, residual.sum()
        numexpr.evaluate("r * x", {"r": residual, "x": x}, out=residual)
        sums = [first, -a * (residual @ cosine), -a * (residual @ sine), -a * last, total]
        adam.step(np.array(sums) * (2 / rows))

    return Contestant(calls(step), adam.results)
