"""What a backend is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from symopt.graph.nodes import Array, Input, Node, Shared


@dataclass(frozen=True)
class Task:
    """One function to compile: outputs and simultaneous updates, as expressions over inputs and shared values."""

    inputs: tuple[Input, ...]
    outputs: tuple[Node, ...]
    updates: tuple[tuple[Shared, Node], ...]
    title: str = "a function"


class Runner(Protocol):
    """A compiled task: call it with an array of the right dtype for every input, and the number of the call."""

    source: str

    def __call__(self, arrays: Sequence[Array], iteration: int) -> list[Array]: ...


class Backend(Protocol):
    """One way to run a task. ``emit`` is pure and needs nothing; ``build`` may need a compiler or a device."""

    name: str

    def status(self) -> tuple[bool, str]:
        """Whether it can run here, and why not (or with what)."""
        ...

    def emit(self, task: Task, sizes: Mapping[str, int] | None = None) -> str: ...

    def build(self, task: Task, sizes: Mapping[str, int]) -> Runner: ...

    def explain(self, task: Task, sizes: Mapping[str, int] | None = None) -> str: ...


@dataclass(frozen=True)
class BackendRecord:
    """What :func:`symopt.backends` says of a backend."""

    name: str
    available: bool
    reason: str
