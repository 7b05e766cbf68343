"""Updates, epochs, and the pairs of monitors that come after each epoch."""

from __future__ import annotations

import numpy as np
import pytest

import symopt as so
from tests.training.problems import line, script, trainer_of


def by_hand(rows: dict[str, np.ndarray], order: list[np.ndarray], rate: float) -> tuple[list[float], list[float]]:
    """The parameters after some batches of gradient descent on a line, and the loss before each."""
    a = b = 0.0
    losses = []
    for chosen in order:
        x, y = rows["x"][chosen], rows["y"][chosen]
        error = a * x + b - y
        losses.append(float((error**2).mean()))
        a, b = a - rate * 2 * (error * x).mean(), b - rate * 2 * error.mean()
    return [a, b], losses


def test_an_epoch_is_one_pass_in_mini_batches():
    model = line(20)
    data = so.Dataset(model.rows, batch_size=8, rng=5)
    trainer = so.build("sgd", model.loss, learning_rate=0.1)
    pairs = list(trainer.iterate(data, max_epochs=2, validate_every=1))
    assert len(pairs) == trainer.epochs_done == 2
    assert trainer.updates_done == 6
    orders = [np.split(data.order(epoch), [8, 16]) for epoch in (0, 1)]
    expected, losses = by_hand(model.rows, orders[0] + orders[1], 0.1)
    np.testing.assert_allclose(model.params(), expected, rtol=1e-13)
    weights = [8, 8, 4]
    for epoch in (0, 1):
        mean = np.average(losses[3 * epoch : 3 * epoch + 3], weights=weights)
        assert pairs[epoch][0]["loss"] == pytest.approx(mean, rel=1e-13)


def test_training_monitors_weigh_batches_by_their_lengths():
    x = so.vector("x")
    u = so.parameter(0.0, name="u")
    rows = np.arange(7.0)
    trainer = so.build("sgd", u + x.mean(), monitors={"mean": x.mean()}, learning_rate=0)
    [(train, valid)] = trainer.iterate(so.Dataset(rows, batch_size=4), max_epochs=1)
    # Without weights the result would depend on which rows are in the short batch.
    assert train["mean"] == pytest.approx(3, rel=1e-15)
    assert valid["mean"] == pytest.approx(3, rel=1e-15)


def test_evaluate_weighs_batches_by_their_lengths():
    x = so.vector("x")
    u = so.parameter(0.0, name="u")
    trainer = so.build("sgd", u + x.mean())
    unequal = so.Dataset([np.array([0.0, 0, 0, 0, 10])], batch_size=4)
    assert trainer.evaluate(unequal) == {"loss": 2.0}
    assert trainer.updates_done == 0


def test_without_data_an_epoch_is_one_update():
    u = so.parameter([3.0, -2.0], name="u")
    trainer = so.build("sgd", (u**2).sum(), learning_rate=0.25)
    pairs = list(trainer.iterate(max_epochs=3))
    assert trainer.updates_done == trainer.epochs_done == 3
    assert [train["loss"] for train, _ in pairs] == [13, 13 / 4, 13 / 16]
    np.testing.assert_array_equal(u.value, [3 / 8, -2 / 8])


def test_validation_runs_before_update_0_and_after_every_so_many_epochs():
    toy = script(np.linspace(9, 1, 9))
    trainer = trainer_of(toy)
    seen = [valid["loss"] for _, valid in trainer.iterate(max_epochs=8, validate_every=3)]
    assert seen == [9, 9, 6, 6, 6, 3, 3, 1]


def test_training_data_validate_where_there_are_no_others():
    model = line()
    trainer = so.build("sgd", model.loss, learning_rate=0.1)
    train, valid = trainer.minimize(model.rows, max_epochs=3)
    assert valid == trainer.evaluate(model.rows)
    assert valid["loss"] < train["loss"]


def test_validation_data_are_only_looked_at():
    model = line()
    far = {"x": np.array([1.0]), "y": np.array([50.0])}
    trainer = so.build("sgd", model.loss, learning_rate=0.1)
    pairs = list(trainer.iterate(model.rows, far, max_epochs=4, validate_every=1))
    alone = line()
    list(so.build("sgd", alone.loss, learning_rate=0.1).iterate(alone.rows, max_epochs=4))
    # (On either data the last epoch is the best.)
    np.testing.assert_array_equal(model.params(), alone.params())
    assert pairs[-1][1]["loss"] == pytest.approx((sum(model.params()) - 50) ** 2)


def test_validation_keeps_the_stored_order_and_sees_every_row_once():
    x = so.vector("x")
    u = so.parameter(0.0, name="u")
    seen = []

    def rows() -> np.ndarray:
        seen.append(len(seen))
        return np.full(3, float(len(seen)))

    trainer = so.build("sgd", u + x.mean(), learning_rate=0)
    valid = so.Dataset(rows, iteration_size=4)
    [(_, means)] = trainer.iterate(np.zeros(5), valid, max_epochs=1, final_validation=False)
    assert seen == [0, 1, 2, 3]
    assert means["loss"] == 2.5


def test_a_pair_shows_the_latest_validation():
    toy = script([5.0, 4, 3, 2, 1, 0, 7, 7, 7])
    trainer = trainer_of(toy)
    pairs = list(trainer.iterate(max_epochs=6, validate_every=2, final_validation=False))
    assert [valid["loss"] for _, valid in pairs] == [5, 3, 3, 1, 1, 1]
    assert trainer.history == pairs


def test_minimize_gives_the_last_pair():
    losses = [5.0, 4, 3, 2]
    toy, other = script(losses), script(losses)
    result = trainer_of(toy).minimize(max_epochs=3)
    train, valid = result
    assert (train, valid) == list(trainer_of(other).iterate(max_epochs=3))[-1] == ({"loss": 3.0}, {"loss": 2.0})
    assert result.params == {"u": -3.0}
    assert result.stopped == "the limit of 3 epochs is reached"
    assert result.trainer.epochs_done == 3


def test_a_result_keeps_its_reason_when_training_goes_on():
    toy = script([5.0, 4, 3, 2])
    trainer = trainer_of(toy)
    result = trainer.minimize(max_epochs=2)
    trainer.minimize(max_epochs=3)
    assert result.stopped == "the limit of 2 epochs is reached"


def test_minimize_at_its_limit_evaluates_and_trains_no_more():
    toy = script([5.0, 4, 3])
    trainer = trainer_of(toy)
    trainer.minimize(max_epochs=2)
    train, valid = trainer.minimize(max_epochs=2)
    assert train == valid == {"loss": 3.0}
    assert trainer.updates_done == len(trainer.history) == 2


def test_max_updates_ends_an_epoch_early_and_its_pair_averages_what_ran():
    model = line(20)
    data = so.Dataset(model.rows, batch_size=8, rng=1)
    trainer = so.build("sgd", model.loss, learning_rate=0.1)
    pairs = list(trainer.iterate(data, max_updates=5))
    assert trainer.updates_done == 5
    assert len(pairs) == trainer.epochs_done == 2
    orders = [np.split(data.order(epoch), [8, 16]) for epoch in (0, 1)]
    expected, losses = by_hand(model.rows, orders[0] + orders[1][:2], 0.1)
    np.testing.assert_allclose(model.params(), expected, rtol=1e-13)
    assert pairs[1][0]["loss"] == pytest.approx(np.mean(losses[3:5]), rel=1e-13)
    assert trainer.stopped == "the limit of 5 updates is reached"


def test_limits_count_from_the_birth_of_the_trainer():
    toy = script(np.linspace(9, 1, 9))
    trainer = trainer_of(toy)
    assert len(list(trainer.iterate(max_epochs=3))) == 3
    assert len(list(trainer.iterate(max_epochs=5))) == 2
    assert len(list(trainer.iterate(max_updates=6))) == 1
    assert list(trainer.iterate(max_updates=6)) == []
    assert toy.updates == 6
    assert len(trainer.history) == 6


def test_steps_by_hand_count_as_updates_also_within_a_run():
    toy = script(np.linspace(9, 1, 9))
    trainer = trainer_of(toy)
    trainer.step()
    for _ in trainer.iterate(max_updates=4):
        trainer.step()
    assert trainer.epochs_done == 2
    assert trainer.updates_done == 4 + 1  # the last was added by the caller when the limit had been reached
    assert toy.updates == 4  # the best that was validated


def test_a_run_starts_when_its_first_pair_is_asked_for():
    toy = script([5.0, 4, 3])
    trainer = trainer_of(toy)
    run = trainer.iterate(max_epochs=1)
    assert (toy.updates, trainer.history) == (0, [])
    next(run)
    assert toy.updates == 1


def test_a_new_run_ends_the_one_before():
    toy = script(np.linspace(9, 1, 9))
    trainer = trainer_of(toy)
    first = trainer.iterate(max_epochs=6)
    next(first)
    second = trainer.iterate(max_epochs=6)
    next(second)
    assert list(first) == []
    assert toy.updates == 2
    assert len(list(second)) == 4


@pytest.mark.parametrize("limit", ["max_updates", "max_epochs"])
def test_a_limit_of_0_trains_not_at_all(limit):
    toy = script([5.0, 4])
    trainer = trainer_of(toy)
    assert list(trainer.iterate(**{limit: 0})) == []
    assert toy.updates == 0
    assert trainer.stopped == f"the limit of 0 {limit[4:]} is reached"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_updates": -1}, "max_updates=-1: expected an int of at least 0"),
        ({"max_epochs": 2.5}, "max_epochs=2.5: expected an int"),
        ({"max_epochs": True}, "max_epochs=True: expected an int"),
        ({"patience": -1}, "patience=-1: expected a number of validations"),
        ({"patience": None}, "patience=None: expected a number of validations"),
        ({"validate_every": 0}, "validate_every=0: expected a number of epochs"),
        ({"min_improvement": -0.1}, "min_improvement=-0.1: expected a share"),
        ({"min_improvement": np.nan}, "min_improvement=nan: expected a share"),
    ],
)
def test_limits_out_of_range_are_refused(settings, message):
    toy = script([5.0, 4])
    with pytest.raises(ValueError, match=message):
        trainer_of(toy).iterate(**settings)


def test_limits_may_be_numbers_of_numpy():
    toy = script([5.0, 4, 3])
    assert len(list(trainer_of(toy).iterate(max_epochs=np.int64(2)))) == 2
