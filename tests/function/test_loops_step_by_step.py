"""Repetitions and epochs of functions of every kind give what single calls of the reference give."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

import symopt as so
from symopt.graph import construct

BACKENDS = [name for name, record in so.backends().items() if record.available]
everywhere = pytest.mark.parametrize("backend", BACKENDS)


@dataclass
class Model:
    """A step and arrays for its inputs: inputs, outputs that are numbers, updates."""

    inputs: list
    outputs: list
    updates: list
    arrays: list

    def function(self, backend: str) -> so.Function:
        return so.function(self.inputs, self.outputs, self.updates, backend=backend)

    def values(self) -> list[np.ndarray]:
        return [variable.value for variable, _ in self.updates]


ROWS = 23


def arrays_of(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.normal(size=(ROWS, *shape)) for shape in shapes]


def classifier() -> Model:
    """Several inputs, of several dtypes; labels that are gathered."""
    x, y, c = so.input("x", ("n", 4), "float32"), so.input("y", ("n",), "int32"), so.input("c", ("n", 2, 3))
    w, b = so.parameter(np.full((4, 5), 0.1, "float32"), "w"), so.parameter(np.zeros(5, "float32"), "b")
    loss = (so.cross_entropy(so.tanh(x @ w) + b, y) * c[:, 1, 0].astype("float32")).mean()
    (X, C), Y = arrays_of((4,), (2, 3)), np.arange(ROWS) * 7 % 5
    updates = so.Adam(learning_rate=0.1).get_updates(loss)
    return Model(
        [x, y, c],
        [loss, so.equal(y, 2).astype("float32").mean(), c.max()],
        updates,
        [X.astype("float32"), Y.astype("int32"), C],
    )


def draws() -> Model:
    """Numbers that are new at each step."""
    x, w = so.input("x", ("n",)), so.parameter([1.0, 2.0], "w")
    noise = so.random.normal((2,), seed=5)
    kept = so.random.bernoulli(x.shape, p=0.5, seed=6)
    return Model([x], [(x * kept).sum(), noise[0], w.sum()], [(w, 0.5 * w + noise)], arrays_of(()))


def numbers() -> Model:
    """Outputs that are weak numbers, constants, sizes, inputs, parameters before their update, and their elements."""
    x = so.input("x", ("n", 2))
    rate = construct.make_shared(0.25, "rate", "hyperparameter")
    count, u, table = so.state(1, "count"), so.parameter(2.0, "u"), so.parameter(np.arange(6.0), "table")
    size = construct.make_size(x.shape[0])
    outputs = [rate * 2, so.constant(3.5), so.constant(7), size, rate / size, u, count, table[-2], table[count % 6]]
    outputs += [x[-1, 0], x[0, 1], (u > 3), so.tanh(x)[-1, 1], x.sum() * rate]
    updates = [(count, count + 1), (u, u * 1.5 + rate), (table, table[::-1] + u)]
    return Model([x], outputs, updates, arrays_of((2,)))


def swaps() -> Model:
    """Variables that read each other's old values, and rows that follow from the number of the row."""
    x = so.input("x", ("n", 3))
    a, b, c = so.parameter(np.arange(3.0), "a"), so.parameter(np.ones(3), "b"), so.parameter(np.arange(4.0), "c")
    weighed = (x * so.arange(x.shape[0])[:, None]).sum(0)
    updates = [(a, b + 0.1 * weighed), (b, a * 0.5), (c, so.concatenate([c[1:], c[:1]]) + x[0, 0])]
    return Model([x], [(a * b).sum(), weighed[1]], updates, arrays_of((3,)))


MODELS: list[Callable[[], Model]] = [classifier, draws, numbers, swaps]
every_model = pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
ORDERS = {"as they lie": None, "shuffled": np.random.default_rng(1).permutation(ROWS), "some": [3, 3, 0, 22, 7]}


def by_hand(model: Model, index: np.ndarray, size: int, step: so.Function) -> list[float]:
    """What an epoch should give, by calls of the reference."""
    total, count = np.zeros(len(model.outputs)), 0
    for low in range(0, len(index), size):
        rows = index[low : low + size]
        total += len(rows) * np.array([float(value) for value in step(*(array[rows] for array in model.arrays))])
        count += len(rows)
    return list(total / count)


def assert_close(actual: list, expected: list, single: bool = False) -> None:
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5 if single else 1e-11, atol=1e-6 if single else 1e-12)


@everywhere
@every_model
@pytest.mark.parametrize("order", ORDERS)
def test_epochs_are_single_calls_of_the_reference(backend: str, make: Callable[[], Model], order: str) -> None:
    one, other = make(), make()
    f, step = one.function(backend), other.function("numpy")
    index = np.arange(ROWS) if ORDERS[order] is None else np.asarray(ORDERS[order])
    for size in (5, 0, 1, 23, 10**9, 4):  # 23 rows: with a short last batch, and without
        found = f.epoch(one.arrays, batch_size=size, order=ORDERS[order])
        expected = by_hand(other, index, size or len(index), step)
        assert_close(found, expected, make is classifier)
        assert_close(one.values(), other.values(), make is classifier)
        assert f.calls == step.calls
    # And single calls go on from there.
    assert_close(f(*one.arrays), step(*other.arrays), make is classifier)


@everywhere
@every_model
def test_repetitions_are_single_calls_of_the_reference(backend: str, make: Callable[[], Model]) -> None:
    one, other = make(), make()
    f, step = one.function(backend), other.function("numpy")
    for steps, count in [(1, ROWS), (4, 6), (11, ROWS), (1, 1)]:
        arrays = [array[:count] for array in one.arrays]
        for _ in range(steps):
            expected = step(*arrays)
        assert_close(f.repeat(steps, *arrays), expected, make is classifier)
        assert_close(one.values(), other.values(), make is classifier)
        assert f.calls == step.calls


@everywhere
def test_arrays_of_another_layout_or_dtype_are_read_as_they_are(backend: str) -> None:
    one, other = swaps(), swaps()
    (X,) = one.arrays
    f, g = one.function(backend), other.function(backend)
    expected = f.epoch([X], 6)
    for given in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X.tolist(), X[::-1].copy()[::-1]):
        for (variable, _), (fresh, _) in zip(other.updates, swaps().updates, strict=True):
            variable.value = fresh.value
        np.testing.assert_array_equal(g.epoch([given], 6), expected)


# ---------------------------------------------------------------------------------------------------- what interrupts


def lookup(backend: str) -> tuple[so.Function, so.Function, so.Shared, so.Shared]:
    i, x = so.input("i", ("n",), "int64"), so.input("x", ("n", 2))
    table, seen = so.parameter(np.ones((4, 2)), "table"), so.state(0.0, "seen")
    loss = (so.take(table, i, 0) * x).sum()
    updates = [(table, table - 0.1 * so.gradient(loss, [table])[0]), (seen, seen + 1)]
    return (*(so.function([i, x], loss, updates, backend=name) for name in (backend, "numpy")), table, seen)


@everywhere
@pytest.mark.parametrize("order", ["as they lie", "shuffled"])
def test_an_index_out_of_range_ends_an_epoch_after_the_steps_before(backend: str, order: str) -> None:
    f, step, table, seen = lookup(backend)
    (X,), index = arrays_of((2,)), np.arange(ROWS) % 4
    rows = np.arange(ROWS) if order == "as they lie" else ORDERS["shuffled"]
    for bad, place in [(4, 9), (-5, 22), (99, 0), (7, 10)]:
        wrong = index.copy()
        wrong[rows[place]] = bad
        start = table.value, seen.value
        for low in range(0, place - place % 5, 5):
            part = rows[low : low + 5]
            step(wrong[part], X[part])
        expected = table.value, seen.value
        table.value, seen.value = start
        with pytest.raises(so.DataError, match=rf"index {bad % 4 - 4 if bad < 0 else bad} is out of range.* 4 entries"):
            f.epoch([wrong, X], 5, None if order == "as they lie" else rows)
        np.testing.assert_allclose(table.value, expected[0], rtol=1e-12)
        assert seen.value == expected[1]
        f.epoch([index, X], 5)  # and goes on as if nothing had been


@everywhere
def test_a_step_that_cannot_be_repeated_ends_the_repetition(backend: str) -> None:
    count, table = so.state(0, "count"), so.parameter(np.arange(10.0), "table")
    f = so.function([], so.take(table, count), [(count, count + 3), (table, table + 1)], backend=backend)
    with pytest.raises(so.DataError, match="index 12 is out of range"):
        f.repeat(100)
    assert count.value == 12
    assert table.value[0] == 4.0


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[float], None]]:
    """Presses Ctrl-C from another thread after so many seconds."""
    before, timers = signal.signal(signal.SIGINT, signal.default_int_handler), []

    def press(seconds: float) -> None:
        timer = threading.Timer(seconds, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
        timers.append(timer)
        timer.start()

    yield press
    for timer in timers:
        timer.cancel()
    signal.signal(signal.SIGINT, before)


@everywhere
@pytest.mark.parametrize("how", ["repeat", "epoch", "shuffled epoch"])
def test_ctrl_c_ends_a_long_loop_soon_and_between_steps(
    backend: str, how: str, ctrl_c: Callable[[float], None]
) -> None:
    x = so.input("x", ("n", 200))
    steps, total = so.state(0, "steps"), so.state(np.zeros(200), "total")
    f = so.function([x], so.tanh(x).sum(), [(steps, steps + 1), (total, total + 1)], backend=backend)
    X = np.ones((20_000, 200))
    order = np.tile(np.arange(20_000), 500)  # some minutes
    runs = {
        "repeat": lambda: f.repeat(10**8, X[:50]),
        "epoch": lambda: [f.epoch([X], 20) for _ in range(10**6)],
        "shuffled epoch": lambda: f.epoch([X], 20, order),
    }
    f(X[:20])
    ctrl_c(0.3)
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        runs[how]()
    assert time.perf_counter() - start < 0.3 + 1.5
    assert steps.value > 5
    np.testing.assert_array_equal(total.value, steps.value)
    before = int(steps.value)
    f(X[:20])
    assert steps.value == before + 1
