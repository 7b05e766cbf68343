"""Sparse factorization of images: every digit is a mixture of few basis images.

    python examples/factorization.py [--short]

Minimizes the mean of (x - u v)**2, plus penalties on |u| and |v| that push their elements to 0. A row of x is an image
of the UCI digits, a row of v a basis image, and a row of u says how much of each is in an image. It is done twice:
with elements of any sign, and with elements that stay at 0 or above, which gives parts of strokes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import symopt as so

COMPONENTS = 32
PENALTY = 0.1
NEAR_ZERO = 0.01


def factors(count: int, size: int, lower: float | None) -> tuple[so.Tensor, so.Tensor]:
    """Parameters u and v, small and random; bounded from below if ``lower`` is a number."""
    rng = np.random.default_rng(0)
    start = rng.random if lower == 0 else rng.standard_normal
    u = so.parameter(0.2 * start((count, COMPONENTS)), name="u", lower=lower, dtype="float32")
    v = so.parameter(0.2 * start((COMPONENTS, size)), name="v", lower=lower, dtype="float32")
    return u, v


def factorize(images: np.ndarray, lower: float | None, epochs: int) -> tuple[so.Trainer, dict[str, np.ndarray]]:
    """Train u and v on all images at once; prints a line of monitors now and then."""
    u, v = factors(*images.shape, lower)
    x = so.input("x", shape=images.shape, dtype="float32")
    error = so.square(x - u @ v).mean()
    loss = error + PENALTY * (abs(u).mean() + abs(v).mean())
    trainer = so.build(
        "rmsprop",
        loss,
        monitors={
            "error": error,
            "u near 0": (abs(u) < NEAR_ZERO).mean(),
            "v near 0": (abs(v) < NEAR_ZERO).mean(),
        },
        momentum=0.9,
        learning_rate=0.004 / (1 + so.iteration / 200),
    )
    print("  epoch      loss     error  u near 0  v near 0")
    data = so.Dataset(images, batch_size=0)
    for train, _ in trainer.iterate(data, max_epochs=epochs):
        if trainer.epochs_done == 1 or trainer.epochs_done % (epochs // 5) == 0:
            print(row(trainer.epochs_done, train))
    print(f"  {trainer.stopped}\n")
    return trainer, trainer.params


def row(epoch: int, monitors: dict[str, float]) -> str:
    return (
        f"{epoch:7d}{monitors['loss']:10.5f}{monitors['error']:10.5f}"
        f"{monitors['u near 0']:10.1%}{monitors['v near 0']:10.1%}"
    )


def by_weight(params: dict[str, np.ndarray]) -> np.ndarray:
    """The basis images, those that matter most first."""
    u, v = params["u"], params["v"]
    return v[np.argsort(-np.square(u).sum(0) * np.square(v).sum(1))]


def show(axes: Any, image: np.ndarray, signed: bool) -> None:
    top = np.abs(image).max() or 1.0
    axes.imshow(image.reshape(8, 8), cmap="RdBu_r" if signed else "gray_r", vmin=-top if signed else 0, vmax=top)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color("0.8")


def draw(images: np.ndarray, found: dict[str, dict[str, np.ndarray]], path: Path) -> None:
    """Ten images and what the factors make of them, then all basis images."""
    figure = plt.figure(figsize=(11, 6.7), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[3.5, 3.2])
    above.suptitle("images, and their sparse approximations")
    grid = above.subplots(3, 10, gridspec_kw={"hspace": 0.05, "wspace": 0.05})
    rows = {"images": images[:10], **{name: p["u"][:10] @ p["v"] for name, p in found.items()}}
    for axes, (name, shown) in zip(grid, rows.items(), strict=True):
        axes[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for one, image in zip(axes, shown, strict=True):
            show(one, np.clip(image, 0, None), signed=False)
    panels = below.subfigures(1, len(found))
    for panel, (name, params) in zip(panels, found.items(), strict=True):
        panel.suptitle(f"basis images, {name}")
        spacing = {"hspace": 0.1, "wspace": 0.1}
        for one, image in zip(panel.subplots(4, 8, gridspec_kw=spacing).flat, by_weight(params), strict=True):
            show(one, image, signed=name == "any sign")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Sparse factorization of images of digits.")
    parser.add_argument("--short", action="store_true", help="fewer images and epochs")
    options = parser.parse_args(argv)

    images = load_digits().data.astype("float32") / 16
    epochs = 400
    if options.short:
        images, epochs = images[:300], 100
    print(f"{len(images)} images of {images.shape[1]} pixels, {COMPONENTS} basis images\n")
    found = {}
    for name, lower in (("any sign", None), ("not negative", 0.0)):
        print(f"u and v: {name}")
        trainer, found[name] = factorize(images, lower, epochs)
    print(trainer.updates, end="\n\n")

    out = Path("out")
    out.mkdir(exist_ok=True)
    draw(images, found, out / "factorization.png")
    print(f"picture: {out / 'factorization.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
