"""What minimize gives back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from symopt.graph.nodes import Array
from symopt.training.averages import Monitors


@dataclass(frozen=True)
class Result:
    """The last pair of monitors, to which it unpacks, and what was learned.

    ``params`` has the best parameters, by name (or by SymPy symbol, where the loss was given in SymPy); ``stopped``
    says why training ended.
    """

    train: Monitors
    valid: Monitors
    params: dict[Any, Array]
    trainer: Any
    stopped: str | None

    def __iter__(self) -> Iterator[Monitors]:
        return iter((self.train, self.valid))
