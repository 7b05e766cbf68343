"""A tensor's value at once, by the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symopt.errors import DataError
from symopt.graph.devices import lives_on_device
from symopt.graph.evaluate import evaluate
from symopt.graph.nodes import Array, Input, Node, Shared
from symopt.graph.provenance import here


def input_array(node: Node, value: Any) -> Array:
    """``value`` as an array of the input's dtype, which must be of the same kind or a smaller one."""
    # The first half is for speed: nearly all that comes is an array of NumPy.
    if type(value) is not np.ndarray and lives_on_device(value):
        raise DataError(
            f"input {_name(node)!r} was given an array that lives on a GPU: "
            'use backend="cuda", or copy it to the host first',
            node.origin,
        )
    array = np.asarray(value)
    if array.dtype == node.dtype:
        return array
    # Float64 data may feed a float32 input; Python integers may feed any integer input that holds them.
    whole = isinstance(value, (int, list, tuple)) and (array.dtype.kind == "i" or not array.size)
    if whole and node.dtype.kind in "iu":
        fits = bool((array.astype(node.dtype) == array).all())
    else:
        fits = np.can_cast(array.dtype, node.dtype, casting="same_kind")
    if not fits:
        raise DataError(
            f"input {_name(node)!r} has dtype {node.dtype.name}; it was given {array.dtype.name}, which would lose "
            f"what it is: cast it first, with .astype({node.dtype.name!r})",
            node.origin,
        )
    return array.astype(node.dtype)


def _name(node: Node) -> str:
    return node.name if isinstance(node, Input) else node.describe()


def evaluate_one(node: Node, inputs: Mapping[Any, Any] | None = None) -> Array:
    """The value of ``node`` for given inputs, in an array of its own."""
    arrays: dict[Node, Array] = {}
    for key, value in (inputs or {}).items():
        if not isinstance(key, (Input, Shared)):
            raise DataError(f"{key!r} is no input: write .eval({{input: array}})", here())
        arrays[key] = input_array(key, value)
        if isinstance(key, Shared) and arrays[key].shape != key.shape:
            raise DataError(f"{key!r} was given an array of shape {arrays[key].shape}", here())
    return np.array(evaluate([node], arrays)[0])
