"""The loop: updates over training data, validation, patience, limits, and the best parameters at the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import Any

import symopt.tensor as so
from symopt.data import Dataset
from symopt.errors import DataError
from symopt.function import Function, function
from symopt.graph.nodes import Array, Input, Node, Shared
from symopt.graph.traversal import parameters_of, topological
from symopt.optimizers import Optimizer
from symopt.optimizers.hyperparameters import same_structure
from symopt.training.averages import Averages, Monitors
from symopt.training.feed import Feed
from symopt.training.interruption import Interruption
from symopt.training.parameters import Values
from symopt.training.patience import Limits, Progress
from symopt.training.result import Result

Pair = tuple[Monitors, Monitors]
LOOP_SETTINGS = tuple(field.name for field in dataclasses.fields(Limits))


class Trainer:
    """An optimizer at work on one loss; made by :func:`symopt.build`.

    Attributes
    ----------
    optimizer : the optimizer; ``updates`` are its update expressions, which print as equations.
    updates_done, epochs_done : counts since the trainer's birth.
    history : the pairs (training monitors, validation monitors) of all epochs.
    stopped : a sentence that says why the last run ended; None while running.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        loss: Node,
        params: Sequence[Shared] | None = None,
        inputs: Sequence[Input] | None = None,
        updates: Sequence[tuple[Shared, Any]] = (),
        monitors: Mapping[str, Any] | Sequence[tuple[str, Any]] = (),
        monitor_gradients: bool = False,
        backend: str = "auto",
        check: str | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.loss = loss
        self._params = list(params) if params is not None else parameters_of([loss])
        self._extra_updates = list(updates)
        self._monitors = _named_monitors(monitors)
        self._monitor_gradients = monitor_gradients
        self._options = {"backend": backend, "check": check}
        self.updates = optimizer.get_updates(loss, self._params)
        self.inputs = list(inputs) if inputs is not None else self._found_inputs()
        self._feed = Feed(self.inputs)
        self._compile()
        self.updates_done = 0
        self.epochs_done = 0
        self.history: list[Pair] = []
        self.stopped: str | None = None
        self._values = Values(self._params)
        self._progress = Progress(0.0)
        self._validated_on: Any = None
        self._run_now: Generator[Pair, None, None] | None = None

    # ------------------------------------------------------------------------------------------------------- compiling

    def _found_inputs(self) -> list[Input]:
        given = [self.loss, *self._monitors.values(), *(so.as_tensor(value) for _, value in self._extra_updates)]
        return sorted((n for n in topological(given) if isinstance(n, Input)), key=lambda node: node.serial)

    def _compile(self) -> None:
        watched = {"loss": self.loss, **self._monitors}
        if self._monitor_gradients:
            watched |= {f"grad({p.name})": so.linalg.norm(g) for p, g in self.updates.gradients.items()}
        outputs = [self.updates.bind(node) for node in watched.values()]
        extra = [(variable, self.updates.bind(so.as_tensor(value))) for variable, value in self._extra_updates]
        self.names = list(watched)
        self._step: Function = function(self.inputs, outputs, [*self.updates, *extra], **self._options)  # type: ignore[arg-type]
        self._evaluate: Function = function(self.inputs, outputs, **self._options)  # type: ignore[arg-type]

    @property
    def source(self) -> str:
        """The generated source of one update."""
        return self._step.source

    def explain(self) -> str:
        """What was fused and why."""
        return self._step.explain()

    def set_hyperparameters(self, **changes: Any) -> None:
        """Change hyperparameters. Numbers are set where they are; a change of structure compiles anew and keeps the states."""
        if not changes:
            return
        previous, self.optimizer = self.optimizer, dataclasses.replace(self.optimizer, **changes)
        if same_structure(previous, self.optimizer):
            for name, node in self.updates.hyperparameter_nodes.items():
                node.storage.array[...] = getattr(self.optimizer, name)
            return
        old, self.updates = self.updates, self.optimizer.get_updates(self.loss, self._params)
        for name, node in self.updates.states.items():
            if name in old.states:
                node.storage.array[...] = old.states[name].storage.array
        self.updates.iteration.storage.array[...] = old.iteration.storage.array
        self._compile()

    # ------------------------------------------------------------------------------------------------------------ loop

    def step(self, batch: Any = ()) -> Monitors:
        """One update on one batch (an array for each input, in order or by name); the monitors before the update."""
        if self._run_now is None:
            self._values.resume()
        outputs = self._step(*self._feed.one(batch))
        self.updates_done += 1
        return {name: float(value) for name, value in zip(self.names, outputs, strict=True)}

    def evaluate(self, data: Any = None) -> Monitors:
        """The monitors over a data set, averaged over batches with their lengths as weights."""
        dataset = None if data is None else Dataset.of(data)
        averages = Averages(self.names)
        for arrays, size in self._feed.batches(dataset, None):
            averages.add(self._evaluate(*arrays), size)
        return averages.means()

    def iterate(self, train: Any = None, valid: Any = None, **settings: Any) -> Generator[Pair, None, None]:
        """Train, and yield (training monitors, validation monitors) after every epoch.

        Parameters
        ----------
        train : a :class:`Dataset` or anything it takes; None where the loss has no inputs, and an epoch is one update.
        valid : likewise; None validates on the training data.
        max_updates, max_epochs : limits, counted from the trainer's birth; None for none.
        patience : stop when more than this many validations have passed without an improvement.
        validate_every : epochs between validations; there is one before the first update too.
        min_improvement : an improvement is more than this share of the best loss.
        final_validation : validate the epoch that reaches a limit, whatever ``validate_every`` says.
        Further keywords are hyperparameters of the optimizer, changed from now on.

        On every way out (patience, a limit, Ctrl-C, an error, a ``break``) the best parameters are written into
        ``.value``; training would go on from the current ones.
        """
        limits = Limits(**{name: settings.pop(name) for name in LOOP_SETTINGS if name in settings})
        self.set_hyperparameters(**settings)
        data = None if train is None else Dataset.of(train)
        held_out = data if valid is None else Dataset.of(valid)
        self.close()
        self._begin(train if valid is None else valid, limits)
        self._run_now = self._run(data, held_out, limits)
        return self._run_now

    def _begin(self, validated_on: Any, limits: Limits) -> None:
        fresh = self._values.resume()
        if fresh or validated_on is not self._validated_on or self._values.best is None:
            # Losses on other data, or from a point that the user has set, say nothing of this run.
            self._progress, self._values.best = Progress(limits.min_improvement), None
        else:
            best = self._progress.best
            self._progress = Progress(limits.min_improvement)
            self._progress.best = best
        self._validated_on = validated_on
        self.stopped = None

    def _run(self, train: Dataset | None, valid: Dataset | None, limits: Limits) -> Generator[Pair, None, None]:
        try:
            self.stopped = limits.reached(self.updates_done, self.epochs_done)
            validation = self._validate(valid)
            epochs = 0
            while self.stopped is None:
                averages, interrupted = self._epoch(train, limits)
                epochs += 1
                self.epochs_done += 1
                self.stopped = limits.reached(self.updates_done, self.epochs_done)
                if interrupted:
                    self.stopped = f"interrupted by Ctrl-C after update {self.updates_done}"
                elif self.stopped is not None:
                    validation = self._validate(valid) if limits.final_validation else validation
                elif epochs % limits.validate_every == 0:
                    validation = self._validate(valid)
                    if self._progress.since > limits.patience:
                        self.stopped = (
                            f"{self._progress.since} validations have passed without an improvement "
                            f"on the best loss, {self._progress.best:.6g}"
                        )
                self.history.append((averages.means(), validation))
                yield self.history[-1]
        except GeneratorExit:
            self.stopped = self.stopped or f"left by the caller after update {self.updates_done}"
            raise
        except BaseException as error:
            self.stopped = f"{type(error).__name__} after update {self.updates_done}: {error}"
            raise
        finally:
            self._values.leave()
            self._run_now = None

    def _epoch(self, train: Dataset | None, limits: Limits) -> tuple[Averages, bool]:
        """One pass over the training data; whether Ctrl-C was pressed."""
        averages = Averages(self.names)
        with Interruption() as interruption:
            for arrays, size in self._feed.batches(train, self.epochs_done):
                averages.add(self._step(*arrays), size)
                self.updates_done += 1
                if interruption.requested or limits.max_updates == self.updates_done:
                    break
        return averages, interruption.requested

    def _validate(self, valid: Dataset | None) -> Monitors:
        """Monitors on validation data; parameters that are the best so far are kept."""
        averages = Averages(self.names)
        for arrays, size in self._feed.batches(valid, None):
            averages.add(self._evaluate(*arrays), size)
        means = averages.means()
        if self._progress.note(means["loss"]):
            self._values.keep_best()
        return means

    def minimize(self, train: Any = None, valid: Any = None, **settings: Any) -> Result:
        """Train to the end: the same as :meth:`iterate`, and gives the last pair as a :class:`Result`."""
        last: Pair | None = None
        for last in self.iterate(train, valid, **settings):
            pass
        if last is None:
            training = self.evaluate(train)
            last = (training, training if valid is None else self.evaluate(valid))
        return Result(*last, params=self.params, trainer=self)

    def close(self) -> None:
        """End a run that the caller has left, so that the best parameters are in place."""
        if self._run_now is not None:
            run, self._run_now = self._run_now, None
            run.close()

    def __enter__(self) -> Trainer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---------------------------------------------------------------------------------------------------------- values

    @property
    def params(self) -> dict[str, Array]:
        """Copies of the parameters by name."""
        return {param.name: param.value for param in self._params}

    @property
    def state(self) -> dict[str, Array]:
        """Copies of the optimizer's states by name, and the iteration."""
        states = {name: node.value for name, node in self.updates.states.items()}
        return {**states, "iteration": self.updates.iteration.value}

    def set_params(self, target: str | Mapping[Any, Any] | Sequence[Any]) -> None:
        """Set parameters to the ``"best"`` ones, or to arrays (by name, or one for each in order)."""
        if isinstance(target, str):
            if target != "best":
                raise DataError(f"set_params takes 'best' or arrays, not {target!r}")
            if self._values.best is None:
                raise DataError("there are no best parameters before the first validation")
            self._values.show_best()
            return
        values = dict(target) if isinstance(target, Mapping) else dict(zip(self.params, target, strict=True))
        for param in self._params:
            if param in values or param.name in values:
                param.value = values[param] if param in values else values[param.name]
        unknown = [str(key) for key in values if key not in self._params and key not in self.params]
        if unknown:
            raise DataError(f"there is no parameter {', '.join(unknown)}; there are {', '.join(self.params)}")


def _named_monitors(monitors: Mapping[str, Any] | Sequence[tuple[str, Any]]) -> dict[str, Node]:
    named = dict(monitors)
    if "loss" in named:
        raise DataError("the monitor 'loss' is there by itself: give yours another name")
    nodes = {str(name): so.as_tensor(value) for name, value in named.items()}
    for name, node in nodes.items():
        if node.shape != ():
            raise DataError(f"monitor {name!r} is {node!r}: a monitor is one number; take its mean()", node.origin)
    return nodes
