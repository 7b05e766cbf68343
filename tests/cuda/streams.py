"""Streams, events and graphs of the stand-in for CuPy: work is done at once, or recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self


class Event:
    """A point in a stream. All work is done at once, so nothing ever waits for it."""

    def __init__(self, block: bool = False, disable_timing: bool = False) -> None:
        self.recorded = False

    def record(self, stream: Stream | None = None) -> None:
        self.recorded = True

    def synchronize(self) -> None:
        refuse_in_capture("synchronizing")


class Graph:
    """Work that was recorded."""

    def __init__(self, work: Sequence[Callable[[], None]]) -> None:
        self._work = tuple(work)

    def launch(self, stream: Stream | None = None) -> None:
        """Do it, in its order."""
        refuse_in_capture("launching a graph")
        for piece in self._work:
            piece()


class Stream:
    """A queue of work, done at once, or recorded between ``begin_capture`` and ``end_capture``."""

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        self.recorded: list[Callable[[], None]] | None = None
        self.failed = False
        self.is_blocking = not non_blocking

    def __enter__(self) -> Self:
        _current.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.pop()

    def begin_capture(self) -> None:
        """Record, from here on, what is launched while this stream is the current one."""
        if self.is_blocking:
            raise RuntimeError("the stand-in captures only streams made with non_blocking=True")
        if self.recorded is not None:
            raise RuntimeError("this stream is being captured already")
        self.recorded, self.failed = [], False
        _capturing.append(self)

    def end_capture(self) -> Graph:
        """What was recorded. After something that cannot be recorded, the whole capture has failed, as in CUDA."""
        if self.recorded is None:
            raise RuntimeError("this stream is not being captured")
        work, self.recorded = self.recorded, None
        _capturing.remove(self)
        if self.failed:
            raise RuntimeError("the capture has failed: something was tried that cannot be captured")
        return Graph(work)

    def synchronize(self) -> None:
        refuse_in_capture("synchronizing")

    def record(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        if self.recorded is not None:
            refuse_in_capture("waiting for an event from outside")


_current = [Stream(null=True)]
_capturing: list[Stream] = []


def current_stream() -> Stream:
    """The stream that launches go to."""
    return _current[-1]


def refuse_in_capture(what: str) -> None:
    """Raise if any stream is being captured."""
    for stream in _capturing:
        stream.failed = True
    if _capturing:
        raise RuntimeError(f"{what} is not possible while a stream is captured")


def do(work: Callable[[], None]) -> None:
    """Do it in the current stream, or record it."""
    stream = current_stream()
    if stream.recorded is not None:
        stream.recorded.append(work)
        return
    if stream.is_blocking:
        refuse_in_capture("using a blocking stream")
    work()


def forget_captures() -> None:
    """After a test that failed within a capture."""
    del _current[1:]
    while _capturing:
        _capturing.pop().recorded = None
