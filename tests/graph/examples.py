"""An example of every kind of node, with values for its inputs and with attributes that would make it malformed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.graph import construct, nodes
from symopt.graph.nodes import Node

X = so.input("x", ("n", 3))
V = so.input("v", (X.shape[0],))
PLACES = so.input("i", (2,), "int64")
U = so.parameter(np.array([1.0, 2.0, 3.0]), name="u")
VALUES = {X: np.arange(6.0).reshape(2, 3), V: np.array([5.0, 7.0]), PLACES: np.array([2, 0])}
ROWS = VALUES[X]


@dataclass(frozen=True)
class Example:
    """How a node is made, its value for VALUES (None where that is another test's matter), and wrong attributes."""

    make: Callable[[], Node]
    value: Any
    wrong: dict[str, Any]


FLOAT32, INT8 = np.dtype("float32"), np.dtype("int8")

EXAMPLES: dict[type[Node], Example] = {
    nodes.Input: Example(lambda: X, ROWS, {"weak": True}),
    nodes.Shared: Example(lambda: U, [1.0, 2.0, 3.0], {"dtype": FLOAT32}),
    nodes.Constant: Example(lambda: so.constant([1.5, 2.5]), [1.5, 2.5], {"shape": (3,)}),
    nodes.Size: Example(lambda: construct.make_size(X.shape[0]), 2, {"weak": False}),
    nodes.Iota: Example(lambda: construct.make_iota(3), [0, 1, 2], {"dtype": FLOAT32}),
    nodes.Random: Example(lambda: so.random.uniform((2,)), None, {"dtype": INT8}),
    nodes.Elementwise: Example(lambda: so.exp(V), np.exp(VALUES[V]), {"dtype": FLOAT32}),
    nodes.Reduce: Example(lambda: X.sum(1), ROWS.sum(1), {"axes": (0,)}),
    nodes.Contract: Example(lambda: V @ X, VALUES[V] @ ROWS, {"output": (0,)}),
    nodes.Reshape: Example(lambda: X.reshape(-1), ROWS.ravel(), {"dtype": FLOAT32}),
    nodes.Transpose: Example(lambda: X.T, ROWS.T, {"axes": (0, 1)}),
    nodes.Broadcast: Example(lambda: so.broadcast_to(U, (2, 3)), [[1, 2, 3]] * 2, {"shape": ()}),
    nodes.Slice: Example(lambda: X[:, ::-1], ROWS[:, ::-1], {"steps": (1, 0)}),
    nodes.Embed: Example(
        lambda: construct.embed(V, (6,), (1,), (3,)), [0, 5, 0, 0, 7, 0], {"starts": (1, 2), "weak": True}
    ),
    nodes.Take: Example(lambda: so.take(X, PLACES, 1), ROWS[:, [2, 0]], {"axis": 0}),
    nodes.ScatterAdd: Example(
        lambda: construct.scatter_add(PLACES * 1.5, PLACES, 0, 4), [0, 0, 3, 0], {"shape": (4, 4)}
    ),
    nodes.Concatenate: Example(lambda: so.concatenate([X, X], 1), np.hstack([ROWS, ROWS]), {"shape": (2, 5)}),
    nodes.Cumulate: Example(lambda: so.cumsum(X, 1), ROWS.cumsum(1), {"axis": 2}),
}
