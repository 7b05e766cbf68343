"""Which formula is it really? The equations of an optimizer in several systems, side by side."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import symopt.tensor as so
from symopt.optimizers import kind_of
from symopt.optimizers.base import UpdateRule
from symopt.optimizers.hyperparameters import resolved
from symopt.optimizers.keywords import nearest
from symopt.optimizers.like import SYSTEMS, like

#: What marks an equation, and what that means.
MARKS = {"=": "as symopt's", "~": "as symopt's, but for numbers", "!": "another equation"}

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

    An equation is marked by how it is written, with states by their order: what is only rearranged counts as another.
    """

    name: str
    variants: tuple[Variant, ...]

    def marks(self, variant: Variant) -> list[str]:
        """The mark of each equation of a variant."""
        core = self.variants[0].canonical()
        forms = [(left, _NUMBER.sub("#", right)) for left, right in core]
        marks = []
        for left, right in variant.canonical():
            form = (left, _NUMBER.sub("#", right))
            marks.append("=" if (left, right) in core else "~" if form in forms else "!")
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


def compare(name: str, systems: Sequence[str] | None = None) -> Comparison:
    """The equations of an optimizer of symopt beside those that other systems have under the same name.

    Parameters
    ----------
    name : of an optimizer in ``so.OPTIMIZERS``; upper and lower case are the same.
    systems : of ``so.like``; all that have an optimizer of this name, if None.

    Each has its own defaults; where a system has none for the learning rate, it is symopt's. An equation is marked
    ``=`` where it is as symopt's, ``~`` where only numbers differ, and ``!`` where it is another.

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
    core = kind()
    chosen = [_known(system) for system in systems] if systems is not None else having(name)
    variants = [Variant("symopt", core, _equations(core))]
    for system in chosen:
        rule = _theirs(system, name, core)
        variants.append(Variant(system, rule, _equations(rule)))
    return Comparison(name, tuple(variants))


def having(name: str) -> list[str]:
    """The systems that have an optimizer of this name."""
    return [system for system in SYSTEMS if _spelling(system, name) is not None]


def _known(system: str) -> str:
    if str(system).lower() not in SYSTEMS:
        raise TypeError(f"there is no system {system!r}; {nearest(str(system).lower(), list(SYSTEMS), 'there are')}")
    return str(system).lower()


def _spelling(system: str, name: str) -> str | None:
    """What a system calls an optimizer; raw operators end in ``_update``."""
    return next((spelled for spelled in (name, f"{name}_update") if spelled in SYSTEMS[system]), None)


def _theirs(system: str, name: str, core: Any) -> UpdateRule:
    """The rule of a system by its own defaults, with symopt's learning rate where it has none."""
    spelled = _spelling(system, name)
    if spelled is None:
        raise TypeError(f"{system} has no {name}; there are {', '.join(SYSTEMS[system])}")
    try:
        return like(system, spelled)
    except TypeError:
        known = inspect.signature(SYSTEMS[system][spelled]).parameters
        rate = next((argument for argument in ("lr", "learning_rate") if argument in known), None)
        if rate is None:
            raise
        return like(system, spelled, **{rate: core.learning_rate})


def _equations(rule: UpdateRule) -> tuple[tuple[str, str, str], ...]:
    """The printed equations of a rule for a matrix w."""
    w = so.parameter([[1.0, 2.0], [3.0, 4.0]], name="w")
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
