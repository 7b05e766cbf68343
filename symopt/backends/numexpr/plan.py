"""The choice for each fused kernel, by measured costs: whole-array ufuncs, cache-blocked ufuncs, or numexpr."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symopt.backends.numexpr.costs import BANDWIDTH_GBS, FIXED_US, NUMEXPR_NS, UFUNC_NS
from symopt.backends.numexpr.dialect import numexpr_can
from symopt.backends.numexpr.registers import Statement
from symopt.graph.dimensions import names_in, product, resolve
from symopt.graph.nodes import Elementwise, Embed, Node
from symopt.lowering.program import Loop, base_of

#: Elements of a block: few enough for the cache of one core, enough to hide the calls.
BLOCK = {1: 32768, 2: 65536}
#: How much faster two threads must be than one to be used.
WORTH_A_THREAD = 1.25
#: How much faster numexpr must be than ufuncs.
WORTH_NUMEXPR = 1.25
#: What fits in the cache of one core beside everything else, in bytes.
CACHE = 1 << 20
#: Numexpr refuses more inputs than 63, and compiles long expressions slowly: they are cut at so many operations.
NUMEXPR_INPUTS, NUMEXPR_NODES = 32, 40
#: A run-time size that is not known yet counts as this.
TYPICAL_SIZE = 128


@dataclass(frozen=True)
class Choice:
    """How a kernel runs, and why."""

    way: str  # "ufuncs", "blocks" or "numexpr"
    threads: int
    reason: tuple[str, ...]


def choose(loop: Loop, segments: Sequence[Statement], sizes: Mapping[str, int]) -> Choice:
    """The cheapest way to run ``loop`` for given (or typical) sizes; ``segments`` are numexpr's statements."""
    known = {name: sizes.get(name, TYPICAL_SIZE) for dim in loop.domain for name in names_in(dim)}
    count = resolve(product(loop.domain), known)
    whole = _ufuncs_us(loop, count, _streams(loop, count))
    options: dict[tuple[str, int], float] = {("ufuncs", 1): whole}
    if count > BLOCK[1] and not any(isinstance(node, Embed) for node in loop.body):
        for threads, block in BLOCK.items():
            blocks = -(-count // block)
            work = _ufuncs_us(loop, count, False) + len(loop.body) * FIXED_US["ufunc_binary"] * (blocks - 1)
            memory = _bytes(loop, count) / BANDWIDTH_GBS[threads] / 1e3
            busier = -(-blocks // threads) / blocks  # the part of the thread that gets one block more
            shared = max(work * busier, memory) + (FIXED_US["hand_off"] if threads > 1 else 0)
            # A second thread must win clearly: the core may be wanted elsewhere.
            options["blocks", threads] = shared if threads == 1 else shared * WORTH_A_THREAD
    if _fits_numexpr(loop, segments):
        # A call of numexpr allocates a little; it must win clearly.
        options["numexpr", 1] = _numexpr_us(loop, segments, count) * WORTH_NUMEXPR
    (way, threads), least = min(options.items(), key=lambda option: option[1])
    names = {"ufuncs": "ufuncs on whole arrays", "blocks": "ufuncs block by block", "numexpr": "numexpr"}
    costs = [f"{_name(names, *option)} {_us(cost)}" for option, cost in options.items() if option != (way, threads)]
    reason = [f"{_name(names, way, threads)}, about {_us(least)} for {count} elements"]
    return Choice(way, threads, (*reason, *([f"rather than {', '.join(costs)}"] if costs else [])))


def _name(names: Mapping[str, str], way: str, threads: int) -> str:
    return names[way] + (f" on {threads} threads" if threads > 1 else "")


def _us(cost: float) -> str:
    return f"{cost:.0f} us" if cost >= 10 else f"{cost:.1f} us"


def _streams(loop: Loop, count: int) -> bool:
    """Whether whole arrays go to memory and back between one ufunc and the next."""
    return _bytes(loop, count) > CACHE


def _bytes(loop: Loop, count: int) -> int:
    """What the kernel reads and writes, in bytes."""
    arrays = {base_of(node): node for node in loop.reads() if node.shape == loop.domain and not _is_small(node)}
    read = sum(node.dtype.itemsize for node in arrays.values())
    return count * (read + sum(buffer.dtype.itemsize for _, buffer in loop.stores))


def _is_small(node: Node) -> bool:
    return base_of(node).shape == ()


def _ns(table: Mapping[str, Mapping[str, float | None]], node: Node) -> float:
    """Nanoseconds per element of a pointwise node."""
    if not isinstance(node, Elementwise):
        return 1.0
    dtype = node.operands[0].dtype if node.op.kind in ("comparison", "predicate", "cast") else node.dtype
    costs = table.get(dtype.name) or table["float64"]
    cost = costs.get(node.op.name)
    return 1.0 if cost is None else cost


def _ufuncs_us(loop: Loop, count: int, streams: bool) -> float:
    total = 0.0
    for node in loop.body:
        total += FIXED_US["ufunc_binary"] + count * _ns(UFUNC_NS, node) / 1e3
        if streams:
            total += count * node.dtype.itemsize * (1 + len(node.operands)) / BANDWIDTH_GBS[1] / 1e3
    return total


def _fits_numexpr(loop: Loop, segments: Sequence[Statement]) -> bool:
    sizes = [len(segment.reads) for segment in segments]
    return (
        loop.domain != ()
        and bool(segments)
        and max(sizes) <= NUMEXPR_INPUTS
        and all(numexpr_can(node) for node in loop.body)
    )


def _numexpr_us(loop: Loop, segments: Sequence[Statement], count: int) -> float:
    calls = sum(FIXED_US["numexpr"] + FIXED_US["numexpr_input"] * len(segment.reads) for segment in segments)
    work = sum(count * _ns(NUMEXPR_NS, node) for node in loop.body) / 1e3
    memory = _bytes(loop, count) / BANDWIDTH_GBS[1] / 1e3 if _streams(loop, count) else 0.0
    return calls + max(work, memory)
