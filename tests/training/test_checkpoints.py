"""Files from which training goes on, bit by bit as if it had never stopped."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import symopt as so
from tests.training.problems import line, script, trainer_of
from tests.training.resumable import bits, make

LOSSES = [9.0, 8, 1, 5, 6, 7, 8, 0.5, 0.25, 9, 9, 9, 9]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.npz"


@given(cuts=st.lists(st.integers(1, 8), min_size=1, max_size=4), validate_every=st.integers(1, 3))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_training_that_goes_on_from_files_is_as_if_in_one_go(cuts, validate_every, path):
    how = {"max_epochs": sum(cuts), "validate_every": validate_every, "patience": 99}
    straight, train, valid = make()
    straight.minimize(train, valid, **how)
    path.unlink(missing_ok=True)
    for epochs in cuts:
        trainer, train, valid = make()
        if path.exists():
            trainer.load(path)
        run = trainer.iterate(train, valid, **how)
        for _ in range(epochs):
            next(run)
        trainer.save(path)
    run.close()
    assert bits(trainer) == bits(straight)
    assert trainer.history == straight.history


def test_a_file_holds_all_that_training_goes_on_from(path):
    trainer, train, valid = make()
    trainer.minimize(train, valid, max_updates=10, learning_rate=0.03)
    trainer.save(path)
    other, _, _ = make()
    other.load(path)
    assert bits(other) == bits(trainer)
    for name in ("updates_done", "epochs_done", "stopped", "history", "optimizer"):
        assert getattr(other, name) == getattr(trainer, name)
    assert other.optimizer.learning_rate == 0.03
    assert other.updates.hyperparameters == trainer.updates.hyperparameters
    assert other.state["iteration"] == other.state["seen"] == 10


def test_files_keep_the_best_beside_the_current_parameters(path):
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.minimize(max_epochs=6, validate_every=1, patience=9)
    trainer.save(path)
    with np.load(path) as file:
        assert (file["best/u"], file["current/u"]) == (-2, -6)
    other = script(LOSSES)
    loaded = trainer_of(other)
    loaded.load(path)
    assert other.updates == 2
    run = loaded.iterate(max_epochs=7, validate_every=10)
    next(run)
    assert other.updates == 7
    run.close()
    assert other.updates == 7  # 0.5 is better than 1


def test_patience_goes_on_after_a_load(path):
    losses = [5.0, 4, *[6.0] * 20]
    straight = trainer_of(script(losses))
    straight.minimize(validate_every=2, patience=3)
    trainer = trainer_of(script(losses))
    run = trainer.iterate(validate_every=2, patience=3)
    for _ in range(5):
        next(run)
    trainer.save(path)
    loaded = trainer_of(script(losses))
    loaded.load(path)
    loaded.minimize(validate_every=2, patience=3)
    assert loaded.updates_done == straight.updates_done == 8
    assert loaded.stopped == straight.stopped


def test_what_the_user_writes_after_a_load_wins(path):
    trainer_of(script(LOSSES)).save(path)
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.load(path)
    toy.param.value = -5.0
    trainer.step()
    assert toy.updates == 6


def test_what_the_user_has_written_is_what_is_saved_as_current(path):
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.minimize(max_epochs=6, validate_every=1, patience=9)
    toy.param.value = -9.0
    trainer.save(path)
    other = script(LOSSES)
    loaded = trainer_of(other)
    loaded.load(path)
    assert other.updates == 9
    loaded.minimize(max_epochs=8, validate_every=1)
    assert other.updates == 9  # the best since that point, which has the first of several equal losses


def test_a_load_ends_a_run_that_is_going_on(path):
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.save(path)
    run = trainer.iterate(max_epochs=6)
    next(run)
    trainer.load(path)
    assert list(run) == []
    assert (toy.updates, trainer.updates_done, trainer.stopped) == (0, 0, None)


def test_saving_does_not_disturb_a_run(path):
    trainers = []
    for save in (False, True):
        trainer, train, valid = make()
        for _ in trainer.iterate(train, valid, max_epochs=6, validate_every=2):
            if save:
                trainer.save(path)
        trainers.append(trainer)
    assert bits(trainers[0]) == bits(trainers[1])


def test_a_monitor_that_is_new_has_no_past(path):
    toy = script(LOSSES)
    trainer = trainer_of(toy)
    trainer.minimize(max_epochs=2)
    trainer.save(path)
    other = script(LOSSES)
    loaded = trainer_of(other, monitors={"u": other.param})
    loaded.load(path)
    assert loaded.history == trainer.history
    loaded.minimize(max_epochs=3)
    loaded.save(path)
    loaded.load(path)
    assert np.isnan(loaded.history[0][0]["u"])
    assert loaded.history[2] == ({"loss": 1.0, "u": -2.0}, {"loss": 5.0, "u": -3.0})


def test_a_file_is_read_by_numpy_without_pickles(path):
    trainer, train, valid = make()
    trainer.minimize(train, valid, max_epochs=1)
    trainer.save(path)
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    assert set(arrays) > {"about", "current/w", "best/v", "states/w_velocity", "states/iteration", "history/train"}
    assert arrays["best/w"].dtype == np.float32


def test_a_path_may_be_text_and_have_any_ending(tmp_path):
    trainer, _, _ = make()
    trainer.save(str(tmp_path / "latest"))
    assert [file.name for file in tmp_path.iterdir()] == ["latest"]
    trainer.load(str(tmp_path / "latest"))


def test_a_file_behind_a_link_is_replaced_and_not_the_link(tmp_path, path):
    trainer, train, valid = make()
    trainer.save(path)
    link = tmp_path / "latest"
    link.symlink_to(path)
    trainer.minimize(train, valid, max_epochs=1)
    trainer.save(link)
    assert link.is_symlink()
    other, _, _ = make()
    other.load(path)
    assert other.epochs_done == 1


def test_a_file_has_the_permissions_of_any_new_file(path):
    trainer, _, _ = make()
    trainer.save(path)
    plain = path.with_name("plain")
    plain.touch()
    assert stat.S_IMODE(os.stat(path).st_mode) == stat.S_IMODE(os.stat(plain).st_mode)


# ------------------------------------------------------------------------------------------------ files that do not fit


def width(n: int, dtype: str = "float64", name: str = "u", algo: str = "nag", **more: object) -> so.Trainer:
    u = so.parameter(np.ones(n, dtype), name=name)
    return so.build(algo, so.square(u).sum(), **more)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: width(4), r"parameter 'u' has shape \(3,\) there, \(4,\) here"),
        (lambda: width(3, "float32"), "parameter 'u' is float64 there, float32 here"),
        (lambda: width(3, name="w"), "parameter 'w' is not there; parameter 'u' is there, and not here"),
        (lambda: width(3, algo="rmsprop"), "the optimizer is NAG there, RMSProp here"),
        (
            lambda: width(3, momentum=0),
            "momentum is 0.9 there, and no number here; state 'u_velocity' is there",
        ),
        (lambda: width(3, max_gradient_norm=1), "max_gradient_norm is 1 here, and no number there"),
        (lambda: width(3, learning_rate=0.1 / (so.iteration + 1)), "learning_rate is 0.0001 there, and no number here"),
        (lambda: width(3, nesterov=False), "nesterov is True there, False here"),
        (lambda: width(3, updates=[(so.state(0, name="seen"), 1)]), "state 'seen' is not there"),
    ],
)
def test_a_file_of_another_trainer_is_refused_before_anything_moves(other, message, path):
    trainer = width(3)
    trainer.minimize(max_epochs=2)
    trainer.save(path)
    here = other()
    run = here.iterate(max_epochs=3)
    next(run)
    before = (bits(here), here.updates_done, here.epochs_done, here.optimizer, list(here.history))
    with pytest.raises(so.CheckpointError, match=f"checkpoint.npz belongs to another trainer: .*{message}"):
        here.load(path)
    assert (bits(here), here.updates_done, here.epochs_done, here.optimizer, here.history) == before
    assert len(list(run)) == 2


def damaged(whole: bytes, how: str) -> bytes:
    return {
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "almost whole": whole[:-1],
        "text": b"epoch 3, loss 0.25\n",
        "an array": np.lib.format.magic(1, 0) + whole,
        "zeros": bytes(len(whole)),
    }[how]


@pytest.mark.parametrize("how", ["empty", "half", "almost whole", "text", "an array", "zeros"])
def test_a_damaged_file_is_refused_before_anything_moves(how, path):
    trainer, train, valid = make()
    trainer.minimize(train, valid, max_epochs=1)
    trainer.save(path)
    path.write_bytes(damaged(path.read_bytes(), how))
    before = bits(trainer)
    with pytest.raises(so.CheckpointError, match="is damaged, or no checkpoint"):
        trainer.load(path)
    assert bits(trainer) == before


def test_no_cut_and_no_wrong_byte_goes_unnoticed(path):
    trainer = width(3)
    trainer.minimize(max_epochs=2)
    trainer.save(path)
    whole = path.read_bytes()
    expected = bits(trainer), trainer.history
    unnoticed = 0
    for place in range(0, len(whole), 17):
        for bad in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :]):
            path.write_bytes(bad)
            other = width(3)
            try:
                other.load(path)
            except so.CheckpointError:
                continue
            # A byte of no meaning, such as of the time when a part was written.
            assert len(bad) == len(whole)
            assert (bits(other), other.history) == expected
            unnoticed += 1
    assert unnoticed < len(whole) / 17 / 4


@pytest.mark.parametrize("lacking", ["about", "history/train", "current/u", "states/iteration"])
def test_a_file_that_lacks_a_part_is_refused(lacking, path):
    trainer = width(3)
    trainer.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    del arrays[lacking]
    np.savez(path, **arrays)
    with pytest.raises(so.CheckpointError):
        trainer.load(path)


def test_a_file_of_another_format_says_so(path):
    trainer = width(3)
    trainer.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    arrays["about"] = np.asarray(str(arrays["about"]).replace('"format": 1', '"format": 2'))
    np.savez(path, **arrays)
    with pytest.raises(so.CheckpointError, match="has format 2, and this symopt reads format 1"):
        trainer.load(path)


def test_a_missing_file_is_an_error_of_the_system(path):
    with pytest.raises(FileNotFoundError):
        width(3).load(path)


def test_names_of_all_kinds_come_back(path):
    model = line()
    names = ["a b", "α/β", "../up", "file", "about", "current/u", "x" * 200]
    params = [so.parameter(float(i), name=name) for i, name in enumerate(names, 1)]
    trainer = so.build("nag", sum(params, model.a), learning_rate=0.1)
    trainer.step()
    trainer.save(path)
    expected = trainer.params, trainer.state
    trainer.step()
    trainer.load(path)
    assert (trainer.params, trainer.state) == expected
