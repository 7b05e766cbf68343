"""Which formula is it really? The equations of an optimizer in several systems, side by side."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.errors import DataError
from symopt.graph.nodes import Node
from symopt.optimizers import kind_of
from symopt.optimizers.base import UpdateRule
from symopt.optimizers.hyperparameters import resolved
from symopt.optimizers.keywords import known_name
from symopt.optimizers.like import SYSTEMS, like
from symopt.optimizers.paths import Path, Walk, draw, walk
from symopt.optimizers.sameness import Values, same, values_at_points

#: What marks an equation, and what that means.
MARKS = {"=": "as symopt's, or the same rearranged", "~": "as symopt's, but for numbers", "!": "another equation"}

#: The shape of the parameter in a comparison.
SHAPE = (2, 2)

#: What systems call the learning rate.
RATES = ("lr", "learning_rate", "eta")

#: Numbers, but not exponents, which belong to the form.
_NUMBER = re.compile(r"(?<![\w.*])(?<!\*\*)\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])")


@dataclass(frozen=True)
class Variant:
    """The rule of one system: its settings, and its equations as texts (left, arrow, right)."""

    system: str
    rule: UpdateRule
    equations: tuple[tuple[str, str, str], ...]

    @property
    def settings(self) -> str:
        """The hyperparameters that are on, by the system's own names."""
        values = {field.name: _setting(self.rule, field) for field in fields(self.rule)}
        shown = {name: value for name, value in values.items() if value not in (None, False, ()) and value != 0}
        return ", ".join(f"{name}={_spelled(value)}" for name, value in shown.items())

    @cached_property
    def values(self) -> list[Values]:
        """What the equations compute, at the points where they are held against others."""
        return values_at_points(self.rule, SHAPE)

    def canonical(self) -> list[tuple[str, str]]:
        """The equations with states numbered in their order, so that names do not tell systems apart."""
        states = [left for left, _, _ in self.equations if left.startswith("w_")]
        numbered = {name: f"s{i}" for i, name in enumerate(dict.fromkeys(states))}

        def renamed(text: str) -> str:
            return re.sub(r"\bw_\w+", lambda match: numbered.get(match[0], match[0]), text)

        return [(renamed(left), renamed(right)) for left, _, right in self.equations]


@dataclass(frozen=True)
class Comparison:
    """The equations of an optimizer in symopt, and in other systems; ``str()`` is a table.

    An equation is marked by how it is written, with states by their order. What is written otherwise, but gives the
    same for random numbers that are large, small, negative and zero, is marked as the same.
    With a loss, or with gradients, there are paths too, which :meth:`plot` draws.
    """

    name: str
    variants: tuple[Variant, ...]
    walk: Walk | None = None

    @cached_property
    def paths(self) -> dict[str, Path]:
        """Where each variant leads the parameters, by the name of the system: ``places`` and ``losses``."""
        if self.walk is None:
            raise DataError("there are no paths: give so.compare a loss=, or gradients as data=")
        return {variant.system: self.walk.path(variant.rule) for variant in self.variants}

    def plot(self, axes: Any = None) -> Any:
        """Draw the paths with Matplotlib, on ``axes`` (new ones, if None), which are given back.

        Two numbers are drawn in the plane, over lines of equal loss. With more of them, or one, it is the loss after
        each step; for gradients without a loss the number itself, or the distance from the start. Systems whose paths
        no eye could tell apart share a line.
        """
        paths = self.paths
        assert self.walk is not None
        axes = draw(self.walk, paths, axes)
        axes.set_title(type(self.variants[0].rule).__name__)
        return axes

    def marks(self, variant: Variant) -> list[str]:
        """The mark of each equation of a variant."""
        core = self.variants[0].canonical()
        forms = [(left, _NUMBER.sub("#", right)) for left, right in core]
        marks = []
        for left, right in variant.canonical():
            form = (left, _NUMBER.sub("#", right))
            equal = (left, right) in core or same(self.variants[0].values, variant.values, left)
            marks.append("=" if equal else "~" if form in forms else "!")
        return marks

    def __str__(self) -> str:
        width = max(len(left) for variant in self.variants for left, _, _ in variant.equations)
        blocks: dict[str, list[str]] = {}
        for variant in self.variants:
            core = variant is self.variants[0]
            marks = [" "] * len(variant.equations) if core else self.marks(variant)
            lines = [
                f"  {mark} {left:<{width}} {arrow} {right}"
                for mark, (left, arrow, right) in zip(marks, variant.equations, strict=True)
            ]
            blocks.setdefault("\n".join([variant.settings, *lines]), []).append(variant.system)
        return "\n".join(f"{', '.join(systems)}: {block}" for block, systems in blocks.items())


def compare(
    name: str,
    systems: Sequence[str] | None = None,
    loss: Node | None = None,
    data: Any = None,
    steps: int = 100,
    learning_rate: Any = None,
) -> Comparison:
    """The equations of an optimizer of symopt beside those that other systems have under the same name.

    Parameters
    ----------
    name : of an optimizer in ``so.OPTIMIZERS``; upper and lower case are the same.
    systems : of ``so.like``; all that have an optimizer of this name, if None.
    loss : a tensor of one number. Each variant walks from the present values of its parameters, which stay as they are;
        ``.paths`` has where it leads them, and ``.plot()`` draws it.
    data : arrays for the inputs of the loss, in their order or by name; all rows are used at every step. Without a loss
        it is a sequence of gradients, one for each step, of a parameter that starts at 0.
    steps : how many steps are walked; 100 by default. There are as many as gradients, where these are given.
    learning_rate : for all that have one.

    Each has its own defaults; where a system has none for the learning rate, it is symopt's. An equation is marked
    ``=`` where it is as symopt's or the same rearranged, ``~`` where only numbers differ, ``!`` where it is another.

    >>> import symopt as so
    >>> print(so.compare("adagrad", ["torch", "mxnet_1_9"]))
    symopt: learning_rate=0.01, rms_regularizer=1e-08
        w_squares <- w_squares + grad(w)**2
        w         <- w - 0.01 * grad(w) / (sqrt(w_squares') + 1e-08)
    torch: lr=0.01, eps=1e-10
      = w_sum     <- w_sum + grad(w)**2
      ~ w         <- w - 0.01 * grad(w) / (sqrt(w_sum') + 1e-10)
    mxnet_1_9: learning_rate=0.01, eps=1e-07
      = w_history <- w_history + grad(w)**2
      ! w         <- w - 0.01 * grad(w) / sqrt(w_history' + 1e-07)
    """
    kind = kind_of(name)
    name = kind.__name__.lower()
    core = kind() if learning_rate is None else kind(learning_rate=learning_rate)
    chosen = having(name) if systems is None else [known_name("system", system, SYSTEMS) for system in systems]
    variants = [Variant("symopt", core, _equations(core))]
    for system in chosen:
        rule = _theirs(system, name, core, learning_rate)
        variants.append(Variant(system, rule, _equations(rule)))
    walked = walk(loss, data, steps) if loss is not None or data is not None else None
    return Comparison(name, tuple(variants), walked)


def having(name: str) -> list[str]:
    """The systems that have an optimizer of this name."""
    return [system for system in SYSTEMS if _spelling(system, name) is not None]


def _spelling(system: str, name: str) -> str | None:
    """What a system calls an optimizer; raw operators end in ``_update``."""
    return next((spelled for spelled in (name, f"{name}_update") if spelled in SYSTEMS[system]), None)


def _theirs(system: str, name: str, core: Any, learning_rate: Any) -> UpdateRule:
    """The rule of a system by its own defaults, with symopt's learning rate where it has none."""
    spelled = _spelling(system, name)
    if spelled is None:
        raise ValueError(f"{system} has no {name}; there are {', '.join(SYSTEMS[system])}")
    known = inspect.signature(SYSTEMS[system][spelled]).parameters
    rate = next((argument for argument in RATES if argument in known), None)
    if learning_rate is not None and rate is not None:
        return like(system, spelled, **{rate: learning_rate})
    try:
        return like(system, spelled)
    except TypeError:
        if rate is None:
            raise
        return like(system, spelled, **{rate: core.learning_rate})


def _equations(rule: UpdateRule) -> tuple[tuple[str, str, str], ...]:
    """The printed equations of a rule for a matrix w."""
    w = so.parameter(np.ones(SHAPE), name="w")
    rows = []
    for line in str(rule.get_updates(so.sum(so.square(w)))).split("\n"):
        left, arrow, right = re.split(r" (<-| =) ", line, maxsplit=1)
        if left.strip() != "iteration":
            rows.append((left.strip(), arrow, right))
    return tuple(rows)


def _setting(rule: UpdateRule, field: Any) -> Any:
    """The value of a field; None where it is off."""
    return resolved(rule, field) if "low" in field.metadata else getattr(rule, field.name)


def _spelled(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


__all__ = ["Comparison", "Variant", "compare", "having"]
