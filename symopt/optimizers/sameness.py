"""Whether equations that are written differently are the same."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.graph.evaluate import evaluate
from symopt.graph.nodes import Array, Node
from symopt.optimizers.base import UpdateRule


@dataclass(frozen=True)
class Point:
    """Where equations are computed: all that they read is about as large as ``size``, but 0 for the names ``zero``."""

    size: float
    iteration: int
    positive: bool = True
    zero: tuple[str, ...] = ()

    def numbers(self, name: str, shape: Sequence[Any]) -> Array:
        """Numbers that depend on the name alone; the same ones for every rule."""
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        numbers: Array = self.size * rng.uniform(0.5, 1.5, shape) * (name not in self.zero)
        if self.positive:
            return numbers
        return numbers * np.where(np.arange(numbers.size).reshape(numbers.shape) % 2, -1, 1)


#: Small numbers tell an epsilon inside a root from one outside it, and a limit that is far below; negative ones tell x
#: from its size; zeros are often a case of their own.
POINTS = (
    *(Point(1.0, 0), Point(1e-2, 1), Point(1e-5, 7), Point(1e-9, 3), Point(30.0, 100), Point(1.0, 2, positive=False)),
    *(
        Point(1.0, 5, zero=("grad(w)",)),
        Point(1e-9, 4, zero=("grad(w)",)),
        Point(1.0, 0, zero=("w",)),
        Point(1.0, 9, zero=("w", "grad(w)")),
    ),
)

#: How far apart the changes by two equations may be that are the same, as a share; rounding leaves less.
SHARE = 1e-9

#: The values on the right of equations by the names on their left, at one point.
Values = dict[str, Array]


def values_at_points(rule: UpdateRule, shape: tuple[int, ...]) -> list[Values]:
    """What each equation of a rule for a parameter ``w`` computes from random numbers, at each of the points.

    States are called by their order, ``s0``, and their new values ``s0'``: an equation that reads a new value reads the
    same numbers in every rule.
    """
    w = so.parameter(np.ones(shape), name="w")
    updates = rule.get_updates(so.sum(so.square(w)), [w])
    states = [variable for variable, _ in updates if variable.name.startswith("w_")]
    names = {w: "w", **{state: f"s{i}" for i, state in enumerate(states)}}
    raw, prepared = updates.gradients[w], updates.prepared[w]
    equations = [(names[variable], value) for variable, value in updates if variable in names]
    if prepared is not raw:
        equations.insert(0, ("g(w)", prepared))
    found = []
    for point in POINTS:
        known: dict[Node, Array] = {node: point.numbers(name, node.shape) for node, name in names.items()}
        known |= {raw: point.numbers("grad(w)", shape), updates.iteration: np.asarray(point.iteration)}
        found.append(_values(equations, known, point))
    return found


def _values(equations: Sequence[tuple[str, Node]], known: dict[Node, Array], point: Point) -> Values:
    """The right sides one after the other; later ones read random numbers in the place of what earlier ones gave."""
    values = {}
    for name, node in equations:
        values[name] = evaluate([node], known)[0]
        known.setdefault(node, point.numbers(f"{name}'", values[name].shape))
    return values


def same(first: Sequence[Values], second: Sequence[Values], name: str) -> bool:
    """Whether both have an equation of this name, and it gives the same everywhere."""
    for point, one, other in zip(POINTS, first, second, strict=True):
        if name not in one or name not in other or one[name].shape != other[name].shape:
            return False
        # A step is small beside the parameter, so it is the steps that are compared.
        start = point.numbers("w", one[name].shape) if name == "w" else 0.0
        slack = 1e-14 * np.max(np.abs(start))
        if not np.allclose(one[name] - start, other[name] - start, rtol=SHARE, atol=slack, equal_nan=True):
            return False
    return True
