"""What a backend is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from symopt.errors import DataError
from symopt.graph.devices import lives_on_device
from symopt.graph.nodes import Array, Input, Node, Shared
from symopt.graph.traversal import topological
from symopt.tensor.evaluation import input_array


@dataclass(frozen=True)
class Task:
    """One function to compile: outputs and simultaneous updates, as expressions over inputs and shared values."""

    inputs: tuple[Input, ...]
    outputs: tuple[Node, ...]
    updates: tuple[tuple[Shared, Node], ...]
    title: str = "a function"

    @property
    def is_on_device(self) -> bool:
        """Whether some shared value lies on a device, or was made from one that does."""
        nodes = topological([*self.outputs, *(value for _, value in self.updates)])
        used = [*(variable for variable, _ in self.updates), *(node for node in nodes if isinstance(node, Shared))]
        return any(node.storage.is_on_device for node in used)


class Runner(Protocol):
    """A compiled task: call it with what the user gives for every input, and the number of the call."""

    source: str
    #: Steps that the latest ``repeat`` or ``epoch`` has done, also where it was interrupted.
    done: int

    def __call__(self, values: Sequence[Any], iteration: int) -> list[Array]: ...

    def repeat(self, steps: int, values: Sequence[Any], iteration: int) -> list[Array]:
        """Steps on the same inputs; the outputs of the last."""
        ...

    def epoch(self, arrays: Sequence[Any], batch: int, order: Array | None, iteration: int) -> Array:
        """A step on every batch of rows, in ``order`` or as they lie; the outputs added up, times their rows."""
        ...

    def entry(self, values: Sequence[Any], single: bool) -> Callable[..., Any] | None:
        """A faster way in for arrays like these, if there is one: it gives None, and does nothing, for others."""
        ...


class StepByStep:
    """Loops over steps and batches for a runner that has none of its own."""

    source: str
    done = 0

    def __call__(self, values: Sequence[Any], iteration: int) -> list[Array]:
        """One step."""
        raise NotImplementedError

    def repeat(self, steps: int, values: Sequence[Any], iteration: int) -> list[Array]:
        """Steps on the same inputs; the outputs of the last."""
        outputs: list[Array] = []
        self.done = 0
        while self.done < steps:
            outputs = self(values, iteration + self.done)
            self.done += 1
        return outputs

    def epoch(self, arrays: Sequence[Any], batch: int, order: Array | None, iteration: int) -> Array:
        """A step on every batch of rows, in ``order`` or as they lie; the outputs added up, times their rows."""
        total: Array | float = 0.0
        count = len(arrays[0]) if order is None else len(order)
        self.done = 0
        for low in range(0, count, batch):
            if order is None:
                rows = [array[low : low + batch] for array in arrays]
            else:
                rows = [_taken(array, order[low : low + batch]) for array in arrays]
            total = total + len(rows[0]) * np.asarray(self(rows, iteration + self.done), np.float64)
            self.done += 1
        return np.asarray(total)

    def entry(self, values: Sequence[Any], single: bool) -> Callable[..., Any] | None:
        """A faster way in: none."""
        return None


def _taken(array: Any, rows: Array) -> Any:
    # np.take is faster than an index, but not for arrays that live on a device.
    return array[rows] if lives_on_device(array) else np.take(array, rows, axis=0)


class Backend(Protocol):
    """One way to run a task. ``emit`` is pure and needs nothing; ``build`` may need a compiler or a device."""

    name: str

    def status(self) -> tuple[bool, str]:
        """Whether it can run here, and why not (or with what)."""
        ...

    def emit(self, task: Task, sizes: Mapping[str, int] | None = None) -> str: ...

    def build(self, task: Task, sizes: Mapping[str, int]) -> Runner: ...

    def explain(self, task: Task, sizes: Mapping[str, int] | None = None) -> str: ...

    def runs_epochs(self, task: Task) -> bool:
        """Whether a whole epoch is one call."""
        ...


@dataclass(frozen=True)
class BackendRecord:
    """What :func:`symopt.backends` says of a backend."""

    name: str
    available: bool
    reason: str


def checked_arrays(inputs: Sequence[Input], values: Sequence[Any], on_device: bool = False) -> list[Any]:
    """An array in row-major order, of the right dtype, for every input; or an error that says what is wrong.

    With ``on_device``, an array that lives on a device is given back as it is.
    """
    if len(values) != len(inputs):
        names = ", ".join(node.name for node in inputs)
        raise DataError(f"expected {len(inputs)} arrays ({names}), was given {len(values)}")
    return [
        value if on_device and lives_on_device(value) else _in_order(input_array(node, value))
        for node, value in zip(inputs, values, strict=True)
    ]


def _in_order(array: Array) -> Array:
    return array if array.flags.c_contiguous else np.array(array, order="C")
