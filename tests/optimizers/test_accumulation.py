"""Gradient accumulation: k batches make one step, by the mean of their gradients; nothing else moves in between."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import symopt as so
from tests.available import BACKENDS

K, ROWS, STEPS = 3, 4, 5

_rng = np.random.default_rng(5)
X = _rng.normal(size=(STEPS * K * ROWS, 3))
Y = 3 * _rng.normal(size=(len(X), 2))
START = {"w": 0.5 * _rng.normal(size=(3, 2)), "b": np.array([0.7, -0.4])}

CLIPPED: dict[str, Any] = {
    "rescale_gradient": 2.0,
    "max_gradient_elem": 1.5,
    "max_gradient_norm": 2.5,
    "max_global_norm": 2.0,
    "weight_decay": 0.1,
}
OPTIMIZERS: dict[str, so.Optimizer] = {
    "momentum": so.SGD(learning_rate=0.05, momentum=0.9),
    "nesterov": so.NAG(learning_rate=0.05),
    "adam": so.Adam(learning_rate=0.05),
    "adamw": so.AdamW(learning_rate=0.05, weight_decay=0.1),
    "rmsprop": so.RMSProp(learning_rate=0.05, momentum=0.5),
    "adagrad": so.AdaGrad(learning_rate=0.1, initial_accumulator=0.1),
    "rprop": so.RProp(),
    "lamb": so.LAMB(learning_rate=0.05),
    "muon": so.Muon(learning_rate=0.05, freeze=["b"]),
    "ftrl": so.FTRL(learning_rate=0.1),
    "asgd": so.ASGD(learning_rate=0.05),
    "clipped and decayed": so.SGD(learning_rate=0.05, momentum=0.5, **CLIPPED),
    "adam, clipped and decayed": so.Adam(learning_rate=0.05, **CLIPPED),
    "falling rate": so.SGD(learning_rate=so.schedules.Exp(0.1, gamma=0.5)),
    "groups": so.SGD(
        learning_rate=0.05, groups={"b": {"rescale_gradient": 0.5, "max_gradient_elem": 0.1, "weight_decay": 0.5}}
    ),
}


def trainer_of(optimizer: so.Optimizer, backend: str = "numpy", **settings: Any) -> so.Trainer:
    x, y = so.input("x", ("rows", 3)), so.input("y", ("rows", 2))
    w, b = (so.parameter(value, name=name) for name, value in START.items())
    loss = so.square(x @ w + b - y).mean()
    return so.build(dataclasses.replace(optimizer, **settings), loss, backend=backend)


def fed(trainer: so.Trainer, rows: int, until: int = len(X)) -> so.Trainer:
    """The trainer after all data in batches of so many rows."""
    for begin in range(0, until, rows):
        trainer.step([X[begin : begin + rows], Y[begin : begin + rows]])
    return trainer


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_k_small_batches_are_one_large_batch(name: str, backend: str) -> None:
    small = fed(trainer_of(OPTIMIZERS[name], backend, accumulate=K), ROWS)
    large = fed(trainer_of(OPTIMIZERS[name], backend), K * ROWS)
    for param, value in large.params.items():
        np.testing.assert_allclose(small.params[param], value, rtol=1e-11, atol=1e-13)
    for state, value in large.state.items():
        np.testing.assert_allclose(small.state[state], value, rtol=1e-11, atol=1e-12, err_msg=state)
    assert (large.params["w"] != START["w"]).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_nothing_but_sums_and_their_count_moves_before_the_window_is_full(name: str) -> None:
    trainer = fed(trainer_of(OPTIMIZERS[name], accumulate=K), ROWS, K * ROWS)
    params, states = trainer.params, trainer.state
    for more in (1, 2):
        trainer.step([X[:ROWS], Y[:ROWS]])
        moved = {name for name, value in trainer.state.items() if not np.array_equal(value, states[name])}
        assert moved == {"batches", *(name for name in states if name.endswith("_gathered"))}
        assert trainer.state["batches"] == more
        for param, value in trainer.params.items():
            np.testing.assert_array_equal(value, params[param])
    trainer.step([X[:ROWS], Y[:ROWS]])
    assert trainer.state["batches"] == 0
    assert not any(value.any() for name, value in trainer.state.items() if name.endswith("_gathered"))
    assert trainer.state["iteration"] == 2
    assert not np.array_equal(trainer.params["w"], params["w"])


def test_clipping_is_of_the_mean_and_not_of_each_gradient() -> None:
    g, u = so.scalar("g"), so.parameter(0.0, name="u")
    trainer = so.build("sgd", g * u, learning_rate=1, accumulate=2, max_gradient_elem=1)
    for value in (10.0, -9.0):
        trainer.step(value)
    assert trainer.params["u"] == -0.5


def test_nan_in_a_batch_waits_for_the_step_and_does_not_stay_behind() -> None:
    g, u = so.scalar("g"), so.parameter(1.0, name="u")
    trainer = so.build("sgd", g * u, learning_rate=1, accumulate=2)
    trainer.step(np.nan)
    assert trainer.params["u"] == 1
    trainer.step(1.0)
    assert np.isnan(trainer.params["u"])
    u.value = 1.0
    for _ in range(2):
        trainer.step(0.5)
    assert trainer.params["u"] == 0.5


def test_float32_stays_float32() -> None:
    u = so.parameter(np.ones(2, "float32"), name="u")
    trainer = so.build("adam", so.square(u).sum(), accumulate=2)
    trainer.step()
    assert {value.dtype.name for name, value in trainer.state.items() if name.startswith("u_")} == {"float32"}
    assert all(value.dtype == variable.dtype for variable, value in trainer.updates)


def test_a_window_goes_on_over_the_end_of_an_epoch_and_over_a_checkpoint(tmp_path: Any) -> None:
    settings = {"batch_size": ROWS, "rng": 0}
    data = so.Dataset([X[: 5 * ROWS], Y[: 5 * ROWS]], **settings)
    whole, first, second = (trainer_of(OPTIMIZERS["adam"], accumulate=K) for _ in range(3))
    whole.minimize(data, max_epochs=3)
    assert (whole.updates_done, int(whole.state["iteration"])) == (15, 5)
    first.minimize(data, max_epochs=1)
    assert first.state["batches"] == 2
    first.save(tmp_path / "first.npz")
    second.load(tmp_path / "first.npz")
    second.minimize(data, max_epochs=3)
    for name, value in whole.state.items():
        np.testing.assert_array_equal(second.state[name], value)


def test_the_length_of_a_window_is_a_number_that_may_change() -> None:
    g, u = so.scalar("g"), so.parameter(0.0, name="u")
    trainer = so.build("sgd", g * u, learning_rate=1, accumulate=3, backend="numexpr")
    for value in (1.0, 2.0):
        trainer.step(value)
    before = trainer.updates
    trainer.set_hyperparameters(accumulate=2)  # the window has 2 gradients now, and is full with the next one
    trainer.step(6.0)
    assert trainer.params["u"] == -3
    for value in (1.0, 3.0):
        trainer.step(value)
    assert trainer.params["u"] == -5
    assert trainer.updates is before  # nothing is compiled anew
    trainer.set_hyperparameters(accumulate=1)
    trainer.step(1.0)
    assert trainer.params["u"] == -6
    assert trainer.state["iteration"] == 3


def test_the_length_of_a_window_may_be_scheduled_by_steps() -> None:
    g, u = so.scalar("g"), so.parameter(0.0, name="u")
    trainer = so.build("sgd", g * u, accumulate=so.schedules.Piecewise([1, 3], [2]))
    steps = []
    for _ in range(8):
        trainer.step(1.0)
        steps.append(int(trainer.state["iteration"]))
    assert steps == [1, 2, 2, 2, 3, 3, 3, 4]


def test_equations_say_what_waits() -> None:
    w = so.parameter([1.0, 2.0], name="w")
    updates = so.SGD(learning_rate=0.1, momentum=0.9, accumulate=4).get_updates(so.square(w).sum())
    assert str(updates).split("\n") == [
        "g(w)        = (w_gathered + grad(w)) / (batches + 1)",
        "w_gathered <- where(batches + 1 >= 4, 0, w_gathered + grad(w))",
        "batches    <- where(batches + 1 >= 4, 0, batches + 1)",
        "if batches + 1 >= 4:",
        "  w_velocity <- 0.9 * w_velocity - 0.1 * g(w)",
        "  w          <- w + w_velocity'",
        "  iteration  <- iteration + 1",
    ]
    assert [variable.name for variable, _ in updates] == ["w_gathered", "batches", "w_velocity", "w", "iteration"]


def test_esgd_measures_the_curvature_at_the_last_batch_of_a_window() -> None:
    scale, u = so.scalar("scale"), so.parameter(1.0, name="u")
    probe = so.constant(1.0)
    trainer = so.build(so.ESGD(accumulate=2, rms_decay=0.5, probe=probe), scale * so.square(u) / 2)
    trainer.step(100.0)
    assert trainer.state["u_curvature"] == 0
    trainer.step(3.0)
    assert trainer.state["u_curvature"] == 0.5 * 3.0**2


@pytest.mark.parametrize("together", [True, False])
def test_an_updater_counts_the_batches_of_each_index(together: bool, tmp_path: Any) -> None:
    rule = so.Adam(learning_rate=0.1, accumulate=2)
    grads = np.random.default_rng(0).normal(size=(6, 3))
    means = grads.reshape(3, 2, 3).mean(1)
    plain, expected = so.Updater(so.Adam(learning_rate=0.1)), np.zeros(3)
    for mean in means:
        plain(0, mean, expected)
    updater, first, second = so.Updater(rule), np.zeros(3), np.zeros(3)
    updater("late", grads[0], second)  # one batch ahead of the other
    for i, gradient in enumerate(grads):
        if i == 3:
            updater.save(tmp_path / "updater.npz")
            updater = so.Updater(rule)
            updater.load(tmp_path / "updater.npz")
        ahead = grads[(i + 1) % 6]
        if together:
            updater.step(["early", "late"], [first, second], [gradient, ahead])
        else:
            updater("early", gradient, first)
            updater("late", ahead, second)
    np.testing.assert_allclose(first, expected, rtol=1e-12)
    np.testing.assert_allclose(second, expected, rtol=1e-12)
    assert {name: int(updater.states[name]["iteration"]) for name in ("early", "late")} == {"early": 3, "late": 3}


def test_row_sparse_gradients_mean_the_same() -> None:
    rule = so.SGD(learning_rate=1.0, accumulate=2)
    assert not rule.skips_zero_gradients()
    updater, table = so.Updater(rule), np.zeros((4, 1))
    for rows in ([1], [3]):
        updater(0, so.RowSparse(rows, [[2.0]]), table)
    assert table.ravel().tolist() == [0, -1, 0, -1]


@pytest.mark.parametrize("value", [0, 2.5, -1, np.inf])
def test_the_number_of_batches_is_whole(value: float) -> None:
    with pytest.raises(ValueError, match=r"accumulate=.*expected a whole number from 1"):
        so.SGD(accumulate=value)


def test_the_number_of_batches_is_common_to_all_groups() -> None:
    with pytest.raises(TypeError, match="group 'b' has no keyword 'accumulate'"):
        so.SGD(groups={"b": {"accumulate": 2}})
