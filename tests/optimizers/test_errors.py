"""What optimizers refuse, and what they say then."""

from __future__ import annotations

import math

import numpy as np
import pytest

import symopt as so


def parabola(name: str = "u", start: object = 1.0) -> so.Tensor:
    u = so.parameter(start, name=name)
    return so.square(u).sum()


@pytest.mark.parametrize(
    ("kind", "given", "names"),
    [
        (so.RMSProp, {"rms_halflife": 14, "rms_decay": 0.9}, "rms_halflife or rms_decay"),
        # Also where both say the same, or one is the default.
        (so.RMSProp, {"rms_halflife": 14.0, "rms_decay": 0.5 ** (1 / 14)}, "rms_halflife or rms_decay"),
        (so.Adam, {"beta1": 0.9, "beta1_halflife": 7}, "beta1 or beta1_halflife"),
        (so.Adam, {"beta2": 0.999, "beta2_halflife": 69}, "beta2 or beta2_halflife"),
    ],
)
def test_a_halflife_and_a_decay_together_are_refused(kind, given, names):
    with pytest.raises(TypeError, match=f"{kind.__name__}: give {names}, not both"):
        kind(**given)


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (so.SGD, {"learning_rate": -0.1}, r"SGD\(learning_rate=-0.1\): expected a number from 0$"),
        (so.SGD, {"learning_rate": math.nan}, r"learning_rate=nan\): expected a number from 0$"),
        (so.SGD, {"momentum": 1.5}, r"momentum=1.5\): expected a number from 0 to 1$"),
        (so.NAG, {"momentum": -1}, r"NAG\(momentum=-1\): expected a number from 0 to 1"),
        (so.SGD, {"weight_decay": -1e-4}, "weight_decay=-0.0001"),
        (so.SGD, {"max_gradient_elem": -1}, "max_gradient_elem=-1"),
        (so.SGD, {"max_gradient_norm": 0}, r"max_gradient_norm=0\): expected a number above 0$"),
        (so.SGD, {"max_global_norm": 0}, r"max_global_norm=0\): expected a number above 0$"),
        (so.SGD, {"clip_weights": -2}, "clip_weights=-2"),
        (so.RMSProp, {"rms_halflife": 0}, r"rms_halflife=0\): expected a number above 0$"),
        (so.RMSProp, {"rms_decay": 1.01}, r"rms_decay=1.01\): expected a number from 0 to 1$"),
        (so.RMSProp, {"rms_regularizer": -1e-9}, "rms_regularizer=-1e-09"),
    ],
)
def test_numbers_out_of_range_are_refused(kind, given, message):
    with pytest.raises(ValueError, match=message):
        kind(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learning_rate": "0.1"}, r"RMSProp\(learning_rate='0.1'\): expected a number"),
        ({"learning_rate": None}, r"learning_rate=None\): expected a number"),
        ({"learning_rate": True}, r"learning_rate=True\): expected a number"),
        ({"learning_rate": 0.1j}, "expected a number"),
        ({"learning_rate": [0.1]}, r"learning_rate=\[0.1\]\): expected a number"),
        ({"rms_regularizer": None}, r"rms_regularizer=None\): expected a number"),
        ({"nesterov": 1}, r"nesterov=1\): expected True or False"),
        ({"centered": "no"}, r"centered='no'\): expected True or False"),
        ({"learning_rate": so.parameter(0.1, name="rate")}, "a number, or an expression in so.iteration and numbers"),
    ],
)
def test_what_is_no_number_is_refused(given, message):
    with pytest.raises(TypeError, match=message):
        so.RMSProp(**given)


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.float64(0.25), np.int64(1)])
def test_numbers_of_all_kinds_are_taken(value):
    loss = parabola()
    trainer = so.build("sgd", loss, learning_rate=value)
    trainer.step()
    assert trainer.params == {"u": 1 - 2 * float(value)}


@pytest.mark.parametrize("name", ["momentum", "weight_decay", "rescale_gradient", "max_gradient_norm", "clip_weights"])
def test_none_switches_off_what_can_be_off(name):
    assert str(so.SGD(**{name: None}).get_updates(parabola())) == str(so.SGD().get_updates(parabola()))


def test_optimizers_cannot_be_changed():
    with pytest.raises(AttributeError):
        so.SGD().learning_rate = 3  # type: ignore[misc]


def test_keywords_are_by_name_alone():
    with pytest.raises(TypeError):
        so.SGD(0.1)  # type: ignore[misc]


def test_a_parameter_that_is_not_in_the_loss_is_refused():
    stranger = so.parameter(1.0, name="stranger")
    with pytest.raises(so.NotDifferentiable, match="the loss does not depend on parameter 'stranger'") as caught:
        so.SGD().get_updates(parabola(), [stranger])
    assert __file__ in str(caught.value)


def test_a_loss_without_parameters_is_refused():
    with pytest.raises(so.NotDifferentiable, match="the loss depends on no parameter"):
        so.SGD().get_updates(so.vector("x").sum())


def test_two_parameters_of_one_name_are_refused():
    with pytest.raises(so.DataError, match="two parameters are called 'u'"):
        so.SGD().get_updates(parabola("u") + parabola("u"))


def test_parameters_of_integers_are_refused():
    with pytest.raises(so.DTypeError, match="parameter 'n' has dtype int64; a trainable parameter is a float"):
        so.parameter([1, 2], name="n")


@pytest.mark.parametrize("made", ["state", "input", "expression"])
def test_only_parameters_are_trained(made):
    u = so.parameter(1.0, name="u")
    v = so.state(1.0, name="v")
    x = so.scalar("x")
    other = {"state": v, "input": x, "expression": 2 * u}[made]
    with pytest.raises(so.NotDifferentiable, match="is not a parameter: make it with"):
        so.SGD().get_updates(u * v * x, [other])


def test_a_loss_of_several_numbers_is_refused():
    u = so.parameter([1.0, 2.0], name="u")
    with pytest.raises(so.ShapeError):
        so.SGD().get_updates(u * u)


def test_a_loss_of_integers_is_refused():
    u = so.parameter([1.0, 2.0], name="u")
    with pytest.raises(so.SymoptError):
        so.SGD().get_updates(so.cast(u, "int64").sum())


def test_a_state_asked_for_outside_of_updates_is_refused():
    from symopt.optimizers.states import state

    with pytest.raises(RuntimeError, match="while get_updates runs"):
        state(so.parameter(1.0, name="u"), "mean")
