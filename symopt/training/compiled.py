"""The two functions of a trainer: one update, and the monitors without an update."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import symopt.tensor as so
from symopt.errors import DataError
from symopt.function import Function, function
from symopt.graph.nodes import Input, Node, Shared
from symopt.graph.traversal import parameters_of, topological
from symopt.optimizers import UpdateRule
from symopt.optimizers.hyperparameters import numbers, same_structure, with_settings
from symopt.optimizers.schedules.plateau import after_validation

Pairs = Sequence[tuple[Shared, Any]]


class Compiled:
    """An optimizer on one loss, as functions; the hyperparameters of the optimizer may change.

    Attributes
    ----------
    updates : the update expressions of the optimizer.
    names : of the outputs of both functions: the loss, the monitors, the norms of gradients.
    step, monitor : the functions, with and without the update.
    """

    def __init__(
        self,
        optimizer: UpdateRule,
        loss: Node,
        params: Sequence[Shared] | None,
        inputs: Sequence[Input] | None,
        updates: Pairs,
        monitors: Mapping[str, Any] | Sequence[tuple[str, Any]],
        monitor_gradients: bool,
        **options: Any,
    ) -> None:
        if not isinstance(loss, Node):
            raise DataError(f"the loss is {loss!r}: expected a tensor (so.minimize takes SymPy expressions too)")
        self.optimizer = optimizer
        self.loss = loss
        self.params = list(params) if params is not None else parameters_of([loss])
        self._extra = [(variable, so.as_tensor(value)) for variable, value in updates]
        self._monitors = _named_monitors(monitors)
        self._monitor_gradients = monitor_gradients
        self._options = options
        self.updates = optimizer.get_updates(loss, self.params)
        self.inputs = list(inputs) if inputs is not None else self._found_inputs()
        self._compile()
        self.states = self._named_states()

    def _found_inputs(self) -> list[Input]:
        given = [self.loss, *self._monitors.values(), *(value for _, value in self._extra)]
        return sorted((n for n in topological(given) if isinstance(n, Input)), key=lambda node: node.serial)

    def _compile(self) -> None:
        watched = [("loss", self.loss), *self._monitors.items()]
        if self._monitor_gradients:
            watched += [(f"grad({p.name})", so.linalg.norm(g)) for p, g in self.updates.gradients.items()]
        self.names = _different([name for name, _ in watched], "monitors")
        outputs = [self.updates.bind(node) for _, node in watched]
        extra = [(variable, self.updates.bind(value)) for variable, value in self._extra]
        title = f"an update by {type(self.optimizer).__name__}"
        self.step: Function = function(self.inputs, outputs, [*self.updates, *extra], title=title, **self._options)
        self.monitor: Function = function(self.inputs, outputs, title="the monitors", **self._options)

    def _named_states(self) -> dict[str, Shared]:
        """All that a step changes, but for the parameters."""
        states = [*self.updates.states.values(), self.updates.iteration, *(variable for variable, _ in self._extra)]
        return dict(zip(_different([node.name for node in states], "states"), states, strict=True))

    def set_hyperparameters(self, changes: Mapping[str, Any]) -> None:
        """Change hyperparameters.

        Numbers are set where they are. A change of structure compiles anew, and keeps the states.
        """
        self.set_optimizer(dataclasses.replace(self.optimizer, **changes))

    def set_optimizer(self, optimizer: UpdateRule) -> None:
        """Go on with other settings of the optimizer."""
        if same_structure(self.optimizer, optimizer):
            for name, value in numbers(optimizer).items():
                if name in self.updates.hyperparameter_nodes:  # not that of a group which a later one has changed again
                    self.updates.hyperparameter_nodes[name].storage.array[...] = value
        else:
            self._rebuild(optimizer)
        self.optimizer = optimizer

    def note_validation(self, monitors: Mapping[str, float]) -> None:
        """Tell the monitors of a validation to schedules that depend on them."""
        after = with_settings(self.optimizer, lambda _, value: after_validation(value, monitors))
        if after is not self.optimizer:
            self.set_optimizer(after)

    def _rebuild(self, optimizer: UpdateRule) -> None:
        old, calls, epoch = self.states, self.step.calls, self.updates.epoch.value
        self.updates = optimizer.get_updates(self.loss, self.params)
        self.updates.epoch.value = epoch
        self._compile()
        self.step.calls = calls  # random draws go on
        self.states = self._named_states()
        for name, node in self.states.items():
            if name in old:
                node.storage.array[...] = old[name].storage.read()


def _named_monitors(monitors: Mapping[str, Any] | Sequence[tuple[str, Any]]) -> dict[str, Node]:
    pairs = list(monitors.items() if isinstance(monitors, Mapping) else monitors)
    names = _different([str(name) for name, _ in pairs], "monitors")
    if "loss" in names:
        raise DataError("the monitor 'loss' is there by itself: give yours another name")
    nodes = {name: so.as_tensor(value) for name, (_, value) in zip(names, pairs, strict=True)}
    for name, node in nodes.items():
        if node.shape != ():
            raise DataError(f"monitor {name!r} is {node!r}: a monitor is one number; take its mean()", node.origin)
    return nodes


def _different(names: list[str], what: str) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"two {what} are called {', '.join(twice)}: give each a name of its own")
    return names
