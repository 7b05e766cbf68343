"""Where in the user's code a node was built."""

from __future__ import annotations

import os
import sys
import threading
from types import FrameType
from typing import NamedTuple

import numpy as np

# NumPy's dispatcher stands between np.exp(x) and us, so its frames are no more the user's than ours are.
_NOT_THE_USER = (
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep,
    os.path.dirname(os.path.abspath(np.__file__)) + os.sep,
    "<frozen",
    "<__array_function__",
)


class _Inherited(threading.local):
    """The lines that :class:`BuiltFor` has set, innermost last; each thread has its own."""

    def __init__(self) -> None:
        self.origins: list[Location] = []


_inherited = _Inherited()


class Location(NamedTuple):
    """A line of the user's code."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def here() -> Location | None:
    """The innermost line outside this package, or the line that :class:`BuiltFor` has set."""
    if _inherited.origins:
        return _inherited.origins[-1]
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_NOT_THE_USER):
            return Location(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


class BuiltFor:
    """Nodes built inside, for the gradient of a node or in place of it, carry that node's own line."""

    __slots__ = ("_origin",)

    def __init__(self, origin: Location | None) -> None:
        self._origin = origin

    def __enter__(self) -> None:
        if self._origin is not None:
            _inherited.origins.append(self._origin)

    def __exit__(self, *error: object) -> None:
        if self._origin is not None:
            _inherited.origins.pop()
