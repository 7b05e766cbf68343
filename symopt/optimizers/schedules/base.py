"""What a schedule is: a frozen dataclass that gives a number as an expression in the iteration, or the epoch."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import Any, ClassVar

import numpy as np

import symopt.tensor as so
from symopt.graph.evaluate import evaluate
from symopt.graph.formula import LATEX, TEXT, formula
from symopt.graph.nodes import Node
from symopt.optimizers.counts import COUNTS, epoch, iteration
from symopt.optimizers.plotting import axes_or_new
from symopt.rewriting import algebra
from symopt.rewriting.engine import Rules, rewrite
from symopt.rewriting.matching import is_number

#: A number of a schedule. In the updates of an optimizer each is a node: a run-time number.
Number = Any

#: The nodes to count with, by name: "iteration" and "epoch".
Counts = Mapping[str, Node]

#: What is said by a number's full name and its value, and takes its place.
Change = Callable[[str, float], Any]


def number(default: Any = dataclasses.MISSING, low: float = -math.inf, high: float = math.inf) -> Any:
    """A field that holds a number from ``low`` to ``high``, an expression in counts, or a tuple of such."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class Schedule(ABC):
    """A number that changes while training goes on.

    It may be given as any number of any optimizer. Schedules add and multiply, with each other and with numbers; they
    print as formulas. The numbers in a schedule are run-time numbers: changing them compiles nothing.
    """

    #: The index of the first update; other systems count from 1.
    first: ClassVar[int] = 0

    #: Leaves operators to this class where a NumPy number stands on the left.
    __array_ufunc__: ClassVar[None] = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if "low" in field.metadata:
                object.__setattr__(self, field.name, _checked(self, field, getattr(self, field.name)))

    @abstractmethod
    def expression(self, counts: Counts) -> Node:
        """The number as an expression in the counts of updates and epochs before the present one, from 0."""

    def node(self) -> Node:
        """The number as an expression in ``so.iteration`` and ``so.schedules.epoch``."""
        return self.expression(COUNTS)

    def at(self, i: float, epoch: float | None = None) -> float:
        """The number at index ``i`` of the updates, or of the epochs where it counts these.

        ``epoch`` is for schedules that count both: the index of the epoch, where it is not ``i``.
        """
        indices = i - self.first, (i if epoch is None else epoch) - self.first
        return self._evaluated(self.node(), *indices)

    def plot(self, steps: int = 100, axes: Any = None) -> Any:
        """Draw the first ``steps`` values with Matplotlib, on ``axes`` (new ones, if None), which are given back."""
        axes = axes_or_new(axes)
        indices = range(self.first, self.first + steps)
        node = self.node()
        axes.plot(indices, [self._evaluated(node, k, k) for k in range(steps)], label=str(self))
        axes.set_xlabel("index")
        axes.set_ylabel(type(self).__name__)
        return axes

    @staticmethod
    def _evaluated(node: Node, iterations: float, epochs: float) -> float:
        counts: dict[Node, Any] = {iteration: np.asarray(iterations, "float64"), epoch: np.asarray(epochs, "float64")}
        return float(evaluate([node], counts)[0])

    def __str__(self) -> str:
        return formula(plain(self.node()), dialect=TEXT)

    def latex(self) -> str:
        """The formula in LaTeX."""
        return formula(plain(self.node()), dialect=LATEX)

    def __add__(self, other: Any) -> Schedule:
        return Sum(self, as_schedule(other)) if _joins(other) else NotImplemented

    def __radd__(self, other: Any) -> Schedule:
        return Sum(as_schedule(other), self) if _joins(other) else NotImplemented

    def __mul__(self, other: Any) -> Schedule:
        return Product(self, as_schedule(other)) if _joins(other) else NotImplemented

    def __rmul__(self, other: Any) -> Schedule:
        return Product(as_schedule(other), self) if _joins(other) else NotImplemented


@dataclass(frozen=True)
class Curve(Schedule):
    """A schedule that counts one thing: updates, or with ``every="epoch"`` epochs."""

    every: str = dataclasses.field(default="iteration", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_every(self.every)

    @abstractmethod
    def value(self, i: Node) -> Node:
        """The number at index ``i``."""

    def expression(self, counts: Counts) -> Node:
        count = counts[self.every]
        return self.value(count + self.first if self.first else count)


@dataclass(frozen=True)
class Fixed(Curve):
    r"""The same number at all times: :math:`\alpha_i = \alpha`.

    Parameters
    ----------
    rate : :math:`\alpha`.

    Source: MXNet.jl's ``LearningRate.Fixed``.
    """

    rate: Number = number()

    def value(self, i: Node) -> Node:
        """The number itself."""
        return so.as_tensor(self.rate)


@dataclass(frozen=True)
class Sum(Schedule):
    """The sum of two schedules, which count each as it does by itself; made by ``+``."""

    left: Schedule
    right: Schedule

    def expression(self, counts: Counts) -> Node:
        return self.left.expression(counts) + self.right.expression(counts)


@dataclass(frozen=True)
class Product(Schedule):
    """The product of two schedules, which count each as it does by itself; made by ``*``."""

    left: Schedule
    right: Schedule

    def expression(self, counts: Counts) -> Node:
        return self.left.expression(counts) * self.right.expression(counts)


def plain(node: Node) -> Node:
    """The same number to be read: what is known is worked out, and nothing adds 0 or multiplies by 1."""
    return rewrite([node], _PLAIN)[0]


_PLAIN = Rules()
_PLAIN("*")(algebra.constant_folding)
_PLAIN("add")(algebra.plus_zero)
_PLAIN("subtract")(algebra.minus_zero)
_PLAIN("multiply")(algebra.times_one)
_PLAIN("divide")(algebra.over_one)


@_PLAIN("power")
def _power_with_one(node: Node) -> Node | None:
    """1 ** x = 1, and x ** 1 = x."""
    base, exponent = node.operands
    return base if is_number(base, 1) or is_number(exponent, 1) else None


def as_schedule(value: Any) -> Schedule:
    """A schedule as it is; a number as one that is fixed."""
    return value if isinstance(value, Schedule) else Fixed(value)


def check_every(every: Any) -> None:
    """Refuse what cannot be counted."""
    if every not in COUNTS:
        raise ValueError(f"every={every!r}: a schedule counts every 'iteration' or every 'epoch'")


def check_ascending(schedule: Schedule, name: str, given: Number) -> None:
    """Refuse boundaries that do not ascend; expressions are taken as they are."""
    if not isinstance(given, tuple):
        raise TypeError(f"{type(schedule).__name__}({name}={given!r}): expected a list of numbers")
    if any(not isinstance(a, Node) and not isinstance(b, Node) and not a < b for a, b in pairwise(given)):
        raise ValueError(f"{type(schedule).__name__}({name}={list(given)}): expected numbers in ascending order")


def _joins(other: Any) -> bool:
    return isinstance(other, (Schedule, Real)) or (isinstance(other, Node) and other.weak)


def _checked(schedule: Schedule, field: dataclasses.Field[Any], value: Any) -> Any:
    """A number, or a tuple of numbers, within the range of its field."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return tuple(_checked(schedule, field, item) for item in value)
    label = f"{type(schedule).__name__}({field.name}={value!r})"
    low, high = field.metadata["low"], field.metadata["high"]
    if isinstance(value, Node):
        if not value.weak:
            raise TypeError(f"{label}: expected a number, or an expression in so.iteration and numbers")
    elif isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{label}: expected a number")
    elif not (low <= value <= high or math.isnan(value)):
        raise ValueError(f"{label}: expected a number from {low:g} to {high:g}")
    return value


# ------------------------------------------------------------------------------------------- the numbers in a schedule


def changed(value: Any, name: str, change: Change) -> Any:
    """``value`` with each plain number in it replaced by ``change(full name, number)``.

    ``value`` is a number, a schedule, or a tuple of such; ``learning_rate.gamma`` is a full name.
    """
    if isinstance(value, Schedule):
        fields = [field for field in dataclasses.fields(value) if _holds_numbers(field, value)]
        parts = {f.name: changed(getattr(value, f.name), f"{name}.{f.name}", change) for f in fields}
        return dataclasses.replace(value, **parts)
    if isinstance(value, tuple):
        return tuple(changed(item, f"{name}.{k}", change) for k, item in enumerate(value))
    return value if value is None or isinstance(value, Node) else change(name, float(value))


def numbers_of(value: Any, name: str) -> dict[str, float]:
    """The plain numbers in a value by full name."""
    found: dict[str, float] = {}

    def note(full_name: str, plain: float) -> float:
        found[full_name] = plain
        return plain

    changed(value, name, note)
    return found


def structure(value: Any) -> Any:
    """What is left of a value when its numbers are left out; compares equal where the expressions are the same."""
    return changed(value, "", lambda name, plain: iteration)


def parts(schedule: Schedule) -> Iterator[tuple[str, Schedule]]:
    """The schedules of which a schedule is made, by the names of their fields."""
    for field in dataclasses.fields(schedule):
        value = getattr(schedule, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Schedule):
                yield field.name, item


def _holds_numbers(field: dataclasses.Field[Any], schedule: Schedule) -> bool:
    value = getattr(schedule, field.name)
    first = value[0] if isinstance(value, tuple) and value else value
    return "low" in field.metadata or isinstance(first, Schedule)
