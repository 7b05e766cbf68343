"""Measures the costs by which the numexpr backend chooses: ``python -m benchmarks.costs --write FILE``.

What is written is a Python module: nanoseconds per element of every scalar operation, by ufuncs and inside numexpr's
interpreter, and what calls, blocks, threads and memory cost. Each figure is the least of many repetitions; run it on an
otherwise idle machine.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import re
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numexpr
import numpy as np

from benchmarks import machine
from benchmarks.arrays import aligned
from benchmarks.cost_operations import DTYPES, OPERATIONS, Operands, Operation, Run

UFUNC_BLOCK = 16_384
NUMEXPR_BLOCK = 8_192  # eight of numexpr's own blocks
TERMS = 6
PLAIN_TERMS = {"float": "x#", "bool": "t#", "int": "k#"}
KINDS = {"float32": float, "float64": np.float64, "bool": bool, "int32": np.int32, "int64": np.int64}
TINY = 2
PASSES = 8
BLOCKS = (4_096, 8_192, 16_384, 32_768, 65_536, 131_072)

Key = tuple[str, int]
Costs = dict[str, float | None]


def timed(run: Run, calls: int) -> float:
    start = time.perf_counter()
    for _ in itertools.repeat(None, calls):
        run()
    return time.perf_counter() - start


def seconds(run: Run, budget: float = 0.02, repeats: int = 10) -> float:
    """The least time of one call."""
    run()
    calls = 1
    while (spent := timed(run, calls)) < budget / repeats / 2:
        calls *= 2
    calls = max(1, int(calls * budget / repeats / spent))
    return min(timed(run, calls) for _ in range(repeats)) / calls


def least(runs: Mapping[Key, Run]) -> dict[Key, float]:
    """The least time of each, over several passes, so that a busy moment of the machine spoils none of them."""
    passes = [{key: seconds(run) for key, run in runs.items()} for _ in range(PASSES)]
    return {key: min(figures[key] for figures in passes) for key in runs}


# ---- operations


@functools.cache
def operand(name: str, dtype: str, low: float, high: float) -> np.ndarray:
    """An array for a name in an operation's text."""
    rng = np.random.default_rng(list(name.encode()))
    values, kind = {
        "x": (rng.uniform(low, high, NUMEXPR_BLOCK), dtype),
        "y": (rng.uniform(low, high, NUMEXPR_BLOCK), dtype),
        "z": (np.full(NUMEXPR_BLOCK, high + 1), dtype),
        "p": (rng.random(NUMEXPR_BLOCK) < 0.5, "bool"),
        "q": (rng.random(NUMEXPR_BLOCK) < 0.5, "bool"),
        "t": (np.ones(NUMEXPR_BLOCK), "bool"),
        "f": (np.zeros(NUMEXPR_BLOCK), "bool"),
        "k": (rng.integers(0, 2, NUMEXPR_BLOCK), "int32"),
        "i": (rng.integers(-99, 99, NUMEXPR_BLOCK), "int64"),
    }[name[0]]
    array = aligned(NUMEXPR_BLOCK, kind)
    array[:] = values
    return array


def chain(term: str, terms: int, dtype: str, gives: str, low: float, high: float) -> Run:
    """A numexpr call over so many terms, which are added, or joined by & where they are masks."""
    texts = [term.replace("#", str(i)) for i in range(terms)]
    if term == "i#":
        texts.insert(0, "x")  # beside a float the integers are cast
    expression = (" & " if gives == "bool" else " + ").join(texts)
    names = sorted(set(re.findall(r"\b[xyzpqtfki]\d*\b", expression)))
    arrays = [operand(name, dtype, low, high) for name in names]
    call = numexpr.NumExpr(expression, [(n, KINDS[a.dtype.name]) for n, a in zip(names, arrays, strict=True)])
    wanted = {"float": dtype, "int": "int32"}.get(gives, gives)
    if (given := call(*arrays).dtype) != wanted:
        raise TypeError(f"numexpr makes {given} of {expression}, not {wanted}")
    out = aligned(NUMEXPR_BLOCK, wanted)
    return lambda: call(*arrays, out=out, ex_uses_vml=False)


def by_ufunc(dtype: str) -> Costs:
    """Nanoseconds per element by ufuncs in a block that the cache holds, less those of the calls."""
    measured = [(o.name, o.ufunc, o.low, o.high) for o in OPERATIONS if o.ufunc]
    runs = {
        (name, size): ufunc(Operands(size, dtype, low, high))
        for name, ufunc, low, high in measured
        for size in (TINY, UFUNC_BLOCK)
    }
    times = least(runs)
    costs: Costs = dict.fromkeys((o.name for o in OPERATIONS), None)
    for name, *_ in measured:
        costs[name] = max(0.0, times[name, UFUNC_BLOCK] - times[name, TINY]) / UFUNC_BLOCK * 1e9
    return costs


def by_numexpr(dtype: str) -> Costs:
    """Nanoseconds per element inside numexpr's interpreter, on one thread.

    It is what one more term costs, less what one more plain operand costs: so the calls cancel, and what joins terms.
    """
    plain = [Operation(f"joined {gives}", None, term, gives) for gives, term in PLAIN_TERMS.items()]
    texts = {o: text for o in (*OPERATIONS, *plain) if (text := o.numexpr(dtype))}
    runs = {
        (o.name, terms): chain(text, terms, dtype, o.gives, o.low, o.high)
        for o, text in texts.items()
        for terms in (TERMS, 2 * TERMS)
    }
    times = least(runs)
    slopes = {o.name: (times[o.name, 2 * TERMS] - times[o.name, TERMS]) / (TERMS * NUMEXPR_BLOCK) * 1e9 for o in texts}
    costs: Costs = dict.fromkeys((o.name for o in OPERATIONS), None)
    for o in OPERATIONS:
        if o.name in slopes:
            costs[o.name] = max(0.0, slopes[o.name] - slopes[f"joined {o.gives}"])
    return costs


# ---- calls, blocks, threads, memory


class Helper:
    """A persistent thread that runs what it is handed."""

    def __init__(self) -> None:
        self.handed, self.finished = threading.Lock(), threading.Lock()
        self.handed.acquire()
        self.finished.acquire()
        self.task: Run = nothing
        threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        while True:
            self.handed.acquire()
            self.task()
            self.finished.release()

    def beside(self, theirs: Run, ours: Run) -> None:
        """Runs both at once."""
        self.task = theirs
        self.handed.release()
        ours()
        self.finished.acquire()


def numexpr_call(inputs: int, size: int = TINY) -> Run:
    """A call of a NumExpr object that adds so many inputs."""
    names = [f"x{i}" for i in range(inputs)]
    call = numexpr.NumExpr("+".join(names), [(name, float) for name in names])
    arrays = [np.ones(size, np.float32) for _ in names]
    out = np.empty(size, np.float32)
    return lambda: call(*arrays, out=out, ex_uses_vml=False)


def numexpr_threads_us() -> float:
    """What two threads add to a call of numexpr, besides half of the work."""
    run = numexpr_call(8, 65_536)
    one = seconds(run)
    numexpr.set_num_threads(2)
    two = statistics.median(timed(run, 1) for _ in range(400))
    numexpr.set_num_threads(1)
    return max(0.0, two - one / 2) * 1e6


def fixed_us(helper: Helper) -> dict[str, float]:
    o = Operands(TINY, "float32", 0.5, 1.5)
    total = np.zeros((), np.float32)
    row, wide, wider = np.ones(256, np.float32), np.ones((4, 256), np.float32), np.empty((4, 256), np.float32)
    blocks = [(o.x, o.y, o.out, o.scratch)] * 1000

    def loop() -> None:
        for _x, _y, _out, _scratch in blocks:
            pass

    def hand_off() -> None:
        helper.beside(nothing, nothing)

    prepared = functools.partial
    times = least(
        {
            ("nothing", 0): prepared(id, None),
            ("ufunc_unary", 0): prepared(np.sqrt, o.x, o.out),
            ("ufunc_binary", 0): prepared(np.multiply, o.x, o.y, o.out),
            ("ufunc_scalar", 0): prepared(np.multiply, o.x, o.one, o.out),
            ("ufunc_same", 0): prepared(np.add, wide, wide, wider),
            ("ufunc_broadcast", 0): prepared(np.add, wide, row, wider),
            ("copyto", 0): prepared(np.copyto, o.out, o.x),
            ("reduce", 0): prepared(np.add.reduce, o.x, None, None, total),
            ("dot", 0): prepared(np.dot, o.x, o.y, total),
            ("view", 0): prepared(o.x.__getitem__, slice(0, 1)),
            ("numexpr", 2): numexpr_call(2),
            ("numexpr", 18): numexpr_call(18),
            ("loop", len(blocks)): loop,
        }
    )
    fixed = {
        name: (t - times["nothing", 0]) * 1e6 for (name, count), t in times.items() if name != "nothing" and not count
    }
    fixed["ufunc_broadcast"] += fixed["ufunc_binary"] - fixed.pop("ufunc_same")
    fixed["numexpr_input"] = (times["numexpr", 18] - times["numexpr", 2]) * 1e6 / 16
    fixed["numexpr"] = times["numexpr", 2] * 1e6 - 2 * fixed["numexpr_input"]
    fixed["numexpr_threads"] = numexpr_threads_us()
    fixed["block"] = times["loop", len(blocks)] * 1e6 / len(blocks)
    hand_offs = [timed(hand_off, 1) * 1e6 for _ in range(3000)]
    fixed["hand_off"], fixed["hand_off_least"] = statistics.median(hand_offs), min(hand_offs)
    return fixed


def nothing() -> None:
    pass


def bandwidth(helper: Helper) -> dict[int, float]:
    """GB/s read and written together, in a copy far larger than the caches."""
    n = 1 << 26
    a, b = np.ones(n, np.float32), np.ones(n, np.float32)
    half = n // 2

    def both() -> None:
        helper.beside(lambda: np.copyto(b[half:], a[half:]), lambda: np.copyto(b[:half], a[:half]))

    times = seconds(lambda: np.copyto(b, a), 1.0, 9), seconds(both, 1.0, 9)
    return {threads: 2 * a.nbytes / t / 1e9 for threads, t in enumerate(times, 1)}


def block_ns(helper: Helper) -> dict[int, dict[int, float]]:
    """Nanoseconds per element and operation of a chain of eight ufuncs on four vectors of 1e6 float32, by block."""
    n = 1_000_000
    p, g, v = (aligned(n) for _ in range(3))
    for vector in (p, g, v):
        vector[:] = np.random.default_rng(0).uniform(0.5, 1.5, n)
    decay, rest = np.array(0.9, np.float32), np.array(0.1, np.float32)

    def update(low: int, high: int, block: int) -> Run:
        scratch = aligned(block)
        views = [
            (p[i : i + size], g[i : i + size], v[i : i + size], scratch[:size])
            for i in range(low, high, block)
            for size in [min(block, high - i)]
        ]

        def run() -> None:
            for x, y, w, s in views:
                np.multiply(y, y, s)
                np.multiply(s, rest, s)
                np.multiply(w, decay, w)
                np.add(w, s, w)
                np.sqrt(w, s)
                np.divide(y, s, s)
                np.multiply(s, rest, s)
                np.subtract(x, s, x)

        return run

    figures: dict[int, dict[int, float]] = {1: {}, 2: {}}
    for block in BLOCKS:
        whole, first, second = update(0, n, block), update(0, n // 2, block), update(n // 2, n, block)
        runs: dict[int, Callable[[], object]] = {1: whole, 2: lambda a=first, b=second: helper.beside(b, a)}
        for threads, run in runs.items():
            run()
            times = [timed(run, 1) for _ in range(41)]
            figures[threads][block] = statistics.median(times) * 1e9 / n / 8
    return figures


# ---- the module that is written

DOCUMENTATION = '''"""What the numexpr backend's choices cost: measured, not written by hand.

By python -m benchmarks.costs on {cpu}, {cores} cores, with Python {python}, NumPy {numpy} and
numexpr {numexpr}, on {date}.

UFUNC_NS: nanoseconds per element by ufuncs with out= in a block of {block} elements, the calls apart.
NUMEXPR_NS: nanoseconds per element inside numexpr's interpreter, on one thread. None: it has no such operation.
    A name says what becomes of this dtype: to_bool is a cast from it, from_bool one to it.
FIXED_US: microseconds of calls with out= on two elements: ufuncs (ufunc_broadcast: where a row is broadcast), reduce,
    dot, numexpr (without its inputs; numexpr_input: each of them; numexpr_threads: what two threads add to the half of
    the work); of a view by slicing; of one turn of a loop over blocks whose views exist; of handing work to a waiting
    thread and back (hand_off: the median; hand_off_least: the least).
BANDWIDTH_GBS: GB/s read and written together, by threads.
BLOCK_NS: by threads and block size, nanoseconds per element and operation of a chain of eight ufuncs over a million
    float32 (medians).
"""
'''


def literal(value: object, indent: str = "") -> str:
    """A dict of figures as Python text, one entry a line, three digits."""
    if not isinstance(value, dict):
        return "None" if value is None else f"{value:.3g}"
    inner = indent + "    "
    lines = "".join(
        f"{inner}{key if isinstance(key, int) else chr(34) + key + chr(34)}: {literal(item, inner)},\n"
        for key, item in value.items()
    )
    return f"{{\n{lines}{indent}}}"


def measure() -> str:
    """The text of the module."""
    numexpr.set_num_threads(1)
    helper = Helper()
    per_dtype, by_threads = "dict[str, dict[str, float | None]]", "dict[int, dict[int, float]]"
    tables: list[tuple[str, str, object]] = [
        ("UFUNC_NS", per_dtype, {dtype: by_ufunc(dtype) for dtype in DTYPES}),
        ("NUMEXPR_NS", per_dtype, {dtype: by_numexpr(dtype) for dtype in DTYPES}),
        ("FIXED_US", "dict[str, float]", fixed_us(helper)),
        ("BANDWIDTH_GBS", "dict[int, float]", bandwidth(helper)),
        ("BLOCK_NS", by_threads, block_ns(helper)),
    ]
    head = DOCUMENTATION.format(**machine.facts(), block=UFUNC_BLOCK)
    return head + "".join(f"\n{name}: {kind} = {literal(table)}\n" for name, kind, table in tables)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="where the module goes; printed by default")
    options = parser.parse_args()
    with np.errstate(all="ignore"):
        text = measure()
    if options.write:
        options.write.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
