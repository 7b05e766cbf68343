"""downhill: recorded steps, paths on the function of Rosenbrock, and its loop."""

from typing import Any

import numpy as np
import pytest

import symopt as so
from tests.available import BACKENDS
from tests.like.harness import Case, assert_agrees, cases, oracle

SYSTEMS = ("downhill_0_4_0", "downhill_0_5_0pre")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", [case for system in SYSTEMS for case in cases(system)], ids=str)
def test_steps_are_those_of_downhill(case: Case, backend: str) -> None:
    assert_agrees(case, backend)


def rosenbrock(x: so.Tensor) -> so.Tensor:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


TRAJECTORIES = [(system, record) for system in SYSTEMS for record in oracle(f"{system}_trajectories")["cases"]]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("system", "record"), TRAJECTORIES, ids=lambda given: given["id"] if isinstance(given, dict) else given
)
def test_trajectories_are_those_of_downhill(system: str, record: dict[str, Any], backend: str) -> None:
    tolerance = {"rtol": record["rtol"], "atol": record["atol"]}
    x = so.parameter(np.array(record["x0"]), name="x")
    loss = rosenbrock(x)
    draw = so.input("draw", shape=x.shape)
    draws = record.get("draws")
    probe = {} if draws is None else {"probe": draw}
    updates = so.like(system, record["optimizer"], **record["hyper"], **probe).get_updates(loss)
    step = so.function([draw] if draws else [], loss, updates=updates, backend=backend)
    for index in range(record["steps"]):
        before = step(np.array(draws[index])) if draws else step()
        np.testing.assert_allclose(before, record["loss_before_step"][index], **tolerance, err_msg=f"loss {index}")
        np.testing.assert_allclose(x.value, record["x_after_step"][index], **tolerance, err_msg=f"step {index}")
    for name, values in record["final_state"].items():
        np.testing.assert_allclose(updates.states[f"x_{name}"].value, values, **tolerance, err_msg=name)


LOOPS = oracle("downhill_0_4_0_loop")["cases"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("record", LOOPS, ids=lambda record: record["id"])
def test_loop_is_that_of_downhill(record: dict[str, Any], backend: str) -> None:
    tolerance = {"rtol": record["rtol"], "atol": record["atol"]}
    x = so.parameter(np.array(record["x0"]), name="x")
    rule = so.like("downhill_0_4_0", record["optimizer"], **record["hyper"])
    trainer = so.build(rule, rosenbrock(x), backend=backend)
    losses, path = [], []
    for train, _ in trainer.iterate(**record["loop"], final_validation=False):
        losses.append(train["loss"])
        path.append(x.value)
    assert len(losses) == record["updates_done"]
    np.testing.assert_allclose(losses, record["train_loss"], **tolerance)
    np.testing.assert_allclose(path[-1], record["x_after_last_update"], **tolerance)
    np.testing.assert_allclose(x.value, record["x_final"], **tolerance)
