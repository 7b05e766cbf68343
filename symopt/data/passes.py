"""Which rows are in which batch: a function of the seed and the epoch alone.

Training sees an endless sequence of *passes*. Each pass holds every row once, in an order drawn from the seed
and the number of the pass, and is cut into batches; the last batch of a pass may be short. Epoch ``e`` of
``k`` batches is the batches ``e * k`` to ``e * k + k`` of that sequence. So an epoch shorter than a pass goes
on where the epoch before it stopped, a longer one goes on into the next pass, and any epoch can be found
without having run those before it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from symopt.errors import DataError

Rows = NDArray[np.int64]
Selection = slice | Rows


class Passes:
    """The batches of every epoch over ``length`` rows.

    A pass that is a single batch keeps the stored order: its rows are the same whatever their order, and a
    slice costs no copy.

    Parameters
    ----------
    length : number of rows, at least 1.
    batch_size : rows in a batch, at least 1 and at most ``length``.
    iteration_size : batches in an epoch; None is one pass.
    seed : an int that is not negative.

    Examples
    --------
    >>> passes = Passes(length=5, batch_size=2, iteration_size=None, seed=0)
    >>> [int(len(rows)) for rows in passes.selections(0)]
    [2, 2, 1]
    >>> sorted(passes.order(0).tolist())
    [0, 1, 2, 3, 4]
    >>> passes.bounds(0).tolist()
    [0, 2, 4, 5]
    """

    def __init__(self, length: int, batch_size: int, iteration_size: int | None, seed: int) -> None:
        self.length = length
        self.batch_size = batch_size
        self.per_pass = -(-length // batch_size)
        self.iteration_size = self.per_pass if iteration_size is None else iteration_size
        self.seed = seed
        self._latest: tuple[int, Rows] | None = None

    def selections(self, epoch: int | None) -> Iterator[Selection]:
        """Yield the rows of each batch: a slice where they are in the stored order, else int64 indices."""
        if epoch is None:
            for start in range(0, self.length, self.batch_size):
                yield slice(start, min(start + self.batch_size, self.length))
            return
        for number, first, last in self._pieces(epoch):
            if self.per_pass == 1:
                yield slice(0, self.length)
                continue
            rows = self._shuffled(number)
            for start in range(first * self.batch_size, last * self.batch_size, self.batch_size):
                yield rows[start : start + self.batch_size]

    def order(self, epoch: int | None) -> Rows | None:
        """Return the rows of an epoch, batch after batch.

        Returns
        -------
        int64 indices ``(rows,)``, or None where the epoch is one pass in the stored order.
        """
        _check_epoch(epoch)
        if epoch is None or (self.per_pass == 1 and self.iteration_size == 1):
            return None
        if self.per_pass == 1:
            return np.tile(np.arange(self.length, dtype=np.int64), self.iteration_size)
        pieces = [
            self._shuffled(number)[first * self.batch_size : last * self.batch_size]
            for number, first, last in self._pieces(epoch)
        ]
        return np.concatenate(pieces)

    def bounds(self, epoch: int | None) -> Rows:
        """Return where batches begin in the order of an epoch: batch ``i`` is ``bounds[i]:bounds[i + 1]``.

        Returns
        -------
        int64 array ``(batches + 1,)``. Its steps are the batch size, but for the short batch at the end of
        each pass.
        """
        _check_epoch(epoch)
        first = 0 if epoch is None else epoch * self.iteration_size
        count = self.per_pass if epoch is None else self.iteration_size
        passes, within = np.divmod(np.arange(first, first + count + 1, dtype=np.int64), self.per_pass)
        starts: Rows = passes * self.length + within * self.batch_size
        starts -= starts[0]
        return starts

    def _pieces(self, epoch: int) -> Iterator[tuple[int, int, int]]:
        """Yield ``(pass, first batch, last batch + 1)`` for each pass that an epoch touches."""
        _check_epoch(epoch)
        batch, end = epoch * self.iteration_size, (epoch + 1) * self.iteration_size
        while batch < end:
            number, first = divmod(batch, self.per_pass)
            last = min(self.per_pass, first + end - batch)
            yield number, first, last
            batch += last - first

    def _shuffled(self, number: int) -> Rows:
        # Kept for the next call: where an epoch is a small part of a pass, drawing the whole pass anew in
        # each epoch would cost more than the epoch itself.
        if self._latest is None or self._latest[0] != number:
            # A spawn key, not [seed, number]: that list would make pass 0 the very permutation that a user
            # gets from default_rng(seed), perhaps the one that split the data.
            sequence = np.random.SeedSequence(self.seed, spawn_key=(number,))
            rows = np.random.default_rng(sequence).permutation(self.length).astype(np.int64, copy=False)
            self._latest = number, rows
        return self._latest[1]


def _check_epoch(epoch: int | None) -> None:
    if epoch is not None and epoch < 0:
        raise DataError(f"epoch is {epoch}; epochs are counted from 0, and None is the stored order")
