"""`so.like`: names, arguments, defaults."""

import inspect
import re
from typing import Any

import numpy as np
import pytest

import symopt as so
from symopt.optimizers.like import SYSTEMS
from tests.available import BACKENDS
from tests.like.harness import oracle


def made(system: str, optimizer: str, **arguments: Any) -> so.UpdateRule:
    """An optimizer, with some rate where the system wants one."""
    parameters = inspect.signature(SYSTEMS[system][optimizer.lower()]).parameters
    if "learning_rate" in parameters:
        arguments = {"learning_rate": 0.25, **arguments}
    return so.like(system, optimizer, **arguments)


@pytest.mark.parametrize("system", ["torch", "optax", "sorix"])
def test_defaults_and_names_are_those_of_the_system(system: str) -> None:
    defaults = oracle(system)["defaults"]
    assert {name.lower() for name in defaults} == set(SYSTEMS[system])
    for name, arguments in defaults.items():
        assert made(system, name) == made(system, name, **arguments), name


@pytest.mark.parametrize("system", ["torch", "optax", "sorix"])
def test_every_rule_says_what_is_computed(system: str) -> None:
    for name in SYSTEMS[system]:
        kind = type(made(system, name))
        assert kind.__doc__, name
        assert re.match(rf"(py)?{system}'s {name}", kind.__doc__, re.IGNORECASE), name


def test_case_does_not_matter() -> None:
    assert so.like("Torch", "ADAMW", lr=0.5) == so.like("torch", "adamw", lr=0.5)
    assert so.like("torch", "AdamW") != so.like("torch", "Adam")


@pytest.mark.parametrize(
    ("system", "optimizer", "message"),
    [
        ("torhc", "adam", "no system 'torhc'; did you mean 'torch'"),
        ("xyz", "adam", "no system 'xyz'; there are downhill_0_4_0, .*torch"),
        ("torch", "addam", "no optimizer of torch 'addam'; did you mean 'adam'"),
        ("sorix", "xyz", "there are sgd, sgdmomentum, rmsprop, adam"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(system: str, optimizer: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        so.like(system, optimizer)


@pytest.mark.parametrize(
    ("system", "optimizer", "arguments", "message"),
    [
        ("torch", "adam", {"beta": (0.9, 0.9)}, "torch's adam has no keyword 'beta'; did you mean 'betas'"),
        ("torch", "adam", {"beta1": 0.9}, "no keyword 'beta1'; did you mean 'betas'"),
        ("optax", "adam", {"lerning_rate": 0.9}, "no keyword 'lerning_rate'; did you mean 'learning_rate'"),
        ("torch", "adam", {"betas": (0.9,)}, r"betas=\(0.9,\)\): expected 2 numbers"),
        ("torch", "adam", {"betas": 0.9}, r"betas=0.9\): expected 2 numbers"),
        ("optax", "sgd", {}, "learning_rate"),
    ],
)
def test_unknown_arguments_are_refused_with_the_nearest(
    system: str, optimizer: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        so.like(system, optimizer, **arguments)


@pytest.mark.parametrize(
    ("system", "optimizer", "arguments"),
    [
        ("torch", "sgd", {"nesterov": True}),
        ("torch", "adam", {"betas": (0.9, 1.5)}),
        ("torch", "muon", {"adjust_lr_fn": "rms"}),
    ],
)
def test_what_the_system_refuses_is_refused(system: str, optimizer: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"(?i)^{optimizer}\("):
        so.like(system, optimizer, **arguments)


def test_bounds_of_a_parameter_hold() -> None:
    w = so.parameter(np.array([0.5, -0.5]), name="w", lower=-0.6, upper=0.6)
    step = so.function([], [], updates=so.like("torch", "sgd", lr=1.0).get_updates(-(w * w).sum()), backend="numpy")
    step()
    np.testing.assert_array_equal(w.value, [0.6, -0.6])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("system", "optimizer"), [(system, name) for system in ("torch", "optax", "sorix") for name in SYSTEMS[system]]
)
def test_all_rules_lower_a_loss_in_float32(system: str, optimizer: str, backend: str) -> None:
    w = so.parameter(np.array([[1.0, -2.0], [0.5, 3.0]], "float32"), name="w")
    loss = so.square(w - 0.25).mean()
    step = so.function([], loss, updates=made(system, optimizer).get_updates(loss), backend=backend)
    before = step()
    for _ in range(5):
        step()
    assert w.value.dtype == "float32"
    assert step() < before
