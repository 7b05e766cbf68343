"""A program: plain data that every backend emits from.

A program is a list of kernels over buffers. Kernels refer to nodes of the graph: a node that has a buffer is
*materialized*, and is read from there, directly or through *views* (Reshape, Transpose, Broadcast, Slice); any other
node belongs to the body of the kernel that computes it. The graph is interned, so a body is in SSA form by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from symopt.errors import ShapeError
from symopt.graph.dimensions import Shape
from symopt.graph.nodes import (
    Broadcast,
    Constant,
    DType,
    Elementwise,
    Embed,
    Input,
    Iota,
    Node,
    Reduce,
    Reshape,
    Shared,
    Slice,
    Transpose,
)
from symopt.graph.verify import Guard

VIEWS = (Reshape, Transpose, Broadcast, Slice)
POINTWISE = (Elementwise, Embed)


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """Memory of one dtype and shape.

    ``role`` is ``"input"``, ``"shared"``, ``"constant"``, ``"iota"``, ``"scalar"`` (a weak number, cast once a step) or
    ``"temporary"``. Temporaries of equal ``slot`` share memory: they are never alive together.
    """

    name: str
    role: str
    dtype: DType
    shape: Shape
    node: Node
    slot: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """A fused kernel: one iteration space, a body of pointwise nodes, and what it stores and reduces.

    ``body`` is in topological order. A store writes the value of a node at its own place; a buffer that the body also
    reads, directly, may be stored to in place. A reduction takes a node of the body, or a view of something
    materialized.
    """

    domain: Shape
    body: tuple[Node, ...]
    stores: tuple[tuple[Node, Buffer], ...]
    reductions: tuple[tuple[Reduce, Buffer], ...]

    @property
    def writes(self) -> tuple[tuple[Node, Buffer], ...]:
        return (*self.stores, *self.reductions)

    def read_elsewhere(self) -> set[Node]:
        """What an Embed reads: not at the place of the result."""
        return {operand for node in self.body if isinstance(node, Embed) for operand in node.operands}

    def reads(self) -> Iterator[Node]:
        """Nodes from outside the body that are read, views included."""
        inside = set(self.body)
        for node in (*self.body, *(node for node, _ in self.reductions)):
            yield from (operand for operand in node.operands if operand not in inside)
        yield from (node for node, _ in self.stores if node not in inside)


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """A kernel that is one node and not pointwise: a product, a gather, a scatter, running sums, or a draw."""

    node: Node
    buffer: Buffer

    @property
    def writes(self) -> tuple[tuple[Node, Buffer], ...]:
        return ((self.node, self.buffer),)

    def reads(self) -> Iterator[Node]:
        """Nodes that are read, views included."""
        yield from self.node.operands


Kernel = Loop | Library


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What one call computes, in order.

    ``sizes`` tells from which input and axis each run-time size comes. ``scalars`` are weak numbers, computed on the
    host in float64 before the kernels. ``copies`` are written last: updates that could not be stored in place.
    ``streams`` numbers the random draws.
    """

    inputs: tuple[Input, ...]
    sizes: dict[str, tuple[int, int]]
    guards: tuple[Guard, ...]
    scalars: tuple[Node, ...]
    kernels: tuple[Kernel, ...]
    buffers: dict[Node, Buffer]
    outputs: tuple[Node, ...]
    updates: tuple[tuple[Shared, Node], ...]
    copies: tuple[tuple[Shared, Buffer], ...]
    streams: dict[Node, int] = field(default_factory=dict)

    def temporaries(self) -> list[Buffer]:
        """The buffers that are the program's own."""
        return [buffer for buffer in self.buffers.values() if buffer.role == "temporary"]

    def verify(self) -> None:
        """Raise unless every read finds its value, written before and not yet overwritten, to the last output."""
        holds: dict[object, Node] = {}  # what each memory holds now
        for node, buffer in self.buffers.items():
            if buffer.role != "temporary" and not (buffer.role == "shared" and not isinstance(node, Shared)):
                holds[memory(buffer)] = node
        for kernel in self.kernels:
            _check_form(kernel)
            written = {memory(buffer) for _, buffer in kernel.writes}
            elsewhere = kernel.read_elsewhere() if isinstance(kernel, Loop) else set()
            for read in kernel.reads():
                self._check_read(kernel, read, read in elsewhere, holds, written)
            for node, buffer in kernel.writes:
                holds[memory(buffer)] = node
        new = dict(self.updates)
        for variable, buffer in self.copies:
            _require(holds.get(memory(buffer)) is new[variable], variable, "{!r} gets a lost value", variable)
            holds[variable.storage] = new[variable]
        for variable, node in self.updates:
            _require(holds.get(variable.storage) is node, variable, "{!r} does not get its new value", variable)
        for output in self.outputs:
            base = base_of(output, self.buffers)
            there = base.weak or (base in self.buffers and holds.get(memory(self.buffers[base])) is base)
            _require(there, output, "the output {!r} is lost", output)

    def _check_read(
        self, kernel: Kernel, read: Node, moved: bool, holds: dict[object, Node], written: set[object]
    ) -> None:
        base = base_of(read, self.buffers)
        if base.weak:
            return
        buffer = self.buffers.get(base)
        there = buffer is not None and holds.get(memory(buffer)) is base
        _require(there, base, "{} reads {!r} where it is not", kernel, base)
        assert buffer is not None
        elsewhere = base is not read or not isinstance(kernel, Loop) or read.shape != kernel.domain
        overwritten = memory(buffer) in written and (elsewhere or moved)
        _require(not overwritten, base, "{} overwrites {!r}, which it reads at other places", kernel, base)


def _check_form(kernel: Kernel) -> None:
    """The body is in order and of one shape, and what is written fits where it goes."""
    if isinstance(kernel, Loop):
        body, done = set(kernel.body), set()
        for node in kernel.body:
            waits = [operand for operand in node.operands if operand in body and operand not in done]
            _require(not waits and node.shape == kernel.domain, node, "{!r} is out of place in {}", node, kernel)
            done.add(node)
        for reduction, _ in kernel.reductions:
            _require(reduction.operands[0].shape == kernel.domain, reduction, "{!r} is over another space", reduction)
    for node, buffer in kernel.writes:
        fits = (buffer.dtype, buffer.shape) == (node.dtype, node.shape)
        _require(fits, node, "{!r} does not fit into {}", node, buffer)


def _require(condition: bool, node: Node, what: str, *about: object) -> None:
    """Raise where a condition does not hold; what is written out only then, as kernels can be long."""
    if not condition:
        raise ShapeError(f"{what.format(*about)}: this is a defect of symopt", node.origin)


def memory(buffer: Buffer) -> object:
    """What identifies the memory of a buffer: two buffers may share it."""
    if buffer.role == "temporary":
        return buffer.slot
    return buffer.node.storage if isinstance(buffer.node, Shared) else buffer.node


def is_view(node: Node) -> bool:
    """Whether ``node`` only looks at its operand's elements in another way."""
    return isinstance(node, VIEWS)


def base_of(node: Node, materialized: object = ()) -> Node:
    """The node behind views, or the first on the way that has memory of its own."""
    while is_view(node) and node not in materialized:  # type: ignore[operator]
        node = node.operands[0]
    return node


def unstretched(node: Node) -> Node:
    """The node behind broadcasts, and behind reshapes of a single number, which stretches to anything as it is."""
    while isinstance(node, Broadcast) or (isinstance(node, Reshape) and node.operands[0].shape == ()):
        (node,) = node.operands
    return node


def is_scalar_slot(node: Node) -> bool:
    """Whether ``node`` casts a weak number to the dtype of what it meets."""
    return isinstance(node, Elementwise) and node.op.kind == "cast" and node.operands[0].weak and not node.weak


def is_leaf(node: Node) -> bool:
    """Whether ``node`` has its value before any kernel runs."""
    return isinstance(node, (Input, Shared, Constant, Iota)) or node.weak or is_scalar_slot(node)
