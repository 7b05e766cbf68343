"""Emitted source depends on the graph alone: neither on hash seeds nor on what was emitted before."""

import os
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

BACKENDS = ["c", "numexpr"]
SEEDS = ["0", "1", "2", "3", "4"]

PROGRAM = """
import sys
import numpy as np
import symopt as so

def model():
    x = so.input("x", shape=("n", 3))
    w = so.parameter(np.zeros(3), name="w")
    loss = ((x @ w) ** 2).mean()
    step = 0.1 * so.gradient(loss, [w])[0]
    return so.emit([x], [loss], updates=[(w, w - step)], backend=sys.argv[1])

first, second = model(), model()
assert first == second, "two emits in one process differ"
sys.stdout.buffer.write(first.encode())
"""


def emitted(backend: str, seed: str) -> bytes:
    """The source that a fresh process emits."""
    environment = os.environ | {"PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", PROGRAM, backend]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("backend", BACKENDS)
def test_emit_gives_the_same_bytes_under_every_hash_seed(backend: str) -> None:
    first, *others = [emitted(backend, seed) for seed in SEEDS]
    assert first
    assert all(other == first for other in others)
