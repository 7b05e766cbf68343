"""The two updates by plain NumPy and plain numexpr: the equations as they are written, in preallocated arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.contest import Contestant
from benchmarks.works.update_data import B1, B2, EPSILON, GAMMA, RATE, AdamScalars, single, vectors


def ufuncs_adam(n: int) -> Contestant:
    state = vectors(n)
    p, m, v, _ = state
    a, b = np.empty(n, np.float32), np.empty(n, np.float32)
    b1, rest1, b2, rest2, epsilon = map(single, (B1, 1 - B1, B2, 1 - B2, EPSILON))
    scalars = AdamScalars()
    c1, c2 = scalars.c1, scalars.c2
    add, subtract, multiply, divide, sqrt = np.add, np.subtract, np.multiply, np.divide, np.sqrt

    def step(g: np.ndarray) -> None:
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

    return state.contestant(step)


def ufuncs_rmsprop(n: int) -> Contestant:
    state = vectors(n)
    p, m, v, _ = state
    a, b = np.empty(n, np.float32), np.empty(n, np.float32)
    gamma, rest, rate, epsilon = map(single, (GAMMA, 1 - GAMMA, RATE, EPSILON))
    add, subtract, multiply, divide, sqrt = np.add, np.subtract, np.multiply, np.divide, np.sqrt

    def step(g: np.ndarray) -> None:
        subtract(g, m, a)
        multiply(a, a, a)
        multiply(a, rest, a)
        add(v, a, v)
        multiply(v, gamma, v)
        multiply(m, gamma, m)
        multiply(g, rest, a)
        add(m, a, m)
        add(v, epsilon, a)
        sqrt(a, a)
        multiply(g, rate, b)
        divide(b, a, b)
        subtract(p, b, p)

    return state.contestant(step)


def compiled(text: str, names: str) -> Callable[..., np.ndarray]:
    """A NumExpr object over float32 inputs of one letter each (numexpr calls that kind ``float``)."""
    import numexpr

    return numexpr.NumExpr(text, [(name, float) for name in names])


def numexpr_adam(threads: int) -> Callable[[int], Contestant]:
    def make(n: int) -> Contestant:
        import numexpr

        numexpr.set_num_threads(threads)
        state = vectors(n)
        p, m, v, _ = state
        b1, rest1, b2, rest2, epsilon = map(single, (B1, 1 - B1, B2, 1 - B2, EPSILON))
        scalars = AdamScalars()
        c1, c2 = scalars.c1, scalars.c2
        first = compiled("b * m + r * g", "bmrg")
        second = compiled("b * v + r * (g * g)", "bvrg")
        parameter = compiled("p - c * m / (d * sqrt(v) + e)", "pcmdve")

        def step(g: np.ndarray) -> None:
            scalars.advance()
            first(b1, m, rest1, g, out=m, ex_uses_vml=False)
            second(b2, v, rest2, g, out=v, ex_uses_vml=False)
            parameter(p, c1, m, c2, v, epsilon, out=p, ex_uses_vml=False)

        return state.contestant(step)

    return make


def numexpr_rmsprop(threads: int) -> Callable[[int], Contestant]:
    def make(n: int) -> Contestant:
        import numexpr

        numexpr.set_num_threads(threads)
        state = vectors(n)
        p, m, v, _ = state
        gamma, rest, rate, epsilon = map(single, (GAMMA, 1 - GAMMA, RATE, EPSILON))
        second = compiled("c * (v + r * (g - m) ** 2)", "cvrgm")
        first = compiled("c * m + r * g", "cmrg")
        parameter = compiled("p - a * g / sqrt(v + e)", "pagve")

        def step(g: np.ndarray) -> None:
            second(gamma, v, rest, g, m, out=v, ex_uses_vml=False)
            first(gamma, m, rest, g, out=m, ex_uses_vml=False)
            parameter(p, rate, g, v, epsilon, out=p, ex_uses_vml=False)

        return state.contestant(step)

    return make
