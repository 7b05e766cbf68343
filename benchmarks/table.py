"""Outcomes as text: a row for each with all figures, and at the end a line for each with the ratios that count."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

from benchmarks.contest import LIMIT, OURS, Outcome, Target

COLUMNS = {"work": 22, "size": 12, OURS: 9, "opponents, the fastest first": 84, "verdict": 7}
RATIOS = {"work": 22, "size": 12, OURS: 9, "to hand-written C": 26, "to the best peer": 34, "in itself": 18}
OPPONENTS = "opponents, the fastest first"


def figure(value: float, unit: str) -> str:
    """Three digits with the unit that suits."""
    if math.isnan(value):
        return "-"
    if unit == "B":
        return f"{value:.0f} B"
    if unit == "x":
        return f"{value:.2f}x"
    for scale, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")):
        if value >= scale * 0.9995 or name == "ns":
            return f"{value / scale:.3g} {name}"
    raise AssertionError


def ours(outcome: Outcome) -> str:
    return figure(outcome.median(OURS), outcome.unit) if OURS in outcome.figures else "-"


def line(texts: Iterable[str], columns: dict[str, int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(texts, columns.values(), strict=True)).rstrip()


def titles(columns: dict[str, int]) -> str:
    return f"{line(columns, columns)}\n{line(('-' * width for width in columns.values()), columns)}"


def heading(facts: dict[str, str]) -> str:
    head = textwrap.fill("; ".join(f"{name} {value}" for name, value in facts.items()), 120)
    return f"{head}\nmedians of a step\n\n{titles(COLUMNS)}"


def row(outcome: Outcome) -> str:
    """All figures, on as many lines as they take."""
    others = sorted((name for name in outcome.figures if name != OURS), key=outcome.median)
    text = ", ".join(f"{name} {figure(outcome.median(name), outcome.unit)}".replace(" ", "\0") for name in others)
    first, *more = textwrap.wrap(text, COLUMNS[OPPONENTS], break_long_words=False) or [""]
    rows = [line([outcome.work, outcome.size, ours(outcome), first, outcome.verdict()], COLUMNS)]
    rows += [line(["", "", "", part, ""], COLUMNS) for part in more]
    return "\n".join(rows).replace("\0", " ")


def limit(target: Target, unit: str) -> str:
    """The target, and whether it was reached."""
    if target.limit is None:
        return ""
    return f"<= {target.limit:g}" if target.against else f"<= {figure(target.limit, unit)}"


def ratio(outcome: Outcome, target: Target | None) -> str:
    if target is None:
        return ""
    reached = outcome.reached(target)
    if reached is None:
        return "-"
    value, against = reached
    text = f"{value:.2f} {limit(target, outcome.unit)}" if against else limit(target, outcome.unit)
    met = {True: " ok", False: " MISS", None: ""}[outcome.met(target)]
    return f"{text}{met}" + (f" ({against})" if against not in ("", LIMIT) else "")


def summary(outcomes: Sequence[Outcome]) -> str:
    """A line for each outcome: symopt's figure, its ratio to hand-written C, to the best peer, and its own limit."""
    lines = []
    for outcome in outcomes:
        to_limit = next((t for t in outcome.targets if t.against == (LIMIT,)), None)
        to_best = next((t for t in outcome.targets if t.against and t is not to_limit), None)
        alone = next((t for t in outcome.targets if not t.against and t.limit is not None), None)
        ratios = [ratio(outcome, target) for target in (to_limit, to_best, alone)]
        lines.append(line([outcome.work, outcome.size, ours(outcome), *ratios], RATIOS))
    note = "ratios: medians over the rounds of symopt's figure over the other's of the same round; <= what is wanted"
    return "\n".join([note, "", titles(RATIOS), *lines])
