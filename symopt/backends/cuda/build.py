"""From the text of a CUDA file to a callable."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symopt.backends.cfamily.epochs import has_epochs
from symopt.backends.cuda.apart import with_sums_alike
from symopt.backends.cuda.device import Device, find_cupy
from symopt.backends.cuda.dialect import DIALECT
from symopt.backends.cuda.emit import Module, emit
from symopt.backends.cuda.jobs import FAILURE
from symopt.backends.cuda.launches import Kernel
from symopt.backends.cuda.memory import Memory
from symopt.backends.cuda.plans import Prepared
from symopt.backends.cuda.scope import WORDS
from symopt.backends.cuda.values import Feed, Rooms, device_values
from symopt.backends.task import StepByStep, Task
from symopt.errors import DataError, Unsupported
from symopt.graph.dimensions import resolve
from symopt.graph.evaluate import bind_sizes, check_guards
from symopt.graph.nodes import Array, Constant, ScatterAdd, Take
from symopt.lowering import Program, lower, own_slots
from symopt.lowering.explain import explain

#: Prepared steps that are kept: a full and a short batch for training, and for validation, and some to spare.
KEPT_SIZES = 8


class CudaBackend:
    """Generated CUDA; ``find`` gives CuPy, or what stands in for it, and says why there is none."""

    name = "cuda"

    def __init__(self, find: Callable[[], tuple[Any | None, str]] = find_cupy) -> None:
        self._find = find
        self._device: Device | None = None

    def status(self) -> tuple[bool, str]:
        """Whether there is a GPU that CuPy can use."""
        xp, reason = self._find()
        return xp is not None, reason

    def device(self) -> Device:
        """The device that functions run on."""
        if self._device is None:
            xp, reason = self._find()
            if xp is None:
                raise Unsupported(f"the backend cuda cannot run here: {reason}")
            self._device = Device(xp)
        return self._device

    def emit(self, task: Task, sizes: Mapping[str, int] | None = None) -> str:
        """The source of the file."""
        return emit(program_of(task), sizes, task.title, adds_in_any_order()).source

    def build(self, task: Task, sizes: Mapping[str, int]) -> CudaRunner:
        """The callable, with forms of kernels chosen for ``sizes``."""
        device = self.device()
        program = program_of(task)
        return CudaRunner(program, emit(program, sizes, task.title, adds_in_any_order()), device)

    def explain(self, task: Task, sizes: Mapping[str, int] | None = None) -> str:
        """What was fused, and what it moves and computes."""
        return explain(program_of(task))

    def runs_epochs(self, task: Task) -> bool:
        """Where all inputs have rows in one number, and all outputs are numbers."""
        return has_epochs(task.inputs, task.outputs)


def program_of(task: Task) -> Program:
    """A task in the form that CUDA is written from."""
    return with_sums_alike(lower(task.inputs, task.outputs, task.updates, DIALECT, WORDS, own_slots))


def adds_in_any_order() -> bool:
    """Whether scatters add in any order, which is faster, and gives other last bits each time."""
    return os.environ.get("SYMOPT_SCATTER") == "atomic"


class CudaRunner(StepByStep):
    """Compiled kernels, with memory prepared once for each run-time size."""

    def __init__(self, program: Program, module: Module, device: Device) -> None:
        self.source = module.source
        self._program = program
        self._module = module
        self._device = device
        find = device.load(module.source)
        launched = [step for step in (*module.steps, module.collect) if isinstance(step, Kernel)]
        self._kernels = {step.launch.name: find(step.launch.name) for step in launched}
        self._named = {field.role: field.name for field in module.fields if field.role in (FAILURE, "sums")}
        self._common = dict(self._arrays_for_all())
        self._rooms = Rooms(device)
        self._memories: OrderedDict[tuple[int, ...], Prepared] = OrderedDict()

    def _arrays_for_all(self) -> Iterator[tuple[str, Any]]:
        """What does not depend on sizes: constants, what is noted of indices, and the sums of epochs."""
        for field in self._module.fields:
            node = field.buffer.node
            if field.role == "constant" and isinstance(node, Constant):
                yield field.name, self._device.sent(_flat(node))
            elif field.name in self._named.values():
                yield field.name, self._device.xp.zeros((resolve(field.count, {}),), field.dtype)

    def __call__(self, values: Sequence[Any], iteration: int) -> list[Array]:
        """The outputs of one step."""
        return self.repeat(1, values, iteration)

    def repeat(self, steps: int, values: Sequence[Any], iteration: int) -> list[Array]:
        """Steps on the same inputs; the outputs of the last."""
        inputs = self._program.inputs
        given = dict(zip(inputs, device_values(inputs, values, self._device), strict=True))
        prepared = self._prepared(bind_sizes(inputs, given.values()))
        plan = prepared.plan(prepared.placed(given))
        self.done = 0
        prepared.begin(iteration)
        try:
            while self.done < steps:
                self.done += 1
                plan()
        finally:
            prepared.end(self.done)
        self._look(prepared.memory.sizes)
        return prepared.memory.outputs(given)

    def epoch(self, arrays: Sequence[Any], batch: int, order: Array | None, iteration: int) -> Array:
        """A step on every batch of rows; the outputs added up, times their rows."""
        inputs = self._program.inputs
        arrays = device_values(inputs, arrays, self._device)
        count = len(arrays[0]) if order is None else len(order)
        batch = min(batch, count)
        for rows in (batch, count % batch or batch):  # the last batch may not do where others do
            shapes = ((rows, *array.shape[1:]) for array in arrays)
            self._prepared(bind_sizes(inputs, [np.broadcast_to(0, shape) for shape in shapes]))
        feed = Feed(inputs, arrays, order, batch, self._rooms)
        adds = self._module.collect is not None
        total = np.zeros(len(self._program.outputs))
        self._clear("sums")
        self.done = 0
        for given in feed.batches():
            rows = min(batch, count - self.done * batch)
            sizes = bind_sizes(inputs, [given[node] for node in inputs])
            prepared = self._prepared(sizes)
            prepared.begin(iteration + self.done)
            self.done += 1
            prepared.plan(given, adds)()
            prepared.end(1)
            if not adds:
                total += rows * np.asarray(prepared.memory.outputs(given), np.float64)
        self._look(sizes)
        return self._common[self._named["sums"]].get() if adds else total

    def _prepared(self, sizes: Mapping[str, int]) -> Prepared:
        """The memory for these sizes; made where there is none."""
        key = tuple(sizes.values())
        known = self._memories.get(key)
        if known is None or not known.is_current:
            check_guards(self._program.guards, dict(sizes))
            memory = Memory(self._program, self._module, sizes, self._device, self._common)
            updated = [variable for variable, _ in self._program.updates]
            known = self._memories[key] = Prepared(memory, self._kernels, self._device, updated)
            while len(self._memories) > KEPT_SIZES:
                self._memories.popitem(last=False)
        self._memories.move_to_end(key)
        return known

    def _clear(self, role: str) -> None:
        if role in self._named:
            self._common[self._named[role]].fill(0)

    def _look(self, sizes: Mapping[str, int]) -> None:
        """Raise if an index was out of range; since then nothing that lasts has been written."""
        if FAILURE not in self._named:
            return
        number, index = (int(one) for one in self._common[self._named[FAILURE]].get())
        if not number:
            return
        self._clear(FAILURE)
        node = self._module.failures[number]
        assert isinstance(node, (Take, ScatterAdd))
        length = resolve((node.operands[0] if isinstance(node, Take) else node).shape[node.axis], sizes)
        raise DataError(f"index {index} is out of range: {node.describe()} indexes {length} entries", node.origin)


def _flat(node: Constant) -> Array:
    return np.asarray(node.value, order="C").reshape(-1)
