"""Patience, limits and the reasons to stop, against the words of the design."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symopt as so
from tests.training.problems import script, trainer_of


@dataclass
class Expected:
    """What the words say of a loss that takes given values one after the other, written as plainly as they are."""

    epochs: int
    best: int | None
    pairs: list[float]
    by_patience: bool


def by_the_words(losses, max_epochs, patience, validate_every, min_improvement, final_validation) -> Expected:
    best: int | None = None
    passed = 0
    latest = math.nan

    def validate(k: int) -> None:
        nonlocal best, passed, latest
        latest = loss = losses[k]
        if math.isnan(loss):
            improves = False
        elif best is None:
            improves = True
        elif math.isinf(losses[best]):
            improves = loss < losses[best]
        else:
            improves = losses[best] - loss > min_improvement * abs(losses[best])
        best, passed = (k, 0) if improves else (best, passed + 1)

    validate(0)
    pairs = []
    for epoch in range(1, max_epochs + 1):
        if epoch == max_epochs:
            if final_validation:
                validate(epoch)
            pairs.append(latest)
            break
        if epoch % validate_every == 0:
            validate(epoch)
            if passed > patience:
                pairs.append(latest)
                return Expected(epoch, best, pairs, True)
        pairs.append(latest)
    return Expected(max_epochs, best, pairs, False)


numbers = st.one_of(st.integers(-3, 6).map(float), st.sampled_from([math.nan, math.inf, -math.inf, 1e300]))


@given(
    losses=st.lists(numbers, min_size=2, max_size=25),
    patience=st.integers(0, 3),
    validate_every=st.integers(1, 4),
    min_improvement=st.sampled_from([0, 0.2, 1.0, 1.5]),
    final_validation=st.booleans(),
)
def test_every_run_goes_by_the_words(losses, **settings):
    limit = len(losses) - 1
    expected = by_the_words(losses, limit, **settings)
    toy = script(losses)
    trainer = trainer_of(toy)
    pairs = list(trainer.iterate(max_epochs=limit, **settings))
    assert trainer.epochs_done == expected.epochs
    np.testing.assert_array_equal([valid["loss"] for _, valid in pairs], expected.pairs)
    np.testing.assert_array_equal([train["loss"] for train, _ in pairs], losses[: expected.epochs])
    assert toy.updates == (expected.epochs if expected.best is None else expected.best)
    assert trainer.stopped is not None
    assert trainer.stopped.endswith("epochs is reached") != expected.by_patience


def test_training_stops_when_more_than_patience_validations_have_passed():
    toy = script([9.0, 5, 6, 7, 8, 9, 10, 11])
    trainer = trainer_of(toy)
    list(trainer.iterate(patience=2, validate_every=1))
    assert trainer.updates_done == 4
    assert toy.updates == 1
    assert trainer.stopped == "3 validations have passed without an improvement on the best loss, 5"


def test_patience_counts_validations_not_epochs():
    toy = script([9.0, *range(20, 40)])
    trainer = trainer_of(toy)
    list(trainer.iterate(patience=1, validate_every=4))
    assert trainer.updates_done == 8


def test_an_improvement_is_more_than_the_given_share_of_the_best_loss():
    toy = script([100.0, 90, 81, 72.8, 70])
    trainer = trainer_of(toy)
    list(trainer.iterate(patience=0, validate_every=1, min_improvement=0.1))
    # 10 is no more than 0.1 * 100.
    assert trainer.updates_done == 1
    assert toy.updates == 0
    other = script([100.0, 89.9, 80.9, 72.9, 70])
    list(trainer_of(other).iterate(patience=0, validate_every=1, min_improvement=0.1))
    assert other.updates == 2


def test_the_share_is_of_the_size_of_a_negative_loss():
    toy = script([-10.0, -10.5, -11.5, -12, -12])
    list(trainer_of(toy).iterate(patience=1, validate_every=1, min_improvement=0.1))
    assert toy.updates == 2


def test_nan_is_never_an_improvement():
    nan = math.nan
    toy = script([nan, nan, 4.0, nan, nan, 5.0, nan])
    trainer = trainer_of(toy)
    list(trainer.iterate(patience=2, validate_every=1))
    assert trainer.updates_done == 5
    assert toy.updates == 2


def test_the_parameters_stay_where_they_are_if_no_loss_was_a_number():
    toy = script([math.nan] * 5)
    trainer = trainer_of(toy)
    list(trainer.iterate(patience=1, validate_every=1))
    assert trainer.updates_done == toy.updates == 1  # the validation before update 0 has passed too
    with pytest.raises(ValueError, match="no best parameters"):
        trainer.set_params("best")


def test_the_epoch_that_reaches_a_limit_is_validated_once_and_not_counted():
    toy = script([9.0, 8, 10, 10, 10, 7])
    trainer = trainer_of(toy)
    measured = []

    def rows() -> dict[str, np.ndarray]:
        measured.append(trainer.updates_done)
        return {"unused": np.zeros(1)}

    valid = so.Dataset(rows, iteration_size=1)
    pairs = list(trainer.iterate(None, valid, max_epochs=4, patience=2, validate_every=2))
    assert measured == [0, 2, 4]
    assert pairs[-1][1] == {"loss": 10.0}
    assert trainer.stopped == "the limit of 4 epochs is reached"
    assert toy.updates == 0


def test_without_final_validation_the_last_epoch_is_not_validated_even_on_the_beat():
    toy = script([9.0, 8, 7, 6, 5])
    trainer = trainer_of(toy)
    pairs = list(trainer.iterate(max_epochs=4, validate_every=2, final_validation=False))
    assert [valid["loss"] for _, valid in pairs] == [9, 7, 7, 7]
    assert toy.updates == 2


def test_a_new_run_has_its_patience_anew():
    toy = script([5.0, *range(10, 30)])
    trainer = trainer_of(toy)
    list(trainer.iterate(patience=2, validate_every=1))
    assert trainer.updates_done == 3
    list(trainer.iterate(patience=2, validate_every=1))
    assert trainer.updates_done == 6
    assert toy.updates == 0


def test_stopped_is_none_while_running():
    toy = script([9.0, 8, 7, 6, 5])
    trainer = trainer_of(toy)
    assert trainer.stopped is None
    reasons = [trainer.stopped for _ in trainer.iterate(max_epochs=2)]
    assert reasons == [None, "the limit of 2 epochs is reached"]
    run = trainer.iterate(max_epochs=4)
    next(run)
    assert trainer.stopped is None
