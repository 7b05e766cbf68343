"""Trainers on a device: the parameters come to the host only where they are the best so far, or at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symopt as so
from tests.cuda.arrays import DeviceTensor
from tests.cuda.counting import counting, needs_stand_in
from tests.cuda.here import needs_device, xp

pytestmark = needs_device

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X @ np.array([1.0, -2.0, 0.5])
#: Of the parameter: no other value has it.
SHAPE = (3,)


def problem() -> tuple[Any, Any]:
    """The loss of a linear fit, and its parameter."""
    x, y = so.matrix("x"), so.vector("y")
    w = so.parameter(np.zeros(3), name="w")
    return ((x @ w - y) ** 2).mean(), w


def trainer_of(backend: str = "cuda", algo: Any = "adam", **settings: Any) -> so.Trainer:
    return so.build(algo, problem()[0], backend=backend, **{"learning_rate": 0.05, **settings})


def there(device_of: str) -> list[Any]:
    """The data, on the device."""
    return [DeviceTensor(xp.asarray(one)) if device_of == "torch" else xp.asarray(one) for one in (X, Y)]


@pytest.mark.parametrize("device_of", ["cupy", "torch"])
@pytest.mark.parametrize("check", [None, "nan"])
def test_data_on_the_device_train_as_those_of_the_host(device_of, check):
    given, reference = trainer_of(check=check), trainer_of("numpy")
    settings = {"max_epochs": 4, "validate_every": 2}
    data = so.Dataset(there(device_of), batch_size=16, rng=1)
    expected = reference.minimize(so.Dataset([X, Y], batch_size=16, rng=1), [X[:9], Y[:9]], **settings)
    result = given.minimize(data, [one[:9] for one in there(device_of)], **settings)
    assert np.allclose(given.params["w"], reference.params["w"])
    for mine, theirs in ((result.train, expected.train), (result.valid, expected.valid)):
        assert np.isclose(mine["loss"], theirs["loss"])
    assert np.isclose(given.evaluate(data)["loss"], reference.evaluate([X, Y])["loss"])
    assert np.isclose(given.step(there(device_of))["loss"], reference.step([X, Y])["loss"])


@needs_stand_in
def test_a_whole_epoch_brings_no_parameters_to_the_host():
    trainer = trainer_of()
    data = so.Dataset([xp.asarray(X), Y], batch_size=4, rng=1)
    run = trainer.iterate(data, validate_every=100, patience=100)
    next(run)
    with counting() as counts:
        for _ in range(5):
            next(run)
    assert trainer.updates_done == 60
    assert SHAPE not in counts.got
    assert SHAPE not in counts.sent
    with counting() as counts:
        trainer.close()
    assert counts.got.count(SHAPE) == 1
    assert np.allclose(trainer.params["w"], 0)  # the best are those of the beginning


@needs_stand_in
def test_the_parameters_come_to_the_host_where_a_validation_finds_them_better():
    trainer = trainer_of()
    run = trainer.iterate([xp.asarray(X), xp.asarray(Y)], validate_every=1, patience=100)
    next(run)
    for _ in range(5):
        before = trainer.history[-1][1]["loss"]
        with counting() as counts:
            _, valid = next(run)
        assert valid["loss"] < before
        assert counts.got.count(SHAPE) == 1
        assert SHAPE not in counts.sent
    with counting() as counts:
        trainer.set_hyperparameters(learning_rate=50.0)
        _, valid = next(run)
    assert valid["loss"] > before
    assert SHAPE not in counts.got


@needs_stand_in
def test_schedules_and_monitors_bring_no_parameters_to_the_host():
    x, y = so.matrix("x"), so.vector("y")
    w = so.parameter(np.zeros(3), name="w")
    loss = ((x @ w - y) ** 2).mean()
    rate = so.schedules.ReduceOnPlateau(0.05, patience=0)
    trainer = so.build(
        "adam", loss, backend="cuda", learning_rate=rate, monitors={"size": (w**2).sum()}, monitor_gradients=True
    )
    run = trainer.iterate([xp.asarray(X), xp.asarray(Y)], validate_every=1, patience=100, min_improvement=0.99)
    next(run)
    next(run)
    with counting() as counts:
        train, _ = next(run)
    assert set(train) == {"loss", "size", "grad(w)"}
    assert SHAPE not in counts.got


@needs_stand_in
def test_steps_by_hand_leave_the_parameters_on_the_device():
    trainer = trainer_of()
    batch = (xp.asarray(X), xp.asarray(Y))
    trainer.step(batch)
    with counting() as counts:
        for _ in range(3):
            trainer.step(batch)
    assert set(counts.got) <= {()} | {(1,)}
    assert SHAPE not in counts.sent
    reference = trainer_of("numpy")
    for _ in range(4):
        reference.step([X, Y])
    assert np.allclose(trainer.params["w"], reference.params["w"])


def test_averages_of_parameters_are_validated_and_kept():
    results = []
    for backend, data in (("cuda", [xp.asarray(X), xp.asarray(Y)]), ("numpy", [X, Y])):
        trainer = trainer_of(backend, average_halflife=5)
        results.append((trainer.minimize(so.Dataset(data, rng=0), max_epochs=3, validate_every=1), trainer.params["w"]))
    assert np.allclose(results[0][1], results[1][1])
    assert np.isclose(results[0][0].valid["loss"], results[1][0].valid["loss"])


def test_checkpoints_have_what_lies_on_the_device(tmp_path):
    data = [xp.asarray(X), xp.asarray(Y)]
    first, again = trainer_of(), trainer_of()
    first.minimize(data, max_epochs=2)
    first.save(tmp_path / "saved.npz")
    again.load(tmp_path / "saved.npz")
    assert np.array_equal(first.params["w"], again.params["w"])
    assert all(np.array_equal(value, again.state[name]) for name, value in first.state.items())
    for trainer in (first, again):
        trainer.minimize(data, max_epochs=4)
    assert np.array_equal(first.params["w"], again.params["w"])


def test_parameters_that_the_user_writes_are_where_training_goes_on():
    trainer = trainer_of()
    trainer.minimize([xp.asarray(X), xp.asarray(Y)], max_epochs=2)
    trainer.set_params([np.array([1.0, -2.0, 0.5])])
    assert trainer.evaluate([xp.asarray(X), xp.asarray(Y)])["loss"] < 1e-20
    trainer.set_params({"w": xp.asarray(np.zeros(3))})
    assert np.isclose(trainer.evaluate([X, Y])["loss"], (Y**2).mean())


# ------------------------------------------------------------------------------------------------ what auto stands for


def test_auto_is_cuda_where_the_data_live_on_the_device():
    data = there("cupy")
    for given in (data, so.Dataset(data), tuple(there("torch"))):
        assert so.minimize(problem()[0], given, max_epochs=1).trainer.backend == "cuda"
        assert so.Adam().minimize(problem()[0], given, max_epochs=1).trainer.backend == "cuda"
    assert so.minimize(problem()[0], [X, Y], data, max_epochs=1).trainer.backend == "cuda"
    assert len(list(so.Adam().iterate(problem()[0], data, max_epochs=1))) == 1
    assert so.minimize(problem()[0], [X, Y], max_epochs=1).trainer.backend != "cuda"
    assert so.minimize(problem()[0], [X, Y], max_epochs=1, backend="numpy").trainer.backend == "numpy"


def test_auto_is_cuda_where_a_parameter_lives_on_the_device():
    x, y = so.matrix("x"), so.vector("y")
    w = so.parameter(xp.asarray(np.zeros(3)), name="w")
    trainer = so.build("adam", ((x @ w - y) ** 2).mean())
    assert trainer.backend == "cuda"
    assert np.isclose(trainer.minimize([X, Y], max_epochs=0).train["loss"], (Y**2).mean())


@pytest.mark.parametrize("callable_data", [False, True])
def test_another_backend_refuses_data_on_the_device(callable_data):
    trainer = so.build("adam", problem()[0])
    data = there("cupy")
    given = so.Dataset(lambda: data, iteration_size=2) if callable_data else data
    with pytest.raises(so.DataError, match=r"lives on a GPU: use backend=.cuda."):
        trainer.minimize(given, max_epochs=1)
    with pytest.raises(so.DataError, match=r"lives on a GPU: use backend=.cuda."):
        trainer.step(data)
    trainer.minimize([X, Y], max_epochs=1)
    with pytest.raises(so.DataError, match=r"lives on a GPU: use backend=.cuda."):
        trainer.step(data)


def test_a_callable_gives_data_on_the_device():
    data = there("cupy")
    trainer = trainer_of()
    pairs = list(trainer.iterate(so.Dataset(lambda: data, iteration_size=3), max_epochs=2, validate_every=1))
    assert pairs[1][1]["loss"] < pairs[0][1]["loss"]
