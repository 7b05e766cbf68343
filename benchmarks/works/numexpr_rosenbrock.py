"""A step of RMSProp by numexpr, called from Python, on the Rosenbrock function in float64: all of it is overhead."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.contest import OURS, Contestant, SteadyWork, Target, calls

RATE, HALFLIFE, EPSILON = 1e-3, 14.0, 1e-8


def start(n: int) -> np.ndarray:
    return np.resize([-1.2, 1.0], n)


def symopt_rosenbrock(n: int) -> Contestant:
    import symopt as so

    x = so.parameter(start(n), name="x")
    loss = (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()
    rule = so.RMSProp(learning_rate=RATE, rms_halflife=HALFLIFE, rms_regularizer=EPSILON)
    step = so.function([], loss, updates=rule.get_updates(loss, [x]), backend="numexpr")
    return Contestant(calls(step), lambda: [x.value])


def numpy_rosenbrock(n: int) -> Contestant:
    """Ufuncs with out= on preallocated vectors; views and constants made beforehand.

    In two dimensions the neighbours are vectors of one element, where a ufunc is slow in place: hence so many vectors.
    """
    x, mean, variance = start(n), np.zeros(n), np.zeros(n)
    gradient, a, b = np.empty(n), np.empty(n), np.empty(n)
    head, tail = x[:-1], x[1:]
    from_heads, from_tails = np.zeros(n), np.zeros(n)
    to_head, to_tail = from_heads[:-1], from_tails[1:]
    d, e, f, heads, d_head, e_head = (np.empty(n - 1) for _ in range(6))
    decay = math.exp(-math.log(2) / HALFLIFE)
    first, second = np.zeros(()), np.zeros(())
    gamma, rest, rate, epsilon = map(np.array, (decay, 1 - decay, RATE, EPSILON))
    one, two, two_hundred, minus_four_hundred = map(np.array, (1.0, 2.0, 200.0, -400.0))
    add, subtract, multiply, divide = np.add, np.subtract, np.multiply, np.divide
    square, sqrt, dot = np.square, np.sqrt, np.dot

    def step() -> float:
        square(head, heads)
        subtract(tail, heads, d)
        subtract(one, head, e)
        dot(d, d, first)
        dot(e, e, second)
        loss = 100.0 * first.item() + second.item()
        multiply(d, head, f)
        multiply(f, minus_four_hundred, d_head)
        multiply(e, two, e_head)
        subtract(d_head, e_head, to_head)
        multiply(d, two_hundred, to_tail)
        add(from_heads, from_tails, gradient)
        subtract(gradient, mean, a)
        multiply(a, a, a)
        multiply(a, rest, a)
        add(variance, a, variance)
        multiply(variance, gamma, variance)
        multiply(mean, gamma, mean)
        multiply(gradient, rest, a)
        add(mean, a, mean)
        add(variance, epsilon, a)
        sqrt(a, a)
        multiply(gradient, rate, b)
        divide(b, a, b)
        subtract(x, b, x)
        return loss

    return Contestant(calls(step), lambda: [x])


WORKS = (
    SteadyWork(
        name="numexpr_rosenbrock",
        sizes=(2, 100),
        contestants={OURS: symopt_rosenbrock, "numpy": numpy_rosenbrock},
        targets=lambda size: (Target(25e-6 if size == 2 else None), Target(None, ("numpy",))),
        rtol=1e-6,
    ),
)
