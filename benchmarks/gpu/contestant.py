"""A way to do a work on the GPU, and how a library offers its ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from benchmarks.gpu.timing import Clock


@dataclass(frozen=True)
class Contestant:
    """Ready to run: ``run`` launches so many steps, ``results`` are samples of the state after all that ran so far."""

    run: Callable[[int], object]
    results: Callable[[], list[list[float]]]
    launches: int | None = None
    """Kernels of a step, where they can be counted."""
    way: str = ""
    """What it does, where its name does not say so."""
    centred_by_difference: bool = False
    rotates: bool = True
    """Whether each step has a batch of its own."""


class Library(Protocol):
    """A module of contestants."""

    clock: Clock

    @staticmethod
    def make(name: str, kind: str, size: int, tensors: bool) -> Contestant:
        """The contestant called ``name`` at a work."""

    @staticmethod
    def forget() -> None:
        """Give memory of the device back."""

    @staticmethod
    def facts() -> dict[str, str]:
        """What the library says of itself and of the device."""
