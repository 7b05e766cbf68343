"""The benchmarks on the GPU: the scripts run, what they compare is right, and they judge as they say."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gpu import given, table, timing
from benchmarks.gpu.outcome import Outcome
from benchmarks.gpu.works import COPY, HAND, JAX, OURS, TORCH, WORKS, Claim, lengths, moved
from tests.conftest import TESTS
from tests.cuda import compiled

WORK = {(work.name, work.size): work for work in WORKS}
CURVE = WORK["curve", 10**8]


@pytest.mark.skipif(compiled.PROBLEM is not None, reason=str(compiled.PROBLEM))
def test_the_scripts_run_and_their_results_are_right(tmp_path: Path) -> None:
    chosen = ["--only", "update_adagrad tensors", "--only", "network", "--only", "curve"]
    command = [sys.executable, "-m", "benchmarks.gpu", "--on-cpu", "--out", str(tmp_path), *chosen]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = json.loads((tmp_path / "gpu.json").read_text())["outcomes"]
    ran = [(one["work"], name, said.get("wrong")) for one in outcomes for name, said in one["contestants"].items()]
    assert ran == [
        ("update_adagrad tensors", OURS, ""),
        ("network", OURS, ""),
        ("network", "symopt repeat", ""),
        ("curve", OURS, ""),
        ("curve", HAND, ""),
    ]
    assert outcomes[0]["contestants"][OURS]["launches"] <= 2
    assert not any("figures" in said for one in outcomes for said in one["contestants"].values())
    assert (tmp_path / "gpu.md").read_text().strip() in done.stdout


def outcome(seconds: dict[str, float], *claims: Claim, bandwidth: float = 800e9) -> Outcome:
    """That of the curve, whose rows a copy moves in 1 ms."""
    made = Outcome(dataclasses.replace(CURVE, claims=claims), CURVE.size, bandwidth)
    made.answers = {name: {"figures": [value * 0.9, value, value * 2]} for name, value in seconds.items()}
    return made


@pytest.mark.parametrize(
    ("seconds", "claim", "value", "met"),
    [
        ({OURS: 1.25e-3}, Claim("share", 0.8, HAND), 0.8, True),
        ({OURS: 1.3e-3, HAND: 0.9e-3}, Claim("share", 0.8, HAND), 1 / 1.3, False),
        ({OURS: 2.5e-3, HAND: 2e-3}, Claim("share", 0.8, HAND), 0.8, True),
        ({OURS: 1e-3, TORCH: 2e-3}, Claim("ratio", 0.5, TORCH), 0.5, True),
        ({OURS: 1e-3, JAX: 1e-3}, Claim("ratio", 0.8, JAX), 1.0, False),
        ({OURS: 1e-3}, Claim("ratio", 0.8, JAX), None, None),
        ({OURS: 9e-6}, Claim("seconds", 10e-6), 9e-6, True),
        ({JAX: 1e-3}, Claim("seconds", 10e-6), None, None),
    ],
)
def test_what_is_reached(seconds: dict[str, float], claim: Claim, value: float | None, met: bool | None) -> None:
    made = outcome(seconds, claim)
    assert made.reached(claim) == (None if value is None else pytest.approx(value))
    assert made.met(claim) is met
    assert made.verdict() == {True: "ok", False: "MISS", None: "-"}[met]
    assert table.cells(made)[-1] == made.verdict()


def test_a_wrong_result_counts_for_nobody() -> None:
    made = outcome({OURS: 1e-3, TORCH: 1e-3}, Claim("ratio", 2, TORCH))
    made.answers[TORCH]["wrong"] = "result 0 differs by 1"
    assert made.verdict() == "-"
    assert made.notes() == ["curve 100000000: torch is wrong, and so is not counted: result 0 differs by 1"]
    made.answers[OURS]["wrong"] = "result 0 differs by 2"
    assert made.verdict() == "WRONG"


def test_bytes_that_must_move() -> None:
    assert moved(WORK["update_adam", 10**8], 10**8) == 28 * 10**8  # three read and written, the gradient read
    assert moved(WORK["update_adagrad", 10**8], 10**8) == 20 * 10**8
    assert moved(CURVE, 10**8) == 8 * 10**8
    sizes = lengths(200)
    assert (len(sizes), sizes[0], sizes[-1]) == (200, 1000, 1_000_000)
    assert moved(WORK["update_adam tensors", 200], 200) == 28 * sum(sizes)


def test_the_reference_of_the_network_is_a_gradient() -> None:
    rng = np.random.default_rng(0)
    params = [rng.normal(size=shape) * 0.1 for shape in ((784, 256), (256,), (256, 128), (128,), (128, 10), (10,))]
    x, labels = rng.random((7, 784)), np.arange(7)

    def loss(last_bias: np.ndarray, first: float) -> float:
        hidden = np.tanh(x @ (params[0] + first) + params[1])
        scores = np.tanh(hidden @ params[2] + params[3]) @ params[4] + last_bias
        return float(np.mean(np.log(np.exp(scores).sum(1)) - scores[np.arange(7), labels]))

    gradients = given.network_gradients(params, x, labels)
    step = np.zeros(10)
    step[3] = 1e-5
    slope = (loss(params[5] + step, 0) - loss(params[5] - step, 0)) / 2e-5
    assert gradients[5][3] == pytest.approx(slope, rel=1e-6)
    slope = (loss(params[5], 1e-6) - loss(params[5], -1e-6)) / 2e-6
    assert gradients[0].sum() == pytest.approx(slope, rel=1e-5)


def test_both_forms_of_rmsprop_agree_on_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given, "CHECKED", 1)
    ((start, gradient),) = given.update(100, False)
    one, other = (start - given.updated("rmsprop", start, gradient, form) for form in (False, True))
    np.testing.assert_allclose(one, other, rtol=1e-3)  # epsilon is inside the root, or outside


def test_rounds_have_as_many_steps_as_fill_them() -> None:
    now, ran = [0.0], []

    def run(steps: int) -> None:
        ran.append(steps)
        now[0] += 1e-5 * steps

    def clock(work) -> float:
        begin = now[0]
        work()
        return now[0] - begin

    rounds = timing.rounds_of(run, clock, quick=True)
    assert rounds == pytest.approx([1e-5] * timing.QUICK_ROUNDS)
    assert ran[-1] >= timing.QUICK_SECONDS / 2 / 1e-5


def test_every_work_names_what_it_is_measured_against() -> None:
    for work in WORKS:
        known = {*work.contestants, COPY}
        assert {claim.against for claim in work.claims if claim.against} <= known
