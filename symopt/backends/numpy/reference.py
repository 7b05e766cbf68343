"""The reference backend, and its listing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symopt.backends.task import StepByStep, Task, checked_arrays
from symopt.graph.evaluate import evaluate
from symopt.graph.nodes import LEAVES, Array, Node, Random, Shared
from symopt.graph.traversal import topological


class NumpyBackend:
    """Interprets the graph as it was built: slow, plain, and the oracle of all other backends."""

    name = "numpy"

    def status(self) -> tuple[bool, str]:
        """It can always run."""
        return True, "the reference: NumPy interprets the graph before any rewrite"

    def emit(self, task: Task, sizes: Mapping[str, int] | None = None) -> str:
        """The graph as a listing, one node a line: what the interpreter goes through."""
        return listing(task)

    def build(self, task: Task, sizes: Mapping[str, int]) -> NumpyRunner:
        """The interpreter of one task."""
        return NumpyRunner(task)

    def explain(self, task: Task, sizes: Mapping[str, int] | None = None) -> str:
        """Nothing is fused."""
        return f"{task.title}: interpreted node by node, nothing rewritten or fused\n\n{listing(task)}"

    def runs_epochs(self, task: Task) -> bool:
        """Never: Python loops over the batches."""
        return False


class NumpyRunner(StepByStep):
    """Evaluates outputs and new values, then writes the new values."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._given = [*task.outputs, *(node for _, node in task.updates)]
        self._streams: dict[Node, int] = {
            node: i for i, node in enumerate(n for n in topological(self._given) if isinstance(n, Random))
        }
        self.source = listing(task)

    def __call__(self, values: Sequence[Any], iteration: int) -> list[Array]:
        arrays = checked_arrays(self._task.inputs, values)
        inputs: dict[Node, Array] = dict(zip(self._task.inputs, arrays, strict=True))
        results = evaluate(self._given, inputs, iteration, self._streams)
        count = len(self._task.outputs)
        outputs = [np.array(value) for value in results[:count]]
        fresh = [np.array(value) for value in results[count:]]  # all are computed before any is written
        for (variable, _), value in zip(self._task.updates, fresh, strict=True):
            variable.storage.array[...] = value
        return outputs


def listing(task: Task) -> str:
    """One line for every node, then outputs and updates."""
    order = topological([*task.outputs, *(node for _, node in task.updates)])
    names: dict[Node, str] = {}
    lines = [f"# {task.title}: interpreted node by node with NumPy"]
    for node in order:
        names[node] = getattr(node, "name", f"t{len(names)}")
        shape = ", ".join(map(str, node.shape))
        operands = ", ".join(names[operand] for operand in node.operands)
        call = f"({operands})" if not isinstance(node, LEAVES) else ""
        lines.append(f"{names[node]} = {node.describe()}{call}  # {node.dtype.name} ({shape})")
    lines += [f"{_target(variable)} <- {names[node]}" for variable, node in task.updates]
    lines.append(f"return [{', '.join(names[node] for node in task.outputs)}]")
    return "\n".join(lines) + "\n"


def _target(variable: Shared) -> str:
    return variable.name
