"""Training that goes on in another process, and files that no death of a process and no full disk can spoil."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import symopt as so
from tests.training.resumable import WIDE, bits, make

ROOT = Path(__file__).resolve().parents[2]


def start(path: Path, epochs: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "tests.training.resumable", str(path), str(epochs), *more]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_training_in_three_processes_is_bitwise_training_in_one_go(tmp_path):
    straight, train, valid = make()
    straight.minimize(train, valid, max_epochs=10, validate_every=2)
    path = tmp_path / "checkpoint.npz"
    for epochs in (4, 8, 10):
        process = start(path, epochs)
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0
    assert printed.strip() == bits(straight)


def kill_within_a_save(process: subprocess.Popen[str], folder: Path) -> bool:
    """Kill a process when it has begun to write a file; whether it was so early that the file is not yet in place."""
    assert process.stdout is not None
    for _ in range(2):
        assert process.stdout.readline()
    before = set(folder.glob("*.partial"))  # of processes that were killed earlier
    while process.poll() is None and not any(file.stat().st_size for file in set(folder.glob("*.partial")) - before):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=120)
    return bool(set(folder.glob("*.partial")) - before)


def test_a_process_that_is_killed_while_it_saves_loses_nothing(tmp_path):
    path = tmp_path / "checkpoint.npz"
    done = early = 0
    while early < 2:
        early += kill_within_a_save(start(path, 0, "forever"), tmp_path)
        trainer, _, _ = make(WIDE)
        trainer.load(path)
        assert trainer.epochs_done >= done + 2
        done = trainer.epochs_done
    straight, train, valid = make(WIDE)
    for _ in straight.iterate(train, valid, validate_every=2, patience=10**9):
        if straight.epochs_done == done:
            break
    assert bits(trainer) == bits(straight)


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """Files cannot grow beyond so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("limit", [0, 100, 1000, 3000])
def test_a_full_disk_leaves_the_file_of_before(limit, tmp_path):
    path = tmp_path / "checkpoint.npz"
    trainer, train, valid = make()
    trainer.minimize(train, valid, max_epochs=1)
    trainer.save(path)
    before = path.read_bytes()
    assert len(before) > 3000
    trainer.minimize(train, valid, max_epochs=2)
    with small_files(limit), pytest.raises(OSError) as caught:  # noqa: PT011
        trainer.save(path)
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_the_old_one(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: order.append("fsync") or fsync(file))
    monkeypatch.setattr(os, "replace", lambda old, new: order.append("replace") or replace(old, new))
    trainer, _, _ = make()
    trainer.save(tmp_path / "checkpoint.npz")
    assert order == ["fsync", "replace"]


def test_an_interrupted_save_leaves_the_file_of_before(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    trainer, _, _ = make()
    trainer.save(path)
    before = path.read_bytes()

    def interrupted(file: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    trainer.step([[[1.0, 2, 3]], [1.0]])
    with pytest.raises(KeyboardInterrupt):
        trainer.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path):
    trainer: so.Trainer = make()[0]
    with pytest.raises(FileNotFoundError):
        trainer.save(tmp_path / "missing" / "checkpoint.npz")
