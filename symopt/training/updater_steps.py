"""What an updater compiles: one function for all arrays of a step, whose weights and gradients come from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.backends import ON_DEVICE, device, put_on_device
from symopt.errors import DataError
from symopt.function import function
from symopt.graph.construct import make_shared
from symopt.graph.nodes import Array, Input, Node, Shared
from symopt.graph.traversal import substitute
from symopt.optimizers import UpdateRule
from symopt.optimizers.updates import Updates
from symopt.training.row_sparse import RowSparse


@dataclass(frozen=True, eq=False)
class Slot:
    """What is known of an index: the name, shape and dtype of its array, and its counts.

    ``count`` is of its steps, ``batches`` of the gradients that have been gathered for the next one.
    """

    index: Any
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    count: Shared
    batches: Shared

    def owns(self, state: str) -> bool:
        """Whether a state is called after this array."""
        return state.startswith(f"{self.name}_")


@dataclass(frozen=True, eq=False)
class Request:
    """One array of a step.

    ``height`` is the number of rows that are gathered, at least those of a sparse gradient; None is the whole array.
    ``place`` is the address of an array that the function itself writes; None if it is copied. ``on_device`` says that
    weight and gradient live there: such a function writes the weight wherever it is.
    """

    slot: Slot
    weight: Any
    gradient: Any
    height: int | None
    place: int | None
    on_device: bool = False

    @property
    def key(self) -> tuple[Any, int | None, int | str | None]:
        """What a function is compiled for."""
        return self.slot.index, self.height, ON_DEVICE if self.on_device else self.place

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what the rule works on."""
        return self.slot.shape if self.height is None else (self.height, *self.slot.shape[1:])

    def gathered(self, array: Array) -> Array:
        """The rows of the gradient out of an array of the slot's shape, and rows of 0 up to the height."""
        if self.height is None:
            return array
        rows: Array = np.zeros(self.shape, array.dtype)
        if len(self.gradient.rows):
            np.take(array, self.gradient.rows, axis=0, out=rows[: len(self.gradient.rows)], mode="clip")
        return rows

    def scatter(self, value: Array, array: Array) -> None:
        """Put new values of what was gathered back."""
        if self.height is None:
            np.copyto(array, value)
        else:
            array[self.gradient.rows] = value[: len(self.gradient.rows)]

    def gradients(self) -> Array:
        """The gradient of what was gathered."""
        if self.height is None:
            dense: Array = self.gradient.dense(self.shape) if isinstance(self.gradient, RowSparse) else self.gradient
            return dense
        values: Array = np.zeros(self.shape, self.slot.dtype)
        values[: len(self.gradient.rows)] = self.gradient.values
        return values


@dataclass(eq=False)
class Bank:
    """What all functions of an updater have in common: states and the numbers of the rule, by name.

    ``latest`` has for each index the mark of the step that has moved its array last.
    """

    states: dict[str, Shared] = field(default_factory=dict)
    numbers: dict[str, Shared] = field(default_factory=dict)
    epoch: Shared = field(default_factory=lambda: make_shared(0.0, "epoch", "hyperparameter"))
    latest: dict[Any, object] = field(default_factory=dict)

    def state(self, name: str, fresh: Shared, shape: tuple[int, ...]) -> Shared:
        """The state of this name, which at first is as a fresh one."""
        known = self.states.get(name)
        if known is None and fresh.shape == shape:
            known = fresh
        if known is None:  # the fresh one has other rows: one number fills them all
            first = fresh.storage.read().flat[:1]
            known = make_shared(np.broadcast_to(first.reshape(()), shape), name, "state")
        if known.storage.shape != shape or known.dtype != fresh.dtype:
            raise DataError(f"the state {name!r} is {known!r}, and now should be {fresh!r}: two names are alike")
        self.states[name] = known
        return known


class Step:
    """One compiled step over some arrays.

    An array that stays in its place is the storage of its parameter; others are inputs, and their new values outputs.
    An array on a device is where the newest value of its parameter lies, which never comes to the host.
    What a row-sparse gradient leaves out of a weight or a state never reaches the function.
    """

    def __init__(self, rule: UpdateRule, requests: Sequence[Request], bank: Bank, backend: str) -> None:
        self._bank = bank
        params = [so.parameter(_initial(request), name=request.slot.name) for request in requests]
        weights = [so.input(param.name, shape=param.storage.shape, dtype=param.dtype) for param in params]
        grads = [so.input(f"g_{param.name}", shape=param.storage.shape, dtype=param.dtype) for param in params]
        # The gradient of this loss is what comes from outside, to the last bit.
        loss = so.zeros(())
        for param, grad in zip(params, grads, strict=True):
            loss = loss + so.cast(so.sum(param * grad), loss.dtype)
        updates = rule.get_updates(loss, params)
        #: By position of the array: names of the states whose rows are gathered.
        self._gathered: list[tuple[int, str]] = []
        #: Whether some state belongs to all arrays together.
        self.coupled = False
        replaced: dict[Node, Node] = {}
        for request, param, weight in zip(requests, params, weights, strict=True):
            replaced[param] = param if request.place is not None else weight
        owners = {param: position for position, param in enumerate(params)}
        inputs = self._states(updates, requests, owners, replaced)
        pairs = self._pairs(updates, requests, owners, replaced)
        for request, param in zip(requests, params, strict=True):
            if request.on_device:
                # What the states have started from is no longer needed: memory that nobody touches costs nothing.
                param.storage.array = np.empty(request.shape, request.slot.dtype)
            elif request.place is not None:
                param.storage.array = request.weight
                param.storage.hold()  # the array is the caller's
        self._params = params
        self._mark = object()
        moved = [param for param in params if replaced[param] is not param]
        outputs = [_fitted(pairs.pop(param), param) for param in moved]
        outputs += [_fitted(pairs.pop(updates.states[name]), updates.states[name]) for _, name in self._gathered]
        changes: list[tuple[Any, Node]] = [(replaced.get(v, v), value) for v, value in pairs.items()]
        given = [weight for weight, param in zip(weights, params, strict=True) if param in moved]
        self.function = function([*given, *grads, *inputs], outputs, changes, backend)

    def _states(
        self,
        updates: Updates,
        requests: Sequence[Request],
        owners: dict[Shared, int],
        replaced: dict[Node, Node],
    ) -> list[Input]:
        """Put the updater's own variables in the place of fresh ones; inputs for the states that are gathered."""
        inputs = []
        for name, fresh in updates.states.items():
            if updates.window is not None and fresh is updates.window.batches:
                continue
            owner = _owner(name, requests)
            if owner is None:
                self.coupled = True
                replaced[fresh] = self._bank.state(name, fresh, fresh.storage.shape)
                continue
            owners[fresh] = owner
            request, shape = requests[owner], fresh.storage.shape
            if request.height is not None and shape == request.shape:
                self._bank.state(name, fresh, request.slot.shape)
                replaced[fresh] = so.input(name, shape=shape, dtype=fresh.dtype)
                self._gathered.append((owner, name))
                inputs.append(replaced[fresh])
            else:
                replaced[fresh] = self._bank.state(name, fresh, shape)
        for name, fresh in updates.hyperparameter_nodes.items():
            replaced[fresh] = self._bank.numbers.setdefault(name, fresh)
        replaced[updates.epoch] = self._bank.epoch
        return inputs  # type: ignore[return-value]

    def _pairs(
        self,
        updates: Updates,
        requests: Sequence[Request],
        owners: Mapping[Shared, int],
        replaced: Mapping[Node, Node],
    ) -> dict[Shared, Node]:
        """The next value of each variable, in terms of what it is replaced by and of the counts of its array."""
        common = [updates.iteration, *([updates.window.batches] if updates.window is not None else [])]
        counting = [(variable, value) for variable, value in updates if variable in common]
        of: dict[int, list[tuple[Shared, Node]]] = {}
        for variable, value in updates:
            if variable not in common:
                of.setdefault(owners.get(variable, 0), []).append((variable, value))
        found: dict[Shared, Node] = {}
        for owner, request in enumerate(requests):
            counts: dict[Node, Any] = dict(zip(common, (request.slot.count, request.slot.batches), strict=False))
            pairs = [*of.get(owner, ()), *counting]
            values = substitute([value for _, value in pairs], {**replaced, **counts})
            found |= {counts.get(v, v): value for (v, _), value in zip(pairs, values, strict=True)}
        return found

    def run(self, requests: Sequence[Request]) -> None:
        """Do the step, and write the arrays."""
        self._check_counts(requests)
        for request, param in zip(requests, self._params, strict=True):
            if request.on_device:
                put_on_device(param.storage, request.weight, device())
        states = [self._bank.states[name].storage.array for _, name in self._gathered]
        moved = [request for request in requests if request.place is None]
        given = [request.gathered(request.weight) for request in moved]
        given += [request.gradients() for request in requests]
        given += [requests[owner].gathered(state) for (owner, _), state in zip(self._gathered, states, strict=True)]
        outputs = self.function(*given)
        targets = [(request, request.weight) for request in moved]
        targets += [(requests[owner], state) for (owner, _), state in zip(self._gathered, states, strict=True)]
        for (request, array), value in zip(targets, outputs, strict=True):
            request.scatter(value, array)
        self._bank.latest |= dict.fromkeys([request.slot.index for request in requests], self._mark)

    def _check_counts(self, requests: Sequence[Request]) -> None:
        """Arrays with common states have the same count; they still have where only this step has moved them since."""
        if not self.coupled or all(self._bank.latest.get(request.slot.index) is self._mark for request in requests):
            return
        counts = {(int(r.slot.count.storage.read()), int(r.slot.batches.storage.read())) for r in requests}
        if len(counts) > 1:
            raise DataError("this rule has states for all arrays together: arrays of one step need the same count")


def _initial(request: Request) -> Any:
    """What states start from."""
    return request.weight if request.height is None else np.zeros(request.shape, request.slot.dtype)


def _owner(name: str, requests: Sequence[Request]) -> int | None:
    """The position of the array that a state is called after; None if it is called after none."""
    owners = [position for position, request in enumerate(requests) if request.slot.owns(name)]
    return max(owners, key=lambda position: len(requests[position].slot.name), default=None)


def _fitted(value: Any, variable: Shared) -> Node:
    """A next value in the shape and dtype of its variable."""
    return so.broadcast_to(so.cast(so.as_tensor(value), variable.dtype), variable.shape)
