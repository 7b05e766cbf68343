"""What the rules promise, each proved by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

import symopt as so
from symopt.optimizers.hyperparameters import decay
from tests.available import BACKENDS


def constant_gradient(value: Sequence[float] | float, dtype: str = "float64") -> tuple[so.Tensor, so.Tensor]:
    """A parameter from 0, and a loss whose gradient is the same everywhere."""
    gradient = np.asarray(value, dtype)
    u = so.parameter(np.zeros_like(gradient), name="u")
    return u, (u * so.constant(gradient)).sum()


def gradients_in_a_row(values: np.ndarray, **settings: object) -> so.Trainer:
    """A trainer by RMSProp that is to be stepped with an input, which is its gradient."""
    x = so.vector("x", values.dtype)
    u = so.parameter(np.zeros_like(values[0]), name="u")
    trainer = so.build("rmsprop", (u * x).sum(), backend="numpy", **settings)
    for value in values:
        trainer.step(value)
    return trainer


@pytest.mark.parametrize("halflife", [0.5, 1, 3, 14, 69.0])
def test_after_a_halflife_of_steps_a_value_counts_half(halflife):
    gamma = float(decay(so.constant(halflife), None).eval())
    assert gamma**halflife == pytest.approx(0.5, rel=1e-14)
    assert gamma == pytest.approx(math.exp(-math.log(2) / halflife), rel=1e-15)


@pytest.mark.parametrize("halflife", [1, 3, 14])
def test_the_mean_of_gradients_has_half_of_the_first_left_after_a_halflife(halflife):
    first = gradients_in_a_row(np.array([[8.0]]), rms_halflife=halflife).state["u_mean"]
    later = gradients_in_a_row(np.array([[8.0]] + [[0.0]] * halflife), rms_halflife=halflife).state["u_mean"]
    assert later == pytest.approx(first / 2, rel=1e-13)


@pytest.mark.parametrize("centered", [True, False])
def test_a_decay_is_a_halflife_by_another_name(centered):
    values = np.random.default_rng(0).normal(size=(20, 4))
    by_halflife = gradients_in_a_row(values, rms_halflife=7, centered=centered, learning_rate=0.1)
    by_decay = gradients_in_a_row(values, rms_decay=0.5 ** (1 / 7), centered=centered, learning_rate=0.1)
    np.testing.assert_allclose(by_halflife.params["u"], by_decay.params["u"], rtol=1e-13)


@pytest.mark.parametrize("mean", [0.0, 1.0, 100.0])
def test_the_variance_is_the_mean_of_squares_less_the_square_of_the_mean(mean):
    values = np.random.default_rng(1).normal(mean, size=(60, 5))
    gamma = 0.9
    squares = means = np.zeros(5)
    for value in values:
        squares = gamma * squares + (1 - gamma) * value**2
        means = gamma * means + (1 - gamma) * value
    state = gradients_in_a_row(values, rms_decay=gamma).state
    np.testing.assert_allclose(state["u_mean"], means, rtol=1e-13)
    # The literal form loses what the squares have before the point; ours does not.
    lost = 60 * np.finfo(float).eps * (mean**2 + 1)
    np.testing.assert_allclose(state["u_variance"], squares - means**2, rtol=1e-13, atol=lost)


@pytest.mark.parametrize("gradient", [0.1, 1.0, 3.3e5, 7e-6])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_variance_of_a_constant_gradient_is_never_negative_in_float32(gradient, backend):
    u, loss = constant_gradient([gradient, -gradient], "float32")
    trainer = so.build("rmsprop", loss, learning_rate=1e-3, backend=backend)
    literal = []
    square = mean = np.float32(0)
    gamma, g = np.float32(0.5 ** (1 / 14)), np.float32(gradient)
    for _ in range(1000):
        trainer.step()
        assert (trainer.state["u_variance"] >= 0).all()
        square = gamma * square + (1 - gamma) * g * g
        mean = gamma * mean + (1 - gamma) * g
        literal.append(square - mean * mean)
    assert np.isfinite(u.value).all()
    assert trainer.state["u_variance"].max() < 1e-6 * gradient**2
    if gradient == 0.1:
        assert min(literal) < 0  # which is why the form is another


def test_steps_of_nesterov_for_a_constant_gradient():
    u, loss = constant_gradient(1.0)
    trainer = so.build("nag", loss, learning_rate=1, momentum=0.9)
    places = [float(u.value)]
    for _ in range(3):
        trainer.step()
        places.append(float(u.value))
    assert -np.diff(places) == pytest.approx([1.9, 2.71, 3.439], rel=1e-13)


def test_steps_of_momentum_for_a_constant_gradient():
    u, loss = constant_gradient(1.0)
    trainer = so.build("sgd", loss, learning_rate=1, momentum=0.9)
    places = [float(u.value)]
    for _ in range(3):
        trainer.step()
        places.append(float(u.value))
    assert -np.diff(places) == pytest.approx([1, 1.9, 2.71], rel=1e-13)


def test_nag_is_sgd_with_nesterovs_momentum():
    assert dict(vars(so.NAG())) == dict(vars(so.SGD(momentum=0.9, nesterov=True)))
    assert str(so.NAG().get_updates(constant_gradient(1.0)[1])) == str(
        so.SGD(momentum=0.9, nesterov=True).get_updates(constant_gradient(1.0)[1])
    )


def test_a_gradient_of_0_is_not_clipped_into_nan():
    u, loss = constant_gradient([0.0, 0.0])
    trainer = so.build("sgd", loss, learning_rate=1, max_gradient_norm=0.5, max_global_norm=0.5, max_gradient_elem=0.5)
    trainer.step()
    np.testing.assert_array_equal(u.value, [0, 0])


def test_nan_in_a_gradient_passes_all_clipping():
    u, loss = constant_gradient([math.nan, 1.0])
    trainer = so.build("sgd", loss, learning_rate=1, max_gradient_elem=0.5, clip_weights=3)
    trainer.step()
    np.testing.assert_array_equal(u.value, [math.nan, -0.5])


def test_a_norm_at_its_limit_stays_as_it_is():
    u, loss = constant_gradient([3.0, 4.0])
    trainer = so.build("sgd", loss, learning_rate=1, max_gradient_norm=5, max_global_norm=5)
    trainer.step()
    np.testing.assert_array_equal(u.value, [-3, -4])


def test_the_norm_is_of_each_parameter_and_the_global_norm_of_all():
    def after_one_step(**settings: float) -> list[float]:
        u, v = (so.parameter(0.0, name=name) for name in "uv")
        so.build("sgd", 3 * u + 4 * v, learning_rate=1, **settings).step()
        return [float(u.value), float(v.value)]

    assert after_one_step(max_gradient_norm=2) == pytest.approx([-2, -2])
    assert after_one_step(max_global_norm=2) == pytest.approx([-1.2, -1.6])
    assert after_one_step(max_gradient_norm=3, max_global_norm=1) == pytest.approx([-(0.5**0.5), -(0.5**0.5)])


def test_weight_decay_is_added_after_clipping():
    u = so.parameter(10.0, name="u")
    so.build("sgd", 100 * u, learning_rate=0.1, max_gradient_elem=1, weight_decay=0.5).step()
    assert u.value == pytest.approx(10 - 0.1 * (1 + 5))


def test_rescaling_comes_before_clipping():
    u, loss = constant_gradient(10.0)
    so.build("sgd", loss, learning_rate=1, rescale_gradient=0.01, max_gradient_elem=1).step()
    assert u.value == pytest.approx(-0.1)


@pytest.mark.parametrize("momentum", [0, 0.9])
def test_a_parameter_stays_within_its_bounds_from_the_first_update(momentum):
    u = so.parameter([0.0, 0.0, 9.0], name="u", lower=-0.5, upper=2)
    trainer = so.build("sgd", (u * so.constant([1.0, -1.0, 0.0])).sum(), learning_rate=0.3, momentum=momentum)
    seen = []
    for _ in range(9):
        trainer.step()
        seen.append(u.value)
    assert np.min(seen) == -0.5
    assert np.max(seen) == 2
    assert seen[0][2] == 2  # a value out of bounds is brought in


def test_one_bound_is_enough():
    u, v = so.parameter(1.0, name="u", lower=0), so.parameter(1.0, name="v", upper=1.5)
    trainer = so.build("sgd", u - v, learning_rate=1)
    for _ in range(3):
        trainer.step()
    assert (u.value, v.value) == (0, 1.5)


def test_the_states_of_an_optimizer_are_fresh_at_each_call():
    u, loss = constant_gradient(1.0)
    first, second = so.NAG().get_updates(loss), so.NAG().get_updates(loss)
    assert list(first.states) == list(second.states) == ["u_velocity"]
    assert first.states["u_velocity"] is not second.states["u_velocity"]
    f = so.function([], [loss], updates=first)
    f()
    assert first.states["u_velocity"].value != 0
    assert second.states["u_velocity"].value == 0
    assert u.value != 0


def test_updates_are_pairs_for_a_function():
    u, loss = constant_gradient(2.0)
    updates = so.SGD(learning_rate=0.25, momentum=0.5).get_updates(loss)
    assert [variable.name for variable, _ in updates] == ["u_velocity", "u", "iteration"]
    assert len(updates) == 3
    assert updates[-1][0] is updates.iteration
    f = so.function([], [loss], updates=updates)
    f()
    f()
    assert u.value == -0.5 - 0.75
    assert updates.iteration.value == 2
    assert updates.iteration.value.dtype == np.int64


def test_a_rule_of_ones_own_is_a_few_lines():
    from collections.abc import Iterator
    from dataclasses import dataclass
    from typing import Any

    from symopt.optimizers.hyperparameters import hyper
    from symopt.optimizers.states import state

    @dataclass(frozen=True, kw_only=True)
    class Signs(so.Optimizer):
        keep: float = hyper(0.5, low=0, high=1)

        def rule(self, param: Any, grad: Any) -> Iterator[Any]:
            mean = state(param, "mean")
            mean_next = self.keep * mean + (1 - self.keep) * grad
            yield mean, mean_next
            assert state(param, "mean") is mean
            return self.learning_rate * so.sign(mean_next)

    u, loss = constant_gradient([5.0, -0.1])
    trainer = so.build(Signs(learning_rate=0.5, max_gradient_elem=1), loss)
    for _ in range(3):
        trainer.step()
    np.testing.assert_array_equal(u.value, [-1.5, 1.5])
    assert "signs" not in so.OPTIMIZERS
