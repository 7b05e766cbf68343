"""Outcomes as lines of aligned text."""

from __future__ import annotations

import math
from collections.abc import Iterable

from benchmarks.contest import OURS, Outcome, Target

COLUMNS = {"work": 21, "size": 13, OURS: 9, "opponents": 78, "ratio": 32, "target": 14, "verdict": 7}


def figure(value: float, unit: str) -> str:
    """Three digits with the unit that suits."""
    if math.isnan(value):
        return "-"
    if unit == "B":
        return f"{value:.0f} B"
    if unit == "x":
        return f"{value:.2f}x"
    for scale, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= scale * 0.9995 or name == "us":
            return f"{value / scale:.3g} {name}"
    raise AssertionError


def limit(target: Target, unit: str) -> str:
    if target.limit is None:
        return "-"
    return f"<={target.limit:g}x" if target.against else f"<={figure(target.limit, unit).replace(' ', '')}"


def ratio(outcome: Outcome, target: Target) -> str:
    if not target.against:
        return ""
    reached = outcome.reached(target)
    return "-" if reached is None else f"{reached[0]:.2f} to {reached[1]}"


def cells(outcome: Outcome) -> list[str]:
    opponents = [f"{name} {figure(outcome.median(name), outcome.unit)}" for name in outcome.figures if name != OURS]
    return [
        outcome.work,
        outcome.size,
        figure(outcome.median(OURS), outcome.unit) if OURS in outcome.figures else "-",
        ", ".join(opponents),
        "; ".join(text for target in outcome.targets if (text := ratio(outcome, target))),
        "; ".join(limit(target, outcome.unit) for target in outcome.targets),
        outcome.verdict(),
    ]


def line(texts: Iterable[str]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(texts, COLUMNS.values(), strict=True)).rstrip()


def heading(facts: dict[str, str]) -> str:
    head = "; ".join(f"{name} {value}" for name, value in facts.items())
    note = "medians; ratios are medians of symopt's figure over the opponent's in the same round"
    return f"{head}\n{note}\n\n{line(COLUMNS)}\n{line('-' * width for width in COLUMNS.values())}"
