"""The values of parameters that a trainer keeps: the current ones, where training goes on, and the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from symopt.graph.nodes import Array, Shared


class Values:
    """Current and best values. Between runs the parameters hold the best, unless the user has written others.

    ``averages`` gives the states that hold averages of the parameters: what is validated, and so what the best are.
    """

    def __init__(self, params: Sequence[Shared], averages: Callable[[], Mapping[Shared, Shared]]) -> None:
        self._params = list(params)
        self._averages = averages
        self.best: list[Array] | None = None
        self._current: list[Array] | None = None  # while the parameters hold the best
        self._written = self._writes()

    def keep_best(self) -> None:
        """What the parameters hold now is the best."""
        self.best = self._held()

    def leave(self) -> None:
        """Put the best into the parameters, and keep the current values for the next run."""
        self.restore(self._held(), self.best)

    def restore(self, current: Sequence[Array], best: Sequence[Array] | None) -> None:
        """Training goes on from ``current``; the parameters hold ``best``."""
        self._current = list(current)
        self.best = None if best is None else list(best)
        self._put(current if best is None else best)
        self._written = self._writes()

    def resume(self) -> None:
        """Put the current values into the parameters, but for those that the user has written since.

        Where there are such, training goes on from another point, and the best of before says nothing of it. Their
        averages start anew from there.
        """
        if self._current is not None:  # else they hold the current ones, which may lie on a device
            self._put(self.current())
            self._current = None
        averages = self._averages()
        for param, now, before in zip(self._params, self._writes(), self._written, strict=True):
            if now != before and param in averages:
                averages[param].storage.array[...] = param.storage.read()
        if self._writes() != self._written:
            self.best = None
            self._written = self._writes()

    def current(self) -> list[Array]:
        """Copies of the values at which training goes on."""
        held = self._held()
        if self._current is None:
            return held
        rows = zip(held, self._current, self._writes(), self._written, strict=True)
        return [value if now != before else kept.copy() for value, kept, now, before in rows]

    def snapshot(self) -> tuple[list[Array], list[Array] | None]:
        """The current values, and the best of what training would go on with."""
        moved = self._current is not None and self._writes() != self._written
        return self.current(), None if moved else self.best

    @contextmanager
    def showing_best(self) -> Iterator[None]:
        """The parameters hold the best within this block."""
        with self._showing(self._held() if self.best is None else self.best):
            yield

    @contextmanager
    def showing_averages(self, running: bool) -> Iterator[None]:
        """The parameters hold their averages within this block, as far as there are such.

        Where no run is going on, this is for those only that hold current values, neither the best nor the user's.
        """
        averages = self._averages()
        if not averages:
            yield
            return
        values = self._held()
        current = running or self._current is None or self.best is None
        for i, (now, before) in enumerate(zip(self._writes(), self._written, strict=True)):
            if self._params[i] in averages and current and (running or now == before):
                values[i] = averages[self._params[i]].value
        with self._showing(values):
            yield

    @contextmanager
    def _showing(self, values: Sequence[Array]) -> Iterator[None]:
        held = self._held()
        self._put(values)
        try:
            yield
        finally:
            self._put(held)

    def _held(self) -> list[Array]:
        return [param.value for param in self._params]

    def _put(self, values: Sequence[Array]) -> None:
        for param, value in zip(self._params, values, strict=True):
            param.storage.array[...] = value

    def _writes(self) -> list[int]:
        return [param.storage.written for param in self._params]
