"""The best parameters, which every way out leaves in ``.value``, and the current ones, where training goes on."""

from __future__ import annotations

import gc
import math

import numpy as np
import pytest

import symopt as so
from tests.training.problems import line, script, trainer_of

# The best is after update 2; a run of 6 epochs goes on to update 6.
LOSSES = [9.0, 8, 1, 5, 6, 7, 8, 0.5, 0.25, 9, 9, 9, 9]
EACH = {"validate_every": 1, "patience": 9}


def test_the_best_are_left_when_a_limit_is_reached():
    toy = script(LOSSES)
    trainer_of(toy).minimize(max_epochs=6, **EACH)
    assert toy.updates == 2


def test_the_best_are_left_when_patience_ends():
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.minimize(validate_every=1, patience=2)
    assert (trainer.updates_done, toy.updates) == (5, 2)


def test_the_best_are_left_when_the_caller_breaks_out():
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    for _ in trainer.iterate(**EACH):
        if trainer.epochs_done == 4:
            assert toy.updates == 4
            break
    assert toy.updates == 2
    assert trainer.stopped == "left by the caller after update 4"


def test_the_best_are_left_when_the_generator_is_dropped():
    toy = script(LOSSES)
    run = trainer_of(toy).iterate(**EACH)
    for _ in range(4):
        next(run)
    assert toy.updates == 4
    gc.disable()  # it does not take a collection
    try:
        del run
        assert toy.updates == 2
    finally:
        gc.enable()


def test_the_best_are_left_when_the_generator_is_closed():
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    run = trainer.iterate(**EACH)
    for _ in range(4):
        next(run)
    run.close()
    assert toy.updates == 2
    assert list(run) == []


def test_a_with_statement_leaves_the_best_though_the_generator_lives_on():
    toy = script(LOSSES)
    with trainer_of(toy) as trainer:
        run = trainer.iterate(**EACH)
        for _ in range(4):
            next(run)
        assert toy.updates == 4
    assert toy.updates == 2
    assert list(run) == []


def test_a_with_statement_leaves_the_best_when_its_body_raises():
    toy = script(LOSSES)
    with pytest.raises(ZeroDivisionError), trainer_of(toy) as trainer:  # noqa: PT012
        run = trainer.iterate(**EACH)
        for _ in run:
            if trainer.epochs_done == 4:
                1 / 0  # noqa: B018
    assert toy.updates == 2


def test_the_best_are_left_when_the_data_raise():
    model = line(12)
    calls = []

    def rows() -> dict[str, np.ndarray]:
        calls.append(1)
        if len(calls) == 8:
            raise OSError("the disk is gone")
        return model.rows

    # Steps so long that the first validation, before update 0, is the best.
    trainer = so.build("sgd", model.loss, learning_rate=2.0)
    with pytest.raises(OSError, match="the disk is gone"):
        trainer.minimize(so.Dataset(rows, iteration_size=3), model.rows, validate_every=1)
    assert trainer.stopped == "OSError after update 7: the disk is gone"
    assert (trainer.updates_done, trainer.epochs_done, len(trainer.history)) == (7, 2, 2)
    np.testing.assert_array_equal(model.params(), [0, 0])


def test_training_goes_on_after_an_error_in_the_data():
    model, twin = line(12), line(12)
    broken = False

    def rows() -> dict[str, np.ndarray]:
        if broken:
            raise OSError("the disk is gone")
        return model.rows

    data = so.Dataset(rows, iteration_size=1)
    trainer = so.build("nag", model.loss, learning_rate=0.05)
    run = trainer.iterate(data)
    for _ in range(5):
        next(run)
    broken = True
    with pytest.raises(OSError, match="gone"):
        next(run)
    broken = False
    trainer.minimize(data, max_epochs=9)
    so.build("nag", twin.loss, learning_rate=0.05).minimize(data, max_epochs=9)
    np.testing.assert_array_equal(model.params(), twin.params())


def test_the_next_run_goes_on_from_the_current_parameters():
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.minimize(max_epochs=6, **EACH)
    assert toy.updates == 2
    run = trainer.iterate(max_epochs=9, **EACH)
    next(run)
    assert toy.updates == 7
    assert len(list(run)) == 2
    assert toy.updates == 8


def test_runs_in_a_row_keep_the_best_of_all():
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.minimize(max_epochs=3, **EACH)
    trainer.minimize(max_epochs=6, **EACH)
    assert toy.updates == 2


def test_runs_in_a_row_are_one_run():
    models = [line(20), line(20)]
    datasets = [so.Dataset(model.rows, batch_size=8, rng=3) for model in models]
    trainers = [so.build("rmsprop", model.loss, learning_rate=0.05, momentum=0.8) for model in models]
    trainers[0].minimize(datasets[0], max_epochs=12, validate_every=2)
    for limit in (2, 4, 10, 12):
        trainers[1].minimize(datasets[1], max_epochs=limit, validate_every=2)
    np.testing.assert_array_equal(models[0].params(), models[1].params())
    assert trainers[0].history == trainers[1].history


def test_other_validation_data_measure_the_best_anew():
    model = line(20)
    trainer = so.build("sgd", model.loss, learning_rate=0.1)
    trainer.minimize(model.rows, max_epochs=30, validate_every=1)
    best = model.params()
    near = {"x": model.rows["x"], "y": best[0] * model.rows["x"] + best[1]}  # on these the best have no error at all
    _, valid = trainer.minimize(model.rows, near, max_epochs=33, validate_every=1)
    assert valid["loss"] > 0
    np.testing.assert_array_equal(model.params(), best)
    assert trainer.evaluate(near) == {"loss": 0}


def test_on_other_validation_data_others_may_be_best():
    model = line(20)
    trainer = so.build("sgd", model.loss, learning_rate=0.02)
    trainer.minimize(model.rows, max_epochs=5, validate_every=1)
    start = {"x": model.rows["x"], "y": 100 * model.rows["y"]}  # these have far larger losses than the first data
    trainer.minimize(start, start, max_epochs=9, validate_every=1)
    assert trainer.history[-1][1] == trainer.evaluate(start)


def test_what_the_user_writes_wins_over_the_current_parameters():
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.minimize(max_epochs=6, **EACH)
    toy.param.value = -9.0
    run = trainer.iterate(**EACH)
    next(run)
    assert toy.updates == 10
    run.close()
    # A new start has a best of its own: all losses from there on are 9, and the first of them counts.
    assert toy.updates == 9


def test_what_the_user_writes_within_a_run_counts_from_there():
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    run = trainer.iterate(max_epochs=4, **EACH)
    next(run)
    toy.param.value = -7.0
    next(run)
    assert toy.updates == 8
    list(run)
    assert toy.updates == 8
    # The write belonged to that run; the next goes on from its current parameters, not from the best.
    next(trainer.iterate(max_epochs=6, **EACH))
    assert trainer.history[-1][0]["loss"] == LOSSES[10]


def test_only_the_parameter_that_the_user_writes_leaves_its_current_value():
    model = line(20)
    trainer = so.build("sgd", model.loss, learning_rate=2.0)  # too long steps: the start is best
    trainer.minimize(model.rows, max_epochs=2)
    np.testing.assert_array_equal(model.params(), [0, 0])
    model.b.value = 1.0
    seen = trainer.evaluate(model.rows)["loss"]
    rows = model.rows
    assert seen == pytest.approx(np.mean((1 - rows["y"]) ** 2))
    trainer.step({"x": np.zeros(1), "y": np.ones(1)})  # no gradient here
    assert abs(model.a.value) > 1
    assert model.b.value == 1


def test_steps_by_hand_go_on_from_the_current_parameters():
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.minimize(max_epochs=6, **EACH)
    assert trainer.step() == {"loss": LOSSES[6]}
    assert toy.updates == 7
    assert trainer.updates_done == 7


def test_a_step_after_the_user_has_written_forgets_the_best_of_before():
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.minimize(max_epochs=6, **EACH)
    toy.param.value = -8.0
    trainer.step()
    trainer.minimize(max_epochs=8, **EACH)
    assert toy.updates == 9


def test_the_best_can_be_set_and_training_goes_on_from_there():
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.minimize(max_epochs=6, **EACH)
    trainer.set_params("best")
    next(trainer.iterate(**EACH))
    assert trainer.history[-1][0] == {"loss": 1.0}


def test_the_best_can_be_set_within_a_run():
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    run = trainer.iterate(**EACH)
    for _ in range(5):
        next(run)
    trainer.set_params("best")
    assert toy.updates == 2
    next(run)
    assert toy.updates == 3


@pytest.mark.parametrize("by", ["name", "parameter", "order"])
def test_parameters_can_be_set_by_name_and_in_order(by):
    model = line()
    trainer = so.build("sgd", model.loss)
    given = {"name": {"a": 2, "b": 5.0}, "parameter": {model.b: 5, model.a: 2}, "order": [2.0, np.float64(5)]}[by]
    trainer.set_params(given)
    assert trainer.params == {"a": 2.0, "b": 5.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("last", "takes 'best' or arrays, not 'last'"),
        ("best", "no best parameters before the first validation"),
        ([1.0], "was given 1 arrays for 2: a, b"),
        ({"a": 1.0, "c": 2.0}, "there is no parameter c; there are a, b"),
        ({"a": [1.0, 2.0]}, r"parameter 'a' has shape \(\)"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_and_nothing_moves(given, message):
    model = line()
    trainer = so.build("sgd", model.loss)
    with pytest.raises(so.SymoptError, match=message):
        trainer.set_params(given)
    assert trainer.params == {"a": 0, "b": 0}


def test_params_and_state_are_copies():
    model = line()
    trainer = so.build("nag", model.loss)
    trainer.params["a"][...] = math.pi
    trainer.state["a_velocity"][...] = math.pi
    assert trainer.params == {"a": 0, "b": 0}
    assert trainer.state == {"a_velocity": 0, "b_velocity": 0, "iteration": 0}
