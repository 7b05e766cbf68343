"""The order of pieces of work, and the check that finds one out of place."""

from __future__ import annotations

import numpy as np
import pytest

import symopt as so
from symopt.backends.c import schedule


def counting_step() -> str:
    """The source of a step in which what is computed beside a counter is waited for."""
    x, w = so.input("x", ("n", 5)), so.parameter(np.ones(5), name="w")
    updates = so.Adam(learning_rate=0.1, accumulate=3).get_updates(so.square(x @ w).mean(), [w])
    return so.emit([x], [], updates=updates, backend="c")


def test_work_that_others_wait_for_is_not_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    counting_step()
    monkeypatch.setattr(schedule, "_conflict_of_items", lambda one, other: False)
    with pytest.raises(so.SymoptError, match="has lost its place: this is a defect of symopt"):
        counting_step()
