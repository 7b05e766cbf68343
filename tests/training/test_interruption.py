"""Ctrl-C: after the update at hand, with the best parameters left, and never in the middle of an update."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import symopt as so
from symopt.training.interruption import Interruption, uninterrupted
from tests.training.problems import Line, line


@pytest.fixture(autouse=True)
def pythons_own_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    after = signal.signal(signal.SIGINT, before)
    assert after is signal.default_int_handler, "the handler was not put back"


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


class Rows:
    """Batches, with Ctrl-C pressed so many times while some of them are fetched."""

    def __init__(self, model: Line, pressed: dict[int, int], iteration_size: int = 5) -> None:
        self.rows = model.rows
        self.pressed = pressed
        self.calls = 0
        self.data = so.Dataset(self, iteration_size=iteration_size)

    def __call__(self) -> dict[str, np.ndarray]:
        self.calls += 1
        for _ in range(self.pressed.get(self.calls, 0)):
            ctrl_c()
        return self.rows


def trainer_of(model: Line, rate: float = 0.05) -> so.Trainer:
    return so.build("rmsprop", model.loss, learning_rate=rate, momentum=0.5)


def current(trainer: so.Trainer, folder: Path) -> list[np.ndarray]:
    trainer.save(folder / "current.npz")
    with np.load(folder / "current.npz") as file:
        return [file["current/a"], file["current/b"]]


def after(updates: int) -> list[np.ndarray]:
    """The parameters after so many updates without a break."""
    model = line()
    trainer = trainer_of(model)
    for _ in range(updates):
        trainer.step(model.rows)
    return model.params()


def test_ctrl_c_ends_training_after_the_update_at_hand(tmp_path):
    model = line()
    trainer = trainer_of(model)
    result = trainer.minimize(Rows(model, {8: 1}).data, model.rows, validate_every=1)
    assert result.stopped == "interrupted by Ctrl-C after update 8"
    assert (trainer.updates_done, trainer.epochs_done, len(trainer.history)) == (8, 2, 2)
    np.testing.assert_array_equal(current(trainer, tmp_path), after(8))
    # What was validated last was update 5.
    np.testing.assert_array_equal(model.params(), after(5))
    assert result.valid["loss"] == trainer.evaluate(model.rows)["loss"]


def test_the_pair_of_an_interrupted_epoch_averages_what_ran():
    model = line()
    trainer = trainer_of(model)
    [(train, _)] = trainer.iterate(Rows(model, {2: 1}).data, model.rows)
    twin = trainer_of(line())
    losses = [twin.step(model.rows)["loss"] for _ in range(2)]
    assert train["loss"] == pytest.approx(np.mean(losses), rel=1e-15)


def test_training_goes_on_after_ctrl_c(tmp_path):
    model = line()
    trainer = trainer_of(model)
    rows = Rows(model, {3: 1}, iteration_size=4)
    trainer.minimize(rows.data, model.rows)
    trainer.minimize(rows.data, model.rows, max_updates=3 + 4 + 2)
    np.testing.assert_array_equal(current(trainer, tmp_path), after(9))


def wide() -> tuple[list[so.Tensor], so.Trainer]:
    """Six parameters, whose updates take a while in one call."""
    params = [so.parameter(np.zeros(3000), name=f"p{i}") for i in range(6)]
    loss = sum((so.square(p - 1).sum() for p in params[1:]), so.square(params[0] - 1).sum())
    return params, so.build("nag", loss, learning_rate=1e-3)


# The moment may be while `minimize` finds its compiled epoch in the cache: between the lines `open` and `with` of
# Python's own pathlib, whose file then is closed by nobody but the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("delay", [0.003, 0.01, 0.03, 0.05, 0.08])
@pytest.mark.parametrize("way", ["minimize", "step"])
def test_ctrl_c_at_any_moment_leaves_no_half_done_update(way, delay, tmp_path):
    _, trainer = wide()
    trainer.step()  # compiled
    presser = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    try:
        presser.start()
        while way == "step":
            trainer.step()
        trainer.minimize(patience=10**9)
    except KeyboardInterrupt:
        pass  # it came between two updates
    presser.join()
    done = trainer.updates_done
    assert trainer.state["iteration"] == done
    trainer.save(tmp_path / "current.npz")
    _, twin = wide()
    for _ in range(done):
        twin.step()
    with np.load(tmp_path / "current.npz") as file:
        for name, value in twin.params.items():
            np.testing.assert_array_equal(file[f"current/{name}"], value)


def test_a_second_ctrl_c_interrupts_data_that_hang(tmp_path):
    model = line()
    trainer = trainer_of(model)
    with pytest.raises(KeyboardInterrupt):
        trainer.minimize(Rows(model, {8: 2}).data, model.rows, validate_every=1)
    assert trainer.stopped == "interrupted by Ctrl-C after update 7"
    assert (trainer.updates_done, trainer.epochs_done) == (7, 1)
    np.testing.assert_array_equal(current(trainer, tmp_path), after(7))
    np.testing.assert_array_equal(model.params(), after(5))


def test_a_second_ctrl_c_within_an_update_waits_for_its_end(tmp_path, monkeypatch):
    model = line()
    trainer = trainer_of(model)
    call = so.Function.__call__

    def interrupted(function: so.Function, *values: object) -> object:
        outputs = call(function, *values)
        if function.task.updates and function.calls == 4:
            ctrl_c()
            ctrl_c()
            ctrl_c()
        return outputs

    monkeypatch.setattr(so.Function, "__call__", interrupted)
    trainer.minimize(Rows(model, {}).data, model.rows)
    monkeypatch.undo()
    assert trainer.stopped == "interrupted by Ctrl-C after update 4"
    np.testing.assert_array_equal(current(trainer, tmp_path), after(4))


def test_ctrl_c_during_a_step_by_hand_waits_for_its_end(monkeypatch):
    model = line()
    trainer = trainer_of(model)
    call = so.Function.__call__

    def interrupted(function: so.Function, *values: object) -> object:
        ctrl_c()
        ctrl_c()
        return call(function, *values)

    monkeypatch.setattr(so.Function, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.step(model.rows)
    monkeypatch.undo()
    assert trainer.updates_done == 1
    np.testing.assert_array_equal(model.params(), after(1))


def test_ctrl_c_during_validation_drops_that_validation():
    model = line()
    trainer = trainer_of(model)
    valid = Rows(model, {3 * 2 + 2: 1}, iteration_size=3)  # in the middle of the third
    [first, second] = trainer.iterate(Rows(model, {}).data, valid.data, validate_every=1)
    assert valid.calls == 8
    assert trainer.stopped == "interrupted by Ctrl-C after update 10"
    assert second[1] == first[1]
    np.testing.assert_array_equal(model.params(), after(5))


def test_ctrl_c_before_update_0_changes_nothing():
    model = line()
    trainer = trainer_of(model)
    with pytest.raises(KeyboardInterrupt):
        trainer.minimize(model.rows, Rows(model, {1: 1}).data)
    assert trainer.stopped == "interrupted by Ctrl-C after update 0"
    np.testing.assert_array_equal(model.params(), [0, 0])


def test_ctrl_c_in_the_callers_own_code_is_his_and_leaves_the_best():
    model = line()
    with pytest.raises(KeyboardInterrupt), trainer_of(model) as trainer:  # noqa: PT012
        run = trainer.iterate(Rows(model, {}).data, model.rows, validate_every=2)
        for _ in run:
            if trainer.epochs_done == 3:
                ctrl_c()
    assert trainer.stopped == "left by the caller after update 15"
    np.testing.assert_array_equal(model.params(), after(10))


def test_ctrl_c_that_is_ignored_stays_ignored():
    model = line()
    trainer = trainer_of(model)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        trainer.minimize(Rows(model, {3: 1}).data, model.rows, max_epochs=2)
    finally:
        assert signal.signal(signal.SIGINT, signal.default_int_handler) == signal.SIG_IGN
    assert trainer.updates_done == 10


def test_the_handler_is_pythons_own_between_pairs():
    model = line()
    handlers = [signal.getsignal(signal.SIGINT) for _ in trainer_of(model).iterate(model.rows, max_epochs=2)]
    assert handlers == [signal.default_int_handler] * 2


def test_the_first_request_is_noted_and_the_second_interrupts():
    with Interruption() as interruption:
        assert not interruption.requested
        ctrl_c()
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
        interruption.busy = True
        ctrl_c()


def test_an_uninterrupted_block_is_done_first():
    done = []

    def block() -> None:
        with uninterrupted():
            ctrl_c()
            ctrl_c()
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == [1]


def test_the_best_are_all_in_place_when_ctrl_c_comes_while_they_are_written(monkeypatch):
    model = line()
    trainer = trainer_of(model)
    run = trainer.iterate(Rows(model, {}).data, model.rows, validate_every=2)
    for _ in range(3):
        next(run)
    written = []
    put = trainer._values._put

    def interrupted(values: list[np.ndarray]) -> None:
        ctrl_c()
        put(values)
        written.append(1)

    monkeypatch.setattr(trainer._values, "_put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.close()
    assert written
    np.testing.assert_array_equal(model.params(), after(10))
