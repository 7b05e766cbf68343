"""The command: measures the bandwidth of a copy, then every work, and prints the table last."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import machine, settings
from benchmarks.gpu import table
from benchmarks.gpu.outcome import Outcome
from benchmarks.gpu.works import COPY, HAND, LOOP, OURS, WORKS, Work
from benchmarks.runner import ROOT, Failed, last_line

COPIED_BYTES = 1 << 31
OF_OURS = (OURS, LOOP, HAND)


class Workers:
    """A process for each contestant, started when it is first asked."""

    def __init__(self, folder: Path, on_cpu: bool, seconds: float) -> None:
        self._seconds = seconds
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._said: dict[str, Any] = {}
        # One setting of TF32 for all, below all libraries; and jax must leave memory to the others.
        tf32 = {"NVIDIA_TF32_OVERRIDE": "0", "CUPY_TF32": "0", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        self._environment = os.environ | settings.caches(folder) | tf32
        if on_cpu:
            self._environment["BENCH_GPU_ON_CPU"] = "1"

    def ask(self, name: str, **asked: object) -> dict[str, Any]:
        """The answer of a contestant; after one that takes too long, or ends the process, there is a new process."""
        process = self._processes.get(name) or self._started(name)
        assert process.stdin and process.stdout
        watch = threading.Timer(self._seconds, process.kill)
        watch.start()
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watch.cancel()
        return json.loads(line) if line else {"error": self._ended(name)}

    def _started(self, name: str) -> subprocess.Popen[str]:
        self._said[name] = said = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed by close)
        command = [sys.executable, "-m", "benchmarks.gpu.worker", name]
        self._processes[name] = process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        return process

    def _ended(self, name: str) -> str:
        code = self._processes[name].wait()
        self._said[name].seek(0)
        text = last_line(self._said[name].read())
        self._close(name)
        return f"its process ended with {code}: {text}"

    def _close(self, name: str) -> None:
        process = self._processes.pop(name)
        assert process.stdin and process.stdout
        process.stdin.close()
        process.stdout.close()
        process.wait()
        self._said.pop(name).close()

    def close(self) -> None:
        """End all processes."""
        for name in list(self._processes):
            self._close(name)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: rougher figures")
    parser.add_argument("--on-cpu", action="store_true", help="symopt alone, tiny, by the tests' stand-in for CuPy")
    parser.add_argument("--only", action="append", metavar="NAME", help="works whose names begin so")
    parser.add_argument("--contestant", action="append", metavar="NAME", help="only this one, beside symopt")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write gpu.json and gpu.md there")
    parser.add_argument("--seconds", type=float, default=150, help="the most that one contestant may take for a work")
    return parser.parse_args()


def bandwidth(workers: Workers, options: argparse.Namespace) -> float | None:
    """Bytes read and written by a copy in a second; None where nothing is timed."""
    said = workers.ask(COPY, **question(dataclasses.replace(WORKS[0], name=COPY), options))
    if "error" in said:
        raise Failed(f"no bandwidth could be measured: {said['error']}")
    return 2 * COPIED_BYTES / statistics.median(said["figures"]) if said.get("figures") else None


def question(work: Work, options: argparse.Namespace) -> dict[str, object]:
    size = work.tiny if options.on_cpu else work.size
    said = {"kind": work.kind, "size": size, "tensors": work.name.endswith("tensors"), "rtol": work.rtol}
    return said | {"timed": not options.on_cpu, "quick": options.quick}


def measured(work: Work, workers: Workers, limit: float | None, options: argparse.Namespace) -> Outcome:
    """All contestants at a work, one after the other."""
    outcome = Outcome(work, work.tiny if options.on_cpu else work.size, limit)
    for name in work.contestants:
        chosen = not options.contestant or name in (*options.contestant, *OF_OURS)
        if chosen and (name in OF_OURS or not options.on_cpu):
            outcome.answers[name] = workers.ask(name, **question(work, options))
    return outcome


def facts_of(workers: Workers, options: argparse.Namespace) -> dict[str, str]:
    """What is measured on, and with what."""
    facts = {"date": datetime.date.today().isoformat(), "python": machine.platform.python_version()}
    for name in (COPY, *(() if options.on_cpu else ("torch", "jax jit"))):
        facts |= workers.ask(name, facts=True).get("facts", {name: "does not run here"})
    return facts | ({} if options.on_cpu else {"driver": driver()}) | {"TF32": "off for all"}


def driver() -> str:
    """The version of NVIDIA's driver."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return last_line(subprocess.run(query, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def write(folder: Path, facts: dict[str, str], outcomes: list[Outcome]) -> None:
    """The raw figures and the table, as far as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = {"facts": facts, "outcomes": [outcome.raw() for outcome in outcomes]}
    (folder / "gpu.json").write_text(json.dumps(raw, indent=1) + "\n")
    (folder / "gpu.md").write_text(table.whole(facts, outcomes) + "\n")


def main() -> int:
    options = arguments()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        workers = Workers(Path(folder), options.on_cpu, options.seconds)
        stack.callback(workers.close)
        limit = bandwidth(workers, options)
        facts = facts_of(workers, options)
        if limit:
            facts["copy of 2 GiB"] = f"{limit / 1e9:.0f} GB/s, read and written"
        for work in WORKS:
            if options.only and not work.name.startswith(tuple(options.only)):
                continue
            outcomes.append(measured(work, workers, limit, options))
            print(table.row(table.cells(outcomes[-1])), flush=True)
            if options.out:
                write(options.out, facts, outcomes)
        if limit and (last := bandwidth(workers, options)):
            facts["at the end"] = f"{last / 1e9:.0f} GB/s"
    if options.out:
        write(options.out, facts, outcomes)
    print("\n" + table.whole(facts, outcomes))
    return int(any(outcome.verdict() == "WRONG" or "error" in outcome.answers[OURS] for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
