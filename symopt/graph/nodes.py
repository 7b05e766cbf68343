"""The kinds of node, and the table that interns them.

A node is frozen and knows its operands, its shape and its dtype; equality is identity, because equal nodes are one
object. Only :mod:`symopt.graph.construct` makes nodes: it checks operands and derives shapes, so that here there is
only structure.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any, ClassVar

import numpy as np

from symopt.errors import DTypeError, ShapeError
from symopt.graph.devices import to_host
from symopt.graph.dimensions import Dim, Shape, spell
from symopt.graph.operators import Operators
from symopt.graph.provenance import Location
from symopt.graph.storage import Storage
from symopt.scalar import ScalarOp

DType = np.dtype[Any]
Array = np.ndarray[Any, Any]

_serial = itertools.count()


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True, repr=False)
class Node(Operators):
    """A symbolic tensor.

    ``weak`` marks numbers that take on the dtype of what they meet: Python numbers, hyperparameters, the iteration, and
    expressions of only these. ``origin`` is the user's line that built the node first.
    """

    operands: tuple[Node, ...]
    shape: Shape
    dtype: DType
    weak: bool
    origin: Location | None

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<{self.describe()}: {self.dtype.name} {spell(self.shape)}>"

    def describe(self) -> str:
        """The kind of the node and what tells it from others of its kind."""
        return type(self).__name__


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Input(Node):
    """A value that the user passes at each call."""

    name: str
    serial: int = field(default_factory=lambda: next(_serial))

    def describe(self) -> str:
        return f"Input {self.name}"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Shared(Node):
    """A value that lives between calls: a trainable parameter, a state, or a hyperparameter.

    ``role`` is ``"parameter"``, ``"state"`` or ``"hyperparameter"``. ``lower`` and ``upper`` bound a parameter.
    """

    name: str
    role: str
    storage: Storage
    lower: float | None = None
    upper: float | None = None
    serial: int = field(default_factory=lambda: next(_serial))

    def describe(self) -> str:
        return f"{self.role} {self.name}"

    @property
    def value(self) -> Array:
        """A copy of the present value."""
        return self.storage.read().copy()

    @value.setter
    def value(self, value: Any) -> None:
        array = to_host(value)
        if array.shape != self.storage.shape:
            raise ShapeError(
                f"{self.role} {self.name!r} has shape {self.storage.shape}; its new value has {array.shape}",
                self.origin,
            )
        if not np.can_cast(array.dtype, self.dtype, casting="same_kind"):
            raise DTypeError(
                f"{self.role} {self.name!r} is {self.dtype.name}; a value of dtype {array.dtype.name} "
                f"would lose what it is: cast it first, with .astype({self.dtype.name!r})",
                self.origin,
            )
        self.storage.array[...] = array
        self.storage.written += 1


def _only_value(node: Shared, name: str, value: Any) -> None:
    if name != "value":
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(node, name, value)


# A frozen dataclass refuses every assignment; of a Shared, the value may be written.
Shared.__setattr__ = _only_value  # type: ignore[assignment,method-assign]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Constant(Node):
    """A fixed array. Small ones are interned by value and become literals; large ones compare by object."""

    value: Array

    def describe(self) -> str:
        return f"Constant {self.value.tolist()}" if self.value.size <= 4 else "Constant"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Size(Node):
    """A run-time dimension as a number."""

    dim: Dim

    def describe(self) -> str:
        return f"Size {self.dim}"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Iota(Node):
    """The vector 0, 1, 2, ... of a given length."""


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Elementwise(Node):
    """One scalar operation applied to operands of one and the same shape."""

    op: ScalarOp

    def describe(self) -> str:
        return self.op.name


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Reduce(Node):
    """``sum``, ``prod``, ``max`` or ``min`` over some axes, which disappear."""

    op: str
    axes: tuple[int, ...]

    def describe(self) -> str:
        return f"{self.op} over axes {self.axes}"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Contract(Node):
    """A product of two operands, summed over the indices that are missing from the output.

    ``left``, ``right`` and ``output`` name the index of every axis, as in einsum; an index appears once in an operand
    at most, and one that is summed appears in both.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    output: tuple[int, ...]

    def describe(self) -> str:
        spell = ["".join(chr(ord("a") + i) for i in indices) for indices in (self.left, self.right, self.output)]
        return f"Contract {spell[0]},{spell[1]}->{spell[2]}"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Reshape(Node):
    """The same elements in row-major order under another shape."""


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Transpose(Node):
    """Axes in another order: axis i of the output is axis ``axes[i]`` of the operand."""

    axes: tuple[int, ...]

    def describe(self) -> str:
        return f"Transpose {self.axes}"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Broadcast(Node):
    """NumPy's broadcasting to a larger shape, made explicit."""


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Slice(Node):
    """``start + step * (0 ... count - 1)`` along every axis; the counts are the shape."""

    starts: tuple[Dim, ...]
    steps: tuple[int, ...]

    def describe(self) -> str:
        return f"Slice from {self.starts} by {self.steps}"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Embed(Node):
    """Zeros, but for the places that a :class:`Slice` with the same starts and steps would read: its adjoint."""

    starts: tuple[Dim, ...]
    steps: tuple[int, ...]

    def describe(self) -> str:
        return f"Embed from {self.starts} by {self.steps}"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Take(Node):
    """Entries of the first operand along ``axis``, chosen by the second, whose axes take that axis' place."""

    axis: int

    def describe(self) -> str:
        return f"Take along axis {self.axis}"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class ScatterAdd(Node):
    """Zeros to which values (first operand) are added at indices (second) along ``axis``: the adjoint of Take."""

    axis: int

    def describe(self) -> str:
        return f"ScatterAdd along axis {self.axis}"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Concatenate(Node):
    """Operands one after the other along ``axis``."""

    axis: int

    def describe(self) -> str:
        return f"Concatenate along axis {self.axis}"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Cumulate(Node):
    """Running sums along ``axis``, from the end if ``reverse``."""

    axis: int
    reverse: bool

    def describe(self) -> str:
        return f"Cumulate along axis {self.axis}" + (" from the end" if self.reverse else "")


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Random(Node):
    """Uniform numbers in (0, 1), drawn anew at each step: a function of seed, place and iteration alone."""

    seed: int
    serial: int = field(default_factory=lambda: next(_serial))

    def describe(self) -> str:
        return f"Random seed {self.seed}"


LEAVES = (Input, Shared, Constant, Size, Iota, Random)
KINDS: tuple[type[Node], ...] = (
    *LEAVES,
    *(Elementwise, Reduce, Contract, Reshape, Transpose, Broadcast, Slice, Embed),
    *(Take, ScatterAdd, Concatenate, Cumulate),
)


class Interned:
    """The table of living nodes, by kind, operands and attributes."""

    _nodes: ClassVar[weakref.WeakValueDictionary[tuple[Any, ...], Node]] = weakref.WeakValueDictionary()

    @classmethod
    def get(cls, key: tuple[Any, ...], make: Callable[[], Node]) -> Node:
        node = cls._nodes.get(key)
        if node is None:
            node = cls._nodes[key] = make()
        return node
