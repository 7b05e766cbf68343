"""How far a formula carries rounding errors: the reference, computed again and again with other roundings.

A backend adds up in another order, calls another library's exp, and may write x * x * x for x**3; each is right to a
few units in the last place, but a formula can make anything of that: cancel what was equal, take the other branch of a
comparison, reach 0 or infinity. So the reference is computed several times with every operation a little off, sums in
another order, and zeros of either sign. Where the results differ, a backend may differ as well, by a few times as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symopt.graph.dimensions import resolve_shape
from symopt.graph.evaluate import RULES, bind_sizes
from symopt.graph.nodes import Contract, Cumulate, Elementwise, Input, Node, Random, Reduce
from symopt.graph.philox import uniform
from symopt.graph.traversal import topological

Array = np.ndarray

#: Operations whose result is one of their operands, or exact.
EXACT = {"negative", "absolute", "sign", "floor", "ceil", "rint", "identity", "stop_gradient", "where"}
EXACT |= {"maximum", "minimum", "max", "min"}
#: How many times further than the samples a backend may be.
MARGIN = 4


@dataclass(frozen=True)
class Expected:
    """A value of the reference, and by how much another right computation may differ; infinity where by anything."""

    value: Array
    spread: Array


def expect(
    outputs: Sequence[Node],
    inputs: Mapping[Node, Array],
    iteration: int,
    seed: int,
    samples: int = 4,
    ulps: float = 4.0,
) -> list[Expected]:
    """What ``outputs`` should be, from the reference and ``samples`` perturbed runs of it."""
    rng = np.random.default_rng(seed)
    streams = {node: i for i, node in enumerate(n for n in topological(outputs) if isinstance(n, Random))}
    exact = _run(outputs, inputs, iteration, streams, None, 0.0)
    moved = [_run(outputs, inputs, iteration, streams, rng, ulps) for _ in range(samples)]
    return [Expected(value, _spread(value, [run[i] for run in moved])) for i, value in enumerate(exact)]


def _spread(value: Array, samples: Sequence[Array]) -> Array:
    if value.dtype.kind != "f":
        differs = np.zeros(value.shape, bool)
        for sample in samples:
            differs |= sample != value
        return np.where(differs, np.inf, 0.0)
    spread = np.zeros(value.shape)
    finite = np.isfinite(value)
    with np.errstate(all="ignore"):
        for sample in samples:
            distance = np.abs(sample.astype(np.float64) - value.astype(np.float64))
            same = (sample == value) | (np.isnan(sample) & np.isnan(value))
            moved = np.where(finite & np.isfinite(sample), MARGIN * distance, np.where(same, 0.0, np.inf))
            spread = np.maximum(spread, moved)
    return spread


def _run(
    outputs: Sequence[Node],
    inputs: Mapping[Node, Array],
    iteration: int,
    streams: Mapping[Node, int],
    rng: np.random.Generator | None,
    ulps: float,
) -> list[Array]:
    given = [node for node in inputs if isinstance(node, Input)]
    sizes = bind_sizes(given, [inputs[node] for node in given])
    values: dict[Node, Array] = dict(inputs)
    with np.errstate(all="ignore"):
        for node in topological(outputs, stop=set(inputs)):
            if node in values:
                continue
            operands = [values[operand] for operand in node.operands]
            if isinstance(node, Random):
                shape = resolve_shape(node.shape, sizes)
                values[node] = uniform(shape, node.dtype, node.seed, streams[node], iteration)
                continue
            if rng is not None:
                operands = _shuffled(node, operands, rng, ulps)
            value = RULES[type(node)](node, sizes, *operands)
            values[node] = value if rng is None else _rounded(node, operands, value, rng, ulps)
    return [np.array(values[node]) for node in outputs]


def _rounded(node: Node, operands: list[Array], value: Array, rng: np.random.Generator, ulps: float) -> Array:
    """``value`` as another library might have rounded it."""
    if value.dtype.kind != "f" or not isinstance(node, (Elementwise, Reduce, Contract, Cumulate)):
        return value
    operation = node.op.name if isinstance(node, Elementwise) else getattr(node, "op", "sum")
    if operation not in EXACT and not operation.startswith("to_"):
        value = _off(value, rng, ulps)
    if operation in ("add", "subtract"):  # what nearly cancels may do so
        size = np.abs(operands[0]) + np.abs(operands[1])
        nothing = np.abs(value) <= 8 * ulps * np.finfo(value.dtype).eps * size
        value = np.where(nothing & (rng.random(value.shape) < 0.5), 0, value).astype(value.dtype)
    return np.where(value == 0, rng.choice([0.0, -0.0], value.shape).astype(value.dtype), value)


def _off(value: Array, rng: np.random.Generator, ulps: float) -> Array:
    off = rng.uniform(-ulps, ulps, value.shape) * np.finfo(value.dtype).eps
    return np.asarray(value * (1 + off)).astype(value.dtype)


def _shuffled(node: Node, operands: list[Array], rng: np.random.Generator, ulps: float) -> list[Array]:
    """The operands of a sum with every term a little off, in another order along what is added up."""
    if node.dtype.kind != "f" or not isinstance(node, (Reduce, Contract, Cumulate)):
        return operands
    if isinstance(node, Reduce) and node.op in EXACT:
        return operands
    moved = [_off(operands[0], rng, ulps), *operands[1:]]
    axes: list[tuple[int, ...]] = []  # for each axis that is added up, where it is in each operand
    if isinstance(node, Reduce):
        axes = [(axis,) for axis in node.axes]
    if isinstance(node, Contract):
        summed = [index for index in node.left if index not in node.output]
        axes = [(node.left.index(index), node.right.index(index)) for index in summed]
    for places in axes:
        order = rng.permutation(moved[0].shape[places[0]])
        moved = [np.take(x, order, axis) for x, axis in zip(moved, places, strict=True)]
    return moved
