"""What many rules are made of: decaying averages, and states that start at a hyperparameter."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import iteration
from symopt.optimizers.preparation import Pair
from symopt.optimizers.states import state


def average(param: Shared, name: str, keep: Any, value: Node) -> Generator[Pair, None, Node]:
    """The next value of a decaying average from 0, which keeps the part ``keep`` of its past in a step."""
    past = state(param, name)
    following: Node = keep * past + (1 - keep) * value
    yield past, following
    return following


def corrected_root(square: Node, keep: Any, t: Any) -> Node:
    """The root of an average of squares, corrected for its start at 0 by the part ``keep**t`` that is missing."""
    # The root of a quotient by a number of the step would be a division for each element.
    return 1 / so.sqrt(1 - keep**t) * so.sqrt(square)


def starting(past: Shared, first: Any) -> Node:
    """A state, which counts as ``first`` in the first update: a value that is known only as the updates run."""
    return so.where(so.equal(iteration, 0), first, past)


def quotient(top: Node, bottom: Node) -> Node:
    """``top / bottom`` for what is never negative, and 0 / 0 = 0."""
    return top / so.where(so.greater(bottom, 0), bottom, 1)
