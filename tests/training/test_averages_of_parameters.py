"""Averages of parameters: what they are, that validation measures them, and that training does not."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import symopt as so

TARGETS = np.random.default_rng(3).normal(size=12)


def descent(**settings: Any) -> tuple[so.Tensor, so.Trainer]:
    """A parameter that follows targets, the inputs, by half of the way in each update."""
    u, target = so.parameter(5.0, name="u"), so.vector("target")
    trainer = so.build("sgd", so.square(u - target).mean() / 2, learning_rate=0.5, backend="numpy", **settings)
    return u, trainer


def places(start: float = 5.0, targets: np.ndarray = TARGETS) -> list[float]:
    """Where the parameter is after each of the targets."""
    found, place = [], start
    for target in targets:
        place -= 0.5 * (place - target)
        found.append(place)
    return found


def mean(values: list[float], gamma: float) -> float:
    """With weights that fall by gamma from the last value back."""
    weights = gamma ** np.arange(len(values))[::-1]
    return float(np.average(values, weights=weights))


@pytest.mark.parametrize("settings", [{"average_decay": 0.9}, {"average_halflife": 3}, {"average_decay": 0}])
def test_the_average_is_of_all_values_but_the_first_with_weights_that_fall(settings: dict[str, float]) -> None:
    u, trainer = descent(**settings)
    gamma = settings.get("average_decay", 0.5 ** (1 / 3))
    for i, target in enumerate(TARGETS, 1):
        trainer.step(np.array([target]))
        assert float(u.value) == pytest.approx(places()[i - 1], rel=1e-13)
        assert trainer.state["u_average"] == pytest.approx(mean(places()[:i], gamma), rel=1e-12)


def test_after_a_halflife_a_value_counts_half() -> None:
    u, g = so.parameter(0.0, name="u"), so.scalar("g")
    trainer = so.build("sgd", u * g, learning_rate=1, average_halflife=7)
    for value in (-8.0, 8.0, *[0.0] * 7):  # u is 8 in the first update, and 0 afterwards
        trainer.step(value)
    total = (1 - 0.5 ** (9 / 7)) / (1 - 0.5 ** (1 / 7))  # of all weights
    assert trainer.state["u_average"] == pytest.approx(8 * 0.5 ** (8 / 7) / total, rel=1e-12)


def test_the_average_is_of_the_projected_value_and_in_its_dtype() -> None:
    u = so.parameter(np.ones(2, "float32"), name="u", lower=0)
    trainer = so.build("adam", u.sum(), learning_rate=10.0, average_decay=0.5)
    for _ in range(3):
        trainer.step()
    assert trainer.state["u_average"].tolist() == [0, 0]
    assert trainer.state["u_average"].dtype == "float32"


def test_steps_do_not_depend_on_the_average() -> None:
    (u, trainer), (v, plain) = descent(average_decay=0.9, momentum=0.5), descent(momentum=0.5)
    for target in TARGETS:
        trainer.step(np.array([target]))
        plain.step(np.array([target]))
    assert u.value == v.value


def test_only_steps_count_where_batches_accumulate() -> None:
    _, trainer = descent(average_decay=0.9, accumulate=2)
    for target in TARGETS:
        trainer.step(np.array([target]))
    expected = mean(places(targets=TARGETS.reshape(6, 2).mean(1)), 0.9)
    assert trainer.state["u_average"] == pytest.approx(expected, rel=1e-12)


def test_validation_measures_the_average_and_the_best_are_averages() -> None:
    u, trainer = descent(average_decay=0.8)
    valid = np.array([0.25])
    train = so.Dataset(TARGETS, batch_size=1, rng=0)
    order = [TARGETS[train.order(epoch)] for epoch in range(3)]
    path = places(targets=np.concatenate(order))
    averages = [mean(path[: 12 * k], 0.8) for k in (1, 2, 3)]
    losses = []
    for k, (_, validation) in enumerate(trainer.iterate(train, [valid], max_epochs=3, validate_every=1), 1):
        if k < 3:
            assert float(u.value) == pytest.approx(path[12 * k - 1], rel=1e-12)  # training goes on from here
        assert trainer.evaluate([valid])["loss"] == pytest.approx(validation["loss"])
        losses.append(validation["loss"])
    assert losses == pytest.approx([(average - 0.25) ** 2 / 2 for average in averages], rel=1e-11)
    best = averages[int(np.argmin(losses))]
    assert float(u.value) == pytest.approx(best, rel=1e-12)
    assert trainer.evaluate([valid])["loss"] == pytest.approx(min(losses), rel=1e-11)


def test_the_next_run_goes_on_from_the_current_parameters() -> None:
    data = so.Dataset(TARGETS, batch_size=1, rng=0)
    (u, halves), (v, whole) = descent(average_decay=0.8), descent(average_decay=0.8)
    for epochs in (1, 2, 3):
        halves.minimize(data, max_epochs=epochs, validate_every=1)
    whole.minimize(data, max_epochs=3, validate_every=1)
    assert u.value == v.value
    assert halves.state == whole.state
    assert halves.history == whole.history


def test_a_checkpoint_holds_current_values_averages_and_the_best(tmp_path: Any) -> None:
    data = so.Dataset(TARGETS, batch_size=1, rng=0)
    (_, first), (u, second), (v, whole) = (descent(average_decay=0.8) for _ in range(3))
    first.minimize(data, max_epochs=2, validate_every=1)
    first.save(tmp_path / "first.npz")
    second.load(tmp_path / "first.npz")
    second.minimize(data, max_epochs=4, validate_every=1)
    whole.minimize(data, max_epochs=4, validate_every=1)
    assert u.value == v.value
    assert second.state == whole.state


def test_what_the_user_writes_is_measured_and_the_average_starts_anew_there() -> None:
    u, trainer = descent(average_decay=0.8)
    for target in TARGETS:
        trainer.step(np.array([target]))
    u.value = 100.0
    assert trainer.evaluate([np.array([100.0])])["loss"] == 0
    trainer.step(np.array([100.0]))
    assert trainer.state["u_average"] == 100
    u.value = 7.0
    pair = trainer.minimize([np.array([7.0])], max_updates=13)  # the validation before the first update
    assert pair.valid["loss"] == 0


def test_a_value_written_before_training_is_validated_before_training() -> None:
    u, trainer = descent(average_decay=0.8)
    u.value = 0.5
    run = trainer.iterate([np.array([0.5, 0.5])], max_epochs=1)
    assert next(run)[1]["loss"] == 0
    assert u.value == 0.5


def test_an_average_that_is_switched_on_later_starts_at_the_present_value() -> None:
    u, trainer = descent()
    for target in TARGETS:
        trainer.step(np.array([target]))
    present = float(u.value)
    trainer.set_hyperparameters(average_decay=0.5)
    assert trainer.state["u_average"] == present
    trainer.step(np.array([present]))
    assert trainer.state["u_average"] == pytest.approx(present)


def test_parameters_of_a_group_may_do_without() -> None:
    u, v = so.parameter(1.0, name="u"), so.parameter(1.0, name="v")
    groups = {"v": {"average_decay": None}}
    updates = so.SGD(average_decay=0.9, groups=groups).get_updates(so.square(u) + so.square(v))
    assert [(param.name, state.name) for param, state in updates.averages.items()] == [("u", "u_average")]
    trainer = so.build("sgd", so.square(u) + so.square(v), learning_rate=0.25, average_decay=0.5, groups=groups)
    for _ in range(2):
        trainer.step()
    # u was 1/2 and 1/4, and v counts as it is: 1/4.
    assert trainer.evaluate()["loss"] == pytest.approx((1 / 3) ** 2 + (1 / 4) ** 2)


def test_asgd_is_measured_by_its_average() -> None:
    u = so.parameter(1.0, name="u")
    trainer = so.build("asgd", u, learning_rate=0.25, l2=0)
    for _ in range(4):
        trainer.step()
    assert (float(u.value), trainer.evaluate()["loss"]) == (0.0, 0.375)
    with pytest.raises(TypeError, match="ASGD averages all steps alike: it takes average_after"):
        so.ASGD(average_decay=0.9)


def test_an_updater_keeps_the_average_of_each_array() -> None:
    updater, weight = so.Updater(so.SGD(learning_rate=1.0, average_decay=0.5)), np.zeros(1)
    for gradient in (-1.0, -1.0):
        updater(0, np.array([gradient]), weight)
    assert (weight[0], updater.states[0]["average"][0]) == (2, pytest.approx(5 / 3))


def test_equations_show_the_average() -> None:
    w = so.parameter([1.0, 2.0], name="w")
    updates = so.SGD(learning_rate=0.1, average_decay=0.99).get_updates(so.square(w).sum())
    assert str(updates).split("\n")[:2] == [
        "w         <- w - 0.1 * grad(w)",
        "w_average <- w_average + 0.01 / (1 - 0.99**(iteration + 1)) * (w' - w_average)",
    ]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"average_decay": 0.9, "average_halflife": 3}, TypeError, "give average_decay or average_halflife, not both"),
        ({"average_decay": 1}, ValueError, "expected a number from 0, below 1"),
        ({"average_halflife": 0}, ValueError, "expected a number above 0"),
        ({"average_halflife": np.inf}, ValueError, "expected a number above 0, below inf"),
    ],
)
def test_what_is_no_decay_is_refused(settings: dict[str, float], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        so.SGD(**settings)


def test_an_average_changes_no_optimizer_that_has_none() -> None:
    assert dataclasses.replace(so.SGD(), average_decay=None) == so.SGD()
    assert so.SGD().get_updates(so.square(so.parameter(1.0, name="u"))).averages == {}
