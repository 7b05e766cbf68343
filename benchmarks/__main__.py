"""The command: runs the works and prints the table."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from benchmarks import machine, table
from benchmarks.contest import Outcome
from benchmarks.runner import run
from benchmarks.works import WORKS


def raw(outcome: Outcome) -> dict[str, object]:
    return dataclasses.asdict(outcome) | {"verdict": outcome.verdict()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: rougher figures")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help=f"works whose names begin so: {', '.join(WORKS)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures there")
    options = parser.parse_args()

    chosen = [w for name, w in WORKS.items() if not options.only or name.startswith(tuple(options.only))]
    if not chosen:
        parser.error(f"no work is called {' or '.join(options.only)}; there are {', '.join(WORKS)}")
    facts = machine.facts()
    print(table.heading(facts), flush=True)
    outcomes: list[Outcome] = []
    for work in chosen:
        for outcome in run(work, options.quick):
            outcomes.append(outcome)
            print(table.line(table.cells(outcome)), flush=True)
    notes = [note for outcome in outcomes for note in outcome.notes]
    if notes:
        print("\n" + "\n".join(notes))
    if options.json:
        options.json.write_text(json.dumps({"machine": facts, "outcomes": [raw(o) for o in outcomes]}, indent=1) + "\n")
    return int(any(outcome.wrong for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
