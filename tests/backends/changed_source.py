"""Having a backend compile another source than the one that it has written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest


@contextmanager
def changed_source(build: ModuleType, change: Callable[[str], str]) -> Iterator[None]:
    """Inside, what the backend of a module ``build`` compiles is the source as ``change`` makes it."""
    emit = build.emit

    def changed(*arguments: Any) -> Any:
        module = emit(*arguments)
        return replace(module, source=change(module.source))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "emit", changed)
        yield
