"""Training in threads, random numbers in losses, and checked training."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import symopt as so
from tests.training.problems import line


def trained(seed: int) -> list[np.ndarray]:
    model = line(50, seed=seed)
    data = so.Dataset(model.rows, batch_size=16, rng=seed)
    so.build("rmsprop", model.loss, learning_rate=0.01, momentum=0.9).minimize(data, max_epochs=30, validate_every=3)
    return model.params()


def test_trainers_in_several_threads_do_not_disturb_each_other():
    expected = [trained(seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(trained, range(6)))
    np.testing.assert_array_equal(found, expected)


def test_a_run_in_another_thread_leaves_the_signals_alone():
    model = line()
    seen = []

    def rows() -> dict[str, np.ndarray]:
        seen.append(signal.getsignal(signal.SIGINT))
        return model.rows

    before = signal.getsignal(signal.SIGINT)
    trainer = so.build("sgd", model.loss, learning_rate=0.1)
    thread = threading.Thread(
        target=trainer.minimize, args=(so.Dataset(rows, iteration_size=2),), kwargs={"max_epochs": 1}
    )
    thread.start()
    thread.join()
    assert trainer.updates_done == 2
    assert set(seen) == {before}


def test_a_run_may_be_started_in_one_thread_and_go_on_in_another():
    model = line()
    trainer = so.build("sgd", model.loss, learning_rate=0.1)
    run = trainer.iterate(model.rows, max_epochs=4)
    next(run)
    rest: list[object] = []
    thread = threading.Thread(target=lambda: rest.extend(run))
    thread.start()
    thread.join()
    assert len(rest) == 3
    assert trainer.stopped == "the limit of 4 epochs is reached"


def noisy(backend: str) -> tuple[so.Tensor, so.Trainer]:
    """A loss with noise in it; what its parameter adds up to is the noise of all updates."""
    u = so.parameter(np.zeros(3), name="u")
    return u, so.build("sgd", (u * so.random.normal((3,), seed=8)).sum(), learning_rate=1.0, backend=backend)


def test_every_update_draws_anew():
    u, trainer = noisy("numpy")
    changes = []
    for _ in range(4):
        before = u.value
        trainer.step()
        changes.append((u.value - before).tolist())
    assert len({tuple(change) for change in changes}) == 4


def test_evaluation_draws_the_same_each_time_and_does_not_disturb_training():
    u, trainer = noisy("numpy")
    other, undisturbed = noisy("numpy")
    for _ in range(3):
        trainer.step()
        undisturbed.step()
        assert trainer.evaluate() == trainer.evaluate()
    np.testing.assert_array_equal(u.value, other.value)


def test_a_checked_trainer_stops_at_the_first_nan_and_leaves_the_best():
    u = so.parameter(1.0, name="u")
    trainer = so.build("sgd", so.log(u), learning_rate=0.4, check="nan")
    with pytest.raises(so.NumericalError, match="NaN first appears in log"):
        trainer.minimize(validate_every=1)
    assert trainer.stopped is not None
    assert trainer.stopped.startswith(f"NumericalError after update {trainer.updates_done}: NaN first appears")
    assert u.value > 0
