"""The command: runs the works, and prints the table and the ratios."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from benchmarks import machine, settings, table
from benchmarks.contest import Outcome
from benchmarks.runner import run
from benchmarks.works import WORKS


def raw(outcome: Outcome) -> dict[str, object]:
    return dataclasses.asdict(outcome) | {"verdict": outcome.verdict()}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: rougher figures")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help=f"works whose names begin so: {', '.join(WORKS)}"
    )
    parser.add_argument("--size", action="append", type=int, metavar="N", help="of the works' sizes only this one")
    parser.add_argument(
        "--contestant", action="append", metavar="NAME", help="only this one, beside symopt and hand-written C"
    )
    parser.add_argument("--backend", default="auto", help="symopt's: auto (the default), c or numexpr")
    parser.add_argument("--march", default="native", help="the processor to compile C for, by gcc's name: haswell")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures there")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the ratios there")
    options = parser.parse_args()
    if options.only and not any(name.startswith(tuple(options.only)) for name in WORKS):
        parser.error(f"no work is called {' or '.join(options.only)}; there are {', '.join(WORKS)}")
    return options


def outcomes_of(options: argparse.Namespace) -> list[Outcome]:
    """Runs what was chosen, and prints the table line by line."""
    outcomes: list[Outcome] = []
    for name, work in WORKS.items():
        if options.only and not name.startswith(tuple(options.only)):
            continue
        for outcome in run(work, options.quick, options.size, options.contestant):
            outcomes.append(outcome)
            print(table.row(outcome), flush=True)
    return outcomes


def main() -> int:
    options = arguments()
    settings.apply(options.backend, options.march)
    facts = machine.facts() | {"backend": options.backend, "march": options.march}
    print(table.heading(facts), flush=True)
    outcomes = outcomes_of(options)
    notes = [note for outcome in outcomes for note in outcome.notes]
    if notes:
        print("\n" + "\n".join(notes))
    print("\n" + table.summary(outcomes))
    if options.json:
        options.json.write_text(json.dumps({"machine": facts, "outcomes": [raw(o) for o in outcomes]}, indent=1) + "\n")
    if options.picture:
        from benchmarks import picture

        picture.draw(outcomes, options.picture)
    return int(any(outcome.wrong for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
