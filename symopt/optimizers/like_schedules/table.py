"""How the modules of this folder are written: functions with a system's own arguments, by the system's own names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symopt.optimizers.schedules.base import Schedule

#: The schedules of one system, by name in lower case.
Table = dict[str, Callable[..., Schedule]]


def table(**makers: Callable[..., Schedule]) -> Table:
    """Makers by their names in lower case."""
    return {name.lower(): maker for name, maker in makers.items()}


def refuse(system: str, **unsupported: Any) -> None:
    """Refuse arguments that only a function of the other system could follow."""
    for name, value in unsupported.items():
        if value is not None:
            raise ValueError(f"{system}: {name}={value!r} is not covered")
