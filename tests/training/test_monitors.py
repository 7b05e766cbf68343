"""Monitors, norms of gradients, and the arrays that go into a loss."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sympy

import symopt as so
from tests.training.problems import line

ROWS = np.array([[1.0, 2], [3, 4], [5, 7]])


def test_monitors_may_be_a_dict_or_pairs():
    model = line()
    error = so.abs(model.a * model.x + model.b - model.y)
    wanted = {"mean error": error.mean(), "largest {error}": error.max()}
    results = [
        so.build("sgd", model.loss, monitors=monitors, learning_rate=0.1).evaluate(model.rows)
        for monitors in (wanted, list(wanted.items()))
    ]
    assert results[0] == results[1]
    assert list(results[0]) == ["loss", "mean error", "largest {error}"]
    y = np.abs(model.rows["y"])
    assert results[0] == pytest.approx({"loss": np.mean(y**2), "mean error": y.mean(), "largest {error}": y.max()})


def test_gradient_monitors_are_norms_of_raw_gradients():
    x = so.matrix("x")
    w = so.parameter([1.0, -1.0], name="w")
    b = so.parameter(0.5, name="b")
    loss = (x @ w).sum() + 3 * b
    trainer = so.build(
        "sgd",
        loss,
        monitor_gradients=True,
        learning_rate=0.1,
        max_gradient_norm=0.01,
        weight_decay=5,
        rescale_gradient=2,
    )
    monitors = trainer.step(ROWS)
    assert list(monitors) == ["loss", "grad(w)", "grad(b)"]
    assert monitors["grad(w)"] == pytest.approx(np.linalg.norm(ROWS.sum(0)), rel=1e-15)
    assert monitors["grad(b)"] == 3


def test_monitors_do_not_change_training():
    plain, watched = line(), line()
    so.build("rmsprop", plain.loss).minimize(plain.rows, max_epochs=5)
    monitors = {"a": watched.a, "x": watched.x.max()}
    so.build("rmsprop", watched.loss, monitors=monitors, monitor_gradients=True).minimize(watched.rows, max_epochs=5)
    np.testing.assert_array_equal(plain.params(), watched.params())


def test_monitors_of_a_step_are_those_before_the_update():
    model = line()
    trainer = so.build("sgd", model.loss, monitors={"a": model.a}, learning_rate=0.1)
    before = trainer.evaluate(model.rows)
    assert trainer.step(model.rows) == before
    assert trainer.evaluate(model.rows)["a"] != 0


def test_the_iteration_can_be_monitored():
    u = so.parameter(1.0, name="u")
    trainer = so.build("sgd", so.square(u), monitors={"rate": 0.1 * (so.iteration + 1)})
    assert [train["rate"] for train, _ in trainer.iterate(max_epochs=3)] == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("monitors", "message"),
    [
        ({"loss": 1.0}, "the monitor 'loss' is there by itself"),
        ([("a", 1.0), ("a", 2.0)], "two monitors are called a"),
        ({"grad(a)": 1.0}, r"two monitors are called grad\(a\)"),
        ({"u": so.parameter([1.0, 2.0], name="u")}, "monitor 'u' is .* a monitor is one number; take its mean"),
    ],
)
def test_monitors_that_cannot_be_are_refused(monitors, message):
    with pytest.raises(so.DataError, match=message):
        so.build("sgd", line().loss, monitors=monitors, monitor_gradients=True)


def late_inputs() -> tuple[so.Tensor, so.Tensor, so.Tensor]:
    """Two inputs, and a loss that meets them in the other order."""
    first, second = so.vector("first"), so.vector("second")
    u = so.parameter(2.0, name="u")
    return first, second, (u * second - first).sum()


def test_inputs_come_in_the_order_of_their_creation():
    first, second, loss = late_inputs()
    trainer = so.build("sgd", loss)
    assert trainer.inputs == [first, second]
    assert trainer.evaluate([np.array([1.0]), np.array([10.0])]) == {"loss": 19.0}


def test_inputs_come_in_the_order_that_is_given():
    first, second, loss = late_inputs()
    trainer = so.build("sgd", loss, inputs=[second, first])
    assert trainer.evaluate([np.array([1.0]), np.array([10.0])]) == {"loss": -8.0}
    with pytest.raises(so.DataError, match="inputs that are not in the list: second"):
        so.build("sgd", loss, inputs=[first])


def test_inputs_of_monitors_and_updates_are_inputs_too():
    model = line()
    z, seen = so.vector("z"), so.state(0.0, name="seen")
    trainer = so.build("sgd", model.loss, monitors={"z": z.mean()}, updates=[(seen, seen + model.x.sum() + z.sum())])
    trainer.step([np.ones(2), np.zeros(2), np.full(2, 5.0)])
    assert trainer.inputs == [model.x, model.y, z]
    assert seen.value == 12
    assert trainer.state["seen"] == 12


@pytest.mark.parametrize("key", ["names", "inputs", "symbols", "more than are needed"])
def test_data_by_name_may_come_in_any_order(key):
    first, second, loss = late_inputs()
    ones, tens = np.array([1.0]), np.array([10.0])
    data = {
        "names": {"second": tens, "first": ones},
        "inputs": {second: tens, first: ones},
        "symbols": {sympy.Symbol("second"): tens, sympy.Symbol("first"): ones},
        "more than are needed": {"third": ones, "second": tens, "first": ones},
    }[key]
    trainer = so.build("sgd", loss)
    assert trainer.evaluate(data) == {"loss": 19.0}
    assert trainer.step(data) == {"loss": 19.0}


@pytest.mark.parametrize("kind", ["array", "list", "frame", "batch"])
def test_a_step_takes_a_batch_in_any_form(kind):
    x = so.matrix("x")
    u = so.parameter(1.0, name="u")
    trainer = so.build("sgd", u * x.sum(), learning_rate=0.1)
    batch = {
        "array": ROWS,
        "list": [ROWS],
        "frame": pd.DataFrame(ROWS),
        "batch": next(so.Dataset(ROWS).batches(None)),
    }[kind]
    assert trainer.step(batch) == {"loss": 22}
    assert u.value == pytest.approx(1 - 2.2)


def test_a_step_takes_numbers_for_inputs_of_no_dimensions():
    x = so.scalar("x")
    u = so.parameter(1.0, name="u")
    assert so.build("sgd", u * x).step([3]) == {"loss": 3}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, r"the loss has inputs \(x, y\): give data for them"),
        (np.zeros(3), "the data have 1 arrays; the loss has 2 inputs: x, y"),
        ({"x": np.zeros(3), "z": np.zeros(3)}, "the data have x, z; missing are y"),
        ([np.zeros(3), np.zeros((3, 2))], "input 'y' has 1 dimensions; it was given shape"),
        ([np.zeros(3), np.zeros(4)], "different lengths"),
    ],
)
def test_data_that_do_not_fit_are_refused(data, message):
    model = line()
    trainer = so.build("sgd", model.loss)
    with pytest.raises(so.DataError, match=message):
        trainer.minimize(data, max_epochs=1)
    assert trainer.updates_done == 0


def test_float64_data_feed_float32_inputs():
    model = line(dtype="float32")
    rows = {name: array.astype("float64") for name, array in model.rows.items()}
    so.build("sgd", model.loss, learning_rate=0.1).minimize(rows, max_epochs=2)
    assert model.a.value.dtype == np.float32
    assert model.a.value != 0


def test_only_the_listed_parameters_are_trained():
    model = line()
    trainer = so.build("sgd", model.loss, params=[model.a], learning_rate=0.1)
    trainer.minimize(model.rows, max_epochs=3)
    assert list(trainer.params) == ["a"]
    assert model.b.value == 0 != model.a.value
