"""The ratios as a picture: ``python -m benchmarks.picture FIGURES.json PICTURE`` draws what a run kept with --json.

A row for each work and size; a mark for each contestant, as far to the right as its time is a multiple of
hand-written C's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contest import LIMIT, OURS, Outcome

# A colour and a mark for each library; its variants differ in how the mark is filled.
STYLES = {
    OURS: ("#d62728", "D"),
    "numba": ("#1f77b4", "o"),
    "numpy": ("#7f7f7f", "s"),
    "numexpr": ("#bcbd22", "P"),
    "jax": ("#9467bd", "^"),
    "torch": ("#ff7f0e", "v"),
    "pytensor": ("#2ca02c", "X"),
    "casadi": ("#8c564b", "p"),
}
HOLLOW = ("jax jit", "torch.compile", "casadi C", "numba loop")


def library(name: str) -> str:
    return name.replace(".", " ").split(" ")[0]


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, dict[str, float]]]:
    """What is drawn: for each outcome with hand-written C, every contestant's ratio to it."""
    return [
        (f"{o.work} {o.size}".strip(), {name: o.ratio(LIMIT, name) for name in o.figures if name != LIMIT})
        for o in outcomes
        if LIMIT in o.figures and not o.wrong
    ]


def draw(outcomes: Sequence[Outcome], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawn = rows(outcomes)
    figure, axes = pyplot.subplots(figsize=(10, 1.6 + 0.36 * len(drawn)), layout="constrained")
    seen = set()
    for y, (_, ratios) in enumerate(drawn):
        for name, value in ratios.items():
            colour, mark = STYLES.get(library(name), ("black", "."))
            axes.plot(
                value,
                y,
                mark,
                color=colour,
                markersize=9 if name == OURS else 7,
                markerfacecolor="white" if name in HOLLOW else colour,
                zorder=4 if name == OURS else 3,
                label="" if name in seen else name,
            )
            seen.add(name)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(drawn)), [name for name, _ in drawn])
    axes.invert_yaxis()
    axes.grid(axis="both", alpha=0.3)
    axes.set_xlabel("time of a step, as a multiple of hand-written C's (left is faster)")
    figure.legend(loc="outside upper center", ncols=6, frameon=False)
    figure.savefig(file, dpi=120)


def main(figures: str, picture: str) -> None:
    kept = json.loads(Path(figures).read_text())["outcomes"]
    fields = ("work", "size", "unit", "figures", "wrong")
    draw([Outcome(targets=(), **{name: one[name] for name in fields}) for one in kept], Path(picture))


if __name__ == "__main__":
    main(*sys.argv[1:])
