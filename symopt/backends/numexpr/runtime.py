"""What generated Python calls: blocks of rows, and a second thread to share them with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any

import numpy as np

from symopt.errors import DataError
from symopt.graph.memory import empty

Span = tuple[int, int, int]
BlockFunction = Callable[..., None]


def blocks(length: int, block: int) -> list[Span]:
    """Consecutive ranges ``(number, low, high)`` of at most ``block``."""
    return [(i, low, min(low + block, length)) for i, low in enumerate(range(0, length, block))]


def scratch(shape: tuple[int, ...], dtypes: Sequence[Any], threads: int) -> list[list[np.ndarray[Any, Any]]]:
    """For each thread, an array of ``shape`` for each dtype."""
    return [[empty(shape, dtype) for dtype in dtypes] for _ in range(threads)]


class _Shared(Iterator[Span]):
    """Spans handed out one by one to whichever thread asks next: a thread that lost its core holds nobody up."""

    def __init__(self, items: list[Span]) -> None:
        self._next = iter(items).__next__

    def __next__(self) -> Span:
        return self._next()  # atomic: it never leaves the interpreter


class Helper:
    """A second thread that waits for work."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True, name="symopt").start()

    def _run(self) -> None:
        np.seterr(all="ignore")  # each thread has its own setting
        while True:
            work = self._work.get()
            try:
                work()
            except BaseException as error:  # handed to the caller
                self._done.put(error)
            else:
                self._done.put(None)

    def start(self, work: Callable[[], None]) -> None:
        self._work.put(work)

    def finish(self) -> None:
        error = self._done.get()
        if error is not None:
            raise error


_helpers: SimpleQueue[Helper] = SimpleQueue()


def on_two_threads(kernel: BlockFunction, items: list[Span], *arguments: Any) -> None:
    """Run ``kernel(spans, thread, *arguments)`` on this thread and one other, which share the spans."""
    shared = _Shared(items)
    helper = Helper() if _helpers.empty() else _helpers.get()
    helper.start(lambda: kernel(shared, 1, *arguments))
    try:
        kernel(shared, 0, *arguments)
    finally:
        helper.finish()
        _helpers.put(helper)


def check_indices(indices: Any, length: int, origin: str) -> None:
    """Indices are in range."""
    if indices.size and not (indices.min() >= 0 and indices.max() < length):
        bad = indices[(indices < 0) | (indices >= length)].flat[0]
        raise DataError(f"index {bad} is out of range of {length} entries", None if origin == "None" else origin)
