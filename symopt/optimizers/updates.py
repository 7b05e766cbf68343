"""Updates: ordered pairs of a variable and its next value, which print as equations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np

from symopt.graph.construct import make_constant
from symopt.graph.evaluate import evaluate
from symopt.graph.formula import LATEX, TEXT, Dialect, formula
from symopt.graph.nodes import Node, Shared, Size
from symopt.graph.traversal import substitute, topological
from symopt.optimizers.accumulation import Window
from symopt.optimizers.equations import LONGEST, Equation, Row, Spelling, as_latex, as_text, rows, spelled
from symopt.optimizers.schedules.base import plain
from symopt.optimizers.states import Pair


@dataclass(frozen=True, eq=False)
class Updates(Sequence[Pair]):
    """What one update changes: states, then parameters, then the iteration; all read the old values.

    Attributes
    ----------
    steps : the pairs of a step, as the rule gives them.
    window : the batches that make one step together; None where each is one. Before the last of them no step is taken.
    gradients : the raw gradients by parameter.
    prepared : what the rule gets in their place.
    states : the fresh states by name.
    formulas : hyperparameters that are schedules or expressions, by full name.
    averages : the states that hold averages of parameters, by parameter; none unless the rule keeps them.
    iteration : the number of steps before this update.
    epoch : the number of epochs before this update, for schedules: whoever runs the updates writes it.
    """

    steps: tuple[Pair, ...]
    window: Window | None
    gradients: Mapping[Shared, Node]
    prepared: Mapping[Shared, Node]
    states: Mapping[str, Shared]
    averages: Mapping[Shared, Shared]
    hyperparameter_nodes: Mapping[str, Shared]
    formulas: Mapping[str, Node]
    iteration: Shared
    epoch: Shared
    placeholders: Mapping[Node, Node]
    resolution: str = ""

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Variables and their next values."""
        if self.window is None:
            return self.steps
        return (*self.window.pairs, *self.window.waiting(self.steps))

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
        return {name: float(node.storage.read()) for name, node in self.hyperparameter_nodes.items()}

    def table(self) -> str:
        """What each parameter resolved to: its shape, and frozen or what its groups have changed."""
        return self.resolution

    def bind(self, node: Node) -> Node:
        """``node`` with ``so.iteration`` bound to the count of these updates."""
        return substitute([node], self.placeholders)[0]

    def __str__(self) -> str:
        return as_text(self._rows(TEXT))

    def latex(self) -> str:
        r"""The equations as the body of a LaTeX ``align`` environment."""
        return as_latex(self._rows(LATEX))

    def _rows(self, dialect: Dialect) -> list[Row]:
        """Prepared gradients, then all variables; what an earlier line has computed is called by a prime."""
        given = {node: spelled("grad({})", param.name, r"\nabla {}") for param, node in self.gradients.items()}
        prepared = [
            Equation(spelled("g({})", param.name), spelled("g({})", param.name), "definition", node)
            for param, node in self.prepared.items()
            if node is not self.gradients[param]
        ]
        values = self._known_numbers()
        steps = [_change(*pair) for pair in self.steps]
        if self.window is not None:
            condition = Equation(spelled("", ""), spelled("", ""), "condition", self.window.is_full)
            steps = [*(_change(*pair) for pair in self.window.pairs), condition, *steps]
        return rows([*self._long_formulas(values), *prepared, *steps], given, values, dialect)

    def _long_formulas(self, values: Mapping[Node, float]) -> list[Equation]:
        """A long schedule has a line and its name; a short one stands where it is used."""
        known = {node: make_constant(np.float64(value), True) for node, value in values.items()}
        found = []
        for name, node in self.formulas.items():
            shown = plain(substitute([node], known)[0])
            if node not in values and len(formula(shown)) > LONGEST:
                found.append(Equation(_called(name), _called(name), "definition", node, shown))
        return found

    def _known_numbers(self) -> dict[Node, float]:
        """The values of weak numbers that change neither from step to step nor with the size of the data."""
        order = topological((node for _, node in self.pairs), stop=set(self.gradients.values()))
        moving: set[Node] = {self.iteration, self.epoch}
        if self.window is not None:
            moving.add(self.window.batches)
        for node in order:
            if isinstance(node, Size) or not moving.isdisjoint(node.operands):
                moving.add(node)
        fixed = [node for node in order if node.weak and node not in moving]
        return {node: float(value) for node, value in zip(fixed, evaluate(fixed, {}), strict=True)}


def _called(name: str) -> Spelling:
    """The full name of a hyperparameter; LaTeX has it upright."""
    upright = name.replace("_", r"\_")
    return lambda dialect: rf"\mathrm{{{upright}}}" if dialect is LATEX else name


def _change(variable: Shared, value: Node) -> Equation:
    return Equation(spelled("{}", variable.name), spelled("{}'", variable.name), "change", value)
