"""From expressions to a callable."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.backends import ON_DEVICE, Runner, StepByStep, Task, checked_arrays, export, find
from symopt.errors import DataError, DTypeError, NumericalError, ShapeError, Unsupported
from symopt.graph.devices import lives_on_device, to_host
from symopt.graph.dimensions import symbol
from symopt.graph.evaluate import bind_sizes, evaluate
from symopt.graph.formula import formula
from symopt.graph.nodes import Array, Input, Node, Shared
from symopt.graph.pickling import pack, unpack
from symopt.graph.provenance import here
from symopt.graph.resizing import with_sizes
from symopt.graph.traversal import substitute, topological

Updates = Sequence[tuple[Shared, Any]]


class Function:
    """A compiled function of inputs and shared values: see :func:`function`."""

    def __init__(self, task: Task, single: bool, backend: str, check: str | None) -> None:
        self.task = task
        self.backend = find(backend, task).name
        self.check = check
        self.calls = 0
        self._single = single
        self._runner: Runner | None = None
        self._sizes: Mapping[str, int] | None = None  # of the first call
        # For arrays like those of the last call, a faster way in.
        self._entry: Callable[..., Any] | None = None
        self._lock = threading.Lock()

    def __call__(self, *values: Any) -> Any:
        """The outputs for given inputs; then all updates at once."""
        with self._lock:
            if self._entry is not None:
                results = self._entry(*values)
                if results is not None:
                    self.calls += 1
                    return results
            runner = self._checked(values)
            outputs = runner(values, self.calls)
            self.calls += 1
            if self.check is None and self.calls > 1:  # one that is called once has no use for it
                self._entry = runner.entry(values, self._single)
        return outputs[0] if self._single else outputs

    def repeat(self, k: int, *values: Any) -> Any:
        """``k`` calls on the same inputs; the outputs of the last."""
        if k < 1:
            raise DataError(f"repeat needs a number of steps of at least 1, not {k}")
        with self._lock:
            runner = self._checked(values)
            try:
                outputs = runner.repeat(k, values, self.calls)
            finally:  # what Ctrl-C has left undone has drawn no random numbers
                self.calls += runner.done
        return outputs[0] if self._single else outputs

    def epoch(self, arrays: Sequence[Any], batch_size: int = 32, order: Any = None) -> Any:
        """One pass over in-memory arrays in batches of rows.

        Parameters
        ----------
        arrays : one array for each input; all have the same length. With the backend ``cuda`` they may live on the
            device; those of the host are brought there while others are computed with.
        batch_size : rows in a batch; the last may be shorter. 0 is one batch of everything.
        order : row indices, each batch the next ``batch_size`` of them; None as stored.

        Returns the scalar outputs averaged over the batches, weighed by their lengths.
        """
        if any(node.shape != () for node in self.task.outputs):
            raise ShapeError("epoch averages outputs of one number: take the mean() of the others", here())
        data = [array if lives_on_device(array) else np.asarray(array) for array in arrays]
        rows = _rows(data, batch_size, order)
        count = len(data[0]) if rows is None else len(rows)
        step = batch_size or count
        first = [array[:step] for array in data]
        with self._lock:
            runner = self._checked(first)
            try:
                totals = runner.epoch(data, step, rows, self.calls)
            finally:
                self.calls += runner.done
        means = [np.asarray(total / count) for total in totals]
        return means[0] if self._single else means

    @property
    def runs_epochs(self) -> bool:
        """Whether :meth:`epoch` is one call of compiled code."""
        return self.check is None and find(self.backend).runs_epochs(self.task)

    @property
    def source(self) -> str:
        """The generated source; before the first call, for typical sizes."""
        return self._runner.source if self._runner is not None else find(self.backend).emit(self.task)

    def explain(self) -> str:
        """What was fused and why, with bytes moved and operations as formulas in the run-time sizes."""
        return find(self.backend).explain(self.task)

    def export(
        self,
        folder: str | os.PathLike[str],
        name: str = "trainer",
        outputs: Sequence[str] | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> list[Path]:
        """Write C that does what this function does, from the present values on, without Python or any library.

        Parameters
        ----------
        folder : where ``<name>.h``, ``<name>.c`` and an example ``main.c`` go; it is made if need be. A ``main.c`` that
            is there stays as it is. Values of many elements are in ``<name>_values.c``.
        name : the prefix of files, functions and types.
        outputs : names of the outputs; else ``output``, or ``output_1`` and so on.
        sizes : typical values of named run-time sizes, which blocks are chosen for; else those of the first call.

        Returns the paths of what was written. The head of the header says how to build it.
        """
        with self._lock:
            return export(self.task, folder, name, outputs, sizes or self._sizes, self.calls)

    def _checked(self, values: Sequence[Any]) -> Runner:
        """What runs a call: it looks for NaN first, if told to."""
        runner = self._runner or self._build(values)
        return runner if self.check is None else _Checked(runner, self._find_nan)

    def _build(self, values: Sequence[Any]) -> Runner:
        on_device = self.backend == ON_DEVICE
        sizes = bind_sizes(self.task.inputs, checked_arrays(self.task.inputs, values, on_device))
        backend = find(self.backend)
        available, reason = backend.status()
        if not available:
            raise Unsupported(f"the backend {self.backend} cannot run here: {reason}")
        self._runner, self._sizes = backend.build(self.task, sizes), sizes
        return self._runner

    def _find_nan(self, values: Sequence[Any], iteration: int) -> None:
        """Interpret the graph and stop at the first node that has a NaN where its operands have none."""

        def watch(node: Node, operands: tuple[Array, ...], value: Array) -> None:
            if _has_nan(value) and not any(map(_has_nan, operands)):
                raise NumericalError(_went_bad(node, operands), node.origin)

        given = [*self.task.outputs, *(node for _, node in self.task.updates)]
        arrays = checked_arrays(self.task.inputs, [to_host(value) for value in values])
        inputs: dict[Node, Array] = dict(zip(self.task.inputs, arrays, strict=True))
        evaluate(given, inputs, iteration, None, watch)

    def __getstate__(self) -> dict[str, Any]:
        options = {"backend": self.backend, "check": self.check, "calls": self.calls, "single": self._single}
        task = self.task
        variables, values = [variable for variable, _ in task.updates], [value for _, value in task.updates]
        counts = (len(task.inputs), len(task.outputs), len(variables))
        graph = pack([*task.inputs, *task.outputs, *variables, *values])
        return {"graph": graph, "counts": counts, "title": task.title, **options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        nodes = iter(unpack(*state["graph"]))
        inputs, outputs, variables = (tuple(itertools.islice(nodes, count)) for count in state["counts"])
        task = Task(inputs, outputs, tuple(zip(variables, nodes, strict=True)), state["title"])  # type: ignore[arg-type]
        self.__init__(task, state["single"], state["backend"], state["check"])  # type: ignore[misc]
        self.calls = state["calls"]


class _Checked(StepByStep):
    """A runner that looks for NaN before every step."""

    def __init__(self, runner: Runner, find_nan: Callable[[Sequence[Any], int], None]) -> None:
        self.source = runner.source
        self._runner = runner
        self._find_nan = find_nan

    def __call__(self, values: Sequence[Any], iteration: int) -> list[Array]:
        self._find_nan(values, iteration)
        return self._runner(values, iteration)


def _rows(data: Sequence[Any], batch_size: int, order: Any) -> Array | None:
    """The order of the rows of an epoch, checked before any batch runs; None as they lie."""
    lengths = {len(array) if array.ndim else 0 for array in data}
    if len(lengths) != 1:
        raise DataError(f"epoch needs arrays of one length, was given {[array.shape for array in data]}")
    (length,) = lengths
    if batch_size < 0:
        raise DataError(f"a batch has rows, or 0 for all of them; batch_size is {batch_size}")
    if order is None and length:
        return None
    rows = np.asarray(order if order is not None else [])
    if rows.ndim != 1 or not len(rows):
        raise DataError(f"epoch was given no rows: arrays of length {length}, order of shape {rows.shape}")
    if rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= length:
        raise DataError(
            f"order has indices of rows, from 0 to {length - 1}; it was given {rows.dtype.name} "
            f"from {rows.min()} to {rows.max()}"
        )
    return np.ascontiguousarray(rows, np.int64)


def _has_nan(array: Array) -> bool:
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def _went_bad(node: Node, operands: Sequence[Array]) -> str:
    ranges = [
        f"{operand.describe()} in [{np.nanmin(value):.6g}, {np.nanmax(value):.6g}]"
        for operand, value in zip(node.operands, operands, strict=True)
        if value.size and value.dtype.kind in "fiu"
    ]
    return f"NaN first appears in {formula(node, longest=200)}, from {'; '.join(ranges) or 'no operands'}"


def function(
    inputs: Sequence[Input],
    outputs: Node | Sequence[Node],
    updates: Updates = (),
    backend: str = "auto",
    givens: Mapping[Node, Any] | None = None,
    check: str | None = None,
    title: str = "a function",
) -> Function:
    """Compile expressions into a callable.

    Parameters
    ----------
    inputs : the inputs, in the order in which arrays will be passed.
    outputs : one tensor, or a list of them.
    updates : pairs (parameter or state, next value); all read the old values and are written at once, after the
        outputs.
    backend : ``"c"``, ``"cuda"``, ``"numexpr"``, ``"numpy"`` (the reference), or ``"auto"``: ``"cuda"`` where a
        parameter or state lives on a device, else the fastest that works here.
    givens : tensors to be replaced by others (or by arrays) of the same shape and dtype before compiling.
    title : what the generated source says it is.
    check : ``"nan"`` finds the first node that goes bad, by interpreting every call first.

    Returns
    -------
    A :class:`Function`, compiled at its first call.

    >>> x = so.vector("x")
    >>> total = so.state(0.0, name="total")
    >>> f = function([x], x.mean(), updates=[(total, total + x.sum())])
    >>> f([1.0, 2.0, 6.0])
    array(3.)
    >>> total.value
    array(9.)
    """
    if check not in (None, "nan"):
        raise Unsupported(f"check={check!r} is not known: use 'nan' or None", here())
    return Function(make_task(inputs, outputs, updates, givens, title), isinstance(outputs, Node), backend, check)


def emit(
    inputs: Sequence[Input],
    outputs: Node | Sequence[Node],
    updates: Updates = (),
    backend: str = "auto",
    givens: Mapping[Node, Any] | None = None,
    sizes: Mapping[str, int] | None = None,
    title: str = "a function",
) -> str:
    """The source that a backend generates, on any machine, whether or not it could run there.

    ``sizes`` gives values of named run-time sizes to choose for; the arguments are otherwise those of :func:`function`.
    """
    task = make_task(inputs, outputs, updates, givens, title)
    return find(backend, task).emit(task, sizes)


def make_task(
    inputs: Sequence[Input],
    outputs: Node | Sequence[Node],
    updates: Updates,
    givens: Mapping[Node, Any] | None,
    title: str = "a function",
) -> Task:
    """A checked task."""
    wanted = [outputs] if isinstance(outputs, Node) else list(outputs)
    changes = [(variable, so.as_tensor(value)) for variable, value in updates]
    for variable, _ in changes:
        _check_variable(variable, [other for other, _ in changes])
    new = [_fitted(variable, value) for variable, value in changes]
    given = [*(so.as_tensor(output) for output in wanted), *new]
    for node in inputs:
        if not isinstance(node, Input):
            raise DTypeError(f"inputs are made by so.input and its like; {node!r} is none", here())
    if givens:
        inputs, given = _with_givens(inputs, given, givens)
    used = [node for node in topological(given) if isinstance(node, Input)]
    missing = [node.name for node in used if node not in inputs]
    if missing:
        raise DataError(f"the outputs need inputs that are not in the list: {', '.join(missing)}", here())
    count = len(wanted)
    pairs = tuple((variable, value) for (variable, _), value in zip(changes, given[count:], strict=True))
    return Task(tuple(inputs), tuple(given[:count]), pairs, title)


def _check_variable(variable: Any, all_variables: Sequence[Any]) -> None:
    if not isinstance(variable, Shared) or variable.role == "hyperparameter":
        raise DTypeError(f"only parameters and states are updated; {variable!r} is neither", here())
    if sum(other is variable for other in all_variables) > 1:
        raise DataError(f"{variable.role} {variable.name!r} is updated twice", here())


def _fitted(variable: Shared, value: Node) -> Node:
    """The next value in the shape and dtype of its variable."""
    if not value.weak and not np.can_cast(value.dtype, variable.dtype, casting="same_kind"):
        raise DTypeError(f"{variable!r} cannot take the new value {value!r}: cast it first", value.origin)
    if value.ndim > variable.ndim:
        raise ShapeError(f"{variable!r} cannot take the new value {value!r}", value.origin)
    return so.broadcast_to(so.cast(value, variable.dtype), variable.shape)


def _with_givens(
    inputs: Sequence[Input], given: Sequence[Node], givens: Mapping[Node, Any]
) -> tuple[list[Input], list[Node]]:
    """Tensors replaced by others, and the sizes of those that are gone by theirs."""
    replacements = {old: _replacement(old, value) for old, value in givens.items()}
    known = {
        name: dim
        for old, new in replacements.items()
        for name, dim in zip(map(symbol, old.shape), new.shape, strict=True)
        if name is not None
    }
    resized = with_sizes([*inputs, *substitute(given, replacements)], known)
    return resized[: len(inputs)], resized[len(inputs) :]  # type: ignore[return-value]


def _replacement(old: Node, value: Any) -> Node:
    new = so.cast(so.as_tensor(value), old.dtype)
    if new.ndim != old.ndim:
        raise ShapeError(f"givens: {old!r} cannot be replaced by {new!r}", here())
    return new
