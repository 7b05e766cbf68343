"""Schedules as hyperparameters: in updates, in trainers, in checkpoints; nothing compiles anew."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import symopt as so
from symopt.backends import BACKENDS as ALL_BACKENDS
from tests.available import BACKENDS
from tests.training.problems import line

S = so.schedules


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The functions that a backend builds, one after the other."""
    made: list[str] = []
    for name, backend in ALL_BACKENDS.items():

        def build(task, sizes, original=backend.build, name=name):
            made.append(name)
            return original(task, sizes)

        monkeypatch.setattr(backend, "build", build)
    return made


def steps_of(trainer, param, count):
    """How far each of the next updates goes."""
    moved = []
    for _ in range(count):
        before = float(param.value)
        trainer.step()
        moved.append(before - float(param.value))
    return moved


SCHEDULES = [
    S.Fixed(0.5),
    S.Exp(0.5),
    S.Inv(0.5),
    S.Step(0.5, 2),
    S.MultiStep(0.5, [1, 3]),
    S.Polynomial(0.5, 4, power=2),
    S.Cosine(0.5, 4),
    S.CosineRestarts(0.5, 2, growth=2),
    S.WarmupCosine(0.5, 2, 4),
    S.OneCycle(0.5, 5),
    S.Cyclic(0.1, 0.5, 2, 2),
    S.Piecewise([0.1, 0.5, 0.2], [1, 3], "cosine"),
    S.NadamScheduler(0.5),
    S.with_warmup(S.Exp(0.5), 2),
    S.sequence([0.5, S.Exp(0.2)], [2]) * 0.5 + 0.1,
    so.like_schedule("mxnet_1_9", "CosineScheduler", max_update=5, base_lr=0.5, warmup_steps=2),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_rate_of_each_update_is_that_of_the_schedule(schedule, dtype, backend):
    u = so.parameter(np.zeros((), dtype), name="u")
    trainer = so.build("sgd", u * 1, learning_rate=schedule, backend=backend)
    rates = [schedule.at(i + schedule.first) for i in range(6)]
    np.testing.assert_allclose(steps_of(trainer, u, 6), rates, rtol=1e-6, atol=1e-6 if dtype == "float32" else 1e-15)
    assert u.value.dtype == dtype


def test_updates_print_the_schedule_with_its_numbers():
    u = so.parameter(1.0, name="u")
    updates = so.SGD(learning_rate=S.Exp(0.1), momentum=S.NadamScheduler()).get_updates(u**2)
    assert str(updates) == (
        "u_velocity <- 0.99 * (1 - 0.5 * 0.96**(0.004 * iteration)) * u_velocity - 0.1 * 0.9**iteration * grad(u)\n"
        "u          <- u + u_velocity'\n"
        "iteration  <- iteration + 1"
    )
    assert updates.hyperparameters == {
        "learning_rate.rate": 0.1,
        "learning_rate.gamma": 0.9,
        "momentum.momentum": 0.99,
        "momentum.delta": 0.004,
        "momentum.gamma": 0.5,
        "momentum.alpha": 0.96,
    }


def test_a_long_schedule_has_a_line_of_its_own():
    u, b = so.parameter(1.0, name="u"), so.parameter(1.0, name="b")
    long = S.WarmupCosine(0.5, 100, 1000)
    updates = so.SGD(learning_rate=long, groups={"b": {"learning_rate": 2 * long}}).get_updates(u**2 + b**2)
    assert str(updates) == (
        f"learning_rate     = {long}\n"
        f"learning_rate[b]  = 2 * {long}\n"
        "u                <- u - learning_rate * grad(u)\n"
        "b                <- b - learning_rate[b] * grad(b)\n"
        "iteration        <- iteration + 1"
    )
    assert updates.latex().startswith(r"\mathrm{learning\_rate} &= \operatorname{where}")
    assert r"u - \mathrm{learning\_rate} \, \nabla u" in updates.latex()


def test_updates_with_a_schedule_of_epochs_print_the_epoch():
    u = so.parameter(1.0, name="u")
    updates = so.SGD(learning_rate=S.Exp(0.1, every="epoch")).get_updates(u)
    assert str(updates).splitlines()[0] == "u         <- u - 0.1 * 0.9**epoch * grad(u)"
    step = so.function([], [], updates, backend="numpy")
    step()
    updates.epoch.value = 1
    step()
    assert u.value == 1 - 0.1 - 0.1 * 0.9


def test_a_limit_of_the_norm_may_be_scheduled():
    u = so.parameter(0.0, name="u")
    optimizer = so.SGD(learning_rate=1, max_gradient_norm=S.Exp(8, gamma=0.5))
    assert "g(u)       = grad(u) * minimum(1, 8 * 0.5**iteration / sqrt" in str(optimizer.get_updates(100 * u))
    assert steps_of(so.build(optimizer, 100 * u), u, 3) == [8, 4, 2]


NUMBERS = {
    "rmsprop": {"rms_decay": S.Fixed(0.9), "rms_regularizer": S.Exp(1e-3)},
    "adam": {"beta1": S.NadamScheduler(), "beta2": S.Fixed(0.99), "epsilon": S.Exp(1e-3)},
    "nag": {"momentum": S.with_warmup(0.9, 5), "weight_decay": S.Inv(0.1), "rescale_gradient": S.Exp(1)},
}


@pytest.mark.parametrize("algo", NUMBERS)
def test_any_number_may_be_scheduled_and_the_backends_agree(algo):
    reached = []
    for backend in BACKENDS:
        model = line()
        trainer = so.build(algo, model.loss, backend=backend, learning_rate=S.Exp(0.01), **NUMBERS[algo])
        for _ in range(5):
            trainer.step(model.rows)
        reached.append(model.params())
    np.testing.assert_allclose(reached[0], reached[1], rtol=1e-12)
    assert reached[0] != [0, 0]


def test_a_fixed_schedule_is_the_number():
    reached = []
    for rate, momentum in ((0.1, 0.5), (S.Fixed(0.1), S.Fixed(0.5))):
        model = line()
        trainer = so.build("sgd", model.loss, learning_rate=rate, momentum=momentum, backend="numpy")
        for _ in range(4):
            trainer.step(model.rows)
        reached.append(model.params())
    assert reached[0] == reached[1]


CHANGES = [
    (S.Exp(0.1), S.Exp(0.3, gamma=0.5)),
    (S.MultiStep(0.1, [1, 5]), S.MultiStep(0.2, [3, 4], gamma=0.5)),
    (S.with_warmup(S.Cosine(0.1, 9), 3) + 0.1, S.with_warmup(S.Cosine(0.3, 5), 2) + 0.2),
    (S.sequence([0.1, S.Exp(0.1)], [2]), S.sequence([0.3, S.Exp(0.2)], [3])),
    (S.ReduceOnPlateau(0.1), S.ReduceOnPlateau(0.3, gamma=0.5)),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("at_first", "later"), CHANGES, ids=lambda schedule: type(schedule).__name__)
def test_changing_a_number_of_a_schedule_never_compiles_and_takes_effect(at_first, later, backend, builds):
    u = so.parameter(0.0, name="u")
    trainer = so.build("sgd", u * 1, learning_rate=at_first, backend=backend)
    assert steps_of(trainer, u, 2) == pytest.approx([at_first.at(0), at_first.at(1)])
    trainer.set_hyperparameters(learning_rate=later)
    assert steps_of(trainer, u, 3) == pytest.approx([later.at(2), later.at(3), later.at(4)])
    assert len(builds) == 1
    assert trainer.optimizer.learning_rate == later


def test_another_kind_of_schedule_compiles_once_and_goes_on_counting(builds):
    u = so.parameter(0.0, name="u")
    trainer = so.build("sgd", u * 1, learning_rate=S.Exp(0.1), backend="numpy")
    steps_of(trainer, u, 3)
    trainer.set_hyperparameters(learning_rate=S.Inv(0.1))
    assert steps_of(trainer, u, 2) == pytest.approx([S.Inv(0.1).at(3), S.Inv(0.1).at(4)])
    assert len(builds) == 2


def epochs_moved(trainer, param, rows, **settings):
    moved, before = [], float(param.value)
    for _ in trainer.iterate(rows, patience=99, **settings):
        moved.append(before - float(param.value))
        before = float(param.value)
    return moved


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_schedule_of_epochs_changes_with_each_pass(backend, builds):
    x = so.vector("x")
    u = so.parameter(0.0, name="u")
    rows = so.Dataset(np.ones(6), batch_size=2)
    trainer = so.build("sgd", u * x.mean(), learning_rate=S.Exp(1.0, gamma=0.5, every="epoch"), backend=backend)
    assert epochs_moved(trainer, u, rows, max_epochs=3, validate_every=9) == [3, 1.5, 0.75]
    assert trainer.epochs_done == 3
    # A change of structure keeps the count.
    trainer.set_hyperparameters(max_gradient_norm=100)
    assert epochs_moved(trainer, u, rows, max_epochs=4, validate_every=9) == [0.375]


def test_monitors_may_watch_a_schedule():
    u = so.parameter(0.0, name="u")
    rate = S.Exp(1.0, gamma=0.5)
    trainer = so.build("sgd", u * 1, learning_rate=rate, monitors={"rate": rate.node()})
    assert [trainer.step()["rate"] for _ in range(3)] == [1, 0.5, 0.25]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_plateau_reduces_the_rate_after_bad_validations_and_never_compiles(backend, builds):
    u = so.parameter(0.0, name="u")
    flat = so.stop_gradient(u) * 0 + 1
    loss = u - so.stop_gradient(u) + flat  # always 1, with a gradient of 1
    schedule = S.ReduceOnPlateau(1.0, gamma=0.5, patience=1)
    trainer = so.build("sgd", loss, learning_rate=schedule, backend=backend)
    # The validation before the first update sets the best; each second bad one reduces.
    assert epochs_moved(trainer, u, None, max_epochs=6, validate_every=1) == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert trainer.optimizer.learning_rate.rate == schedule.after([1.0] * 7)[-1] == 0.125
    assert len(builds) == 2  # the update and the monitors


def test_a_plateau_within_a_sum_and_of_another_monitor():
    u = so.parameter(0.0, name="u")
    rate = S.ReduceOnPlateau(1.0, gamma=0.5, patience=0, mode="max", monitor="height") + 1
    trainer = so.build("sgd", u, learning_rate=rate, monitors={"height": u})
    moved = epochs_moved(trainer, u, None, max_epochs=3, validate_every=1)
    assert moved == [2, 1.5, 1.25]


def test_a_plateau_of_a_monitor_that_is_not_there_is_refused():
    u = so.parameter(0.0, name="u")
    trainer = so.build("sgd", u, learning_rate=S.ReduceOnPlateau(1.0, monitor="err"))
    with pytest.raises(so.DataError, match="there is no monitor 'err'; there are loss"):
        trainer.minimize(max_epochs=2)


def test_a_number_may_become_a_schedule_and_a_number_again():
    u = so.parameter(0.0, name="u")
    trainer = so.build("sgd", u * 1, learning_rate=1)
    moved = steps_of(trainer, u, 1)
    trainer.set_hyperparameters(learning_rate=S.Exp(1.0, gamma=0.5))
    moved += steps_of(trainer, u, 2)
    trainer.set_hyperparameters(learning_rate=2)
    moved += steps_of(trainer, u, 1)
    assert moved == [1, 0.5, 0.25, 2]


def test_a_checkpoint_holds_the_state_of_a_plateau_and_the_numbers_of_schedules(tmp_path):
    def built(rate):
        u = so.parameter(0.0, name="u")
        loss = u - so.stop_gradient(u) + 1
        momentum = S.Exp(0.5, every="epoch")
        return u, so.build("sgd", loss, learning_rate=rate, momentum=momentum, backend="numpy")

    plateau = S.ReduceOnPlateau(1.0, gamma=0.5, patience=1)
    u, trainer = built(plateau)
    epochs_moved(trainer, u, None, max_epochs=3, validate_every=1)
    trainer.save(tmp_path / "there")
    rest = epochs_moved(trainer, u, None, max_epochs=7, validate_every=1)
    twin, second = built(plateau)
    second.load(tmp_path / "there")
    assert second.optimizer.learning_rate.rate < 1
    assert epochs_moved(second, twin, None, max_epochs=7, validate_every=1) == rest
    _, third = built(S.Exp(1.0))
    with pytest.raises(so.CheckpointError, match="learning_rate is ReduceOnPlateau there, Exp here"):
        third.load(tmp_path / "there")
