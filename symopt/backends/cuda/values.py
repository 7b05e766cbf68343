"""What users give: arrays of the host or of the device, whole or batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symopt.backends.cuda.device import Device
from symopt.errors import DataError
from symopt.graph.devices import lives_on_device
from symopt.graph.nodes import Array, Input
from symopt.tensor.evaluation import input_array


def device_values(inputs: Sequence[Input], values: Sequence[Any], device: Device) -> list[Any]:
    """An array of the host or of the device for every input, in its dtype; or an error that says what is wrong."""
    device.check_current()
    if len(values) != len(inputs):
        names = ", ".join(node.name for node in inputs)
        raise DataError(f"expected {len(inputs)} arrays ({names}), was given {len(values)}")
    return [_value(node, value, device) for node, value in zip(inputs, values, strict=True)]


def _value(node: Input, value: Any, device: Device) -> Any:
    if not device.is_array(value) and not lives_on_device(value):
        return input_array(node, value)
    array = device.adopt(value)
    if array.dtype != node.dtype:
        raise DataError(
            f"input {node.name!r} is {node.dtype.name}; it was given an array of {array.dtype} on a GPU: cast it "
            f"there first, with .astype({node.dtype.name!r})",
            node.origin,
        )
    return array


class Room:
    """Room for one batch: on the device, and pinned on the host, from where it is copied while others compute."""

    def __init__(self, inputs: Sequence[Input], arrays: Sequence[Any], batch: int, device: Device) -> None:
        self.buffers: dict[Input, Any] = {}
        self.staging: dict[Input, Array] = {}
        # Events; nobody waits for one that was never recorded.
        self.copied = device.xp.cuda.Event(disable_timing=True)
        self.computed = device.xp.cuda.Event(disable_timing=True)
        for node, array in zip(inputs, arrays, strict=True):
            shape = (batch, *array.shape[1:])
            self.buffers[node] = device.xp.empty(shape, node.dtype)
            if not device.is_array(array):
                count = int(np.prod(shape))
                pinned = device.xp.cuda.alloc_pinned_memory(max(count, 1) * node.dtype.itemsize)
                self.staging[node] = np.frombuffer(pinned, node.dtype, count).reshape(shape)


class Rooms:
    """Two rooms, so that a batch is brought while another is computed with; they stay for epochs of the same kind."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.copies = device.xp.cuda.Stream(non_blocking=True)
        self._key: object = None
        self._rooms: list[Room] = []

    def find(self, inputs: Sequence[Input], arrays: Sequence[Any], batch: int) -> list[Room]:
        """The rooms for batches of these arrays."""
        key = (batch, *((array.shape[1:], self.device.is_array(array)) for array in arrays))
        if key != self._key:
            for room in self._rooms:
                room.copied.synchronize()  # the host's memory is free again only then
            self._rooms = [Room(inputs, arrays, batch, self.device) for _ in range(2)]
            self._key = key
        return self._rooms


class Feed:
    """The batches of an epoch on the device.

    Arrays of the host are streamed: while one batch is computed with, the next is copied. Rows of arrays of the device
    are brought together there.
    """

    def __init__(
        self, inputs: Sequence[Input], arrays: Sequence[Any], order: Array | None, batch: int, rooms: Rooms
    ) -> None:
        self._inputs = inputs
        self._arrays = arrays
        self._order = order
        self._batch = batch
        self._device = device = rooms.device
        self._count = len(arrays[0]) if order is None else len(order)
        self._rooms = rooms.find(inputs, arrays, batch)
        on_device = order is not None and any(device.is_array(array) for array in arrays)
        self._device_order = device.sent(order) if on_device and order is not None else None
        self._copies = rooms.copies

    def batches(self) -> Iterator[Mapping[Input, Any]]:
        """For each batch the arrays of the inputs; what is launched before the next one is asked for, uses them."""
        stream = self._device.xp.cuda.get_current_stream()
        # Memory of the rooms may be such that work is still waiting for, of an epoch that was left, or of others.
        self._copies.wait_event(stream.record())
        for number, low in enumerate(range(0, self._count, self._batch)):
            room = self._rooms[number % 2]
            given = self._filled(room, low, min(low + self._batch, self._count), stream)
            yield given
            stream.record(room.computed)

    def _filled(self, room: Room, low: int, high: int, stream: Any) -> Mapping[Input, Any]:
        if room.staging:
            room.copied.synchronize()  # what is staged there may still be on its way
            self._copies.wait_event(room.computed)
        rows = high - low
        for node, array in zip(self._inputs, self._arrays, strict=True):
            if node in room.staging:
                staged = room.staging[node][:rows]
                self._stage(array, low, high, staged)
                room.buffers[node][:rows].set(staged, stream=self._copies)
            else:
                self._gather(array, low, high, room.buffers[node][:rows])
        if room.staging:
            self._copies.record(room.copied)
            stream.wait_event(room.copied)
        return {node: buffer[:rows] for node, buffer in room.buffers.items()}

    def _stage(self, array: Array, low: int, high: int, staged: Array) -> None:
        if self._order is None:
            staged[...] = array[low:high]
        elif array.dtype == staged.dtype:
            np.take(array, self._order[low:high], axis=0, out=staged, mode="clip")  # checked before
        else:
            staged[...] = array[self._order[low:high]]

    def _gather(self, array: Any, low: int, high: int, buffer: Any) -> None:
        if self._device_order is None:
            buffer[...] = array[low:high]
        else:
            self._device.xp.take(array, self._device_order[low:high], axis=0, out=buffer)
