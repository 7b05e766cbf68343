"""From batches of data to the arrays of a function, in the order of its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from symopt.data import Batch, Dataset
from symopt.data.entries import unpack
from symopt.errors import DataError
from symopt.function import Function
from symopt.graph.devices import lives_on_device
from symopt.graph.nodes import Input
from symopt.tensor.evaluation import input_array
from symopt.training.turns import Batch as OneBatch
from symopt.training.turns import Turn, stretches


class Feed:
    """Orders the arrays of batches: by position, or by name where they have names or the inputs themselves as keys."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._inputs = list(inputs)
        self._spelled = ", ".join(node.name for node in inputs)

    def batches(self, data: Dataset | None, epoch: int | None) -> Iterator[tuple[tuple[Any, ...], int]]:
        """Arrays and length of each batch of an epoch; one empty batch where there are neither data nor inputs."""
        if data is not None:
            for batch in data.batches(epoch):
                yield self._ordered(batch), batch.size
        elif self._inputs:
            raise DataError(f"the loss has inputs ({self._spelled}): give data for them")
        else:
            yield (), 1

    def turns(self, function: Function, data: Dataset | None, epoch: int | None) -> Iterator[Turn]:
        """An epoch in pieces: many batches at a time where compiled code can, else one."""
        arrays = self._in_memory(data) if data is not None and function.runs_epochs else None
        if data is None or arrays is None:
            for batch, size in self.batches(data, epoch):
                yield OneBatch(function, batch, size)
        else:
            yield from stretches(function, arrays, data.order(epoch), data.bounds(epoch))

    def _in_memory(self, data: Dataset) -> list[Any] | None:
        """All rows for each input, in its dtype; None where they are read batch by batch."""
        arrays = data.in_memory
        if arrays is None:
            return None
        ordered = self._ordered(Batch(arrays, 0, data.names))
        # What lives on a device, the backend takes as it is, or refuses.
        return [
            array if lives_on_device(array) else input_array(node, array)
            for node, array in zip(self._inputs, ordered, strict=True)
        ]

    def one(self, batch: Any) -> tuple[Any, ...]:
        """The arrays of a single batch that the user gives: an array, several, a dict of them, or a Batch."""
        if isinstance(batch, Batch):
            return self._ordered(batch)
        values, names = unpack(batch)
        arrays = [value if lives_on_device(value) else np.asarray(value) for value in values]
        return self._ordered(Batch(tuple(arrays), 1, names))

    def _ordered(self, batch: Batch) -> tuple[Any, ...]:
        if batch.names is None:
            if len(batch.arrays) != len(self._inputs):
                given, expected = len(batch.arrays), len(self._inputs)
                raise DataError(f"the data have {given} arrays; the loss has {expected} inputs: {self._spelled}")
            return batch.arrays
        # A key is an input, its name, or a SymPy symbol of that name.
        keys = [key if isinstance(key, Input) else str(key) for key in batch.names]
        arrays = dict(zip(keys, batch.arrays, strict=True))
        missing = [node.name for node in self._inputs if node not in arrays and node.name not in arrays]
        if missing:
            raise DataError(f"the data have {', '.join(map(str, batch.names))}; missing are {', '.join(missing)}")
        return tuple(arrays[node] if node in arrays else arrays[node.name] for node in self._inputs)
