"""The memory of a step on the device, for one choice of run-time sizes, and its launches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symopt.backends.cfamily.products import Matrix
from symopt.backends.cfamily.scope import Field
from symopt.backends.cuda.device import BLOCK, Device
from symopt.backends.cuda.emit import Module
from symopt.backends.cuda.jobs import CALL, At, Job, Multiply, Sort
from symopt.backends.cuda.launches import End, Kernel, Parameter, Table
from symopt.backends.cuda.mirror import Mirror, mirror_of
from symopt.backends.cuda.products import strides
from symopt.graph.dimensions import Dim, Dimension, product, resolve, resolve_shape
from symopt.graph.evaluate import RULES
from symopt.graph.nodes import Array, Constant, Input, Iota, Node, Shared
from symopt.lowering.program import Program, is_view

Action = Callable[[], None]


class Memory:
    """Arrays of the device by the names of fields, and the calls that a step makes with them.

    ``common`` are arrays that do not depend on sizes.
    """

    def __init__(
        self, program: Program, module: Module, sizes: Mapping[str, int], device: Device, common: Mapping[str, Any]
    ) -> None:
        self.sizes = dict(sizes)
        self.call = 0  # what the device takes for the number of the call
        self.arrays: dict[str, Any] = {}
        self.mirrors: dict[str, Mirror] = {}
        self._program = program
        self._module = module
        self._device = device
        self._slots: dict[int, str] = {}
        self._given: dict[Node, Array] = {}
        for field in module.fields:
            if field.role != "input":
                self.arrays[field.name] = self._array(field, common)
        self.inputs = {field.buffer.node: field for field in module.fields if isinstance(field.buffer.node, Input)}
        nodes = ((field.name, field.buffer.node) for field in module.fields if field.role == "shared")
        self.storages = {name: node.storage for name, node in nodes if isinstance(node, Shared)}
        self._calls = next((field.name for field in module.fields if field.role == CALL), None)

    @property
    def steps(self) -> Sequence[Kernel | Multiply | Sort]:
        """What a step launches and calls."""
        return self._module.steps

    def set_call(self, call: int) -> None:
        """Tell the device the number of the call, if it does not know it."""
        if self._calls is not None and call != self.call:
            self.arrays[self._calls].set(np.array([call]))
            self.call = call

    def _array(self, field: Field, common: Mapping[str, Any]) -> Any:
        node, device = field.buffer.node, self._device
        if field.role == "shared":
            assert isinstance(node, Shared)
            self.mirrors[field.name] = mirror = mirror_of(node.storage, device)
            return mirror.array.reshape(-1)
        if field.name in common:
            return common[field.name]
        count = resolve(field.count, self.sizes)
        if field.role == CALL:
            return device.xp.zeros((count,), field.dtype)
        if field.role == "partial":
            count *= self._blocks(self._module.blocks[field.name])
        if field.role == "temporary":
            self._slots[field.buffer.slot] = field.name
        return device.empty(count, field.dtype)

    def _blocks(self, blocks: Callable[[Mapping[str, int], int], int]) -> int:
        return blocks(self.sizes, self._device.processors)

    # ---------------------------------------------------------------------------------------------------------- actions

    def actions(self, given: Mapping[str, Any], kernels: Mapping[str, Any], collects: bool) -> list[Action]:
        """What a step does, in order, with the arrays of the inputs; ``collects``: and what follows it in an epoch."""
        arrays = {**self.arrays, **given}
        steps = [*self._module.steps, *([self._module.collect] if collects and self._module.collect else [])]
        return [self._action(step, arrays, kernels) for step in steps]

    def _action(self, step: Kernel | Multiply | Sort, arrays: Mapping[str, Any], kernels: Mapping[str, Any]) -> Action:
        if isinstance(step, Kernel):
            return self._launch(step, arrays, kernels[step.launch.name])
        if isinstance(step, Multiply):
            return self._multiplication(step, arrays)
        places, order, xp = arrays[step.indices.name], arrays[step.order.name], self._device.xp

        def sort() -> None:
            order[...] = xp.argsort(places)

        return sort

    def _launch(self, step: Kernel, arrays: Mapping[str, Any], kernel: Any) -> Action:
        counts = [sum(self._blocks(job.blocks) for job in jobs) for jobs in step.launch.sections]
        ends = np.cumsum(counts).tolist()
        arguments: list[Any] = []
        for parameter in step.parameters:
            arguments += self._arguments(parameter, ends, arrays)
        grid, values = (ends[-1],), tuple(arguments)
        return (lambda: kernel(grid, BLOCK, values)) if ends[-1] else (lambda: None)

    def _arguments(self, parameter: Parameter, ends: Sequence[int], arrays: Mapping[str, Any]) -> list[Any]:
        if isinstance(parameter, Field):
            return [arrays[parameter.name]]
        if isinstance(parameter, str):
            return [self.sizes[parameter]]
        if isinstance(parameter, End):
            return [np.uint32(ends[parameter.section])]
        if isinstance(parameter, Table):
            return [self._table(parameter.jobs, arrays), np.int32(len(parameter.jobs))]
        return [self._blocks(parameter)]

    def _table(self, jobs: Sequence[Job], arrays: Mapping[str, Any]) -> Any:
        """Rows of eight-byte words: first block and number of blocks in the first, then the arguments."""
        rows = np.zeros((len(jobs), 1 + len(jobs[0].actuals)), np.int64)
        first = 0
        for row, job in zip(rows, jobs, strict=True):
            blocks = self._blocks(job.blocks)
            row[:1].view(np.uint32)[:] = first, blocks
            row[1:] = [self._word(actual, arrays) for actual in job.actuals]
            first += blocks
        return self._device.sent(rows)

    def _word(self, actual: Any, arrays: Mapping[str, Any]) -> int:
        if isinstance(actual, At):
            array = arrays[actual.field.name]
            place: int = array.data.ptr + resolve(actual.offset, self.sizes) * array.dtype.itemsize
            return place
        return resolve(actual, self.sizes) if isinstance(actual, (int, Dimension)) else self._blocks(actual)

    def _multiplication(self, step: Multiply, arrays: Mapping[str, Any]) -> Action:
        one, xp = step.product, self._device.xp
        stack = one.stack != 1

        def matrix(of: Matrix, name: str, rows: Dim, columns: Dim) -> Any:
            steps, offset = strides(of, stack)
            shape = resolve_shape((one.stack, rows, columns) if stack else (rows, columns), self.sizes)
            return self._device.view(arrays[name], resolve(offset, self.sizes), shape, resolve_shape(steps, self.sizes))

        left = matrix(one.left, step.left.name, one.rows, one.depth)
        right = matrix(one.right, step.right.name, one.depth, one.columns)
        result = matrix(one.result, step.result.name, one.rows, one.columns)

        def multiply() -> None:
            xp.matmul(left, right, out=result)

        return multiply

    # ---------------------------------------------------------------------------------------------------------- outputs

    def outputs(self, given: Mapping[Input, Any]) -> list[Array]:
        """The outputs, as arrays of the host; ``given`` are the inputs."""
        known: dict[Node, Array] = {}
        return [np.array(self._view(node, given, known)) for node in self._program.outputs]

    def _view(self, node: Node, given: Mapping[Input, Any], known: dict[Node, Array]) -> Array:
        path = []
        while is_view(node) and node not in self._program.buffers:
            path.append(node)
            (node,) = node.operands
        if node not in known:
            known[node] = self._base(node, given)
        array = known[node]
        for one in reversed(path):
            array = RULES[type(one)](one, self.sizes, array)
        return array

    def _base(self, node: Node, given: Mapping[Input, Any]) -> Array:
        if isinstance(node, Input):
            value = given[node]
            return value.get() if self._device.is_array(value) else value
        if node in self._module.numbers:
            number: Array = self.arrays[self._module.numbers[node].name].get().reshape(())
            return number
        if isinstance(node, Shared):
            return node.storage.read()
        if isinstance(node, (Constant, Iota)):
            return RULES[type(node)](node, self.sizes)
        buffer = self._program.buffers[node]
        if buffer.role == "shared":
            assert isinstance(buffer.node, Shared)
            return buffer.node.storage.read()
        count = resolve(product(buffer.shape), self.sizes)
        array: Array = self.arrays[self._slots[buffer.slot]][:count].get()
        return array.reshape(resolve_shape(buffer.shape, self.sizes))
