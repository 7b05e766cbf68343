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


S = so.schedules


@pytest.mark.parametrize(
    "schedule",
    [S.Exp(0.5), S.Piecewise([0.1, 0.5, 0.2], [1, 3]), S.with_warmup(S.Exp(0.5), 2) + 0.1, 0.1 / (1 + so.iteration)],
    ids=str,
)
def test_a_schedule_of_a_group_works_as_that_of_the_optimizer(schedule):
    u, v = so.parameter(1.0, name="u"), so.parameter(1.0, name="v")
    loss = so.square(u) + 2 * so.square(v)
    grouped = so.SGD(learning_rate=0.125, groups={"v": {"learning_rate": schedule, "momentum": 0.5}})
    paths = []
    for optimizer in (grouped, so.SGD(learning_rate=0.125), so.SGD(learning_rate=schedule, momentum=0.5)):
        trainer = so.build(optimizer, loss)
        u.value = v.value = 1.0
        path = []
        for _ in range(5):
            trainer.step()
            path.append((float(u.value), float(v.value)))
        paths.append(np.transpose(path))
    np.testing.assert_array_equal(paths[0][0], paths[1][0])
    np.testing.assert_array_equal(paths[0][1], paths[2][1])
    assert (paths[0][1] != paths[1][1]).all()


def test_a_momentum_of_a_group_may_be_scheduled_where_the_optimizer_has_none(model):
    *_, loss = model
    updates = so.SGD(groups={"bias": {"momentum": S.NadamScheduler()}}).get_updates(loss)
    assert "bias_velocity <- 0.99 * (1 - 0.5 * 0.96**(0.004 * iteration)) * bias_velocity" in str(updates)
    assert updates.hyperparameters["momentum[bias].momentum"] == 0.99
    assert set(updates.states) == {"bias_velocity"}


def test_a_schedule_of_a_group_counts_epochs(model):
    *_, loss = model
    trainer = so.build("sgd", loss, groups={"bias": {"learning_rate": S.Step(0.25, 1, 0.0, every="epoch")}})
    trainer.minimize(max_epochs=1, validate_every=1)
    at = trainer.params["bias"]
    trainer.minimize(max_epochs=3, validate_every=1)
    assert at.tolist() == trainer.params["bias"].tolist() == [0, 0]


def test_the_table_and_the_numbers_show_a_schedule_of_a_group(model):
    *_, loss = model
    opt = so.SGD(groups={"b*": {"learning_rate": S.Exp(0.5)}}, freeze=["t*"])
    updates = opt.get_updates(loss)
    assert updates.table().splitlines() == [
        "w      (2, 2)",
        "bias   (2,)    learning_rate = 0.5 * 0.9**iteration (b*)",
        "table  (2,)    frozen",
    ]
    assert updates.hyperparameters == {
        "learning_rate": 1e-4, "learning_rate[b*].rate": 0.5, "learning_rate[b*].gamma": 0.9,
    }  # fmt: skip


def plateau_trainer(loss):
    plateau = S.ReduceOnPlateau(1.0, patience=0, gamma=0.5)
    return so.build("sgd", loss, learning_rate=0.0, groups={"bias": {"learning_rate": plateau * 0.0}, "w": {}})


def test_a_plateau_schedule_of_a_group_hears_of_validations(model, tmp_path):
    *_, loss = model
    trainer = plateau_trainer(loss)
    before = trainer.updates
    trainer.minimize(max_epochs=3, validate_every=1)  # the first validation is the best, and then there are three
    assert trainer.updates is before
    assert trainer.updates.hyperparameters["learning_rate[bias].left.rate"] == 0.125
    assert trainer.optimizer.groups["bias"]["learning_rate"].left.rate == 0.125
    trainer.save(tmp_path / "trainer.npz")
    again = plateau_trainer(loss)
    again.load(tmp_path / "trainer.npz")
    first, second = (one.optimizer.groups["bias"]["learning_rate"].left for one in (trainer, again))
    assert first == second
    assert again.updates.hyperparameters == trainer.updates.hyperparameters


def test_the_number_of_a_group_changes_in_place_and_another_kind_of_schedule_does_not(model):
    _w, bias, _table, loss = model
    trainer = so.build("sgd", loss, learning_rate=0.0, groups={"b*": {"learning_rate": S.Exp(0.5)}})
    before = trainer.updates
    trainer.set_hyperparameters(groups={"b*": {"learning_rate": S.Exp(0.25)}})
    assert trainer.updates is before
    trainer.step()
    np.testing.assert_allclose(bias.value, [0, 0])
    trainer.set_hyperparameters(groups={"b*": {"learning_rate": S.Inv(0.25)}})
    assert trainer.updates is not before
    assert trainer.state["iteration"] == 1


def test_a_number_that_a_later_group_changes_again_is_none_of_the_updates(model):
    *_, loss = model
    groups = {"bias": {"learning_rate": 0.5}, "*": {"learning_rate": 0.25}}
    trainer = so.build("sgd", loss, groups=groups)
    assert "learning_rate[bias]" not in trainer.updates.hyperparameters
    before = trainer.updates
    trainer.set_hyperparameters(groups={"bias": {"learning_rate": 1.0}, "*": {"learning_rate": 0.125}})
    assert trainer.updates is before
    assert trainer.updates.hyperparameters["learning_rate[*]"] == 0.125
    trainer.set_hyperparameters(groups=dict(reversed(groups.items())))  # now the other one wins
    assert trainer.updates is not before


def test_groups_of_an_updater_take_schedules():
    opt = so.SGD(learning_rate=0.0, groups={"b": {"learning_rate": S.Exp(1.0, gamma=0.5)}})
    updater, weight = so.Updater(opt, names=["a", "b"]), np.zeros(1)
    for _ in range(3):
        updater(1, -np.ones(1), weight)
    assert weight[0] == 1.75


def test_esgd_has_the_curvature_of_all_parameters_in_every_group():
    u, v = so.parameter(1.0, name="u"), so.parameter(2.0, name="v")
    loss = so.square(u) + 3 * u * v + so.square(v)
    opt = so.ESGD(rms_decay=0.5, probe=[so.constant(1.0), so.constant(10.0)], groups={"v": {"rms_decay": 0.25}})
    updates = opt.get_updates(loss)
    so.function([], [], updates=updates)()
    assert updates.states["u_curvature"].value == 0.5 * (2 + 30) ** 2
    assert updates.states["v_curvature"].value == 0.75 * (3 + 20) ** 2
    with pytest.raises(TypeError, match="group 'v' has no keyword 'seed'"):
        so.ESGD(groups={"v": {"seed": 1}})


def test_esgd_draws_the_same_probes_with_groups_as_without():
    u, v = so.parameter([1.0, 2.0], name="u"), so.parameter([2.0, 3.0], name="v")
    loss = (u * v).sum() ** 2
    states = []
    for groups in (None, {"v": {"rms_halflife": 14}}):
        updates = so.ESGD(groups=groups).get_updates(loss)
        so.function([], [], updates=updates)()
        states.append([updates.states[f"{name}_curvature"].value for name in "uv"])
        u.value, v.value = [1.0, 2.0], [2.0, 3.0]
    np.testing.assert_array_equal(*states)


def test_asgd_waits_for_longer_in_a_group():
    u, v = so.parameter(0.0, name="u"), so.parameter(0.0, name="v")
    trainer = so.build("asgd", -u - v, learning_rate=1.0, l2=0, groups={"v": {"average_after": 2}})
    for _ in range(4):
        trainer.step()
    assert (trainer.state["u_average"], trainer.state["v_average"]) == (2.5, 3.5)


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
