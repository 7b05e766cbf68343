"""The rules as functions: next values as expressions, for every optimizer of the catalogue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symopt as so
from symopt.optimizers.rules import state_names


@pytest.mark.parametrize("name", so.OPTIMIZERS)
def test_every_rule_has_a_function_that_does_the_same(name: str) -> None:
    start, scale = np.random.default_rng(0).normal(size=(2, 3, 2))
    u = so.parameter(start, name="u")
    trainer = so.build(name, (so.square(scale * u)).sum() / 2, backend="numpy")
    names = state_names(so.OPTIMIZERS[name](), (3, 2))
    values = [trainer.state[f"u_{state}"] for state in names]
    states = [so.input(state, value.shape) for state, value in zip(names, values, strict=True)]
    weight, count = so.parameter(start, name="v"), so.scalar("count")
    update = getattr(so.rules, f"{name}_update")
    function = so.function(
        [*states, count], list(update(weight, weight * scale**2, *states, iteration=count)), backend="numpy"
    )
    for step in range(4):
        weight.value, *values = function(*values, float(step))
        trainer.step()
        np.testing.assert_allclose(weight.value, trainer.params["u"], rtol=1e-11)
        for state, value in zip(names, values, strict=True):
            np.testing.assert_allclose(value, trainer.state[f"u_{state}"], rtol=1e-11, atol=1e-15)


def test_weights_may_be_any_tensors_of_any_dtype() -> None:
    a, g = so.vector("a", "float32"), so.vector("g", "float32")
    following = so.rules.sgd_update(2 * a, g, learning_rate=0.5)
    assert [value.dtype.name for value in following] == ["float32"]
    assert so.function([a, g], list(following), backend="numpy")([1.0, 2.0], [1.0, 1.0])[0].tolist() == [1.5, 3.5]


def test_hyperparameters_and_preparation_are_keywords() -> None:
    a, g, v = (so.vector(name) for name in "agv")
    updated = so.rules.sgd_update(
        a, g, velocity=v, learning_rate=0.5, momentum=0.5, weight_decay=0.1,
        max_gradient_elem=1, clip_weights=2,
    )  # fmt: skip
    new, velocity = so.function([a, g, v], list(updated), backend="numpy")([1.0, 3.0], [5.0, 0.5], [1.0, 1.0])
    np.testing.assert_allclose(velocity, [0.5 - 0.55, 0.5 - 0.4])
    np.testing.assert_allclose(new, [1 - 0.05, 2])


def test_what_is_wrong_is_said() -> None:
    a, g, m = (so.vector(name) for name in "agm")
    with pytest.raises(TypeError, match="the states are mean, square: square is missing"):
        so.rules.adam_update(a, g, m, iteration=0)
    with pytest.raises(TypeError, match="there are 0 states"):
        so.rules.sgd_update(a, g, m)
    with pytest.raises(TypeError, match="'mean' is given twice"):
        so.rules.lion_update(a, g, m, mean=m)
    with pytest.raises(TypeError, match="the rule counts its updates: give iteration="):
        so.rules.adam_update(a, g, m, m)
    with pytest.raises(TypeError, match="no keyword 'learning_rat'; did you mean 'learning_rate'"):
        so.rules.sgd_update(a, g, learning_rat=0.1)
    with pytest.raises(TypeError, match="no keyword 'freeze'"):
        so.rules.sgd_update(a, g, freeze=["w"])
    with pytest.raises(AttributeError, match="no attribute 'sgdd_update'"):
        so.rules.sgdd_update  # noqa: B018
    assert "sgd_update" in dir(so.rules)


def test_the_raw_operator_of_mxnet() -> None:
    names = ["weight", "grad", "n", "g", "delta"]
    inputs = [so.vector(name) for name in names]
    weight, grad, n, g, delta = np.random.default_rng(0).uniform(0.1, 0.9, size=(5, 4))
    n += 1
    settings = {"gamma1": 0.8, "gamma2": 0.7, "epsilon": 0.1, "wd": 0.3, "rescale_grad": 0.5}
    limits = {"clip_gradient": 0.4, "clip_weights": 0.8}
    update: Any = so.rules.rmspropalex_update
    following = update(*inputs, 0.2, **settings, **limits)
    found = so.function(inputs, list(following), backend="numpy")(weight, grad, n, g, delta)
    prepared = np.clip(0.5 * grad + 0.3 * weight, -0.4, 0.4)
    n, g = 0.8 * n + 0.2 * prepared**2, 0.8 * g + 0.2 * prepared
    delta = 0.7 * delta - 0.2 * prepared / np.sqrt(n - g**2 + 0.1)
    for value, expected in zip(found, [np.clip(weight + delta, -0.8, 0.8), n, g, delta], strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-12)
