"""The values of parameters that a trainer keeps: the current ones, where training goes on, and the best."""

from __future__ import annotations

from collections.abc import Sequence

from symopt.graph.nodes import Array, Shared


class Values:
    """Current and best values. Outside a run the parameters hold the best, unless the user has written others."""

    def __init__(self, params: Sequence[Shared]) -> None:
        self._params = list(params)
        self.best: list[Array] | None = None
        self._current: list[Array] | None = None
        self._written = [param.storage.written for param in params]

    def keep_best(self) -> None:
        """What the parameters hold now is the best."""
        self.best = [param.storage.array.copy() for param in self._params]

    def leave(self) -> None:
        """Put the best into the parameters, and keep the current values for the next run."""
        self._current = self.current()
        self._write(self.best)

    def show_best(self) -> None:
        """Put the best into the parameters."""
        self._write(self.best)

    def resume(self) -> bool:
        """Go back to the current values, except where the user has written others; whether the user has."""
        pairs = list(zip(self._params, self._written, strict=True))
        changed = [param.storage.written != written for param, written in pairs]
        if self._current is not None:
            for param, value, theirs in zip(self._params, self._current, changed, strict=True):
                if not theirs:
                    param.storage.array[...] = value
        self._written = [param.storage.written for param in self._params]
        self._current = None
        return any(changed)

    def current(self) -> list[Array]:
        """Copies of the values at which training goes on."""
        if self._current is None:
            return [param.storage.array.copy() for param in self._params]
        kept = zip(self._params, self._current, self._written, strict=True)
        return [p.storage.array.copy() if p.storage.written != written else value.copy() for p, value, written in kept]

    def set_current(self, values: Sequence[Array]) -> None:
        """Training goes on from ``values``."""
        self._current = [value.copy() for value in values]
        self._written = [param.storage.written for param in self._params]

    def _write(self, values: Sequence[Array] | None) -> None:
        if values is not None:
            for param, value in zip(self._params, values, strict=True):
                param.storage.array[...] = value
