"""From batches of data to the arrays of a function, in the order of its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symopt.data import Batch, Dataset
from symopt.errors import DataError
from symopt.graph.nodes import Array, Input


class Feed:
    """Orders the arrays of batches: by position, or by name where they have names (or the inputs themselves as keys)."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._inputs = list(inputs)
        self._spelled = ", ".join(node.name for node in inputs)

    def batches(self, data: Dataset | None, epoch: int | None) -> Iterator[tuple[tuple[Array, ...], int]]:
        """Arrays and length of each batch of an epoch; one empty batch where there are neither data nor inputs."""
        if data is not None:
            for batch in data.batches(epoch):
                yield self._ordered(batch), batch.size
        elif self._inputs:
            raise DataError(f"the loss has inputs ({self._spelled}): give data for them")
        else:
            yield (), 1

    def one(self, batch: Any) -> tuple[Array, ...]:
        """The arrays of a single batch that the user gives: an array, several, or a dict of them."""
        if isinstance(batch, Mapping):
            return self._ordered(Batch(tuple(map(np.asarray, batch.values())), 1, tuple(batch)))
        arrays = [batch] if isinstance(batch, np.ndarray) else batch
        return self._ordered(Batch(tuple(map(np.asarray, arrays)), 1))

    def _ordered(self, batch: Batch) -> tuple[Array, ...]:
        if batch.names is None:
            if len(batch.arrays) != len(self._inputs):
                raise DataError(
                    f"the data have {len(batch.arrays)} arrays; the loss has {len(self._inputs)} inputs: {self._spelled}"
                )
            return batch.arrays
        arrays: dict[Any, Array] = dict(zip(batch.names, batch.arrays, strict=True))
        missing = [node.name for node in self._inputs if node not in arrays and node.name not in arrays]
        if missing:
            raise DataError(f"the data have {', '.join(map(str, arrays))}; missing are {', '.join(missing)}")
        return tuple(arrays[node] if node in arrays else arrays[node.name] for node in self._inputs)
