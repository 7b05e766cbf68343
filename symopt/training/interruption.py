"""Ctrl-C between updates, never within one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class Interruption:
    """While entered, the first Ctrl-C only sets ``requested``; a second one interrupts, unless ``busy`` is set.

    So no update is left half done. Outside the main thread, where Python delivers no signals, and where Ctrl-C is
    ignored, or handled by what Python cannot put back, it does nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self.busy = False
        self._previous: Any = None

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if handler is not None and handler != signal.SIG_IGN:
                self._previous = handler
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested and not self.busy:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits for the end of this block."""
    with Interruption() as interruption:
        interruption.busy = True
        yield
    if interruption.requested:
        raise KeyboardInterrupt
