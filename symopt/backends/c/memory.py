"""The memory that a compiled step works on, for one run-time size."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import numpy as np

from symopt.backends.c.emit import Module
from symopt.backends.c.scope import Field
from symopt.graph.dimensions import product, resolve, resolve_shape
from symopt.graph.evaluate import RULES
from symopt.graph.memory import ALIGNMENT, empty
from symopt.graph.nodes import Array, Constant, Input, Iota, Node, Shared
from symopt.lowering.program import Program, base_of, is_view


def _between_zeros(count: int, field: Field) -> Array:
    """An array with zeros around it; it starts where a cache line does, as others do."""
    before, after = field.margin
    lead = -(-before // ALIGNMENT) * ALIGNMENT
    whole = empty((lead + count + after,), field.dtype)
    whole[:] = 0
    return whole[lead : lead + count]


class Memory:
    """Arrays, and the table of pointers to them that the step is given.

    ``inputs`` are places in the table, one for each input that is read, and None for others.
    """

    def __init__(self, program: Program, module: Module, sizes: Mapping[str, int]) -> None:
        self._program = program
        self._sizes = dict(sizes)
        self._made: dict[str, Array] = {}
        self._given: dict[Node, Array] = {}
        self.table = (ctypes.c_void_p * (len(module.fields) or 1))()
        self.sizes = np.array([sizes[name] for name in module.sizes] or [0], np.int64)
        self.failure = np.zeros(2, np.int64)
        self._slots: dict[int, Array] = {}
        for position, field in enumerate(module.fields):
            if field.role not in ("input", "rows"):
                self._point(position, field, self._array(field, module))
        places = {field.buffer.node: i for i, field in enumerate(module.fields) if field.role == "input"}
        self.inputs = [places.get(node) for node in program.inputs]
        self._rows = [(i, field) for i, field in enumerate(module.fields) if field.role == "rows"]
        self.address = ctypes.addressof(self.table)
        self.sizes_address = self.sizes.ctypes.data

    def _point(self, position: int, field: Field, array: Array) -> None:
        self._made[field.name] = array
        self.table[position] = array.ctypes.data
        if field.role == "temporary":
            self._slots[field.buffer.slot] = array
        elif field.role == "output":
            self._given[field.buffer.node] = array

    def _array(self, field: Field, module: Module) -> Array:
        node = field.buffer.node
        if field.role == "failure":
            return self.failure
        if field.role == "shared":
            assert isinstance(node, Shared)
            return node.storage.hold()
        if field.role == "constant":
            assert isinstance(node, Constant)
            return np.ascontiguousarray(node.value)
        count = resolve(field.count, self._sizes)
        if field.role == "marks":
            return np.zeros(max(count, 1), field.dtype)
        if field.role == "partial":
            extent, block = module.blocks[field.name]
            count *= 1 if extent is None else -(-resolve(extent, self._sizes) // block)
        if field.margin != (0, 0):
            return _between_zeros(count, field)
        return empty(() if field.role == "output" else (max(count, 1),), field.dtype)

    def prepare_rows(self) -> None:
        """Memory for batches in an order of their own, which only epochs need."""
        for position, field in self._rows:
            if field.name not in self._made:
                self._point(position, field, empty((resolve(field.count, self._sizes) or 1,), field.dtype))

    def put(self, arrays: list[Array]) -> None:
        """Point to the arrays of a call."""
        for node, place, array in zip(self._program.inputs, self.inputs, arrays, strict=True):
            self._given[node] = array
            if place is not None:
                self.table[place] = array.ctypes.data

    def view(self, node: Node) -> Array:
        """An output where it lies: what looks at memory is looked at by NumPy in the same way."""
        path = []
        while is_view(node) and node not in self._program.buffers:
            path.append(node)
            (node,) = node.operands
        array = self._base(node)
        for one in reversed(path):
            array = RULES[type(one)](one, self._sizes, array)
        return array

    def is_given(self, node: Node) -> bool:
        """Whether an output is, or looks at, an input, which comes with each call."""
        return isinstance(base_of(node, self._program.buffers), Input)

    def _base(self, node: Node) -> Array:
        if node in self._given:
            return self._given[node]
        if isinstance(node, Shared):
            return node.storage.hold()
        if isinstance(node, (Constant, Iota)):
            return RULES[type(node)](node, self._sizes)
        assert not isinstance(node, Input)
        buffer = self._program.buffers[node]
        if buffer.role == "shared":
            assert isinstance(buffer.node, Shared)
            return buffer.node.storage.hold()
        count = resolve(product(buffer.shape), self._sizes)
        return self._slots[buffer.slot][:count].reshape(resolve_shape(buffer.shape, self._sizes))
