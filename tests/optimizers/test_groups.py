"""Groups and frozen parameters: who gets what, what is shared, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import symopt as so


@pytest.fixture
def model():
    w = so.parameter(np.full((2, 2), 2.0), name="w")
    bias = so.parameter([1.0, -1.0], name="bias")
    table = so.parameter([3.0, 4.0], name="table")
    loss = so.square(w).sum() + 2 * so.square(bias).sum() + so.square(table).sum()
    return w, bias, table, loss


def test_a_group_changes_its_parameters_alone(model):
    w, bias, table, loss = model
    opt = so.SGD(learning_rate=0.1, weight_decay=0.5, groups={"b*": {"weight_decay": 0, "learning_rate": 0.01}})
    so.function([], [], updates=opt.get_updates(loss))()
    np.testing.assert_allclose(w.value, 2.0 - 0.1 * (4.0 + 0.5 * 2.0))
    np.testing.assert_allclose(bias.value, np.array([1.0, -1.0]) * (1 - 0.01 * 4))
    np.testing.assert_allclose(table.value, np.array([3.0, 4.0]) * (1 - 0.1 * 2.5))


def test_the_later_pattern_wins_key_by_key(model):
    *_, loss = model
    opt = so.SGD(groups={"*": {"learning_rate": 0.5, "momentum": 0.9}, "bias": {"learning_rate": 0.25}})
    updates = opt.get_updates(loss)
    assert "learning_rate = 0.25 (bias), momentum = 0.9 (*)" in updates.table().splitlines()[1]
    assert updates.hyperparameters["learning_rate[bias]"] == 0.25
    assert set(updates.states) == {"w_velocity", "bias_velocity", "table_velocity"}


def test_a_decay_in_a_group_takes_the_place_of_a_halflife(model):
    *_, loss = model
    opt = so.RMSProp(rms_halflife=5, groups={"bias": {"rms_decay": 0.5}})
    numbers = opt.get_updates(loss).hyperparameters
    assert (numbers["rms_halflife"], numbers["rms_decay[bias]"]) == (5, 0.5)


def test_frozen_parameters_stay_and_have_neither_gradient_nor_state(model):
    _w, _bias, table, loss = model
    updates = so.SGD(learning_rate=0.1, momentum=0.9, freeze=["t*"]).get_updates(loss)
    so.function([], [], updates=updates)()
    assert table.value.tolist() == [3.0, 4.0]
    assert table not in updates.gradients
    assert set(updates.states) == {"w_velocity", "bias_velocity"}
    assert updates.table().splitlines()[2].endswith("frozen")


def test_the_global_norm_is_common_to_all_groups_and_leaves_frozen_ones_out(model):
    w, bias, _table, loss = model
    opt = so.SGD(learning_rate=1, max_global_norm=1, groups={"bias": {"learning_rate": 2}}, freeze=["table"])
    so.function([], [], updates=opt.get_updates(loss))()
    grads = np.array([4.0] * 4), np.array([4.0, -4.0])
    norm = np.sqrt(sum((g**2).sum() for g in grads))
    np.testing.assert_allclose(w.value, 2.0 - 4.0 / norm)
    np.testing.assert_allclose(bias.value, np.array([1.0, -1.0]) - 2 * grads[1] / norm)


def test_changing_the_optimizers_number_reaches_the_groups_that_share_it(model):
    _w, _bias, _table, loss = model
    trainer = so.build("sgd", loss, learning_rate=0.0, groups={"bias": {"learning_rate": 0.25}})
    before = trainer.updates
    trainer.minimize(max_updates=1, learning_rate=0.125)
    assert trainer.updates is before
    np.testing.assert_allclose(trainer.params["w"], 2.0 - 0.125 * 4.0)
    np.testing.assert_allclose(trainer.params["bias"], [0.0, 0.0])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"groups": {"q*": {}}}, so.DataError, r"'q\*' matches no parameter; there are w, bias, table"),
        ({"freeze": ["q"]}, so.DataError, "'q' matches no parameter"),
        ({"freeze": ["*"]}, so.DataError, "leaves no parameter to train"),
        ({"groups": {"bias": {"lerning_rate": 1}}}, TypeError, "did you mean 'learning_rate'"),
        ({"groups": {"bias": {"max_global_norm": 1}}}, TypeError, "has no keyword 'max_global_norm'"),
        ({"groups": {"bias": {"momentum": 2}}}, ValueError, "from 0 to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(model, settings, error, message):
    with pytest.raises(error, match=message):
        so.SGD(**settings).get_updates(model[-1])
