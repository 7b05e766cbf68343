"""Hyperparameters: fields of an optimizer that become run-time numbers in its updates.

A field made by :func:`hyper` holds a number, an expression in the iteration, or a schedule. In the updates each number
stands as a shared weak scalar, so that its value can change without a new compilation. What would change the structure
of the updates (a momentum of 0, no clipping) is *off*, and stays out of them altogether.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import symopt.tensor as so
from symopt.graph.construct import make_shared
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.counts import iteration as iteration
from symopt.optimizers.schedules.base import Change, Schedule, changed, numbers_of, structure

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
    below: float | None = None,
    whole: bool = False,
    off: float | None = None,
    unless: tuple[str, float | None] | None = None,
) -> Any:
    """A numeric field from ``low`` to ``high``, greater than ``above`` and less than ``below``; ``whole``: an integer.

    It is off at None or at the number ``off``. ``unless=(other, number)``: where neither this field nor ``other`` is
    given, this one is ``number``; both cannot be.
    """
    limits = {"low": low, "above": above, "high": high, "below": below, "whole": whole}
    return dataclasses.field(default=default, metadata={**limits, "off": off, "unless": unless})


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
            raise ValueError(f"{label}: expected a {_range(field.metadata)}")


def _in_range(value: Any, limits: Mapping[str, Any]) -> bool:
    if (limits["below"] is not None and not value < limits["below"]) or (limits["whole"] and value % 1 != 0):
        return False
    return bool(limits["low"] <= value <= limits["high"] and value > limits["above"])


def _range(limits: Mapping[str, Any]) -> str:
    """The range of a field in words."""
    low, above, high, below = (limits[name] for name in ("low", "above", "high", "below"))
    least = f"from {low:g}" if above < low else f"above {above:g}"
    most = f" to {high:g}" if high < math.inf else f", below {below:g}" if below is not None else ""
    return f"{'whole number' if limits['whole'] else 'number'} {least}{most}"


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
    return _resolved(field, vars(optimizer))


def of_group(optimizer: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The numeric ones of what a group changes, by the names of their fields; None where they are off."""
    return {field.name: _resolved(field, changes) for field in numeric_fields(optimizer) if field.name in changes}


def _resolved(field: dataclasses.Field[Any], given: Mapping[str, Any]) -> Any:
    value, unless = given.get(field.name), field.metadata["unless"]
    if value is None and unless is not None and given.get(unless[0]) is None:
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

    values = {
        field.name: bound_value(resolved(optimizer, field), field.name, share) for field in numeric_fields(optimizer)
    }
    return dataclasses.replace(optimizer, **values), shared


def bound_value(value: Any, name: str, share: Change) -> Any:
    """A value with ``share(full name, number)`` in the place of each number; a schedule as an expression of these."""
    bound = changed(value, name, share)
    return bound.node() if isinstance(bound, Schedule) else bound


def is_formula(value: Any) -> bool:
    """Whether a bound value is more than one number: a schedule, or an expression."""
    return isinstance(value, Node) and bool(value.operands)


def in_group(name: str, pattern: str) -> str:
    """The full name of a hyperparameter that a group changes."""
    return f"{name}[{pattern}]"


def numbers(optimizer: Any) -> dict[str, float]:
    """The values of the scalars in its updates, by full name: ``learning_rate``, in groups ``learning_rate[b*]``.

    The updates do without those of a group that later groups have changed again.
    """
    values: dict[str, float] = {}

    def note(name: str, value: Any) -> Any:
        values.update(numbers_of(value, name))
        return value

    with_settings(optimizer, note)
    return values


def with_numbers(optimizer: Any, values: Mapping[str, float]) -> Any:
    """A copy of ``optimizer`` with other values for some of its :func:`numbers`."""

    def replaced(name: str, value: float) -> float:
        return values.get(name, value)

    return with_settings(optimizer, lambda name, value: changed(value, name, replaced))


def with_settings(optimizer: Any, change: Callable[[str, Any], Any]) -> Any:
    """A copy with ``change(full name, value)`` in the place of all that :func:`hyper` fields hold, in groups too.

    It is ``optimizer`` itself where nothing differs.
    """
    values = {field.name: resolved(optimizer, field) for field in numeric_fields(optimizer)}
    changes = {name: new for name, value in values.items() if (new := change(name, value)) != value}
    groups = {}
    for pattern, given in groups_of(optimizer).items():
        values = of_group(optimizer, given)
        moved = {
            name: new for name, value in values.items() if (new := change(in_group(name, pattern), value)) != value
        }
        groups[pattern] = {**given, **moved}
    if groups != groups_of(optimizer):
        changes["groups"] = groups
    return dataclasses.replace(optimizer, **changes) if changes else optimizer


def groups_of(optimizer: Any) -> Mapping[str, Mapping[str, Any]]:
    """What groups of parameters change, by pattern."""
    return getattr(optimizer, "groups", None) or {}


def same_structure(first: Any, second: Any) -> bool:
    """Whether two settings of one optimizer give the same updates but for the values of numbers."""
    return _structure(first) == _structure(second)


def _structure(optimizer: Any) -> Any:
    """All that is no number; the order of groups matters."""
    numeric = {field.name: structure(resolved(optimizer, field)) for field in numeric_fields(optimizer)}
    fields = [field.name for field in dataclasses.fields(optimizer) if field.name not in numeric]
    others = {name: getattr(optimizer, name) for name in fields if name != "groups"}
    groups = []
    for pattern, given in groups_of(optimizer).items():
        values = of_group(optimizer, given)
        groups.append((pattern, {**given, **{name: structure(value) for name, value in values.items()}}))
    return numeric, others, groups


def decay(halflife: Number | None, rate: Number | None) -> Any:
    """The factor by which a decaying average keeps its past in one step, from a bound pair of fields.

    gamma = exp(-ln 2 / halflife): after ``halflife`` steps a value counts half. ``rate`` is gamma itself.
    """
    return rate if halflife is None else so.exp(-LN2 / halflife)
