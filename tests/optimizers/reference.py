"""Optimizers as plain NumPy loops in float64, written from the papers: nothing of symopt is used here.

A *loop* takes the first values of parameters and a function that gives their gradients; it yields the values after
each update, for ever. What a loop needs for itself it builds of :func:`descend`, or is a generator of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Values = dict[str, Array]
Gradient = Callable[[Values], Values]
Loop = Callable[[Values, Gradient], Iterator[Values]]


def descend(
    rule: Callable[[], Callable[[Array], Array]],
    momentum: float = 0.0,
    nesterov: bool = False,
    prepared: Callable[[Values, Values], Values] = lambda grads, params: grads,
    projected: Callable[[str, Array], Array] = lambda name, value: value,
) -> Loop:
    """A loop of a rule for one parameter: ``rule()`` gives a function from gradients, one after the other, to steps."""

    def loop(start: Values, gradient: Gradient) -> Iterator[Values]:
        params = {name: value.astype(np.float64) for name, value in start.items()}
        rules = {name: rule() for name in params}
        velocity = {name: np.zeros_like(value) for name, value in params.items()}
        while True:
            grads = prepared(gradient(params), params)
            for name in params:
                step = rules[name](grads[name])
                velocity[name] = momentum * velocity[name] - step
                change = momentum * velocity[name] - step if nesterov else velocity[name]
                params[name] = projected(name, params[name] + change)
            yield {name: value.copy() for name, value in params.items()}

    return loop


# --------------------------------------------------------------------------------------------------------------- rules


def sgd(rate: float | Callable[[int], float]) -> Callable[[], Callable[[Array], Array]]:
    """The gradient times a rate, which may be a function of the number of updates before."""

    def rule() -> Callable[[Array], Array]:
        count = iter(range(10**9))
        return lambda g: (rate(next(count)) if callable(rate) else rate) * g

    return rule


def graves(rate: float, decay: float, epsilon: float) -> Callable[[], Callable[[Array], Array]]:
    """Graves (2013), equations 38 to 45, to the letter: n and g are averages of squares and of gradients."""

    def rule() -> Callable[[Array], Array]:
        n = g = 0.0

        def step(gradient: Array) -> Array:
            nonlocal n, g
            n = decay * n + (1 - decay) * gradient**2
            g = decay * g + (1 - decay) * gradient
            return rate * gradient / np.sqrt(n - g**2 + epsilon)

        return step

    return rule


def hinton(rate: float, decay: float, epsilon: float) -> Callable[[], Callable[[Array], Array]]:
    """Tieleman and Hinton (2012), lecture 6.5, with epsilon inside the root."""

    def rule() -> Callable[[Array], Array]:
        mean_square = 0.0

        def step(gradient: Array) -> Array:
            nonlocal mean_square
            mean_square = decay * mean_square + (1 - decay) * gradient**2
            return rate * gradient / np.sqrt(mean_square + epsilon)

        return step

    return rule


def kingma(rate: float, beta1: float, beta2: float, epsilon: float) -> Callable[[], Callable[[Array], Array]]:
    """Kingma and Ba (2015), algorithm 1."""

    def rule() -> Callable[[Array], Array]:
        m = v = 0.0
        t = 0

        def step(gradient: Array) -> Array:
            nonlocal m, v, t
            t += 1
            m = beta1 * m + (1 - beta1) * gradient
            v = beta2 * v + (1 - beta2) * gradient**2
            return rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)

        return step

    return rule


def decay_of(halflife: float) -> float:
    """What is left after one step of a thing of which one half is left after ``halflife`` steps."""
    return math.pow(0.5, 1 / halflife)


# --------------------------------------------------------------------------------------------- preparation of gradients


def preparation(
    rescale: float = 1.0,
    elem: float | None = None,
    norm: float | None = None,
    global_norm: float | None = None,
    weight_decay: float = 0.0,
) -> Callable[[Values, Values], Values]:
    """Rescaled, clipped by element, by the norm of each parameter, by the norm of all, and with weight decay."""

    def prepared(grads: Values, params: Values) -> Values:
        made = {}
        for name, g in grads.items():
            g = rescale * g
            if elem is not None:
                g = np.where(g > elem, elem, np.where(g < -elem, -elem, g))
            if norm is not None:
                g = _shortened(g, np.sqrt((g**2).sum()), norm)
            made[name] = g
        length = np.sqrt(sum((g**2).sum() for g in made.values()))
        for name, g in made.items():
            if global_norm is not None:
                g = _shortened(g, length, global_norm)
            made[name] = g + weight_decay * params[name]
        return made

    return prepared


def _shortened(g: Array, length: float, limit: float) -> Array:
    return g * (limit / length) if length > limit else g


def bounded(**bounds: tuple[float, float]) -> Callable[[str, Array], Array]:
    """Some parameters kept between two numbers each; ``every`` stands for all that have none of their own."""

    def projected(name: str, value: Array) -> Array:
        low, high = bounds.get(name, bounds.get("every", (-math.inf, math.inf)))
        return np.minimum(np.maximum(value, low), high)

    return projected
