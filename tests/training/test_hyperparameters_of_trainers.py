"""Hyperparameters that change while a trainer lives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import symopt as so
from symopt.backends import BACKENDS as ALL_BACKENDS
from tests.available import BACKENDS
from tests.training.problems import line


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


def test_iterate_and_minimize_take_hyperparameters():
    model = line()
    trainer = so.build("sgd", model.loss, learning_rate=0.1)
    next(trainer.iterate(model.rows, learning_rate=0))
    assert model.params() == [0, 0]
    trainer.minimize(model.rows, max_epochs=2, learning_rate=0.1)
    moved = model.params()
    assert moved != [0, 0]
    trainer.minimize(model.rows, max_epochs=3)  # the rate stays as it was set last
    assert model.params() != moved
    assert trainer.optimizer == so.SGD(learning_rate=0.1)


CHANGES = [
    ("sgd", {"learning_rate": 0.1}, {"learning_rate": 0.3}),
    ("sgd", {"learning_rate": 0.1}, {"learning_rate": 0}),
    ("nag", {"momentum": 0.9, "learning_rate": 0.1}, {"momentum": 0.5, "learning_rate": 0.2}),
    ("rmsprop", {"rms_halflife": 10}, {"rms_halflife": 3.5}),
    ("rmsprop", {"rms_decay": 0.9, "rms_regularizer": 1e-2}, {"rms_decay": 0.99, "rms_regularizer": 1e-3}),
    ("sgd", {"max_gradient_norm": 1, "max_gradient_elem": 2}, {"max_gradient_norm": 0.1, "max_gradient_elem": 0.3}),
    ("sgd", {"max_global_norm": 1, "clip_weights": 9}, {"max_global_norm": 0.1, "clip_weights": 0.01}),
    ("sgd", {"weight_decay": 0.1, "rescale_gradient": 2}, {"weight_decay": 0.3, "rescale_gradient": 0.5}),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("algo", "at_first", "later"), CHANGES)
def test_changing_a_number_never_compiles_and_takes_effect(algo, at_first, later, backend, builds):
    model, twin = line(), line()
    trainer = so.build(algo, model.loss, backend=backend, **at_first)
    trainer.step(model.rows)
    assert len(builds) == 1
    trainer.set_hyperparameters(**later)
    trainer.step(model.rows)
    assert len(builds) == 1
    assert trainer.updates.hyperparameters.items() >= {name: float(value) for name, value in later.items()}.items()
    # The same from the start, but for the first step.
    second = so.build(algo, twin.loss, backend=backend, **{**at_first, **later})
    second.set_hyperparameters(**at_first)
    second.step(twin.rows)
    second.set_hyperparameters(**later)
    second.step(twin.rows)
    np.testing.assert_array_equal(model.params(), twin.params())
    unchanged = line()
    third = so.build(algo, unchanged.loss, backend=backend, **at_first)
    for _ in range(2):
        third.step(unchanged.rows)
    assert model.params() != unchanged.params()


def test_a_change_of_structure_compiles_once_and_keeps_the_states(builds):
    model = line()
    trainer = so.build("rmsprop", model.loss, learning_rate=0.1)
    for _ in range(3):
        trainer.step(model.rows)
    before = trainer.state
    trainer.set_hyperparameters(momentum=0.9)
    after = trainer.state
    assert set(after) - set(before) == {"a_velocity", "b_velocity"}
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value)
    assert after["a_velocity"] == 0
    assert after["iteration"] == 3
    trainer.step(model.rows)
    assert len(builds) == 2
    assert trainer.state["a_velocity"] != 0


def test_a_change_of_structure_goes_on_as_an_optimizer_of_that_structure_would():
    model, twin = line(), line()
    trainer = so.build("rmsprop", model.loss, learning_rate=0.1, max_gradient_norm=0.5)
    # Without momentum the velocity would be what the last step was; at 0 it may start anew at any time.
    second = so.build("rmsprop", twin.loss, learning_rate=0.1)
    trainer.step(model.rows)
    trainer.set_hyperparameters(max_gradient_norm=None)
    trainer.step(model.rows)
    second.set_hyperparameters(max_gradient_norm=0.5)
    second.step(twin.rows)
    second.set_hyperparameters(max_gradient_norm=None)
    second.step(twin.rows)
    np.testing.assert_array_equal(model.params(), twin.params())


def test_a_change_of_structure_keeps_the_states_of_other_updates():
    model = line()
    seen = so.state(0.0, name="seen")
    trainer = so.build("sgd", model.loss, updates=[(seen, seen + 1)])
    trainer.step(model.rows)
    trainer.set_hyperparameters(momentum=0.5)
    trainer.step(model.rows)
    assert seen.value == trainer.state["seen"] == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_change_of_structure_does_not_repeat_random_numbers(backend):
    u = so.parameter(np.zeros(4), name="u")
    loss = (u * so.random.normal((4,), seed=3)).sum()
    drawn = []
    trainer = so.build("sgd", loss, learning_rate=1, backend=backend)
    for change in ({}, {}, {"momentum": 0.5}, {}, {"momentum": 0}):
        trainer.set_hyperparameters(**change)
        before = u.value + 0
        trainer.step()
        drawn.append(before - u.value)
    assert len({array.tobytes() for array in drawn}) == 5


def test_an_error_in_a_change_leaves_all_as_it_was():
    model = line()
    trainer = so.build("rmsprop", model.loss, rms_halflife=7)
    updates = trainer.updates
    with pytest.raises(TypeError, match="give rms_halflife or rms_decay, not both"):
        trainer.set_hyperparameters(rms_decay=0.9)
    with pytest.raises(ValueError, match="learning_rate=-1"):
        trainer.iterate(model.rows, learning_rate=-1)
    assert trainer.optimizer == so.RMSProp(rms_halflife=7)
    assert trainer.updates is updates
    trainer.set_hyperparameters(rms_halflife=None, rms_decay=0.9)
    assert trainer.updates.hyperparameters["rms_decay"] == 0.9


def test_a_number_may_become_an_expression_in_the_iteration():
    u = so.parameter(0.0, name="u")
    trainer = so.build("sgd", u, learning_rate=1)
    trainer.step()
    trainer.set_hyperparameters(learning_rate=0.5 ** (so.iteration + 1))
    trainer.step()
    trainer.step()
    assert u.value == -(1 + 1 / 4 + 1 / 8)
