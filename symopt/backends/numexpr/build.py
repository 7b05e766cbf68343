"""From the text of a module to a callable."""

from __future__ import annotations

import contextvars
import linecache
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from symopt.backends.numexpr.dialect import DIALECT
from symopt.backends.numexpr.emit import Module, emit
from symopt.backends.numexpr.spelling import RESERVED
from symopt.backends.task import StepByStep, Task, checked_arrays
from symopt.graph.evaluate import bind_sizes, check_guards
from symopt.graph.nodes import Array, Input
from symopt.lowering import Program, lower
from symopt.lowering.explain import explain

#: Prepared steps that are kept: a full and a short batch for training, and for validation, and some to spare.
KEPT_SIZES = 8


class NumexprBackend:
    """Generated Python, vectorized by NumPy and numexpr."""

    name = "numexpr"

    def status(self) -> tuple[bool, str]:
        """Whether numexpr is installed."""
        if find_spec("numexpr") is None:
            return False, "numexpr is not installed: pip install numexpr"
        return True, "generated Python over NumPy's ufuncs and numexpr"

    def emit(self, task: Task, sizes: Mapping[str, int] | None = None) -> str:
        """The source of the module."""
        return emit(_program(task), sizes, task.title).source

    def build(self, task: Task, sizes: Mapping[str, int]) -> NumexprRunner:
        """The callable, with choices made for ``sizes``."""
        program = _program(task)
        return NumexprRunner(program, emit(program, sizes, task.title))

    def explain(self, task: Task, sizes: Mapping[str, int] | None = None) -> str:
        """What was fused, and what it moves and computes."""
        return explain(_program(task))

    def runs_epochs(self, task: Task) -> bool:
        """Never: Python loops over the batches."""
        return False


def _program(task: Task) -> Program:
    return lower(task.inputs, task.outputs, task.updates, DIALECT, RESERVED)


class NumexprRunner(StepByStep):
    """A generated module, prepared once for each run-time size."""

    def __init__(self, program: Program, module: Module) -> None:
        self.source = module.source
        self._module = module
        self._guards = program.guards
        self._inputs: tuple[Input, ...] = program.inputs
        self._draws = bool(program.streams)
        self._prepare = _load(module.source)
        self._shared = {name: node.storage.hold() for name, node in module.shared.items()}
        self._steps: OrderedDict[tuple[Any, ...], Callable[..., list[Array]]] = OrderedDict()
        # Overflow on the way to a right result is no news. Set once, in a context of our own: np.errstate around every
        # call would cost more than a small step.
        self._context = contextvars.copy_context()
        self._context.run(np.seterr, all="ignore")

    def __call__(self, values: Sequence[Any], iteration: int) -> list[Array]:
        values = checked_arrays(self._inputs, values)
        step = self._prepared(values)
        if self._draws:
            return self._context.run(step, *values, iteration)
        return self._context.run(step, *values)

    def entry(self, values: Sequence[Any], single: bool) -> Callable[..., Any] | None:
        """A callable for arrays laid out like these, of which nothing else needs to be checked."""
        if self._draws:
            return None
        arrays = checked_arrays(self._inputs, values)
        step, run, count = self._prepared(arrays), self._context.run, len(arrays)
        layout = [(node.dtype, a.shape, a.strides) for node, a in zip(self._inputs, arrays, strict=True)]

        def call(*given: Any) -> Any:
            if len(given) != count:
                return None
            for value, (dtype, shape, strides) in zip(given, layout):  # noqa: B905  (strict costs as much as the rest)
                if (
                    type(value) is not np.ndarray
                    or value.dtype is not dtype
                    or value.shape != shape
                    or value.strides != strides
                ):
                    return None
            outputs = run(step, *given)
            return outputs[0] if single else outputs

        return call

    def _prepared(self, arrays: Sequence[Array]) -> Callable[..., list[Array]]:
        key = tuple([array.shape for array in arrays])
        step = self._steps.get(key)
        if step is None:
            sizes = bind_sizes(self._inputs, arrays)
            check_guards(self._guards, sizes)
            known = [sizes[name] for name in self._module.sizes]
            step = self._steps[key] = self._prepare(self._shared, self._module.constants, *known)
            while len(self._steps) > KEPT_SIZES:
                self._steps.popitem(last=False)
        return step


def _load(source: str) -> Callable[..., Any]:
    """The ``prepare`` of a generated module, whose lines show in tracebacks."""
    name = f"<symopt {hash(source) & 0xFFFFFFFF:08x}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(source, name, "exec"), namespace)
    prepare: Callable[..., Any] = namespace["prepare"]
    return prepare
