"""optax: recorded steps."""

import numpy as np
import pytest

import symopt as so
from tests.available import BACKENDS
from tests.like.harness import Case, assert_agrees, cases

CASES = cases("optax")

# The tolerances of the file were measured on the weights, not on the states of adafactor ("Limits" of its README). Its
# decay is a power in float32, in which one unit in the last place differs from library to library, and so do its
# states, of which "ema" is float32 itself.
STATES_OF_ADAFACTOR = {"rtol": 2e-6, "atol": 1e-8}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_steps_are_those_of_optax(case: Case, backend: str) -> None:
    near = STATES_OF_ADAFACTOR if case.record["optimizer"] == "adafactor" else None
    assert_agrees(case, backend, unused=unused_states(case), state_tolerance=near)


def unused_states(case: Case) -> set[tuple[str, str]]:
    """The single zeros that optax's adafactor keeps in the place of states that it doesn't need: parameter and name."""
    if case.record["optimizer"] != "adafactor":
        return set()
    return {
        (param, name)
        for param, states in case.record["state"].items()
        for name, values in states.items()
        if np.shape(values)[1:] == (1,) and not np.any(values)
    }


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["lamb", "lars", "fromage", "adagrad", "sm3"])
def test_nothing_that_is_0_becomes_nan(name: str, backend: str) -> None:
    w, v = so.parameter(np.zeros(3), name="w"), so.parameter(np.ones(3), name="v")
    loss = (2 * w).sum() + (0 * v).sum()
    updates = so.like("optax", name, learning_rate=0.5).get_updates(loss, [w, v])
    so.function([], [], updates=updates, backend=backend)()
    assert np.isfinite(w.value).all()
    # Only fromage moves without a gradient: it shrinks.
    np.testing.assert_allclose(v.value, 1 / np.sqrt(1.25) if name == "fromage" else 1)
    if name in ("lamb", "lars"):
        assert (w.value < 0).all(), "the ratio is 1 where a norm is 0"
