"""Optimizers driven by gradients that come from elsewhere."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from symopt.backends import ON_DEVICE
from symopt.errors import CheckpointError, DataError, ShapeError, Unsupported
from symopt.graph.construct import make_shared
from symopt.graph.nodes import Array, Shared
from symopt.optimizers import UpdateRule
from symopt.optimizers.hyperparameters import numbers, same_structure, switches, with_numbers
from symopt.optimizers.keywords import check_keywords, keywords_of
from symopt.training import checkpoint
from symopt.training.row_sparse import RowSparse
from symopt.training.updater_checks import (
    address,
    apart,
    checked_gradient,
    checked_weight,
    on_device,
    refuse_overlaps,
)
from symopt.training.updater_steps import Bank, Request, Slot, Step

#: How often an array may lie elsewhere than before, until it is copied in any case: for each place there is a function.
MOVES = 8
#: Compiled functions that are kept, and at least a few for each index.
KEPT = 256
KEPT_EACH = 4


class Updater:
    """An optimizer that is given gradients, and updates arrays in place: NumPy's, or those that live on a GPU.

    There, a CuPy array, or anything that shares its memory by DLPack, such as a torch CUDA tensor, is updated where it
    lies, by kernels launched into CuPy's current stream; the states live there too.

    Parameters
    ----------
    opt : any rule: an optimizer, or what :func:`symopt.like` returns.
    names : names of the arrays by index, a list or a dict; ``groups`` and ``freeze`` refer to them. None is ``w0``,
        ``w1``, ..., and for an index that is a string the string itself.
    backend : as for :func:`symopt.function`; ``"auto"`` is ``"cuda"`` for arrays that live on a GPU.

    >>> import numpy as np
    >>> import symopt as so
    >>> weight = np.array([1.0, 2.0])
    >>> updater = so.Updater(so.AdaGrad(learning_rate=1.0))
    >>> updater(0, np.array([0.5, 0.0]), weight)
    >>> weight.round(6)
    array([0., 2.])
    >>> updater.states[0]
    {'squares': array([0.25, 0.  ]), 'iteration': array(1)}
    """

    def __init__(
        self, opt: UpdateRule, names: Sequence[str] | Mapping[Any, str] | None = None, backend: str = "auto"
    ) -> None:
        if not isinstance(opt, UpdateRule):
            raise DataError(f"Updater needs an optimizer, not {opt!r}")
        if opt.needs_curvature:
            raise Unsupported(f"{type(opt).__name__} differentiates the loss twice: gradients alone are not enough")
        known = names.items() if isinstance(names, Mapping) else enumerate(names or ())
        self.names: dict[Any, str] | None = None if names is None else dict(known)
        self.backend = backend
        #: How many functions have been compiled so far.
        self.compilations = 0
        self._rule = opt
        self._slots: dict[Any, Slot] = {}
        self._bank = Bank()
        self._homes: dict[Any, tuple[int | None, int]] = {}  # by index: the last place, and the number of places
        self._steps: OrderedDict[Any, Step] = OrderedDict()
        self._lock = threading.Lock()
        self._check_patterns()

    def _check_patterns(self) -> None:
        """Where all names are known, a pattern that matches none is a mistake."""
        for pattern in (*(getattr(self._rule, "groups", None) or ()), *getattr(self._rule, "freeze", ())):
            if self.names is not None and not any(fnmatchcase(name, pattern) for name in self.names.values()):
                raise DataError(f"the pattern {pattern!r} matches none of {', '.join(self.names.values())}")

    @property
    def optimizer(self) -> UpdateRule:
        """The rule, with its present hyperparameters."""
        return self._rule

    @property
    def states(self) -> Mapping[Any, dict[str, Array]]:
        """By index, copies of all that is kept for its array, by short name: states, and the count ``iteration``."""
        return _States(self._slots, self._bank)

    @property
    def epoch(self) -> float:
        """The number of epochs so far, for schedules that count them; yours to set."""
        return float(self._bank.epoch.storage.read())

    @epoch.setter
    def epoch(self, epoch: float) -> None:
        self._bank.epoch.storage.array[...] = epoch

    def __call__(self, index: Any, gradient: Any, weight: Any) -> None:
        """Update one array in place."""
        self.step([index], [weight], [gradient])

    def step(self, indices: Sequence[Any], weights: Sequence[Any], grads: Sequence[Any]) -> None:
        """Update several arrays in place, by one function for all.

        Parameters
        ----------
        indices : what tells the arrays apart, ints or strings; one not seen before is new.
        weights : arrays of float32 or float64, which share no memory with each other; all of NumPy, or all on a GPU,
            where they are contiguous.
        grads : for each an array of its shape, or a :class:`RowSparse`; on a GPU an array there, of its dtype.

        All is checked before anything changes.
        """
        indices, weights, grads = list(indices), list(weights), list(grads)
        if not len(indices) == len(weights) == len(grads):
            raise DataError(f"step was given {len(indices)} indices, {len(weights)} weights, {len(grads)} gradients")
        if len(set(indices)) < len(indices):
            raise DataError(f"an index is given twice in one step: {indices}")
        with self._lock:
            requests, new = self._requests(indices, weights, grads)
            known = dict(self._bank.states)
            try:
                if requests:
                    self._compiled(requests).run(requests)
            except BaseException:
                self._bank.states = known
                self._steps.clear()  # they may hold states that are forgotten again
                raise
            self._slots |= {slot.index: slot for slot in new}

    def _requests(
        self, indices: Sequence[Any], weights: Sequence[Any], grads: Sequence[Any]
    ) -> tuple[list[Request], list[Slot]]:
        """What is to be done, without the frozen arrays; and the indices that are new."""
        taken = {slot.name: slot.index for slot in self._slots.values()}
        there = on_device(indices, weights, self.backend)
        requests, new = [], []
        for index, given, gradient in zip(indices, weights, grads, strict=True):
            weight = checked_weight(index, given, there)
            slot = self._slots.get(index)
            if slot is None:
                slot = self._slot(index, weight.shape, weight.dtype)
                if slot.name in taken:
                    raise DataError(f"indices {taken[slot.name]!r} and {index!r} are both called {slot.name!r}")
                taken[slot.name] = index
                new.append(slot)
            if (weight.shape, weight.dtype) != (slot.shape, slot.dtype):
                wanted = f"{slot.dtype.name} of shape {slot.shape}"
                raise ShapeError(f"weight {index!r} was {wanted}; now it is {weight.dtype.name} of {weight.shape}")
            requests.append(self._request(slot, weight, checked_gradient(index, gradient, weight, there), there))
        refuse_overlaps([request.weight for request in requests], indices, there)
        frozen = getattr(self._rule, "freeze", ())
        moving = [r for r in requests if not any(fnmatchcase(r.slot.name, pattern) for pattern in frozen)]
        return _apart(moving), new

    def _slot(self, index: Any, shape: tuple[int, ...], dtype: Any) -> Slot:
        if isinstance(index, bool) or not isinstance(index, (int, str)):
            raise DataError(f"an index is an int or a string, not {index!r}")
        if self.names is None:
            name = index if isinstance(index, str) else f"w{index}"
        elif index in self.names:
            name = self.names[index]
        else:
            raise DataError(f"index {index!r} has no name; there are names for {', '.join(map(repr, self.names))}")
        return Slot(index, name, shape, dtype, *_counts(name))

    def _request(self, slot: Slot, weight: Any, gradient: Any, there: bool) -> Request:
        if there:
            return Request(slot, weight, gradient, None, weight.data.ptr, on_device=True)
        if not isinstance(gradient, RowSparse) or not self._rule.skips_zero_gradients():
            return Request(slot, weight, gradient, None, self._place(slot.index, address(weight)))
        gradient = gradient.summed()
        # Powers of two: few functions for any number of rows.
        return Request(slot, weight, gradient, 1 << max(len(gradient.rows) - 1, 0).bit_length(), None)

    def _place(self, index: Any, place: int | None) -> int | None:
        """The place of an array, if it was the same the last time."""
        last, moves = self._homes.get(index, (None, 0))
        if place == last:
            return place if moves <= MOVES else None
        self._homes[index] = place, moves + 1
        for key in [key for key in self._steps if (index, None, last) in key and last is not None]:
            del self._steps[key]  # and with it what holds on to the array
        return None

    def _compiled(self, requests: Sequence[Request]) -> Step:
        """The function for these arrays; compiled unless it is there."""
        key = tuple([request.key for request in requests])
        step = self._steps.get(key)
        if step is None:
            slots = [request.slot for request in requests]
            rule = self._rule.part([slot.index for slot in slots], [slot.name for slot in slots])
            backend = ON_DEVICE if requests[0].on_device else self.backend
            step = self._steps[key] = Step(rule, requests, self._bank, backend)
            self.compilations += 1
            while len(self._steps) > max(KEPT, KEPT_EACH * len(self._slots)):
                self._steps.popitem(last=False)
        else:
            self._steps.move_to_end(key)
        return step

    def set_hyperparameters(self, **changes: Any) -> None:
        """Change hyperparameters. Numbers do not compile anew; a change of structure does, and keeps the states."""
        check_keywords(type(self._rule).__name__, changes, keywords_of(type(self._rule)))
        with self._lock:
            self._set(dataclasses.replace(self._rule, **changes))

    def _set(self, rule: UpdateRule) -> None:
        if same_structure(self._rule, rule):
            for name, value in numbers(rule).items():
                if name in self._bank.numbers:
                    self._bank.numbers[name].storage.array[...] = value
        else:
            self._steps.clear()
            self._bank.numbers.clear()
        self._rule = rule

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all states, counts and numbers to a file, which NumPy's ``load`` can read; the weights are yours.

        The file takes the place of an older one only when it is complete.
        """
        with self._lock:
            rows = [[s.index, s.name, list(s.shape), s.dtype.name] for s in self._slots.values()]
            about = {"format": checkpoint.FORMAT, "kind": "updater", "slots": rows, "epoch": self.epoch}
            arrays = {f"states/{name}": node.value for name, node in self._bank.states.items()}
            counts = [[int(s.count.storage.read()), int(s.batches.storage.read())] for s in self._slots.values()]
            arrays["counts"] = np.asarray(counts, np.int64).reshape(-1, 2)
            checkpoint.write_archive(path, about | self._about(), arrays)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Go on from a saved file: all indices, states, counts and numbers are those of the file.

        Raises
        ------
        CheckpointError : the file is damaged, or of another optimizer; then nothing has changed.
        """
        about, slots, bank = checkpoint.read_archive(path, _unpacked)
        mine = self._about()
        for name in ("optimizer", "switches"):
            if about[name] != mine[name]:
                text = f"{name} is {about[name]} there, {mine[name]} here"
                raise CheckpointError(f"{os.fspath(path)} belongs to another updater: {text}")
        if about["hyperparameters"].keys() != mine["hyperparameters"].keys():
            differ = sorted(about["hyperparameters"].keys() ^ mine["hyperparameters"].keys())
            raise CheckpointError(f"{os.fspath(path)} belongs to another updater: only one has {', '.join(differ)}")
        for slot in slots.values():
            if self._slot(slot.index, (), None).name != slot.name:
                raise CheckpointError(f"{os.fspath(path)}: index {slot.index!r} is called {slot.name!r} there")
        with self._lock:
            self._rule = with_numbers(self._rule, about["hyperparameters"])
            self._slots, self._bank = slots, bank
            self._steps.clear()

    def _about(self) -> dict[str, Any]:
        kind = type(self._rule)
        _, like, module = kind.__module__.partition(".like.")
        name = f"{module.split('.')[0]}.{kind.__name__}" if like else kind.__name__
        return {"optimizer": name, "switches": switches(self._rule), "hyperparameters": numbers(self._rule)}


def _apart(requests: list[Request]) -> list[Request]:
    """Gradients that are no part of an array that the function writes to while it reads them."""
    spans = sorted((r.place, r.place + r.weight.nbytes) for r in requests if r.place is not None)
    if not spans:
        return requests
    apart_ones = []
    for request in requests:
        dense = not isinstance(request.gradient, RowSparse)
        gradient = apart(request.gradient, spans, request.on_device) if dense else request.gradient
        apart_ones.append(request if gradient is request.gradient else dataclasses.replace(request, gradient=gradient))
    return apart_ones


def _counts(name: str, count: int = 0, batches: int = 0) -> tuple[Shared, Shared]:
    """The counts of an array: of its steps, and of gradients gathered for the next one."""
    return make_shared(count, f"{name} iteration", "state"), make_shared(batches, f"{name} batches", "state")


class _States(Mapping[Any, dict[str, Array]]):
    """A view of the states by index."""

    def __init__(self, slots: Mapping[Any, Slot], bank: Bank) -> None:
        self._slots, self._bank = slots, bank

    def __getitem__(self, index: Any) -> dict[str, Array]:
        slot = self._slots[index]
        found = {}
        for name, node in self._bank.states.items():
            owners = [other for other in self._slots.values() if other.owns(name)]
            owner = max(owners, key=lambda other: len(other.name), default=None)
            if owner is None or owner is slot:
                found[name.removeprefix(f"{slot.name}_")] = node.value
        return {**found, "iteration": slot.count.value}

    def __iter__(self) -> Iterator[Any]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)


def _unpacked(about: dict[str, Any], arrays: Mapping[str, Array]) -> tuple[dict[str, Any], dict[Any, Slot], Bank]:
    if about.get("kind") != "updater":
        raise DataError("it is not of an updater")
    slots = {}
    for (index, name, shape, dtype), count in zip(about["slots"], arrays["counts"].tolist(), strict=True):
        slots[index] = Slot(index, name, tuple(shape), np.dtype(dtype), *_counts(name, *count))
    bank = Bank()
    for key, array in arrays.items():
        if key.startswith("states/"):
            name = key.removeprefix("states/")
            bank.states[name] = make_shared(array, name, "state")
    bank.epoch.storage.array[...] = about["epoch"]
    if not {"optimizer", "switches", "hyperparameters"} <= about.keys():
        raise DataError("it says nothing of the optimizer")
    return about, slots, bank
