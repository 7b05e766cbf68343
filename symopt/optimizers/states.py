"""The states of optimizers: zeros at first, named after their parameter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from symopt.graph.construct import make_shared
from symopt.graph.nodes import Node, Shared

#: A variable and its next value.
Pair = tuple[Shared, Node]

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


def state(param: Shared, name: str, initial: Any = 0.0, shape: tuple[int, ...] | None = None) -> Shared:
    """The state ``<param>_<name>``, of the shape (if no other is given) and dtype of its parameter.

    ``initial`` is its first value, a number or an array; the same name gives the same state.
    """
    return common_state(f"{param.name}_{name}", initial, param.storage.shape if shape is None else shape, param.dtype)


def common_state(name: str, initial: Any = 0.0, shape: tuple[int, ...] = (), dtype: Any = np.float64) -> Shared:
    """A state that belongs to no single parameter."""
    made = _states.get()
    if made is None:
        raise RuntimeError("states are made while get_updates runs")
    if name not in made:
        made[name] = make_shared(np.broadcast_to(np.asarray(initial, dtype), shape), name, "state")
    return made[name]
