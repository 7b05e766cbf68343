"""Updates as equations: what a user reads is what runs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import symopt as so

SETTINGS: dict[str, so.UpdateRule] = {
    **{name: kind() for name, kind in so.OPTIMIZERS.items()},
    "sgd with momentum": so.SGD(learning_rate=0.1, momentum=0.9),
    "sgd with a falling rate": so.SGD(learning_rate=0.1 / (1 + so.iteration)),
    "plain rmsprop by decay": so.RMSProp(rms_decay=0.95, centered=False, learning_rate=1 / 3),
    "sgd clipped in all ways": so.SGD(max_gradient_elem=5, max_gradient_norm=1, clip_weights=10, weight_decay=1e-4),
    "adam, accumulated and averaged": so.Adam(accumulate=4, average_halflife=100),
    "sgd rescaled and clipped by the global norm": so.SGD(rescale_gradient=1 / 32, max_global_norm=2),
}


def updates_of(optimizer: so.UpdateRule) -> so.Updates:
    """Updates of two parameters (matrices, as some optimizers train nothing else)."""
    w, b = so.parameter(np.ones((2, 3)), name="W_1"), so.parameter(np.ones((1, 3)), name="b", lower=0)
    x = so.input("x", ("n", 2))
    return optimizer.get_updates(so.square(x @ w + b).mean())


@pytest.mark.parametrize("name", SETTINGS)
def test_equations_read_as_in_a_book(name: str, golden: Callable[..., None]) -> None:
    golden(str(updates_of(SETTINGS[name])))


@pytest.mark.parametrize("name", SETTINGS)
def test_latex_reads_as_in_a_book(name: str, golden: Callable[..., None]) -> None:
    golden(updates_of(SETTINGS[name]).latex(), ext="tex")


@pytest.mark.parametrize("name", SETTINGS)
def test_latex_parses_and_has_a_line_for_each_equation(name: str) -> None:
    updates = updates_of(SETTINGS[name])
    lines = updates.latex().split("\\\\\n")
    assert len(lines) == len(str(updates).splitlines())
    parser = MathTextParser("path")
    for line in lines:
        left, right = line.split("&")
        assert parser.parse(f"${left.strip()} {right.strip()}$").width > 0


def test_equations_show_four_digits_and_hyperparameters_all() -> None:
    updates = updates_of(so.SGD(learning_rate=1 / 3))
    assert "0.3333 * grad(W_1)" in str(updates)
    assert updates.hyperparameters == {"learning_rate": 1 / 3}


def test_a_halflife_is_printed_as_what_it_does() -> None:
    gamma = math.exp(-math.log(2) / 14)
    updates = updates_of(so.RMSProp(rms_halflife=14, centered=False))
    assert f"{gamma:.4g} * b_variance + {1 - gamma:.4g} * grad(b)**2" in str(updates)
    assert updates.hyperparameters["rms_halflife"] == 14


def test_equations_follow_a_change_of_hyperparameters() -> None:
    u = so.parameter(1.0, name="u")
    trainer = so.build("sgd", so.square(u), learning_rate=0.5)
    assert str(trainer.updates).startswith("u         <- u - 0.5 * grad(u)\n")
    trainer.set_hyperparameters(learning_rate=0.25)
    assert str(trainer.updates).startswith("u         <- u - 0.25 * grad(u)\n")
    trainer.set_hyperparameters(momentum=0.75)
    assert "u_velocity <- 0.75 * u_velocity - 0.25 * grad(u)" in str(trainer.updates)


def test_numbers_that_change_from_step_to_step_are_formulas_in_the_iteration() -> None:
    updates = updates_of(so.SGD(learning_rate=0.1 / (1 + so.iteration)))
    assert "0.1 / (1 + iteration) * grad(b)" in str(updates)


def test_updates_are_a_sequence() -> None:
    updates = updates_of(so.NAG())
    assert len(updates) == 5
    assert [variable.name for variable, _ in updates[:2]] == ["W_1_velocity", "W_1"]
    assert list(updates)[-1] == updates[-1]
