"""A tensor's value at once, by the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symopt.errors import DataError
from symopt.graph.evaluate import evaluate
from symopt.graph.nodes import Array, Input, Node, Shared
from symopt.graph.provenance import here


def input_array(node: Node, value: Any) -> Array:
    """``value`` as an array of the input's dtype, which must be of the same kind or a smaller one."""
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
        name = node.name if isinstance(node, Input) else node.describe()
        raise DataError(
            f"input {name!r} has dtype {node.dtype.name}; it was given {array.dtype.name}, which would lose what it "
            f"is: cast it first, with .astype({node.dtype.name!r})",
            node.origin,
        )
    return array.astype(node.dtype)


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
