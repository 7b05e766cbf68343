"""Random functions: graphs of every kind of node over inputs of known and run-time sizes, with updates.

All choices are drawn from a ``random.Random``: Hypothesis has one that it can shrink, a long search takes a plain one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

import symopt as so
from symopt.graph.dimensions import Dim, Dimension, Shape, resolve, resolve_shape, size
from symopt.graph.nodes import Input, Node, Shared
from symopt.graph.traversal import topological
from symopt.graph.verify import guards_of

Array = np.ndarray
Sizes = dict[str, int]

#: What known dimensions are drawn from; run-time sizes n and m beside them.
KNOWN = (1, 2, 3, 5)
#: Run-time sizes that a function is called with, where its guards let them.
LENGTHS = (4, 1, 3, 6, 2, 0)


@dataclass
class Feed:
    """How the values of an input are drawn: their flavour, or their range for integers."""

    flavour: str
    low: Dim = -3
    high: Dim = 4


@dataclass
class Growth:
    """A graph in the making: what there is to compose, and the draws that decide."""

    rng: random.Random
    dtype: str
    known: tuple[int, ...] = KNOWN
    max_ndim: int = 3
    sizes: tuple[Dimension, ...] = (size("n"), size("m"))
    pool: list[Node] = field(default_factory=list)
    inputs: dict[Input, Feed] = field(default_factory=dict)
    variables: list[Shared] = field(default_factory=list)
    weak: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.numbers = np.random.default_rng(self.rng.getrandbits(32))
        rest = self.shape(self.rng.randint(0, self.max_ndim - 1))
        self.new_input((self.sizes[0], *rest))
        if self.rng.random() < 0.5:
            self.new_input((self.sizes[1],))
        else:
            self.sizes = self.sizes[:1]
        shape = self.known_shape()
        for _ in range(self.rng.randint(1, 3)):
            self.new_variable(shape)

    # ---------------------------------------------------------------------------------------------------- shapes

    def often(self, chance: float = 0.7) -> bool:
        return self.rng.random() < chance

    def dim(self) -> Dim:
        return self.rng.choice(self.sizes) if self.often(0.4) else self.rng.choice(self.known)

    def shape(self, ndim: int) -> Shape:
        return tuple(self.dim() for _ in range(min(ndim, self.max_ndim)))

    def known_shape(self) -> tuple[int, ...]:
        return tuple(self.rng.choice(self.known) for _ in range(self.rng.randint(0, self.max_ndim)))

    # ---------------------------------------------------------------------------------------------------- leaves

    def new_input(self, shape: Shape, dtype: str | None = None, low: Dim = -3, high: Dim = 4) -> Input:
        """An input; integers are drawn from low ... high - 1."""
        flavour = self.rng.choice(["plain"] * 6 + ["whole", "wild"])
        node = so.input(f"x{len(self.inputs)}", shape, dtype or self.dtype)
        self.inputs[node] = Feed(flavour, low, high)
        self.pool.append(node)
        return node

    def new_variable(self, shape: tuple[int, ...], dtype: str | None = None) -> Shared:
        """A parameter or a state of a known shape."""
        make = so.parameter if self.often() else so.state
        values = draw(
            self.numbers, shape, np.dtype(dtype or self.dtype), Feed(self.rng.choice(["plain"] * 6 + ["wild"]))
        )
        node = make(values, f"v{len(self.variables)}")
        self.variables.append(node)
        self.pool.append(node)
        return node

    # ---------------------------------------------------------------------------------------------------- operands

    def add(self, *nodes: Node) -> None:
        for node in nodes:
            (self.weak if node.weak else self.pool).append(node)

    def pick(self, kinds: str = "f", min_ndim: int = 0, fits: Callable[[Node], bool] | None = None) -> Node:
        """A node of some dtype, rather a recent one; a new input if there is none."""
        found = [n for n in self.pool if n.dtype.kind in kinds and n.ndim >= min_ndim and (fits is None or fits(n))]
        if not found:
            dtype = {"f": self.dtype, "i": "int64", "b": "bool"}[kinds[0]]
            return self.new_input(self.shape(max(min_ndim, 1)), dtype)
        return found[max(self.rng.randrange(len(found)), self.rng.randrange(len(found)))]

    def take(self, shape: Shape, kinds: str = "f") -> Node:
        """A node of a given shape."""
        found = [n for n in self.pool if n.dtype.kind in kinds and n.shape == shape]
        if found and self.often(0.8):
            return self.rng.choice(found)
        if all(isinstance(dim, int) for dim in shape) and kinds == "f" and self.often(0.4):
            return self.new_variable(shape)
        if self.often(0.2) and shape:
            return so.broadcast_to(self.take(shape[1:], kinds), shape)
        return self.new_input(shape, {"f": self.dtype, "i": "int64", "b": "bool"}[kinds[0]])

    def partner(self, node: Node) -> Node | float:
        """Something that broadcasts with ``node``."""
        if self.often(0.15):
            return self.rng.choice([0.0, 1.0, -1.0, 2.0, 0.5, 3, -2])
        if self.weak and self.often(0.1):
            return self.rng.choice(self.weak)
        kinds = "f" if node.dtype.kind == "f" else "iu"
        found = [n for n in self.pool if n.dtype.kind in kinds and broadcasts(n.shape, node.shape)]
        if found and self.often(0.85):
            return self.rng.choice(found)
        return self.take(node.shape[self.rng.randint(0, node.ndim) :], kinds)


def broadcasts(one: Shape, other: Shape) -> bool:
    """Whether two shapes stretch to a common one whatever the sizes are."""
    return all(a == b or 1 in (a, b) for a, b in zip(one[::-1], other[::-1], strict=False))


# -------------------------------------------------------------------------------------------------------------- values


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype, feed: Feed) -> Array:
    """Values of a flavour: plain numbers, whole ones (so that there are ties and zeros), or some of them wild."""
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        return rng.integers(feed.low if dtype.kind == "i" else 0, feed.high, shape).astype(dtype)
    values = rng.normal(size=shape)
    if feed.flavour == "whole":
        values = np.round(values * 1.5)
    if feed.flavour == "wild":
        large = 1e30 if dtype == np.float32 else 1e200
        odd = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, large, -large, 1 / large, 1000.0, -1000.0, 88.9], shape)
        values = np.where(rng.random(shape) < 0.25, odd, values)
    return values.astype(dtype)


# -------------------------------------------------------------------------------------------------------------- a case


@dataclass
class Case:
    """A function, and the arrays of some calls."""

    inputs: tuple[Input, ...]
    outputs: tuple[Node, ...]
    updates: tuple[tuple[Shared, Node], ...]
    calls: list[list[Array]]

    @property
    def nodes(self) -> list[Node]:
        return topological([*self.outputs, *(value for _, value in self.updates)])


def make_case(
    growth: Growth, outputs: Iterable[Node], updates: Iterable[tuple[Shared, Node]], lengths: Sequence[int] = LENGTHS
) -> Case | None:
    """The function and three calls of sizes that its guards allow; None if there are none."""
    outputs, updates = tuple(outputs), tuple(updates)
    nodes = topological([*outputs, *(value for _, value in updates)])
    guards = [guard for node in nodes for guard in guards_of(node)]
    inputs = tuple(growth.inputs)
    possible = []
    for n in lengths:
        for m in lengths if len(growth.sizes) > 1 else lengths[:1]:
            sizes = {"n": n, "m": m}
            if all(guard.holds(sizes) for guard in guards) and all(map(_can_be_fed(growth, sizes), inputs)):
                possible.append(sizes)
    if not possible:
        return None
    first = possible[0]
    others = growth.rng.sample(possible, min(2, len(possible)))
    calls = [[array_for(growth, node, sizes) for node in inputs] for sizes in (first, *others)]
    return Case(inputs, outputs, updates, calls)


def _can_be_fed(growth: Growth, sizes: Sizes) -> Callable[[Input], bool]:
    def check(node: Input) -> bool:
        feed = growth.inputs[node]
        shape = resolve_shape(node.shape, sizes)
        if any(dim < 0 for dim in shape):
            return False
        return node.dtype.kind not in "iu" or 0 in shape or resolve(feed.low, sizes) < resolve(feed.high, sizes)

    return check


def array_for(growth: Growth, node: Input, sizes: Sizes) -> Array:
    """An array for an input at given sizes."""
    feed = growth.inputs[node]
    shape = resolve_shape(node.shape, sizes)
    bounds = Feed(feed.flavour, resolve(feed.low, sizes), max(resolve(feed.high, sizes), resolve(feed.low, sizes) + 1))
    return draw(growth.numbers, shape, node.dtype, bounds)
