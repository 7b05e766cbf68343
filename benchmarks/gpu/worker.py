"""The process of one contestant: a line of JSON on stdin asks for a work, a line on stdout answers.

The results of the first steps are compared with the reference before anything is timed.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from benchmarks.gpu import given, timing
from benchmarks.gpu.contestant import Contestant, Library
from benchmarks.gpu.works import COPY
from benchmarks.runner import differ

LIBRARIES = {"torch": "with_torch", "jax": "with_jax"}


def library_of(name: str) -> Library:
    module = LIBRARIES.get(name.split()[0].split(".")[0], "ours")
    library: Any = import_module(f"benchmarks.gpu.{module}")
    return library


def answer(name: str, library: Library, asked: Mapping[str, Any]) -> dict[str, object]:
    """What a contestant makes of a work: its figures, and where it differs from the reference."""
    if "facts" in asked:
        return {"facts": library.facts()}
    kind, size, tensors = asked["kind"], asked["size"], asked["tensors"]
    made = library.make(name, kind, size, tensors)
    said: dict[str, object] = {"launches": made.launches, "way": made.way}
    if name != COPY:
        said["wrong"] = wrong(made, kind, size, tensors, asked["rtol"])
    if asked["timed"]:
        said["figures"] = timing.rounds_of(made.run, library.clock, asked["quick"])
    return said


def wrong(made: Contestant, kind: str, size: int, tensors: bool, rtol: float) -> str:
    """Where the results of the first steps differ from the reference; empty where they agree."""
    made.run(given.CHECKED)
    wanted = given.expected(kind, size, tensors, made.centred_by_difference, made.rotates)
    return differ(made.results(), wanted, rtol)


def main(name: str) -> None:
    out, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints must not look like an answer
    library = library_of(name)
    for line in sys.stdin:
        try:
            said = answer(name, library, json.loads(line))
        except Exception as error:  # it fails at this work, and goes on with the next
            said = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        gc.collect()
        library.forget()
        print(json.dumps(said), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
