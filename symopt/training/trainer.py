"""The loop: updates over training data, validation, patience, limits, and the best parameters at the end."""

from __future__ import annotations

import dataclasses
import math
import os
import weakref
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import Any

from symopt.data import Dataset
from symopt.errors import DataError
from symopt.graph.nodes import Array, Input, Node, Shared
from symopt.optimizers import UpdateRule, Updates
from symopt.optimizers.hyperparameters import switches, with_numbers
from symopt.optimizers.keywords import check_keywords, keywords_of
from symopt.training import checkpoint
from symopt.training.averages import Averages, Monitors, Pair
from symopt.training.checkpoint import Checkpoint
from symopt.training.compiled import Compiled, Pairs
from symopt.training.feed import Feed
from symopt.training.interruption import Interruption, uninterrupted
from symopt.training.parameters import Values
from symopt.training.patience import Limits, Progress
from symopt.training.result import Result

#: What iterate and minimize take, besides data and hyperparameters.
LOOP_SETTINGS = tuple(field.name for field in dataclasses.fields(Limits))

Run = Generator[Pair, None, None]


class Trainer:
    """An optimizer at work on one loss; made by :func:`symopt.build`.

    Attributes
    ----------
    updates_done, epochs_done : counts since the trainer's birth.
    history : the pairs (training monitors, validation monitors) of all epochs.
    stopped : a sentence that says why the last run ended; None before the first and while running.
    """

    def __init__(
        self,
        optimizer: UpdateRule,
        loss: Node,
        params: Sequence[Shared] | None = None,
        inputs: Sequence[Input] | None = None,
        updates: Pairs = (),
        monitors: Mapping[str, Any] | Sequence[tuple[str, Any]] = (),
        monitor_gradients: bool = False,
        backend: str = "auto",
        check: str | None = None,
    ) -> None:
        options = {"backend": backend, "check": check}
        self._compiled = Compiled(optimizer, loss, params, inputs, updates, monitors, monitor_gradients, **options)
        self._feed = Feed(self._compiled.inputs)
        self.updates_done = 0
        self.epochs_done = 0
        self.history: list[Pair] = []
        self.stopped: str | None = None
        self._values = Values(self._compiled.params, lambda: self._compiled.updates.averages)
        self._progress = Progress()
        self._validation: Monitors = {}  # the latest
        self._running = False
        self._run: weakref.ref[Run] | None = None  # weak: a run that its caller drops ends at once

    # ------------------------------------------------------------------------------------------------------------ loop

    def iterate(self, train: Any = None, valid: Any = None, **settings: Any) -> Run:
        """Train, and yield (training monitors, validation monitors) after every epoch.

        Parameters
        ----------
        train : a :class:`Dataset` or anything it takes; None where the loss has no inputs, and an epoch is one update.
        valid : likewise; None validates on the training data.
        max_updates, max_epochs : limits, counted from the trainer's birth; None for none.
        patience : stop when more than this many validations have passed without an improvement.
        validate_every : epochs between validations; there is one before the first update too.
        min_improvement : an improvement is more than this share of the best loss.
        final_validation : whether the epoch that reaches a limit is validated, whatever ``validate_every`` says.
        settings : these limits, and hyperparameters of the optimizer, changed from now on.

        On every way out (patience, a limit, Ctrl-C, an error, a ``break``) the best parameters are written into
        ``.value``. The next run goes on from the current ones, unless ``.value`` has been written in between; its
        patience begins anew.
        """
        check_keywords("iterate", settings, (*LOOP_SETTINGS, *keywords_of(type(self.optimizer))))
        limits = Limits(**{name: settings.pop(name) for name in LOOP_SETTINGS if name in settings})
        data = None if train is None else Dataset.of(train)
        held_out = data if valid is None else Dataset.of(valid)
        self.close()
        self.set_hyperparameters(**settings)
        run = self._epochs(data, held_out, limits)
        self._run = weakref.ref(run)
        return run

    def minimize(self, train: Any = None, valid: Any = None, **settings: Any) -> Result:
        """Train to the end: the same as :meth:`iterate`, and gives the last pair as a :class:`Result`."""
        pairs = deque(self.iterate(train, valid, **settings), maxlen=1)
        if not pairs:  # a limit had been reached before
            training = self.evaluate(train)
            pairs.append((training, training if valid is None else self.evaluate(valid)))
        return Result(*pairs[0], self.params, self, self.stopped)

    def _epochs(self, train: Dataset | None, valid: Dataset | None, limits: Limits) -> Run:
        try:
            self._begin(valid, limits)
            while self.stopped is None:
                yield self._epoch(train, valid, limits)
                # The caller may have taken steps of his own.
                self.stopped = self.stopped or limits.reached(self.updates_done, self.epochs_done)
        except GeneratorExit:
            self.stopped = self.stopped or f"left by the caller after update {self.updates_done}"
            raise
        except KeyboardInterrupt:
            self.stopped = self._interrupted()
            raise
        except BaseException as error:
            self.stopped = f"{type(error).__name__} after update {self.updates_done}: {error}"
            raise
        finally:
            self._running = False
            with uninterrupted():
                self._values.leave()

    def _begin(self, valid: Dataset | None, limits: Limits) -> None:
        """Go back to the current parameters; validate, unless all is as it was when the last run ended."""
        self._running = True
        self._values.resume()
        if self.stopped is not None:
            self._progress.since = 0
        self.stopped = None
        # An interruption at any line could get lost, for instance where Python cleans up after what it has forgotten.
        with Interruption() as interruption:
            if not self._goes_on(valid, interruption):
                self._validate(valid, limits, interruption)
        if interruption.requested:
            raise KeyboardInterrupt
        self.stopped = limits.reached(self.updates_done, self.epochs_done)

    def _goes_on(self, valid: Dataset | None, interruption: Interruption) -> bool:
        """Whether there are best parameters, and the validation data give the loss for them that they gave before.

        On other data the old loss says nothing: the parameters are kept, with their loss on the new data.
        """
        if self._values.best is None:
            self._progress = Progress()
            return False
        with self._values.showing_best():
            loss = self._measure(valid, interruption)["loss"]
        if loss == self._progress.best or interruption.requested:
            return True
        self._progress = Progress(loss)
        return False

    def _epoch(self, train: Dataset | None, valid: Dataset | None, limits: Limits) -> Pair:
        """One pass over the training data, and what follows from it."""
        averages = Averages(self._compiled.names)
        with Interruption() as interruption:
            for turn in self._feed.turns(self._compiled.step, train, self.epochs_done):
                interruption.busy = True
                values, size, updates = turn.run(limits.last_update - self.updates_done)
                averages.add(values, size)
                self.updates_done += updates
                interruption.busy = False
                if interruption.requested or self.updates_done >= limits.last_update:
                    break
            self.epochs_done += 1
            self.stopped = limits.reached(self.updates_done, self.epochs_done)
            if not interruption.requested and limits.validates_after(self.epochs_done, self.stopped is not None):
                self._validate(valid, limits, interruption)
                self.stopped = self.stopped or self._progress.exhausted(limits.patience)
            if interruption.requested:
                self.stopped = self._interrupted()
            self.history.append((averages.means(), dict(self._validation)))
        return self.history[-1]

    def _interrupted(self) -> str:
        return f"interrupted by Ctrl-C after update {self.updates_done}"

    def _validate(self, valid: Dataset | None, limits: Limits, interruption: Interruption) -> None:
        """Monitors on validation data; parameters (or their averages) that are the best so far are kept."""
        with self._values.showing_averages(running=True):
            monitors = self._measure(valid, interruption)
            if interruption.requested:
                return  # a part of the data says nothing
            if self._progress.note(monitors["loss"], limits.min_improvement):
                self._values.keep_best()
        self._validation = monitors
        self._compiled.note_validation(monitors)

    def _measure(self, data: Dataset | None, interruption: Interruption | None = None) -> Monitors:
        """Averages over a data set, or over the part of it before an interruption.

        Random numbers are the same each time: so losses differ only where parameters do.
        """
        averages = Averages(self._compiled.names)
        self._compiled.monitor.calls = 0
        for turn in self._feed.turns(self._compiled.monitor, data, None):
            values, size, _ = turn.run(math.inf)
            averages.add(values, size)
            if interruption is not None and interruption.requested:
                break
        return averages.means()

    # ------------------------------------------------------------------------------------------------------ by the hand

    def step(self, batch: Any = ()) -> Monitors:
        """One update on one batch (an array for each input, in order or by name); the monitors before the update."""
        arrays = self._feed.one(batch)
        averages = Averages(self._compiled.names)
        with uninterrupted():
            if not self._running:
                self._values.resume()
            averages.add(self._compiled.step(*arrays), 1)
            self.updates_done += 1
        return averages.means()

    def evaluate(self, data: Any = None) -> Monitors:
        """The monitors over a data set for the present ``.value``, weighed by the lengths of batches.

        Where the optimizer averages parameters, and ``.value`` holds those at which training goes on, it is the
        averages that are measured.
        """
        with self._values.showing_averages(self._running):
            return self._measure(None if data is None else Dataset.of(data))

    def set_hyperparameters(self, **changes: Any) -> None:
        """Change hyperparameters. Numbers do not compile anew; a change of structure does, and keeps the states."""
        check_keywords(type(self.optimizer).__name__, changes, keywords_of(type(self.optimizer)))
        if changes:
            self._compiled.set_hyperparameters(changes)

    def close(self) -> None:
        """End a run that the caller has left, so that the best parameters are in place."""
        run = self._run() if self._run is not None else None
        if run is not None:
            run.close()

    def __enter__(self) -> Trainer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---------------------------------------------------------------------------------------------------- what there is

    @property
    def epochs_done(self) -> int:
        """The number of epochs since the trainer's birth; schedules may count them."""
        return self._epochs_done

    @epochs_done.setter
    def epochs_done(self, epochs: int) -> None:
        self._epochs_done = epochs
        self._compiled.updates.epoch.value = epochs

    @property
    def optimizer(self) -> UpdateRule:
        """The optimizer, with its present hyperparameters."""
        return self._compiled.optimizer

    @property
    def updates(self) -> Updates:
        """The update expressions, which print as equations."""
        return self._compiled.updates

    @property
    def inputs(self) -> list[Input]:
        """The inputs in the order in which data are passed."""
        return list(self._compiled.inputs)

    @property
    def backend(self) -> str:
        """The name of the backend that computes updates and monitors."""
        return self._compiled.step.backend

    @property
    def source(self) -> str:
        """The generated source of one update."""
        return self._compiled.step.source

    def explain(self) -> str:
        """What was fused and why."""
        return self._compiled.step.explain()

    @property
    def params(self) -> dict[str, Array]:
        """Copies of the parameters by name."""
        return {param.name: param.value for param in self._compiled.params}

    @property
    def state(self) -> dict[str, Array]:
        """Copies of all else that an update changes, by name: states of the optimizer, and the iteration."""
        return {name: node.value for name, node in self._compiled.states.items()}

    def set_params(self, target: str | Mapping[Any, Any] | Sequence[Any]) -> None:
        """Set parameters to the ``"best"`` ones, or to arrays (by name, or one for each in order).

        As with ``.value``, training goes on from there.
        """
        params = self._compiled.params
        by_name = {param.name: param for param in params}
        if isinstance(target, str):
            if target != "best":
                raise DataError(f"set_params takes 'best' or arrays, not {target!r}")
            if self._values.best is None:
                raise DataError("there are no best parameters before the first validation")
            target = self._values.best
        if not isinstance(target, Mapping):
            if len(target) != len(params):
                raise DataError(f"set_params was given {len(target)} arrays for {len(params)}: {', '.join(by_name)}")
            target = dict(zip(params, target, strict=True))
        unknown = [str(key) for key in target if key not in params and key not in by_name]
        if unknown:
            raise DataError(f"there is no parameter {', '.join(unknown)}; there are {', '.join(by_name)}")
        for key, value in target.items():
            by_name.get(key, key).value = value

    # ------------------------------------------------------------------------------------------------------ checkpoints

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that training goes on from to a file, which NumPy's ``load`` can read.

        It takes the place of an older one only when it is complete; a process that is killed before leaves that one,
        and what it has written under another name, which ends in ``.partial``. Neither the data nor the loss is in it.
        """
        checkpoint.write(path, self._checkpoint())

    def load(self, path: str | os.PathLike[str]) -> None:
        """Go on from a saved file: a trainer of the same loss and optimizer, with all its states and counts.

        Raises
        ------
        CheckpointError : the file is damaged, or of another trainer; then nothing has changed.
        """
        saved = checkpoint.read(path)
        checkpoint.compare(path, saved, self._checkpoint())
        self.close()
        with uninterrupted():
            self._restore(saved)

    def _checkpoint(self) -> Checkpoint:
        current, best = self._values.snapshot()
        return Checkpoint(
            optimizer=type(self.optimizer).__name__,
            switches=switches(self.optimizer),
            hyperparameters=self.updates.hyperparameters,
            updates_done=self.updates_done,
            epochs_done=self.epochs_done,
            calls=self._compiled.step.calls,
            stopped=self.stopped,
            best_loss=self._progress.best,
            validations_since=self._progress.since,
            validation=self._validation,
            current=dict(zip(self.params, current, strict=True)),
            best=dict(zip(self.params, best or (), strict=best is not None)),
            states=self.state,
            history=self.history,
        )

    def _restore(self, saved: Checkpoint) -> None:
        here = self.updates.hyperparameters
        changed = {name: value for name, value in saved.hyperparameters.items() if value != here[name]}
        self._compiled.set_optimizer(with_numbers(self.optimizer, changed))
        for name, node in self._compiled.states.items():
            node.storage.array[...] = saved.states[name]
        best = [saved.best[name] for name in self.params] if saved.best else None
        self._values.restore([saved.current[name] for name in self.params], best)
        self._compiled.step.calls = saved.calls
        self.updates_done, self.epochs_done = saved.updates_done, saved.epochs_done
        self._progress = Progress(saved.best_loss, saved.validations_since)
        self._validation = saved.validation
        self.history = list(saved.history)
        self.stopped = saved.stopped
