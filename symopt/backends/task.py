"""What a backend is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from symopt.errors import DataError
from symopt.graph.nodes import Array, Input, Node, Shared
from symopt.tensor.evaluation import input_array


@dataclass(frozen=True)
class Task:
    """One function to compile: outputs and simultaneous updates, as expressions over inputs and shared values."""

    inputs: tuple[Input, ...]
    outputs: tuple[Node, ...]
    updates: tuple[tuple[Shared, Node], ...]
    title: str = "a function"


class Runner(Protocol):
    """A compiled task: call it with what the user gives for every input, and the number of the call."""

    source: str

    def __call__(self, values: Sequence[Any], iteration: int) -> list[Array]: ...


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


def checked_arrays(inputs: Sequence[Input], values: Sequence[Any]) -> list[Array]:
    """An array in row-major order, of the right dtype, for every input; or an error that says what is wrong."""
    if len(values) != len(inputs):
        names = ", ".join(node.name for node in inputs)
        raise DataError(f"expected {len(inputs)} arrays ({names}), was given {len(values)}")
    arrays = (input_array(node, value) for node, value in zip(inputs, values, strict=True))
    return [array if array.flags.c_contiguous else np.array(array, order="C") for array in arrays]
