"""Functions of which an epoch of batches is a loop over steps."""

from __future__ import annotations

from collections.abc import Sequence

from symopt.graph.dimensions import names_in, symbol
from symopt.graph.nodes import Input, Node


def has_epochs(inputs: Sequence[Input], outputs: Sequence[Node]) -> bool:
    """Whether there is a function for whole epochs: all inputs have rows in one number, and outputs are numbers."""
    lengths = {symbol(node.shape[0]) if node.ndim else None for node in inputs}
    others = {name for node in inputs for dim in node.shape[1:] for name in names_in(dim)}
    alike = len(lengths) == 1 and None not in lengths and not others - lengths
    return alike and all(node.shape == () for node in outputs)
