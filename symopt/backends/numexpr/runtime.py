"""What generated Python calls: blocks of rows, and a second thread to share them with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from symopt.backends.threads import threads
from symopt.errors import DataError
from symopt.graph.memory import Array, empty

#: The number of a block, where it begins and ends, and its part of each array.
Block = tuple[int, int, int, tuple[Array, ...]]
BlockFunction = Callable[..., None]


def blocks(length: int, height: int, *arrays: Array) -> list[Block]:
    """Consecutive rows, at most ``height`` at a time, and the parts of ``arrays`` that they are."""
    starts = range(0, length, height)
    ends = [min(low + height, length) for low in starts]
    return [
        (number, low, high, tuple(array[low:high] for array in arrays))
        for number, (low, high) in enumerate(zip(starts, ends, strict=True))
    ]


def scratch(
    parts: list[Block], row: tuple[int, ...], dtypes: Sequence[Any]
) -> dict[tuple[int, int], tuple[Array, ...]]:
    """For each thread and height of block, an array for each dtype."""
    heights = {high - low for _, low, high, _ in parts}
    made = {}
    for thread in (0, 1):
        memory = [empty((max(heights, default=0), *row), dtype) for dtype in dtypes]
        made.update({(thread, height): tuple(array[:height] for array in memory) for height in heights})
    return made


class Helper:
    """A second thread that waits for work."""

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[BlockFunction, Iterator[Block], tuple[Any, ...]]] = SimpleQueue()
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True, name="symopt").start()

    def _run(self) -> None:
        np.seterr(all="ignore")  # each thread has its own setting
        while True:
            kernel, shared, arguments = self._work.get()
            try:
                kernel(shared, 1, *arguments)
            except BaseException as error:  # handed to the caller
                self._done.put(error)
            else:
                self._done.put(None)

    def start(self, kernel: BlockFunction, shared: Iterator[Block], arguments: tuple[Any, ...]) -> None:
        """Begin to take blocks."""
        self._work.put((kernel, shared, arguments))

    def finish(self) -> None:
        """Wait until the last block that it has taken is done."""
        error = self._done.get()
        if error is not None:
            raise error


_helpers: SimpleQueue[Helper] = SimpleQueue()


def on_two_threads(kernel: BlockFunction, parts: list[Block], *arguments: Any) -> None:
    """Run ``kernel(blocks, thread, *arguments)`` on this thread and one other.

    Both take the next block from one iterator, which is safe as it never leaves the interpreter; so a thread that has
    lost its core holds nobody up. Where one thread is all that there may be, it does all of them.
    """
    shared = iter(parts)
    if threads() == 1:
        kernel(shared, 0, *arguments)
        return
    try:
        helper = _helpers.get_nowait()
    except Empty:
        helper = Helper()
    helper.start(kernel, shared, arguments)
    try:
        kernel(shared, 0, *arguments)
    finally:
        helper.finish()
        _helpers.put(helper)


def over_columns(ufunc: np.ufunc, columns: Sequence[Array], out: Array) -> None:
    """Put ``ufunc`` of all columns into ``out``, one after the other."""
    ufunc(columns[0], columns[1], out=out)
    for i in range(2, len(columns)):
        ufunc(out, columns[i], out=out)


def check_indices(indices: Any, length: int, origin: str) -> None:
    """Indices are in range."""
    if indices.size and not (indices.min() >= 0 and indices.max() < length):
        bad = indices[(indices < 0) | (indices >= length)].flat[0]
        raise DataError(f"index {bad} is out of range of {length} entries", None if origin == "None" else origin)


def span(start: int, count: int, step: int) -> slice:
    """The slice ``start, start + step, ...`` of ``count`` places, which may go down to 0, or be empty."""
    past = start + count * step
    return slice(start, None if past < 0 else past, step) if count else slice(0, 0)
