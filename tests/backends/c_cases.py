"""Steps whose work threads share in many ways: products, sums along every axis, updates that read each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import symopt as so
from tests.backends.random_graphs import Case


def arrays_of(*shapes: tuple[int, ...], dtype: str = "float64", seed: int = 7) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def in_turn(*shapes: tuple[int, ...], dtype: str = "float64") -> list[list[np.ndarray]]:
    """Calls on two sets of arrays: what the call before has left in memory is wrong."""
    return [arrays_of(*shapes, dtype=dtype, seed=seed) for seed in (1, 2)]


def network() -> Case:
    x, y = so.input("x", ("n", 9), "float32"), so.input("y", ("n",), "int64")
    w, b, v = (so.parameter(a, f"p{i}") for i, a in enumerate(arrays_of((9, 12), (12,), (12, 5), dtype="float32")))
    loss = so.cross_entropy(so.tanh(x @ w + b) @ v, y).mean()
    updates = so.Adam(learning_rate=0.01).get_updates(loss)
    calls = [[*arrays_of((n, 9), dtype="float32"), np.arange(n) % 5] for n in (37, 6)]
    return Case((x, y), (loss,), tuple(updates), calls)


def reductions() -> Case:
    x = so.input("x", ("n", 3, 5))
    y = so.exp(x * 0.1)
    axes = [None, 0, 1, 2, (0, 1), (1, 2), (0, 2)]
    outputs = [y.sum(axis) for axis in axes] + [x.max(axis) for axis in axes] + [x.prod(0), x.min((0, 2)), y.mean(0)]
    return Case((x,), tuple(outputs), (), [*in_turn((29, 3, 5)), *in_turn((1, 3, 5))])


def softmaxes() -> Case:
    x = so.input("x", ("n", 7), "float32")
    outputs = [so.softmax(x, 1), so.softmax(x, 0), so.log_softmax(x, 1) * so.softmax(x, 1).max(1, keepdims=True)]
    return Case((x,), tuple(outputs), (), in_turn((23, 7), dtype="float32"))


def sums_over_rows(rows: int | str, dtype: str) -> Callable[[], Case]:
    """Gradients of layers with few outputs: products over the rows of a batch."""

    start = arrays_of((35, 3), (35,), dtype=dtype)

    def make() -> Case:
        x, y = so.input("x", (rows, 35), dtype), so.input("y", (rows,), dtype)
        w, v = (so.parameter(array, name) for array, name in zip(start, "wv", strict=True))
        few, one = so.tanh(x @ w), so.tanh(x @ v) - y
        outputs = [so.square(x.T @ few), few.T @ x, x.T @ one, one @ x, x.T @ few[:, 0], x.T @ few[:, 1], few.T @ few]
        updates = so.SGD(learning_rate=0.01).get_updates((so.square(one) + few.sum(1)).mean(), [w, v])
        counts = (rows,) if isinstance(rows, int) else (37, 1, 70)
        return Case((x, y), tuple(outputs), tuple(updates), [arrays_of((n, 35), (n,), dtype=dtype) for n in counts])

    make.__name__ = f"sums_over_{rows}_rows_{dtype}"
    return make


def lone_sum_over_rows() -> Case:
    """Its parts are left by a kernel that nothing else is in one group with."""
    x, y = so.input("x", ("n", 35), "float32"), so.input("y", ("n", 3), "float32")
    return Case((x, y), (x.T @ y,), (), [arrays_of((n, 35), (n, 3), dtype="float32") for n in (37, 150)])


def products(spec: str) -> Callable[[], Case]:
    def make() -> Case:
        sizes = {"a": 11, "b": 23, "c": 17, "d": 5, "e": 1}
        shapes = [tuple(sizes[i] for i in term) for term in spec.split("->")[0].split(",")]
        x, y = (so.input(name, shape) for name, shape in zip("xy", shapes, strict=True))
        # What is done to the product at once, and what needs all of it.
        result = so.tanh(so.einsum(spec, x, y))
        return Case((x, y), (result, result.sum(), result - result.mean(0)), (), in_turn(*shapes))

    make.__name__ = spec
    return make


def entangled_updates() -> Case:
    a, b = (so.parameter(value, name) for name, value in zip("ab", arrays_of((31, 2), (31, 2)), strict=True))
    c = so.parameter(np.arange(31.0), "c")
    moved = [(a, b[::-1] * 0.5), (b, a + c[:, None] * 0.1), (c, so.concatenate([c[1:], c[:1]]) + a.sum(1))]
    return Case((), (a.sum(0), (a * b).sum()), tuple(moved), [[]])


def gathered_and_scattered() -> Case:
    x, i = so.input("x", ("n", 6)), so.input("i", ("n",), "int64")
    table = so.parameter(np.linspace(-1, 1, 66).reshape(11, 6), "table")
    loss = so.square(so.take(table, i, 0) - x).mean()
    updates = so.SGD(learning_rate=0.5, momentum=0.9).get_updates(loss)
    return Case((x, i), (loss, so.tanh(table)[::-1]), tuple(updates), [[*arrays_of((26, 6)), np.arange(26) % 11]])


def draws() -> Case:
    x = so.input("x", ("n", 4))
    y = so.tanh(x + so.random.normal(x.shape, seed=3))
    return Case((x,), (y, y.mean(0)), (), in_turn((19, 4)))


SPECS = ["ab,bc->ac", "ab,cb->ac", "ba,bc->ac", "ba,cb->ac", "dab,dbc->dac", "bad,dbc->dac"]
SPECS += ["ab,b->a", "b,bc->c", "b,cb->c", "eb,bc->ec", "ab,be->ae", "ab,bc->a", "a,c->ac", "ac,ac->ac"]
KNOWN = [
    *(network, reductions, softmaxes, entangled_updates, gathered_and_scattered, draws),
    lone_sum_over_rows,
    *(sums_over_rows(rows, dtype) for rows, dtype in (("n", "float32"), ("n", "float64"), (150, "float32"))),
    *map(products, SPECS),
]
