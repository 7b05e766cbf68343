"""Sorix: recorded steps, and the rows that its document on RMSprop prints."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symopt as so
from tests.available import BACKENDS
from tests.like.harness import Case, assert_agrees, cases, oracle


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", cases("sorix"), ids=str)
def test_steps_are_those_of_sorix(case: Case, backend: str) -> None:
    assert_agrees(case, backend)


def rows(record: dict[str, Any], backend: str) -> Iterator[tuple[float, float, float]]:
    """x and y after each step of the document's example, and the loss before it."""
    x, y = (so.parameter(np.array([v], record["dtype"]), name=n) for v, n in zip(record["start"], "xy", strict=True))
    a, b = (so.constant(np.array([v], record["dtype"])) for v in record["coef"])
    loss = (a * x * x + b * y * y).sum()
    rule = so.like("sorix", record["optimizer"], **record["hyper"])
    step = so.function([], loss, updates=rule.get_updates(loss), backend=backend)
    for _ in range(record["steps"]):
        before = float(step())
        yield float(x.value[0]), float(y.value[0]), before


ANISOTROPIC = oracle("sorix_anisotropic")["cases"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("record", ANISOTROPIC, ids=lambda record: record["id"])
def test_anisotropic_example(record: dict[str, Any], backend: str) -> None:
    found = list(rows(record, backend))
    expected = record["rows_x_y_after_loss_before"]
    np.testing.assert_allclose(found, expected, rtol=record["rtol"], atol=record["atol"])
    printed = [f"Epoch {i}: x = {x:.4f}, y = {y:.4f}, loss = {loss:.4f}" for i, (x, y, loss) in enumerate(found, 1)]
    assert printed == record["printed"]


DOCUMENT = """
Epoch 1: x = 4.0000, y = 4.0000, loss = 275.0000
Epoch 2: x = 3.3734, y = 3.3734, loss = 176.0000
Epoch 3: x = 2.9043, y = 2.9043, loss = 125.1775
Epoch 4: x = 2.5283, y = 2.5283, loss = 92.7866
Epoch 5: x = 2.2157, y = 2.2157, loss = 70.3128
Epoch 6: x = 1.9503, y = 1.9503, loss = 54.0031
Epoch 7: x = 1.7217, y = 1.7217, loss = 41.8402
Epoch 8: x = 1.5230, y = 1.5230, loss = 32.6073
Epoch 9: x = 1.3489, y = 1.3489, loss = 25.5132
Epoch 10: x = 1.1959, y = 1.1959, loss = 20.0162
"""


def test_the_first_example_is_the_one_that_the_document_prints() -> None:
    assert ANISOTROPIC[0]["printed"] == DOCUMENT.strip().splitlines()


def test_our_page_shows_these_rows() -> None:
    # tests/architecture/test_documents.py runs the code above them, and compares what it prints.
    page = (Path(__file__).resolve().parents[2] / "docs" / "like.md").read_text(encoding="utf-8")
    assert f'loss = {{before:.4f}}")\n{DOCUMENT.strip()}\n```' in page
