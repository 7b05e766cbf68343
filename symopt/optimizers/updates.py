"""Updates: ordered pairs of a variable and its next value, which print as equations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from symopt.graph.evaluate import evaluate
from symopt.graph.formula import LATEX, TEXT, Dialect, formula
from symopt.graph.nodes import Node, Shared
from symopt.graph.traversal import substitute, topological

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

    def bind(self, node: Node) -> Node:
        """``node`` with ``so.iteration`` bound to the count of these updates."""
        return substitute([node], self.placeholders)[0]

    def __str__(self) -> str:
        rows = self._equations(TEXT, lambda name: (f"grad({name})", f"g({name})"))
        width = max(len(left) for left, _, _ in rows)
        return "\n".join(f"{left:<{width}} {'<-' if changes else ' ='} {right}" for left, changes, right in rows)

    def latex(self) -> str:
        r"""The equations as the body of a LaTeX ``align`` environment."""
        rows = self._equations(LATEX, lambda name: (rf"\nabla {LATEX.symbol(name)}", f"g({LATEX.symbol(name)})"))
        arrows = {True: r"\leftarrow", False: "="}
        return " \\\\\n".join(f"{left} &{arrows[changes]} {right}" for left, changes, right in rows)

    def _equations(self, dialect: Dialect, spell: Callable[[str], tuple[str, str]]) -> list[tuple[str, bool, str]]:
        """Left side, whether it is a variable that changes, and right side.

        ``spell`` gives the names of the raw and of the prepared gradient of a parameter. A value that an earlier
        equation has computed is called by a prime.
        """
        names = {node: spell(param.name)[0] for param, node in self.gradients.items()}
        values = self._known_numbers()
        rows = []
        for param, node in self.prepared.items():
            if node is not self.gradients[param]:
                name = spell(param.name)[1]
                rows.append((name, False, formula(node, names, dialect, values)))
                names[node] = name
        for variable, node in self.pairs:
            rows.append((dialect.symbol(variable.name), True, formula(node, names, dialect, values)))
            names.setdefault(node, dialect.symbol(variable.name) + "'")
        return rows

    def _known_numbers(self) -> dict[Node, float]:
        """The values of weak numbers that do not change from step to step."""
        order = topological((node for _, node in self.pairs), stop=set(self.gradients.values()))
        moving: set[Node] = {self.iteration, self.epoch}
        for node in order:
            if not moving.isdisjoint(node.operands):
                moving.add(node)
        fixed = [node for node in order if node.weak and node not in moving]
        return {node: float(value) for node, value in zip(fixed, evaluate(fixed, {}), strict=True)}
