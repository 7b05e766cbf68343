"""downhill: what is peculiar, and the derivative that ESGD takes."""

from typing import Any

import numpy as np
import pytest

import symopt as so
from symopt.optimizers import like
from symopt.optimizers.like.downhill import along
from tests.available import BACKENDS


def path(optimizer: str, steps: int = 4, start: Any = (1.0, -2.0), **hyper: Any) -> np.ndarray:
    """The parameter after each step on a quadratic."""
    x = so.parameter(np.asarray(start), name="x")
    loss = (so.constant(np.array([1.0, 3.0], x.value.dtype)) * x**2).sum()
    updates = so.like("downhill_0_4_0", optimizer, **hyper).get_updates(loss)
    step = so.function([], [], updates=updates, backend="numpy")
    values = []
    for _ in range(steps):
        step()
        values.append(x.value)
    return np.array(values)


def test_nesterov_has_no_effect_without_momentum() -> None:
    sgd = path("sgd", learning_rate=0.1)
    np.testing.assert_array_equal(path("sgd", learning_rate=0.1, nesterov=True), sgd)
    np.testing.assert_array_equal(path("nag", learning_rate=0.1), sgd)


def test_nag_is_nesterov_whatever_is_given() -> None:
    given = {"learning_rate": 0.1, "momentum": 0.5}
    nag = path("nag", nesterov=False, **given)
    np.testing.assert_array_equal(nag, path("sgd", nesterov=True, **given))
    assert not np.array_equal(nag, path("sgd", **given))


def test_adadelta_has_no_rate() -> None:
    np.testing.assert_array_equal(path("adadelta", learning_rate=0.0), path("adadelta", learning_rate=5.0))


@pytest.mark.parametrize("limit", ["max_gradient_elem", "max_gradient_norm"])
@pytest.mark.parametrize("off", [0, -1])
def test_limits_of_0_and_below_are_off(limit: str, off: float) -> None:
    np.testing.assert_array_equal(path("sgd", **{limit: off}), path("sgd"))


def test_the_limit_for_elements_goes_before_the_limit_for_norms() -> None:
    both = path("sgd", learning_rate=0.1, max_gradient_elem=2, max_gradient_norm=0.1)
    np.testing.assert_array_equal(both, path("sgd", learning_rate=0.1, max_gradient_elem=2))


def test_steps_of_rprop_start_at_the_rate_of_the_first_update() -> None:
    rate = 0.25 * 0.5**so.iteration
    np.testing.assert_array_equal(path("rprop", learning_rate=rate), path("rprop", learning_rate=0.25))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("limit", [{}, {"max_gradient_elem": 1.0}, {"max_gradient_norm": 1.0}], ids=str)
def test_the_derivative_along_a_probe_is_that_of_the_limited_gradient(limit: dict[str, float], backend: str) -> None:
    x = so.parameter([1.0, 0.1, -0.4], name="x")
    loss = (x[1:] * x[:-1] ** 2).sum()
    updates = so.like("downhill_0_4_0", "sgd", **limit).get_updates(loss)
    grad = updates.prepared[x]
    r = np.array([0.5, -1.0, 0.25])
    found = so.function([], along(grad, x, so.constant(r)), backend=backend)()
    at = x.value
    limited = so.function([], grad, backend="numpy")
    sides = []
    for side in (1e-6, -1e-6):
        x.value = at + side * r
        sides.append(limited())
    np.testing.assert_allclose(found, (sides[0] - sides[1]) / 2e-6, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_esgd_draws_a_probe_for_each_parameter(backend: str) -> None:
    a, b = so.parameter([1.0, 2.0], name="a"), so.parameter([3.0, 4.0], name="b")
    updates = so.like("downhill_0_4_0", "esgd", seed=3).get_updates((a**2).sum() + (b**2).sum())
    so.function([], [], updates=updates, backend=backend)()
    sizes = [updates.states[f"{name}_D_ewma"].value for name in "ab"]
    assert len(np.unique(sizes)) == 4
    again = so.like("downhill_0_4_0", "esgd", probe=[so.constant([1.0, 2.0]), so.constant([3.0, 4.0])])
    updates = again.get_updates((a**2).sum() + (b**2).sum())
    so.function([], [], updates=updates, backend=backend)()
    gained = 1 - 2 ** (-1 / 14)
    np.testing.assert_allclose(updates.states["b_D_ewma"].value, gained * np.array([36.0, 64.0]))


@pytest.mark.parametrize("optimizer", list(like.SYSTEMS["downhill_0_4_0"]))
def test_float32_stays_and_is_near_float64(optimizer: str) -> None:
    given = {"learning_rate": 0.01, "momentum": 0.5, "max_gradient_norm": 3.0}
    if optimizer == "esgd":
        given["probe"] = so.cast(so.constant([1.0, 0.5]), "float32")
    single = path(optimizer, start=np.array([1.0, -2.0], "float32"), **given)
    assert single.dtype == "float32"
    np.testing.assert_allclose(single, path(optimizer, **given), rtol=1e-3)


def test_the_systems_differ_in_adam_alone() -> None:
    old, new = like.SYSTEMS["downhill_0_4_0"], like.SYSTEMS["downhill_0_5_0pre"]
    assert {name for name in old if old[name] is not new[name]} == {"adam"}
