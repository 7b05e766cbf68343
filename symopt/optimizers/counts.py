"""What a hyperparameter may depend on: placeholders for the counts of updates and of epochs."""

from __future__ import annotations

from symopt.graph.construct import make_shared
from symopt.graph.nodes import Node

#: The number of updates before this one: a placeholder, which the updates of an optimizer bind to their own count.
iteration = make_shared(0.0, "iteration", "hyperparameter")

#: The number of epochs before this one: a placeholder, bound to a number that the Trainer writes.
epoch = make_shared(0.0, "epoch", "hyperparameter")

#: What a schedule may count.
COUNTS: dict[str, Node] = {"iteration": iteration, "epoch": epoch}
