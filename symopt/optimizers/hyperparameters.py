"""Hyperparameters: fields of an optimizer that become run-time numbers in its updates.

A field made by :func:`hyper` holds a number, an expression in the iteration, or a schedule. In the updates each number
stands as a shared weak scalar, so that its value can change without a new compilation. What would change the structure
of the updates (a momentum of 0, no clipping) is *off*, and stays out of them altogether.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import symopt.tensor as so
from symopt.graph.construct import make_shared
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.counts import iteration as iteration
from symopt.optimizers.schedules.base import Schedule, changed, numbers_of, structure

LN2 = math.log(2.0)

#: What a hyperparameter may be given as: a number, a schedule, or an expression in ``so.iteration``. In a rule each is
#: a node, so that all arithmetic is allowed.
Number = Any


def hyper(
    default: float | None,
    *,
    low: float = -math.inf,
    above: float = -math.inf,
    high: float = math.inf,
    off: float | None = None,
    unless: tuple[str, float] | None = None,
) -> Any:
    """A numeric field from ``low`` to ``high``, and greater than ``above``; it is off at None or at the number ``off``.

    ``unless=(other, number)``: where neither this field nor ``other`` is given, this one is ``number``; both cannot be.
    """
    return dataclasses.field(
        default=default, metadata={"low": low, "above": above, "high": high, "off": off, "unless": unless}
    )


def numeric_fields(optimizer: Any) -> list[dataclasses.Field[Any]]:
    """The fields that :func:`hyper` made."""
    return [field for field in dataclasses.fields(optimizer) if "low" in field.metadata]


def check(optimizer: Any) -> None:
    """Every number is a number, and within its range; every switch is True or False."""
    for field in dataclasses.fields(optimizer):
        value = getattr(optimizer, field.name)
        if isinstance(field.default, bool) and not isinstance(value, bool):
            raise TypeError(f"{type(optimizer).__name__}({field.name}={value!r}): expected True or False")
    for field in numeric_fields(optimizer):
        value = getattr(optimizer, field.name)
        if field.metadata["unless"] is not None:
            _exclusive(optimizer, field.name, field.metadata["unless"][0])
        if value is None and (field.default is None or field.metadata["off"] is not None):
            continue
        label = f"{type(optimizer).__name__}({field.name}={value!r})"
        if isinstance(value, Schedule):
            continue
        if isinstance(value, Node):
            if not value.weak:
                raise TypeError(f"{label}: a hyperparameter is a number, or an expression in so.iteration and numbers")
        elif isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"{label}: expected a number")
        elif not _in_range(value, field.metadata):
            low, above, high = (field.metadata[name] for name in ("low", "above", "high"))
            least = f"from {low:g}" if above < low else f"above {above:g}"
            raise ValueError(f"{label}: expected a number {least}{f' to {high:g}' if high < math.inf else ''}")


def _in_range(value: Any, limits: Mapping[str, float]) -> bool:
    return bool(limits["low"] <= value <= limits["high"] and value > limits["above"])


def _exclusive(optimizer: Any, *names: str) -> None:
    if all(getattr(optimizer, name) is not None for name in names):
        raise TypeError(f"{type(optimizer).__name__}: give {' or '.join(names)}, not both")


def is_off(value: Any, off: float | None) -> bool:
    """Whether a field is switched off."""
    return value is None or (not isinstance(value, (Node, Schedule)) and off is not None and value == off)


def switches(optimizer: Any) -> dict[str, Any]:
    """The settings that are no numbers, as far as they are plain values."""
    numeric = {field.name for field in numeric_fields(optimizer)}
    names = [field.name for field in dataclasses.fields(optimizer) if field.name not in numeric]
    values = {name: getattr(optimizer, name) for name in names}
    values |= {
        name: type(value).__name__ for name in numeric if isinstance(value := getattr(optimizer, name), Schedule)
    }
    return {name: value for name, value in values.items() if value is None or isinstance(value, (bool, int, str))}


def resolved(optimizer: Any, field: dataclasses.Field[Any]) -> Any:
    """The value of a field; None where it is off."""
    value, unless = getattr(optimizer, field.name), field.metadata["unless"]
    if value is None and unless is not None and getattr(optimizer, unless[0]) is None:
        return unless[1]
    return None if is_off(value, field.metadata["off"]) else value


def bind(optimizer: Any) -> tuple[Any, dict[str, Shared]]:
    """A copy of ``optimizer`` with shared scalars for numbers and None for what is off; and the scalars by name.

    A schedule becomes an expression in the placeholders of counts and in a scalar for each of its numbers.
    """
    shared: dict[str, Shared] = {}

    def share(name: str, value: float) -> Shared:
        shared[name] = make_shared(value, name, "hyperparameter")
        return shared[name]

    bound = {field.name: changed(resolved(optimizer, field), field.name, share) for field in numeric_fields(optimizer)}
    values = {name: value.node() if isinstance(value, Schedule) else value for name, value in bound.items()}
    return dataclasses.replace(optimizer, **values), shared


def numbers(optimizer: Any) -> dict[str, float]:
    """The values of the scalars that :func:`bind` makes."""
    values: dict[str, float] = {}
    for field in numeric_fields(optimizer):
        values |= numbers_of(resolved(optimizer, field), field.name)
    return values


def with_numbers(optimizer: Any, values: Mapping[str, float]) -> Any:
    """A copy of ``optimizer`` with other values for some of its :func:`numbers`."""

    def replaced(name: str, value: float) -> float:
        return values.get(name, value)

    changes = {}
    for field in numeric_fields(optimizer):
        old = resolved(optimizer, field)
        new = changed(old, field.name, replaced)
        if new != old:
            changes[field.name] = new
    return dataclasses.replace(optimizer, **changes)


def same_structure(first: Any, second: Any) -> bool:
    """Whether two settings of one optimizer give the same updates but for the values of numbers."""
    names = {field.name for field in numeric_fields(first)}
    others = [field.name for field in dataclasses.fields(first) if field.name not in names]
    if any(getattr(first, name) != getattr(second, name) for name in others):
        return False
    for field in numeric_fields(first):
        if structure(resolved(first, field)) != structure(resolved(second, field)):
            return False
    return True


def decay(halflife: Number | None, rate: Number | None) -> Any:
    """The factor by which a decaying average keeps its past in one step, from a bound pair of fields.

    gamma = exp(-ln 2 / halflife): after ``halflife`` steps a value counts half. ``rate`` is gamma itself.
    """
    return rate if halflife is None else so.exp(-LN2 / halflife)
