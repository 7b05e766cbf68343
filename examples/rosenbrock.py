"""Rosenbrock's valley: how the rules find the way, in 2 and in 100 dimensions.

    python examples/rosenbrock.py [--short]

The function is the sum of 100 (x[i+1] - x[i]**2)**2 + (1 - x[i])**2. Its minimum is 0, where every x is 1, at the end
of a long, bent and nearly flat valley. The rates are chosen by hand for each rule, and are the same in both dimensions.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import symopt as so

Results = dict[str, tuple[np.ndarray, np.ndarray]]  # losses and points by rule

FALLING = 0.01 * so.exp(-so.iteration / 400)  # a rate that falls with the number of updates
RULES = {
    "SGD": so.SGD(learning_rate=0.001),
    "SGD with momentum": so.SGD(learning_rate=0.0005, momentum=0.95),
    "NAG": so.NAG(learning_rate=0.0005, momentum=0.95),
    "RMSProp, centred": so.RMSProp(learning_rate=FALLING, momentum=0.9),
    "RMSProp, not centred": so.RMSProp(learning_rate=FALLING, momentum=0.9, centered=False),
}


def rosenbrock(x: Any) -> Any:
    """The function, of a symbolic tensor or of a NumPy array with points along its last axes."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(axis=0)


def descend(rule: so.Optimizer, dimensions: int, updates: int) -> tuple[np.ndarray, np.ndarray, so.Trainer]:
    """Losses (updates + 1,), points (updates + 1, dimensions), and the trainer."""
    x = so.parameter(np.tile([-1.2, 1.0], dimensions // 2), name="x")
    trainer = so.build(rule, rosenbrock(x))
    losses, points = [], [x.value]
    for _ in range(updates):
        losses.append(trainer.step()["loss"])  # the loss before the update
        points.append(x.value)
    losses.append(trainer.evaluate()["loss"])
    return np.array(losses), np.array(points), trainer


def show_table(results: Results) -> None:
    updates = len(next(iter(results.values()))[0]) - 1
    shown = [at for at in (0, 10, 100, 1000) if at < updates] + [updates]
    print(f"  {'loss after updates:':<22}" + "".join(f"{at:>10d}" for at in shown) + "  distance")
    for name, (losses, points) in results.items():
        distance = np.linalg.norm(points[-1] - 1)
        print(f"  {name:<22}" + "".join(f"{losses[at]:10.2g}" for at in shown) + f"{distance:10.2g}")
    print()


def draw_paths(grid_of_axes: Sequence[Any], results: Results) -> None:
    """The way of every rule in 2 dimensions, over lines of equal height."""
    grid = np.array(np.meshgrid(np.linspace(-1.6, 1.6, 400), np.linspace(-0.7, 1.7, 400)))
    for number, (axes, (name, (_, points))) in enumerate(zip(grid_of_axes, results.items(), strict=True)):
        axes.contour(*grid, rosenbrock(grid), levels=np.logspace(-1, 3, 13), colors="0.82", linewidths=0.6)
        axes.plot(*points.T, color=f"C{number}", linewidth=1.3)
        axes.plot(1, 1, "k*", markersize=11, zorder=3)
        axes.plot(*points[0], "o", *points[-1], "s", color=f"C{number}", markersize=5, zorder=4)
        axes.set(title=name, xlabel="x[0]", xlim=(-1.6, 1.6), ylim=(-0.7, 1.7), xticks=[-1, 0, 1], yticks=[0, 1])
    grid_of_axes[0].set_ylabel("x[1]")


def draw_losses(axes: Any, results: Results, dimensions: int) -> None:
    for number, (name, (losses, _)) in enumerate(results.items()):
        axes.loglog(np.arange(1, len(losses)), losses[1:], color=f"C{number}", linewidth=1.3, label=name)
    axes.set(title=f"loss in {dimensions} dimensions", xlabel="updates", ylim=(1e-12, None), xlim=(1, None))
    axes.spines[["top", "right"]].set_visible(False)


def draw(every: dict[int, Results], path: Path) -> None:
    figure = plt.figure(figsize=(13, 7), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1, 1.35])
    draw_paths(above.subplots(1, len(RULES), sharey=True), every[2])
    for axes, (dimensions, results) in zip(below.subplots(1, 2), every.items(), strict=True):
        draw_losses(axes, results, dimensions)
        axes.legend(loc="lower left", frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Compare the rules on Rosenbrock's function.")
    parser.add_argument("--short", action="store_true", help="fewer updates")
    options = parser.parse_args(argv)

    every: dict[int, Results] = {}
    for dimensions, updates in ((2, 2000), (100, 5000)):
        print(f"{dimensions} dimensions")
        every[dimensions] = {}
        for name, rule in RULES.items():
            *found, trainer = descend(rule, dimensions, updates // 10 if options.short else updates)
            every[dimensions][name] = tuple(found)
        show_table(every[dimensions])
    print(f"The equations of the last of them:\n\n{trainer.updates}\n")

    out = Path("out")
    out.mkdir(exist_ok=True)
    draw(every, out / "rosenbrock.png")
    print(f"picture: {out / 'rosenbrock.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
