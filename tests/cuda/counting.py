"""How often the backend for a device copies from there, and launches, in a test that runs it on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.cuda.arrays import OnDevice
from tests.cuda.compiled import PROBLEM, CompiledKernel
from tests.cuda.on_cpu import ON_CPU

#: For tests with arrays of the stand-in.
needs_stand_in = pytest.mark.skipif(not ON_CPU, reason=PROBLEM or "there is a GPU: tests/gpu tests with its arrays")


@dataclass
class Counts:
    """Shapes of what was copied to the host, shapes of what was sent to the device, and launches of kernels."""

    got: list[tuple[int, ...]] = field(default_factory=list)
    sent: list[tuple[int, ...]] = field(default_factory=list)
    launches: int = 0


@contextmanager
def counting() -> Iterator[Counts]:
    """Count within this block."""
    counts = Counts()
    get, send, launch = OnDevice.get, OnDevice.set, CompiledKernel.launch

    def counted_get(self: OnDevice, *args: Any, **keywords: Any) -> Any:
        counts.got.append(self.shape)
        return get(self, *args, **keywords)

    def counted_send(self: OnDevice, *args: Any, **keywords: Any) -> None:
        counts.sent.append(self.shape)
        send(self, *args, **keywords)

    def counted_launch(self: CompiledKernel, *args: Any) -> None:
        counts.launches += 1
        launch(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OnDevice, "get", counted_get)
        patch.setattr(OnDevice, "set", counted_send)
        patch.setattr(CompiledKernel, "launch", counted_launch)
        yield counts
