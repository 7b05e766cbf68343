"""The hard cases of the C backend, one by one: each has been wrong once."""

from __future__ import annotations

import numpy as np
import pytest

import symopt as so
from tests.backends.c_ways import on_threads, small_blocks

pytestmark = pytest.mark.skipif(not so.backends()["c"].available, reason=so.backends()["c"].reason)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 8, 37])
def test_what_was_rounded_to_float32_stays_rounded(length: int) -> None:
    """GCC 12 forgets both conversions where two doubles lie side by side, across kernels too."""
    x = so.input("x", (length,))
    single = x.astype("float32")
    joined = so.concatenate([single, so.tanh(single)])
    f = so.function(
        [x], [single.astype("float64"), single[::-1].astype("float64"), joined.astype("float64")], backend="c"
    )
    values = np.random.default_rng(0).normal(size=length)
    rounded = values.astype("float32")
    there_and_back, reversed_, all_of_it = f(values)
    np.testing.assert_array_equal(there_and_back, rounded.astype("float64"))
    np.testing.assert_array_equal(reversed_, rounded[::-1].astype("float64"))
    np.testing.assert_array_equal(all_of_it[:length], rounded.astype("float64"))
    np.testing.assert_array_equal(all_of_it, all_of_it.astype("float32"))


RULES = {
    "sgd": lambda: so.SGD(learning_rate=0.5),
    "adagrad": lambda: so.AdaGrad(learning_rate=0.5),
    "momentum": lambda: so.SGD(learning_rate=0.5, momentum=0.9),
    "adam": lambda: so.Adam(learning_rate=0.1),
}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("rule", RULES)
def test_rows_of_a_table_move_where_there_is_a_gradient_and_wherever_else_the_rule_says(
    rule: str, threads: int
) -> None:
    """Of 50 rows some are read, some of them twice and from the end; an index out of range moves nothing."""

    def step(backend: str) -> tuple[so.Function, list[so.Shared]]:
        i, x = so.input("i", ("n",), "int64"), so.input("x", ("n", 3))
        table = so.parameter(np.linspace(-1, 1, 150).reshape(50, 3), "table")
        loss = so.square(so.take(table, i, 0) - x).sum()
        updates = RULES[rule]().get_updates(loss)
        return so.function([i, x], loss, updates, backend=backend), [variable for variable, _ in updates]

    X = np.random.default_rng(0).normal(size=(6, 3))
    batches = [
        [3, 7, 3, -1, 49, 0],
        [20, 21, -50, 20, 5, 5],
        [50, 1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5, -51],
        [7, 7, 7, 7, 7, 8],
    ]
    with small_blocks(), on_threads(threads):
        (f, values), (reference, expected) = step("c"), step("numpy")
        assert ("only rows that have a gradient" in f.source) == (rule in ("sgd", "adagrad"))
        for batch in batches:
            if min(batch) < -50 or max(batch) > 49:
                for one in (f, reference):
                    with pytest.raises(so.DataError, match="out of range"):
                        one(batch, X)
            else:
                np.testing.assert_allclose(f(batch, X), reference(batch, X), rtol=1e-12)
            for value, other in zip(values, expected, strict=True):
                np.testing.assert_allclose(value.value, other.value, rtol=1e-12, atol=1e-15)


VALLEY = {
    "two by ints": ((2,), lambda r: 100 * (r[1] - r[0] ** 2) ** 2 + (1 - r[0]) ** 2),
    "two by slices": ((2,), lambda r: (100 * (r[1:] - r[:-1] ** 2) ** 2 + (1 - r[:-1]) ** 2).sum()),
    "two rows": ((2, 3), lambda r: (100 * (r[1:] - r[:-1] ** 2) ** 2 + (1 - r[:-1]) ** 2).sum()),
    "single elements": ((5,), lambda r: so.square(r[2]) + r[0] * r[4]),
    "single rows": ((5, 4), lambda r: so.square(r[2]).sum() + (r[0] * r[4]).sum()),
    "single columns": ((5, 4), lambda r: so.square(r[:, 2]).sum() + (r[:, 0] * r[:, 3]).sum()),
}


@pytest.mark.parametrize("case", VALLEY)
def test_gradients_of_single_elements_and_rows_go_where_they_belong(case: str) -> None:
    """A row that stands alone has no step to the next one of its own, and takes part in the shift all the same."""
    shape, loss_of = VALLEY[case]
    r = so.parameter(np.arange(float(np.prod(shape))).reshape(shape) - 1.2, name="r")
    (gradient,) = so.gradient(loss_of(r), [r])
    wanted = so.function([], gradient, backend="numpy")()
    np.testing.assert_array_equal(so.function([], gradient, backend="c")(), wanted)
    f = so.function([], [], [(r, r - 0.01 * gradient)], backend="c")
    start = r.value
    f()
    np.testing.assert_allclose(r.value, start - 0.01 * wanted, rtol=1e-15)


def test_a_scattered_gradient_that_a_state_keeps_is_cleared_whole() -> None:
    """Rows of an earlier step must not be left in it: what is kept is not read row by row."""
    kept = []
    for backend in ("numpy", "c"):
        table, last = so.parameter(np.ones((3000, 4)), "table"), so.state(np.zeros((3000, 4)), "last")
        rows = so.input("rows", ("n",), "int64")
        (gradient,) = so.gradient(so.square(so.take(table, rows, axis=0)).sum(), [table])
        f = so.function([rows], [], [(table, table - 0.1 * gradient), (last, gradient)], backend=backend)
        for first in range(3):
            f(np.array([first, first + 5, first]))
        kept.append(last.value)
    np.testing.assert_array_equal(kept[0], kept[1])
    assert (kept[0] != 0).any(1).sum() == 2


def test_what_is_chosen_under_a_condition_is_read_before_it() -> None:
    """GCC 12 masks such a load wrongly, where the condition is made of others and vectors do it."""
    x, a = so.input("x", (2, 2, 5), "float32"), so.input("a", (10,), "float32")
    y = so.sin(x).reshape(2, 10)
    moved = so.concatenate([x[1:], x[:1]], axis=0).reshape(2, 10)
    lost = so.logical_and(so.logical_or(so.equal(y, a), so.isnan(y)), so.logical_not(so.isfinite(y)))
    f = so.function([x, a], [so.where(lost, moved, y), y], backend="c")
    values = np.linspace(0, 1.9, 20, dtype="float32").reshape(2, 2, 5)
    values[0, 1, 4], values[1, 0, 1] = np.inf, -np.inf
    chosen, _ = f(values, np.zeros(10, "float32"))
    assert (chosen[0, 9], chosen[1, 1]) == (values[1, 1, 4], values[0, 0, 1])
