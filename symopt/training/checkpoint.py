"""Checkpoints: files that hold all that training goes on from.

A checkpoint is a NumPy ``.npz`` archive without pickles: arrays by name, and ``about``, a JSON text with the numbers.
It is written beside the old one and takes its place in one step, so that a full disk or a killed process leaves the
old one as it was.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np

from symopt.errors import CheckpointError
from symopt.graph.nodes import Array
from symopt.training.averages import Monitors, Pair

#: Raised by one where older programs cannot read newer files.
FORMAT = 1

Path = str | os.PathLike[str]
Arrays = Mapping[str, Array]
T = TypeVar("T")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a trainer.

    ``switches`` are the settings of the optimizer that are no numbers, ``calls`` how many draws of random numbers
    there were, and ``best`` is empty before the first validation.
    """

    optimizer: str
    switches: dict[str, Any]
    hyperparameters: dict[str, float]
    updates_done: int
    epochs_done: int
    calls: int
    stopped: str | None
    best_loss: float
    validations_since: int
    validation: Monitors
    current: Arrays
    best: Arrays
    states: Arrays
    history: Sequence[Pair]


#: The fields that are arrays, by their folder in the file; all others but the history are JSON.
_FOLDERS = ("current", "best", "states")
_NUMBERS = tuple(field.name for field in fields(Checkpoint) if field.name not in (*_FOLDERS, "history"))


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write a file and put it in the place of an older one."""
    about = {"format": FORMAT, **{name: getattr(checkpoint, name) for name in _NUMBERS}}
    arrays = {f"{folder}/{name}": array for folder in _FOLDERS for name, array in getattr(checkpoint, folder).items()}
    names, tables = _tables(checkpoint.history)
    about["history"] = names
    write_archive(path, about, arrays | {"history/train": tables[0], "history/valid": tables[1]})


def write_archive(path: Path, about: Mapping[str, Any], arrays: Arrays) -> None:
    """Write arrays and a JSON text about them, in the place of an older file."""
    target = os.path.realpath(path)  # what a link points to is replaced, not the link
    partial = f"{target}.{os.getpid()}-{threading.get_ident()}.partial"
    try:
        with open(partial, "wb") as file:
            np.savez(file, about=np.asarray(json.dumps(about)), **dict[str, Any](arrays))
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise


def read(path: Path) -> Checkpoint:
    """Read a whole file.

    Raises
    ------
    CheckpointError : it is damaged, or no checkpoint, or newer than this program.
    """
    return read_archive(path, _unpacked)


def read_archive(path: Path, unpacked: Callable[[dict[str, Any], Arrays], T]) -> T:
    """Read what :func:`write_archive` wrote; ``unpacked`` makes of it what is wanted, or fails."""
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: np.asarray(archive[name]) for name in archive.files}
            about = json.loads(str(arrays["about"]))
            version = about["format"]
            if version == FORMAT:
                return unpacked(about, arrays)
        except Exception as error:  # of the archive, of NumPy's reader or of ours: any byte may be wrong
            raise CheckpointError(f"{os.fspath(path)} is damaged, or no checkpoint: {error}") from error
    raise CheckpointError(
        f"{os.fspath(path)} has format {version}, and this symopt reads format {FORMAT}: read it with the symopt "
        "that wrote it"
    )


def compare(path: Path, saved: Checkpoint, here: Checkpoint) -> None:
    """Refuse a checkpoint that belongs to another trainer, and say in what they differ."""
    differences = [*_differences_of_optimizers(saved, here)]
    for what, folder in (("parameter", "current"), ("state", "states")):
        differences += _differences(what, getattr(saved, folder), getattr(here, folder))
    if saved.best:
        differences += _differences("best parameter", saved.best, here.current)
    if differences:
        raise CheckpointError(f"{os.fspath(path)} belongs to another trainer: {'; '.join(differences)}")


def _differences_of_optimizers(saved: Checkpoint, here: Checkpoint) -> list[str]:
    if saved.optimizer != here.optimizer:
        return [f"the optimizer is {saved.optimizer} there, {here.optimizer} here"]
    found = []
    for name in dict.fromkeys([*saved.switches, *here.switches]):
        there, ours = saved.switches.get(name), here.switches.get(name)
        if there != ours:
            found.append(f"{name} is {there} there, {ours} here")
    for name, value in saved.hyperparameters.items():
        if name not in here.hyperparameters:
            found.append(f"{name} is {value:g} there, and no number here")
    for name, value in here.hyperparameters.items():
        if name not in saved.hyperparameters:
            found.append(f"{name} is {value:g} here, and no number there")
    return found


def _differences(what: str, there: Arrays, here: Arrays) -> list[str]:
    found = [f"{what} {name!r} is not there" for name in here if name not in there]
    found += [f"{what} {name!r} is there, and not here" for name in there if name not in here]
    for name in there.keys() & here.keys():
        old, new = there[name], here[name]
        if old.shape != new.shape:
            found.append(f"{what} {name!r} has shape {old.shape} there, {new.shape} here")
        if old.dtype != new.dtype:
            found.append(f"{what} {name!r} is {old.dtype} there, {new.dtype} here")
    return found


def _tables(history: Sequence[Pair]) -> tuple[list[str], Array]:
    """The names of all monitors, and a row for each epoch; NaN where a monitor was not yet there."""
    names = list(dict.fromkeys(name for pair in history for monitors in pair for name in monitors))
    tables: Array = np.full((2, len(history), len(names)), np.nan)
    for epoch, pair in enumerate(history):
        for side, monitors in enumerate(pair):
            tables[side, epoch] = [monitors.get(name, np.nan) for name in names]
    return names, tables


def _unpacked(about: dict[str, Any], arrays: Arrays) -> Checkpoint:
    folders: dict[str, Any] = {
        folder: {name.removeprefix(f"{folder}/"): a for name, a in arrays.items() if name.startswith(f"{folder}/")}
        for folder in _FOLDERS
    }
    names = about["history"]
    rows = zip(arrays["history/train"].tolist(), arrays["history/valid"].tolist(), strict=True)
    history = [(dict(zip(names, a, strict=True)), dict(zip(names, b, strict=True))) for a, b in rows]
    return Checkpoint(**{name: about[name] for name in _NUMBERS}, **folders, history=history)
