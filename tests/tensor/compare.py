"""Comparing a tensor with what NumPy computes from the same arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.graph.dimensions import resolve_shape
from symopt.graph.evaluate import bind_sizes
from symopt.graph.nodes import Node
from symopt.graph.traversal import topological
from symopt.graph.verify import verify

FLOATS = ("float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")


def inputs_for(*arrays: Any, known: bool = True) -> dict[Node, np.ndarray]:
    """An input for each array: of its shape, or of sizes that only the array brings."""
    return {
        so.input(f"x{i}", array.shape if known else (None,) * array.ndim, array.dtype): array
        for i, array in enumerate(map(np.asarray, arrays))
    }


def assert_same(tensor: Node, expected: Any, inputs: dict[Node, Any] | None = None, ulps: float = 0) -> None:
    """The value, the shape and the dtype of ``tensor`` are those of ``expected``, and its graph is well formed."""
    expected = np.asarray(expected)
    verify(topological([tensor]))
    value = tensor.eval(inputs)
    assert value.dtype == tensor.dtype, "the evaluated array has another dtype than the graph says"
    assert tensor.dtype == expected.dtype, f"{tensor.dtype} instead of {expected.dtype}"
    assert value.shape == expected.shape
    sizes = bind_sizes(inputs or {}, map(np.asarray, (inputs or {}).values()))
    assert resolve_shape(tensor.shape, sizes) == expected.shape, "the graph says another shape"
    if ulps and expected.dtype.kind == "f":
        np.testing.assert_allclose(value, expected, rtol=ulps * np.finfo(expected.dtype).eps, atol=0)
    else:
        np.testing.assert_array_equal(value, expected)


def assert_agrees(
    ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: Any, known: bool = True, ulps: float = 0
) -> None:
    """``ours`` of symbolic tensors is what ``theirs`` is of arrays."""
    inputs = inputs_for(*arrays, known=known)
    with np.errstate(all="ignore"):
        expected = theirs(*inputs.values())
    assert_same(ours(*inputs), expected, inputs, ulps)


def sample(dtype: Any, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Numbers of either sign, small integers for an integer dtype."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    return rng.integers(0 if dtype.kind == "u" else -9, 10, shape).astype(dtype)
