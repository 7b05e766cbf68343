"""Steps that are ready to run: the calls of one, or the CUDA graph that they have become."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from symopt.backends.cuda.device import Device
from symopt.backends.cuda.launches import Kernel
from symopt.backends.cuda.memory import Action, Memory
from symopt.backends.cuda.mirror import Mirror
from symopt.graph.nodes import Input, Shared

#: Steps on inputs at different places that are kept; a step keeps its arrays, so that few are if they are large.
KEPT, KEPT_LARGE = 8, 2
#: Bytes of inputs up to which they are copied to a place of their own, rather than that steps are made for every place.
COPIED = 4 << 20


class Plan:
    """The calls of a step with given arrays; from the second time on it is a CUDA graph, if it ``records``."""

    def __init__(self, actions: Sequence[Action], arrays: Collection[Any], device: Device, records: bool) -> None:
        self._actions = actions
        self._arrays = arrays  # of which tables have only the addresses
        self._device = device
        self._records = records
        self._runs = 0
        self._graph: Any = None

    def __call__(self) -> None:
        """Launch the step."""
        if self._graph is None and self._records and self._runs:
            self._graph = self._device.recorded(self._launch)
        self._runs += 1
        if self._graph is None:
            self._launch()
        else:
            self._graph.launch()

    def _launch(self) -> None:
        for action in self._actions:
            action()


class Prepared:
    """The memory for one choice of run-time sizes, and steps that use it."""

    def __init__(self, memory: Memory, kernels: Mapping[str, Any], device: Device, updated: Sequence[Shared]) -> None:
        self.memory = memory
        self._kernels = kernels
        self._device = device
        self._plans: OrderedDict[tuple[int, ...], Plan] = OrderedDict()
        self._buffers: dict[Input, Any] = {}
        self._storages = memory.storages
        written = {node.storage for node in updated}
        self._written = [memory.mirrors[name] for name, storage in self._storages.items() if storage in written]
        self._records = all(isinstance(step, Kernel) for step in memory.steps)
        self._held: list[Mirror] = []
        self._seen = -1  # the device's touches when all was up to date

    @property
    def is_current(self) -> bool:
        """Whether the memory still is that of the shared values."""
        mirrors, touched = self.memory.mirrors, self._device.touches != self._seen
        return not touched or all(storage.elsewhere is mirrors[name] for name, storage in self._storages.items())

    def plan(self, given: Mapping[Input, Any], collects: bool = False) -> Plan:
        """The step on these arrays of the inputs; ``collects``: with what follows it in an epoch."""
        arrays = {field.name: given[node].reshape(-1) for node, field in self.memory.inputs.items()}
        key = (*(array.data.ptr for array in arrays.values()), collects)
        found = self._plans.get(key)
        if found is None:
            actions = self.memory.actions(arrays, self._kernels, collects)
            found = self._plans[key] = Plan(actions, arrays.values(), self._device, self._records)
            while len(self._plans) > (KEPT if sum(array.nbytes for array in arrays.values()) <= COPIED else KEPT_LARGE):
                self._plans.popitem(last=False)
        self._plans.move_to_end(key)
        return found

    def placed(self, values: Mapping[Input, Any]) -> Mapping[Input, Any]:
        """Arrays of the device for the values of inputs: where they are, or in a place of their own."""
        small = sum(value.nbytes for value in values.values()) <= COPIED
        return {node: self._placed(node, values[node], small) for node in self.memory.inputs}

    def _placed(self, node: Input, value: Any, small: bool) -> Any:
        on_device = self._device.is_array(value)
        if on_device and value.flags.c_contiguous and not (small and len(self._plans) >= KEPT // 2):
            return value
        if node not in self._buffers:
            self._buffers[node] = self._device.xp.empty(value.shape, node.dtype)
        if on_device:
            self._buffers[node][...] = value
        else:
            self._device.send(value, self._buffers[node])
        return self._buffers[node]

    def begin(self, call: int) -> None:
        """Bring the device up to date before steps from this call on."""
        if self._device.touches != self._seen:
            for name, storage in self._storages.items():
                self.memory.mirrors[name].refresh(storage.is_held)
            self._held = [self.memory.mirrors[name] for name, storage in self._storages.items() if storage.is_held]
            for mirror in self._written:
                mirror.newer = True
            self._seen = self._device.touches
        self.memory.set_call(call)

    def end(self, steps: int) -> None:
        """Note that so many steps have been launched, and give values back to those who hold them."""
        self.memory.call += steps
        for mirror in self._held:
            mirror.bring()
