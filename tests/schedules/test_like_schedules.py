"""Schedules of other systems against what these systems recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import symopt as so
from symopt.optimizers.like_schedules import SYSTEMS
from tests.training.problems import line

ORACLES = Path(__file__).parents[1] / "oracles"
FILES = {
    "mxnet_1_9": "mxnet_schedules.json",
    "mxnet_jl": "mxnet_jl_schedules.json",
    "optax": "optax_schedules.json",
    "sorix": "sorix_schedules.json",
    "torch": "torch_schedules.json",
}

#: optax computes in float32; for this schedule no tolerance was recorded.
FLOAT32 = {"rtol": 1e-6, "atol": 1e-9}


def cases():
    for system, file in FILES.items():
        for case in json.loads((ORACLES / file).read_text())["cases"]:
            tolerance = {} if "rtol" in case else FLOAT32
            yield pytest.param(system, {**case, **tolerance}, id=f"{system}-{case['id']}")


def test_every_system_with_recorded_schedules_is_covered():
    assert SYSTEMS.keys() == FILES.keys()
    assert {path.name for path in ORACLES.glob("*_schedules.json")} == set(FILES.values())


@pytest.mark.parametrize(("system", "case"), list(cases()))
def test_schedule_is_as_recorded(system, case):
    schedule = so.like_schedule(system, case["schedule"], **case["hyper"])
    if "metrics" in case:
        pairs = zip(schedule.after(case["metrics"]), case["lr_after_metric"], strict=True)
    elif "mu_t_and_next" in case:
        recorded = enumerate(case["mu_t_and_next"], case["first_index"])
        pairs = ((schedule.at(i + k), pair[k]) for i, pair in recorded for k in (0, 1))
    else:
        pairs = ((schedule.at(i), lr) for i, lr in enumerate(case["lr"], case["first_index"]))
    for got, recorded in pairs:
        assert type(got) is float
        assert abs(got - recorded) <= case["atol"] + case["rtol"] * abs(recorded)


def test_mxnet_schedules_begin_at_index_1_in_an_optimizer():
    u = so.parameter(0.0, name="u")
    rate = so.like_schedule("MXNet_1_9", "factorscheduler", step=2, factor=0.5, base_lr=1.0)
    trainer = so.build("sgd", u, learning_rate=rate)
    steps = []
    for _ in range(5):
        before = float(u.value)
        trainer.step()
        steps.append(before - float(u.value))
    assert steps == [rate.at(i) for i in range(1, 6)] == [1, 1, 0.5, 0.5, 0.25]


def test_mxnet_schedules_keep_their_index_within_a_sum():
    rate = so.like_schedule("mxnet_1_9", "FactorScheduler", step=2, factor=0.5, base_lr=1.0)
    assert [(rate + 1).at(i) for i in range(3)] == [2, 2, 1.5]


def test_plateaus_of_sorix_and_torch_differ_by_one_validation():
    settings = {"patience": 2, "factor": 0.5}
    torch = so.like_schedule("torch", "ReduceLROnPlateau", optimizer_lr=0.1, **settings)
    sorix = so.like_schedule("sorix", "ReduceLROnPlateau", base_lr=0.1, **settings)
    losses = [1.0, 1.0, 1.0, 1.0]
    assert torch.after(losses) == [0.1, 0.1, 0.1, 0.05]
    assert sorix.after(losses) == [0.1, 0.1, 0.05, 0.05]


def test_a_plateau_of_sorix_drives_a_trainer():
    model = line()
    rate = so.like_schedule("sorix", "ReduceLROnPlateau", base_lr=0.0, patience=1)
    trainer = so.build("sgd", model.loss, learning_rate=rate)
    trainer.minimize(model.rows, max_epochs=2, validate_every=1)
    assert trainer.optimizer.learning_rate.patience == 1
    assert type(trainer.optimizer.learning_rate) is type(rate)


def test_unknown_names_are_refused_with_the_nearest_one():
    with pytest.raises(ValueError, match="no system 'torhc'; did you mean 'torch'"):
        so.like_schedule("torhc", "StepLR")
    with pytest.raises(ValueError, match="no schedule of torch 'StpLR'; did you mean 'steplr'"):
        so.like_schedule("torch", "StpLR")
    with pytest.raises(TypeError, match="no keyword 'step_sise'; did you mean 'step_size'"):
        so.like_schedule("torch", "StepLR", step_sise=3)
    with pytest.raises(TypeError, match="also needs step_size, optimizer_lr"):
        so.like_schedule("torch", "StepLR")


def test_warm_restarts_of_torch_begin_each_period_anew_for_every_growth():
    for growth in (1, 2, 3, 5):
        rate = so.like_schedule("torch", "CosineAnnealingWarmRestarts", T_0=3, T_mult=growth, optimizer_lr=1.0)
        restart, length = 0, 3
        while restart < 2000:
            assert rate.at(restart) == pytest.approx(1, abs=1e-12)
            restart, length = restart + length, length * growth
            assert rate.at(restart - 1) < 0.5
