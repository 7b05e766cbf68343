"""PyTorch: recorded steps."""

import numpy as np
import pytest

from tests.available import BACKENDS
from tests.like.harness import Case, assert_agrees, cases, replay

CASES = cases("torch")
MUON = [case for case in CASES if case.record["optimizer"] == "Muon"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", [case for case in CASES if case not in MUON], ids=str)
def test_steps_are_those_of_torch(case: Case, backend: str) -> None:
    assert_agrees(case, backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", MUON, ids=str)
def test_steps_of_muon_are_as_near_as_bfloat16_lets_them_be(case: Case, backend: str) -> None:
    # PyTorch orthogonalises in bfloat16, here it is float32: weights within 0.2 of the rate, as the file says. The
    # momentum does not go through bfloat16, and is exact to float32.
    assert case.record["atol"] == pytest.approx(0.2 * case.record["hyper"]["lr"])
    assert_agrees(case, backend)
    for index, step in enumerate(replay(case, backend)):
        expected = case.array("M", case.record["state"]["M"]["momentum_buffer"][index])
        np.testing.assert_allclose(step.states["M"]["momentum_buffer"], expected, rtol=1e-5, atol=1e-6)
