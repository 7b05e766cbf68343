"""Training that a process can begin, save, and go on with.

``python -m tests.training.resumable FILE EPOCHS [FOREVER]`` prints the parameters after so many epochs, all bits of
them. With FOREVER it saves again and again until it is killed, in a run without end.
"""

from __future__ import annotations

import os
import sys

import numpy as np

import symopt as so

SEED = 11

#: So wide that saving takes most of the time.
WIDE = 100_000


def make(width: int = 5) -> tuple[so.Trainer, so.Dataset, so.Dataset]:
    """A small network with noise in it, and data for it, the same in every process."""
    rng = np.random.default_rng(SEED)
    x, y = so.matrix("x", "float32"), so.vector("y", "float32")
    w = so.parameter(rng.normal(size=(3, width)).astype("float32"), name="w")
    v = so.parameter(rng.normal(size=width).astype("float32"), name="v", lower=-2, upper=2)
    hidden = so.tanh(x @ w) * so.random.bernoulli((width,), p=0.8, seed=1).astype("float32")
    seen = so.state(0, name="seen")
    trainer = so.build(
        "rmsprop",
        so.square(hidden @ v - y).mean(),
        updates=[(seen, seen + 1)],
        monitor_gradients=True,
        learning_rate=0.02,
        momentum=0.7,
        nesterov=True,
        backend="numpy",
    )
    rows = rng.normal(size=(30, 3)).astype("float32")
    targets = np.sin(rows.sum(1)).astype("float32")
    train = so.Dataset([rows[:20], targets[:20]], batch_size=8, rng=4)
    return trainer, train, so.Dataset([rows[20:], targets[20:]])


def bits(trainer: so.Trainer) -> str:
    """The parameters and the states, exactly."""
    return "\n".join(f"{name} {value.tobytes().hex()}" for name, value in {**trainer.params, **trainer.state}.items())


def main(path: str, epochs: int, forever: bool) -> None:
    """Go on from a file if it is there, save after every epoch, and print the end."""
    trainer, train, valid = make(WIDE if forever else 5)
    if os.path.exists(path):
        trainer.load(path)
    limit = None if forever else epochs
    for _ in trainer.iterate(train, valid, max_epochs=limit, validate_every=2, patience=10**9):
        trainer.save(path)
        if forever:
            print(trainer.epochs_done, flush=True)
    print(bits(trainer))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), len(sys.argv) > 3)
