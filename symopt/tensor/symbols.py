"""Inputs, parameters, states and constants: where expressions begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symopt.errors import DTypeError, ShapeError
from symopt.graph import construct
from symopt.graph.devices import lives_on_device, to_host
from symopt.graph.dimensions import Dimension
from symopt.graph.nodes import Input, Node, Shared
from symopt.graph.promotion import differentiable
from symopt.graph.provenance import here


def input(name: str, shape: Sequence[int | str | Dimension | None] = (), dtype: Any = "float64") -> Input:
    """A value that is passed at each call.

    A dimension is an int, a name (one run-time size everywhere it appears) or None (some run-time size).

    >>> input("x", shape=("n", 784), dtype="float32")
    <Input x: float32 (n, 784)>
    """
    return construct.make_input(name, shape, dtype)


def scalar(name: str, dtype: Any = "float64") -> Input:
    """An input of no dimensions."""
    return construct.make_input(name, (), dtype)


def vector(name: str, dtype: Any = "float64") -> Input:
    """An input of one dimension, of any size."""
    return construct.make_input(name, (None,), dtype)


def matrix(name: str, dtype: Any = "float64") -> Input:
    """An input of two dimensions, of any sizes."""
    return construct.make_input(name, (None, None), dtype)


def tensor3(name: str, dtype: Any = "float64") -> Input:
    """An input of three dimensions, of any sizes."""
    return construct.make_input(name, (None, None, None), dtype)


def parameter(
    value: Any, name: str, *, dtype: Any = None, lower: float | None = None, upper: float | None = None
) -> Shared:
    """A trainable value that starts as a copy of ``value``.

    ``lower`` and ``upper`` bound it: optimizers project every new value between them.

    >>> w = parameter([1.0, 2.0], name="w")
    >>> w.value
    array([1., 2.])
    """
    made = _shared(value, dtype, name, "parameter", lower, upper)
    if not differentiable(made.dtype):
        raise DTypeError(
            f"parameter {name!r} has dtype {made.dtype.name}; a trainable parameter is a float: "
            "write the value with decimal points, or pass dtype='float64'",
            here(),
        )
    if lower is not None and upper is not None and lower > upper:
        raise ShapeError(f"parameter {name!r} has lower bound {lower} above upper bound {upper}", here())
    return made


def state(value: Any, name: str, *, dtype: Any = None) -> Shared:
    """A value that is updated between calls, but not trained."""
    return _shared(value, dtype, name, "state")


def constant(value: Any, dtype: Any = None) -> Node:
    """A fixed array. Python and NumPy numbers need no wrapping."""
    return construct.make_constant(_as(value, dtype))


def _shared(
    value: Any, dtype: Any, name: str, role: str, lower: float | None = None, upper: float | None = None
) -> Shared:
    made = construct.make_shared(_as(value, dtype), name, role, lower, upper)
    made.storage.prefers_device = lives_on_device(value)  # _as has copied it to the host
    return made


def _as(value: Any, dtype: Any) -> Any:
    if isinstance(value, Node):
        raise DTypeError(f"expected numbers, was given the symbolic {value!r}", here())
    array = to_host(value)
    if array.dtype == object:
        raise DTypeError(f"{type(value).__name__} holds objects, not numbers of one dtype", here())
    return array if dtype is None else array.astype(dtype)
