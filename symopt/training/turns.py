"""Pieces of an epoch: a batch each, or as many as compiled code does in one call of some 50 ms."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from symopt.function import Function
from symopt.graph.nodes import Array

#: Seconds that a call may take, as nobody can interrupt it.
TURN = 0.05

#: Outputs (means over the rows), rows, batches.
Done = tuple[Sequence[Array], int, int]


class Batch:
    """One batch."""

    def __init__(self, function: Function, arrays: Sequence[Any], size: int) -> None:
        self._function = function
        self._arrays = arrays
        self._size = size

    def run(self, most: float) -> Done:
        """Call the function on it."""
        return self._function(*self._arrays), self._size, 1


class Stretch:
    """Batches of equal size, of which the last may be short, from arrays in memory."""

    def __init__(
        self, function: Function, arrays: Sequence[Any], order: Array | None, low: int, high: int, batch: int
    ) -> None:
        self._function = function
        self._arrays = arrays
        self._order = order
        self._low = low
        self._high = high
        self._batch = batch
        self._count = 1

    @property
    def is_left(self) -> bool:
        """Whether there are batches left."""
        return self._low < self._high

    def run(self, most: float) -> Done:
        """Call the function on the next batches, ``most`` of them at most."""
        count = int(min(self._count, most))
        high = min(self._low + count * self._batch, self._high)
        rows = slice(self._low, high)
        start = time.perf_counter()
        if self._order is None:
            values = self._function.epoch([array[rows] for array in self._arrays], self._batch)
        else:
            values = self._function.epoch(self._arrays, self._batch, self._order[rows])
        taken = max(time.perf_counter() - start, 1e-9)
        done = -(-(high - self._low) // self._batch)
        self._count = max(1, min(8 * self._count, int(done * TURN / taken)))
        size, self._low = high - self._low, high
        return values, size, done


Turn = Batch | Stretch


def stretches(function: Function, arrays: Sequence[Any], order: Array | None, bounds: Array) -> Iterator[Stretch]:
    """Turns over the batches that begin at ``bounds``, until all are done."""
    steps = np.diff(bounds)
    first = 0
    while first < len(steps):
        past = first + 1
        while past < len(steps) and steps[past] == steps[first]:
            past += 1
        if past < len(steps) and steps[past] < steps[first]:
            past += 1  # a short one ends the pass
        stretch = Stretch(function, arrays, order, int(bounds[first]), int(bounds[past]), int(steps[first]))
        while stretch.is_left:
            yield stretch
        first = past
