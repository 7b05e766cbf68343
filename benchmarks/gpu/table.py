"""Outcomes as a table in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.gpu.outcome import Outcome
from benchmarks.gpu.works import COPY, HAND, OURS, Claim
from benchmarks.runner import show_size
from benchmarks.table import figure

TITLES = ("work", "size", "symopt", "limit", "limit / symopt", "others, the fastest first", "reached", "")


def row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def others(outcome: Outcome) -> str:
    """The other contestants with their times, and ours over theirs."""
    ours = outcome.median(OURS)
    found = {name: outcome.median(name) for name in outcome.answers if name != OURS}
    known = sorted((seconds, name) for name, seconds in found.items() if seconds is not None)
    texts = []
    for seconds, name in known:
        way = outcome.answers[name].get("way")
        ratio = "" if ours is None else f" ({ours / seconds:.2f}x)"
        texts.append(f"{name}{f' {way}' if way else ''} {figure(seconds, 's')}{ratio}")
    return ", ".join(texts) or "-"


def reached(outcome: Outcome, claim: Claim) -> str:
    """What must be reached, and what was."""
    value = outcome.reached(claim)
    met = {True: "ok", False: "MISS", None: "-"}[outcome.met(claim)]
    if claim.kind == "share":
        return f"{'-' if value is None else f'{value:.0%}'} >= {claim.bound:.0%} of the limit: {met}"
    if claim.kind == "ratio":
        return f"{'-' if value is None else f'{value:.2f}'} <= {claim.bound:g} x {claim.against}: {met}"
    if claim.kind == "launches":
        return f"{'-' if value is None else value} <= {claim.bound:g} launches: {met}"
    return f"{'-' if value is None else figure(value, 's')} <= {figure(claim.bound, 's')}: {met}"


def cells(outcome: Outcome) -> list[str]:
    ours, limit = outcome.median(OURS), outcome.limit()
    names = {COPY: "a copy", HAND: HAND}
    return [
        outcome.work.name,
        show_size(outcome.size),
        "-" if ours is None else figure(ours, "s"),
        "-" if limit is None else f"{figure(limit[0], 's')} ({names[limit[1]]})",
        "-" if limit is None or ours is None else f"{limit[0] / ours:.2f}",
        others(outcome),
        "; ".join(reached(outcome, claim) for claim in outcome.work.claims),
        outcome.verdict(),
    ]


def whole(facts: Mapping[str, str], outcomes: Sequence[Outcome]) -> str:
    """What was measured on, the table, and what failed."""
    lines = ["; ".join(f"{name} {value}" for name, value in facts.items()), ""]
    lines += [row(TITLES), row("---" for _ in TITLES), *(row(cells(outcome)) for outcome in outcomes)]
    notes = [note for outcome in outcomes for note in outcome.notes()]
    return "\n".join([*lines, *([""] if notes else []), *notes])
