"""The states of optimizers: zeros at first, named after their parameter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from symopt.graph.construct import make_shared
from symopt.graph.nodes import Shared

_states: ContextVar[dict[str, Shared] | None] = ContextVar("states", default=None)


@contextmanager
def fresh_states() -> Iterator[dict[str, Shared]]:
    """States asked for inside are new ones, each made once; all of them by name."""
    made: dict[str, Shared] = {}
    token = _states.set(made)
    try:
        yield made
    finally:
        _states.reset(token)


def state(param: Shared, name: str, initial: float = 0.0) -> Shared:
    """The state ``<param>_<name>``, of the shape and dtype of its parameter; the same one for the same name."""
    made = _states.get()
    if made is None:
        raise RuntimeError("states are made while get_updates runs")
    full = f"{param.name}_{name}"
    if full not in made:
        made[full] = make_shared(np.full(param.storage.array.shape, initial, param.dtype), full, "state")
    return made[full]
