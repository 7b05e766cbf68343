"""Gradient accumulation: one step for the gradients of several batches; written once for all rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.graph.construct import make_elementwise
from symopt.graph.nodes import Node, Shared
from symopt.graph.promotion import FLOAT64
from symopt.graph.traversal import substitute
from symopt.optimizers.states import Pair, common_state, state
from symopt.scalar import cast_to

#: An optimizer bound by :func:`symopt.optimizers.hyperparameters.bind`, with the fields that all optimizers share.
Bound = Any


@dataclass(frozen=True, eq=False)
class Window:
    """The batches whose gradients make one step.

    Attributes
    ----------
    batches : a state, how many there were in this window before the present batch.
    is_full : whether the present one completes it.
    pairs : what every batch changes: the sums of gradients, and ``batches``.
    """

    batches: Shared
    is_full: Node
    pairs: tuple[Pair, ...]

    def bound(self, known: Mapping[Node, Node]) -> Window:
        """The window with other nodes in the place of some."""
        is_full, *values = substitute([self.is_full, *(value for _, value in self.pairs)], known)
        variables = [variable for variable, _ in self.pairs]
        return Window(self.batches, is_full, tuple(zip(variables, values, strict=True)))

    def waiting(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Pairs that change nothing until the window is full."""
        return [(variable, so.where(self.is_full, value, variable)) for variable, value in pairs]


def gathered(optimizer: Bound, param: Shared, grad: Node) -> Node:
    """The mean of the rescaled gradients in a window, the present one included."""
    if optimizer.accumulate is None:
        return grad
    return (_total(param) + grad) / (_number(_batches()) + 1)


def window(optimizer: Bound, variants: Sequence[Bound], params: Sequence[Shared], raw: Sequence[Node]) -> Window | None:
    """The window of these parameters, each with its variant of the optimizer; None where each batch is a step."""
    if optimizer.accumulate is None:
        return None
    batches = _batches()
    is_full = so.greater_equal(_number(batches) + 1, optimizer.accumulate)
    pairs = []
    for variant, param, grad in zip(variants, params, raw, strict=True):
        total = _total(param)
        pairs.append((total, so.where(is_full, 0, total + rescaled(variant, grad))))
    return Window(batches, is_full, (*pairs, (batches, so.where(is_full, 0, batches + 1))))


def rescaled(optimizer: Bound, grad: Node) -> Node:
    """A gradient times ``rescale_gradient``."""
    return grad if optimizer.rescale_gradient is None else optimizer.rescale_gradient * grad


def _total(param: Shared) -> Shared:
    return state(param, "gathered")


def _batches() -> Shared:
    return common_state("batches", 0, dtype=np.int64)


def _number(count: Shared) -> Node:
    """A count among hyperparameters, where it is a number that leaves float32 as it is."""
    return make_elementwise(cast_to(FLOAT64), (count,), FLOAT64, True)
