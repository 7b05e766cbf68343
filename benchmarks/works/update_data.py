"""The equations of the two updates, their constants, and the vectors that all contestants begin with.

Adam:     m' = b1 m + (1 - b1) g,  v' = b2 v + (1 - b2) g^2,  p' = p - c1 m' / (c2 sqrt(v') + eps)
          where c1 = rate / (1 - b1^t) and c2 = 1 / sqrt(1 - b2^t)
RMSProp:  v' = gamma (v + (1 - gamma) (g - m)^2),  m' = gamma m + (1 - gamma) g,  p' = p - rate g / sqrt(v' + eps)

Two gradients take turns: with a single one the centred variance decays to denormal numbers, which are slow.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.contest import Contestant

B1, B2, GAMMA = 0.9, 0.999, math.exp(-math.log(2) / 14)
RATE, EPSILON = 1e-3, 1e-8


class Vectors(NamedTuple):
    """The parameter, the two states of either rule (first and second moment), and two gradients."""

    p: np.ndarray
    m: np.ndarray
    v: np.ndarray
    gradients: list[np.ndarray]

    def contestant(self, step: Callable[[np.ndarray], object]) -> Contestant:
        steps = tuple(functools.partial(step, gradient) for gradient in self.gradients)
        return Contestant(steps, lambda: [self.p, self.m, self.v])


def vectors(n: int) -> Vectors:
    rng = np.random.default_rng(0)
    p, g0, g1 = (rng.standard_normal(n, dtype=np.float32) for _ in range(3))
    return Vectors(p, np.zeros(n, np.float32), np.zeros(n, np.float32), [g0, g1])


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
