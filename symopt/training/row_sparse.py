"""Gradients that are 0 but for some rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symopt.errors import DataError, ShapeError
from symopt.graph.devices import lives_on_device
from symopt.graph.nodes import Array


@dataclass(frozen=True, eq=False)
class RowSparse:
    """A gradient that is 0 but for some rows.

    Parameters
    ----------
    rows : numbers of rows, integers from 0, in any order; the values of a row that is named twice are added up.
    values : an array with an entry for each of ``rows``.

    >>> RowSparse([2, 0, 2], [[1.0], [5.0], [2.0]]).dense((4, 1)).tolist()
    [[5.0], [0.0], [3.0], [0.0]]
    """

    rows: Any
    values: Any

    def __post_init__(self) -> None:
        if lives_on_device(self.rows) or lives_on_device(self.values):
            raise DataError(
                "RowSparse is for arrays of the host: where the weight lives on a device, give the dense gradient"
            )
        rows, values = np.asarray(self.rows), np.asarray(self.values)
        if not rows.size and rows.ndim == 1:
            rows = rows.astype(np.int64)
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise DataError(f"rows is a vector of integers; it was given {rows.dtype.name} of shape {rows.shape}")
        if values.ndim == 0 or len(values) != len(rows):
            raise ShapeError(f"values has shape {values.shape}: it needs an entry for each of {len(rows)} rows")
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "values", values)

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse a gradient that does not fit an array of this shape."""
        if not shape or self.values.shape[1:] != shape[1:]:
            raise ShapeError(f"a row-sparse gradient with values of shape {self.values.shape} for a weight {shape}")
        if self.rows.size and (self.rows.min() < 0 or self.rows.max() >= shape[0]):
            raise DataError(f"rows are from 0 to {shape[0] - 1}; there are {self.rows.min()} to {self.rows.max()}")

    def summed(self) -> RowSparse:
        """The same with each row once, in increasing order."""
        rows, places = np.unique(self.rows, return_inverse=True)
        if len(rows) == len(self.rows):
            order = np.argsort(self.rows)
            return RowSparse(rows, self.values[order])
        values: Array = np.zeros((len(rows), *self.values.shape[1:]), self.values.dtype)
        np.add.at(values, places, self.values)
        return RowSparse(rows, values)

    def dense(self, shape: tuple[int, ...]) -> Array:
        """The gradient as an array of all rows."""
        self.check(shape)
        result: Array = np.zeros(shape, self.values.dtype)
        np.add.at(result, self.rows, self.values)
        return result
