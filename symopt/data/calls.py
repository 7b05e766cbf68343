"""Batches that a user's function returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from symopt.data.adapters import batch_array, row_axis
from symopt.data.batch import Batch
from symopt.data.entries import Names, check_lengths, labels, unpack
from symopt.errors import DataError


@dataclass(slots=True, eq=False)
class Calls:
    """The batches of a callable. The inputs that its first batch holds are those that every batch must hold.

    Parameters
    ----------
    function : called with no arguments; returns one batch: an array, or a list, tuple or dict of them.
    iteration_size : batches in an epoch.
    axis : the axis of the rows.
    label : what to call the data set in messages.
    """

    function: Callable[[], object]
    iteration_size: int
    axis: int
    label: str
    _first: tuple[int, Names] | None = None

    def batches(self) -> Iterator[Batch]:
        """Yield ``iteration_size`` batches.

        Raises
        ------
        DataError : the callable ran dry, or returned what is no batch, or other inputs than the first time.
        """
        for number in range(self.iteration_size):
            try:
                returned = self.function()
            except StopIteration as error:
                raise DataError(
                    f"{self.label}: the callable raised StopIteration at batch {number} of "
                    f"{self.iteration_size}, but every epoch calls it; let it begin anew when it is through"
                ) from error
            yield self._batch(returned)

    def _batch(self, returned: object) -> Batch:
        values, names = self._in_first_order(*unpack(returned))
        arrays: list[Any] = []
        lengths: list[int] = []
        for entry, value in zip(labels(len(values), names), values, strict=True):
            label = f"{self.label}, {entry} of a batch"
            array = batch_array(value, label)
            lengths.append(array.shape[row_axis(array.shape, self.axis, label)])
            arrays.append(array)
        check_lengths(lengths, names, self.axis, f"{self.label}: the arrays of a batch")
        return Batch(tuple(arrays), lengths[0], names)

    def _in_first_order(self, values: list[object], names: Names) -> tuple[list[object], Names]:
        """Return the inputs in the order of the first batch, having checked that they are the same inputs."""
        if not values:
            raise DataError(f"{self.label}: the callable returned no array; at least one is expected")
        if self._first is None:
            self._first = len(values), names
        count, first_names = self._first
        if names is not None and first_names is not None and set(names) == set(first_names):
            by_name = dict(zip(names, values, strict=True))
            return [by_name[name] for name in first_names], first_names
        if (len(values), names) != self._first:
            raise DataError(
                f"{self.label}: the callable returned {_told(len(values), names)}, but its first batch was "
                f"{_told(count, first_names)}; return the same inputs each time"
            )
        return values, names


def _told(count: int, names: Names) -> str:
    if names is not None:
        return f"a dict of {', '.join(repr(str(name)) for name in names)}"
    return f"{count} array" + "s" * (count != 1)
