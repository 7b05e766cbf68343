"""Updates: ordered pairs of a variable and its next value, which print as equations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from symopt.graph.evaluate import evaluate
from symopt.graph.formula import LATEX, TEXT, Dialect
from symopt.graph.nodes import Node, Shared, Size
from symopt.graph.traversal import substitute, topological
from symopt.optimizers.equations import Equation, Row, rows, spelled

Pair = tuple[Shared, Node]


@dataclass(frozen=True, eq=False)
class Updates(Sequence[Pair]):
    """What one update changes: states, then parameters, then the iteration; all read the old values.

    ``gradients`` are the raw gradients by parameter, ``prepared`` what the rule gets in their place, and ``states``
    the fresh states by name. ``epoch`` is the number of epochs before this update,
    for schedules: whoever runs the updates writes it.
    """

    pairs: tuple[Pair, ...]
    gradients: Mapping[Shared, Node]
    prepared: Mapping[Shared, Node]
    states: Mapping[str, Shared]
    hyperparameter_nodes: Mapping[str, Shared]
    iteration: Shared
    epoch: Shared
    placeholders: Mapping[Node, Node]
    resolution: str = ""

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Pair]: ...
    def __getitem__(self, index: Any) -> Any:
        return self.pairs[index]

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.pairs)

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The exact values of the numbers that the equations show with four digits."""
        return {name: float(node.storage.array) for name, node in self.hyperparameter_nodes.items()}

    def table(self) -> str:
        """What each parameter resolved to: its shape, and frozen or what its groups have changed."""
        return self.resolution

    def bind(self, node: Node) -> Node:
        """``node`` with ``so.iteration`` bound to the count of these updates."""
        return substitute([node], self.placeholders)[0]

    def __str__(self) -> str:
        lines = self._rows(TEXT)
        width = max(len(left) for left, _, _ in lines)
        return "\n".join(f"{left:<{width}} {'<-' if changes else ' ='} {right}" for left, changes, right in lines)

    def latex(self) -> str:
        r"""The equations as the body of a LaTeX ``align`` environment."""
        arrows = {True: r"\leftarrow", False: "="}
        lines = self._rows(LATEX)
        return " \\\\\n".join(f"{left} &{arrows[changes]} {right}" for left, changes, right in lines)

    def _rows(self, dialect: Dialect) -> list[Row]:
        """Prepared gradients, then all variables; what an earlier line has computed is called by a prime."""
        given = {node: spelled("grad({})", param.name, r"\nabla {}") for param, node in self.gradients.items()}
        prepared = [
            Equation(spelled("g({})", param.name), spelled("g({})", param.name), False, node)
            for param, node in self.prepared.items()
            if node is not self.gradients[param]
        ]
        changes = [
            Equation(spelled("{}", variable.name), spelled("{}'", variable.name), True, node)
            for variable, node in self.pairs
        ]
        return rows([*prepared, *changes], given, self._known_numbers(), dialect)

    def _known_numbers(self) -> dict[Node, float]:
        """The values of weak numbers that change neither from step to step nor with the size of the data."""
        order = topological((node for _, node in self.pairs), stop=set(self.gradients.values()))
        moving: set[Node] = {self.iteration, self.epoch}
        for node in order:
            if isinstance(node, Size) or not moving.isdisjoint(node.operands):
                moving.add(node)
        fixed = [node for node in order if node.weak and node not in moving]
        return {node: float(value) for node, value in zip(fixed, evaluate(fixed, {}), strict=True)}
