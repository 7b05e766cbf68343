"""Every optimizer follows its paper for 50 updates, in every backend and both dtypes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import symopt as so
from tests.available import BACKENDS
from tests.optimizers.reference import Values
from tests.optimizers.rows import ROWS, Row, everything

UPDATES = 50

_rng = np.random.default_rng(2)
#: Four mini-batches that come round and round, so that gradients have a variance.
BATCHES = [(_rng.normal(size=(6, 3)), _rng.normal(size=(6, 2))) for _ in range(4)]
START = {"w": 0.5 * _rng.normal(size=(3, 2)), "b": np.array([0.7, -0.4])}


def start_within(bounds: dict[str, tuple[float, float]]) -> Values:
    return {name: np.clip(value, *bounds.get(name, (-np.inf, np.inf))) for name, value in START.items()}


def reference(row: Row) -> Iterator[Values]:
    """The parameters after each update of mean((x w + b - y)**2), by hand."""
    count = iter(range(UPDATES + 1))

    def gradient(params: Values) -> Values:
        x, y = BATCHES[next(count) % len(BATCHES)]
        error = 2 * (x @ params["w"] + params["b"] - y) / y.size
        return {"w": x.T @ error, "b": error.sum(0)}

    return row.loop(start_within(row.bounds), gradient)


def trainer_of(row: Row, dtype: str, backend: str) -> so.Trainer:
    x, y = so.input("x", ("rows", 3), dtype), so.input("y", ("rows", 2), dtype)
    params = {}
    for name, value in start_within(row.bounds).items():
        lower, upper = row.bounds.get(name, (None, None))
        params[name] = so.parameter(value.astype(dtype), name=name, lower=lower, upper=upper)
    return so.build(row.optimizer, so.square(x @ params["w"] + params["b"] - y).mean(), backend=backend)


def tolerance(dtype: str) -> float:
    """Each update rounds about ten times, and errors add up; where a variance is small its root magnifies them."""
    return 10 * UPDATES * float(np.finfo(dtype).eps)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", ROWS)
def test_50_updates_follow_the_paper(row, dtype, backend):
    expected = reference(ROWS[row])
    trainer = trainer_of(ROWS[row], dtype, backend)
    for update in range(1, UPDATES + 1):
        trainer.step([array.astype(dtype) for array in BATCHES[(update - 1) % len(BATCHES)]])
        for name, value in next(expected).items():
            found = trainer.params[name]
            assert found.dtype == dtype
            np.testing.assert_allclose(
                found, value, rtol=0, atol=tolerance(dtype), err_msg=f"{name} after update {update}"
            )


def end_of(row: Row) -> np.ndarray:
    """All parameters where the reference ends, in one vector."""
    *_, last = (values for _, values in zip(range(UPDATES), reference(row), strict=False))
    return np.concatenate([last["w"].ravel(), last["b"]])


@pytest.mark.parametrize("row", [name for name in ROWS if name != "sgd, rate 0"])
def test_every_row_moves_every_parameter(row):
    # So that no row agrees by standing still.
    still = Row(ROWS["sgd, rate 0"].optimizer, ROWS["sgd, rate 0"].loop, ROWS[row].bounds)
    moved = np.abs(end_of(ROWS[row]) - end_of(still)) > 1e-3
    assert moved.sum() >= moved.size - 1  # one may end at the bound where it began


@pytest.mark.parametrize(
    "row",
    ["rescaled", "clipped by element", "clipped by norm", "clipped by global norm", "weight decay", "clipped weights"],
)
def test_what_a_row_adds_to_plain_sgd_changes_its_course(row):
    assert np.abs(end_of(ROWS[row]) - end_of(ROWS["sgd"])).max() > 1e-2


@pytest.mark.parametrize(
    "without", [{"rescale": 1.0}, {"elem": None}, {"norm": None}, {"global_norm": None}, {"weight_decay": 0.0}]
)
def test_every_part_of_the_preparation_counts_when_all_are_at_work(without):
    row = ROWS["all preparation at once"]
    lacking = Row(row.optimizer, everything(**without), row.bounds)
    assert np.abs(end_of(row) - end_of(lacking)).max() > 1e-3


def test_every_optimizer_has_a_row():
    rows = {type(row.optimizer) for row in ROWS.values()}
    elsewhere = {so.ESGD, so.Muon}  # they need other problems: test_catalogue.py
    assert rows | elsewhere >= set(so.OPTIMIZERS.values())
