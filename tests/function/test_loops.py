"""Epochs and repetitions are the loops that one would write; what is wrong with them is said before the first step."""

from __future__ import annotations

import numpy as np
import pytest

import symopt as so

BACKENDS = [name for name, record in so.backends().items() if record.available]
everywhere = pytest.mark.parametrize("backend", BACKENDS)


def regression(backend):
    """A step of a regression, and its parameters."""
    rng = np.random.default_rng(0)
    x, y = so.input("x", ("n", 3)), so.input("y", ("n",))
    w = so.parameter(rng.normal(size=3), name="w")
    residual = x @ w - y
    loss, worst = so.square(residual).mean(), so.abs(residual).max()
    f = so.function(
        [x, y], [loss, worst], updates=so.SGD(learning_rate=0.1, momentum=0.5).get_updates(loss), backend=backend
    )
    return f, w, rng.normal(size=(11, 3)), rng.normal(size=11)


def by_hand(f, batches):
    outputs = [(len(batch[0]), f(*batch)) for batch in batches]
    total = sum(length for length, _ in outputs)
    return [sum(length * values[i] for length, values in outputs) / total for i in range(2)]


@everywhere
@pytest.mark.parametrize("batch_size", [1, 4, 11, 100, 0])
@pytest.mark.parametrize("order", [None, "shuffled", "some twice"])
def test_an_epoch_is_the_loop_over_its_batches(backend, batch_size, order):
    f, w, X, Y = regression(backend)
    g, v, _, _ = regression(backend)
    rows = {None: None, "shuffled": np.random.default_rng(1).permutation(11), "some twice": [3, 3, 0, 10, 3, 7]}[order]
    index = np.arange(11) if rows is None else np.asarray(rows)
    size = batch_size or len(index)
    parts = [index[low : low + size] for low in range(0, len(index), size)]
    for _ in range(2):
        expected = by_hand(g, [(X[part], Y[part]) for part in parts])
        np.testing.assert_allclose(f.epoch([X, Y], batch_size=batch_size, order=rows), expected, rtol=1e-12)
        np.testing.assert_array_equal(w.value, v.value)
    assert f.calls == g.calls == 2 * len(parts)


@everywhere
def test_repetition_is_the_loop_over_the_same_inputs(backend):
    f, w, X, Y = regression(backend)
    g, v, _, _ = regression(backend)
    for _ in range(7):
        expected = g(X, Y)
    np.testing.assert_array_equal(f.repeat(7, X, Y), expected)
    np.testing.assert_array_equal(w.value, v.value)


@everywhere
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda X, Y: ([X, Y[:-1]],), "arrays of one length"),
        (lambda X, Y: ([X],), r"expected 2 arrays \(x, y\), was given 1"),
        (lambda X, Y: ([X, np.float64(3)],), "arrays of one length"),
        (lambda X, Y: ([X[:0], Y[:0]],), "no rows"),
        (lambda X, Y: ([X, Y], 4, []), "no rows"),
        (lambda X, Y: ([X, Y], -4), "batch_size is -4"),
        (lambda X, Y: ([X, Y], 4, [0, 1, 2, 3, 11]), "from 0 to 10"),
        (lambda X, Y: ([X, Y], 4, [0, 1, 2, 3, -1]), "from 0 to 10"),
        (lambda X, Y: ([X, Y], 4, np.arange(11) > 3), "given bool"),
        (lambda X, Y: ([X, Y], 4, [0.0, 1.0]), "given float64"),
        (lambda X, Y: ([X, Y], 4, [[0, 1]]), r"order of shape \(1, 2\)"),
    ],
)
def test_an_epoch_that_makes_no_sense_is_refused_before_its_first_step(backend, arguments, message):
    f, w, X, Y = regression(backend)
    start = w.value
    with pytest.raises(so.DataError, match=message):
        f.epoch(*arguments(X, Y))
    np.testing.assert_array_equal(w.value, start)
    assert f.calls == 0


def test_an_epoch_averages_numbers_and_nothing_else():
    x = so.vector("x")
    with pytest.raises(so.ShapeError, match="averages outputs of one number"):
        so.function([x], [x.sum(), x]).epoch([[1.0, 2.0]])
    assert so.function([x], so.any(x > 1)).epoch([[1.0, 2.0, 3.0, 0.0]], batch_size=1) == 0.5


@everywhere
def test_an_index_out_of_range_is_found_before_anything_is_written(backend):
    u, v = so.parameter([1.0, 2.0], name="u"), so.parameter([[1.0], [2.0]], name="v")
    i = so.input("i", ("k",), "int64")
    rows = so.take(v * 2, i, 0)
    f = so.function(
        [i], rows.sum(), updates=[(u, u + 1), (v, v - so.gradient(so.square(rows).sum(), [v])[0])], backend=backend
    )
    for bad in ([2], [0, -3]):
        with pytest.raises(so.DataError, match=r"index -?\d is out of range"):
            f(bad)
        assert u.value.tolist() == [1.0, 2.0]
        assert v.value.tolist() == [[1.0], [2.0]]
    assert f([1, -2]) == 6.0
    assert u.value.tolist() == [2.0, 3.0]


@everywhere
def test_an_index_computed_from_new_values_is_checked_as_well(backend):
    count, table = so.state(0, name="count"), so.parameter([5.0, 6.0], name="table")
    seen = so.state(0.0, name="seen")
    f = so.function([], [], updates=[(count, count + 1), (seen, so.take(table, count + 1))], backend=backend)
    f()
    assert (count.value, seen.value) == (1, 6.0)
    with pytest.raises(so.DataError, match="index 2 is out of range"):
        f()
    assert (count.value, seen.value) == (1, 6.0)
