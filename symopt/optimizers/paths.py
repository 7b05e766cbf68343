"""Paths: where rules lead the parameters of a loss, to be compared and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.errors import DataError
from symopt.graph.evaluate import evaluate
from symopt.graph.nodes import Array, Input, Node, Shared
from symopt.graph.traversal import parameters_of, topological
from symopt.optimizers.base import UpdateRule
from symopt.optimizers.plotting import axes_or_new

#: Paths that nowhere differ by more than this share of how far all go are drawn as one: no eye could tell them apart.
SEEN = 2e-3
#: How many values of the loss are computed along each side of a map, and how many lines it has.
GRID, LEVELS = 50, 16


@dataclass(frozen=True, eq=False)
class Walk:
    """What is walked on: parameters from their present values, and for each step the arrays of all inputs.

    ``has_loss`` is False where only gradients are given.
    """

    loss: Node
    params: list[Shared]
    batches: Sequence[Mapping[Node, Array]]
    has_loss: bool = True

    def path(self, rule: UpdateRule) -> Path:
        """The path of a rule. It is reckoned by NumPy, and changes no parameter."""
        updates = rule.get_updates(self.loss, self.params)
        held: dict[Node, Array] = {variable: variable.storage.read() for variable, _ in updates}
        places, losses = [self._place(held)], []
        for step, batch in enumerate(self.batches):
            loss, *values = evaluate([self.loss, *(value for _, value in updates)], {**batch, **held}, step)
            for (variable, _), value in zip(updates, values, strict=True):
                held[variable] = np.broadcast_to(value.astype(variable.dtype), held[variable].shape)
            places.append(self._place(held))
            losses.append(float(loss))
        if self.batches:
            losses.append(float(evaluate([self.loss], {**self.batches[-1], **held})[0]))
        return Path(np.array(places), np.array(losses))

    def _place(self, held: Mapping[Node, Array]) -> Array:
        return np.concatenate([np.ravel(held[param]) for param in self.params]).astype("float64")

    def names(self) -> list[str]:
        """What each number of a place is called."""
        shapes = {param.name: param.storage.shape for param in self.params}
        places = [(name, list(np.ndindex(shape))) for name, shape in shapes.items()]
        return [f"{name}{list(at) if at else ''}" for name, indices in places for at in indices]

    def loss_at(self, place: Array) -> float:
        """The loss with the numbers of a place in the parameters, and the first arrays in the inputs."""
        cuts = np.cumsum([param.storage.size for param in self.params])[:-1]
        parts = zip(self.params, np.split(place, cuts), strict=True)
        held: dict[Node, Array] = {p: part.reshape(p.storage.shape).astype(p.dtype) for p, part in parts}
        return float(evaluate([self.loss], {**self.batches[0], **held})[0])


@dataclass(frozen=True, eq=False)
class Path:
    """Where the parameters are before the first step and after each, all their numbers in a row; and the loss there.

    The loss is that on the arrays of the step which is taken there, and in the end on those of the last one.
    """

    places: Array
    losses: Array


def walk(loss: Node | None, data: Any, steps: int) -> Walk:
    """What paths are walked on: see :func:`symopt.compare`."""
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps={steps!r}: expected an int of at least 1")
    if loss is None:
        return _of_gradients(data)
    if not isinstance(loss, Node):
        raise DataError(f"the loss is {loss!r}: expected a tensor; gradients are given as data=")
    inputs = sorted((node for node in topological([loss]) if isinstance(node, Input)), key=lambda node: node.serial)
    arrays = data if isinstance(data, Mapping) else dict(zip((node.name for node in inputs), data or (), strict=False))
    missing = [node.name for node in inputs if node.name not in arrays]
    if missing or len(arrays if data is None else data) != len(inputs):
        wanted = ", ".join(node.name for node in inputs) or "none"
        raise DataError(f"data has an array for each input of the loss, by name or in their order: {wanted}")
    batch: dict[Node, Array] = {node: np.asarray(arrays[node.name], node.dtype) for node in inputs}
    return Walk(loss, parameters_of([loss]), [batch] * steps)


def _of_gradients(data: Any) -> Walk:
    """A parameter from 0, whose gradients are given: a row for each step."""
    rows = np.asarray(data, "float64")
    if rows.ndim == 0 or not rows.size:
        raise DataError("without a loss, data is a sequence of gradients, one for each step")
    grad = so.input("grad", rows.shape[1:])
    param = so.parameter(np.zeros(rows.shape[1:]), name="w")
    return Walk(so.sum(param * grad), [param], [{grad: row} for row in rows], has_loss=False)


def draw(walk: Walk, paths: Mapping[str, Path], axes: Any) -> Any:
    """Draw named paths: in the plane where there are two numbers, else the number, loss or distance by steps."""
    axes = axes_or_new(axes)
    names, together = walk.names(), _together(paths)
    if len(names) == 2:
        if walk.has_loss:
            _draw_map(walk, [path.places for path in paths.values()], axes)
        for label, path in together.items():
            axes.plot(*path.places.T, ".-", label=label, linewidth=1, markersize=3)
        axes.plot(*next(iter(paths.values())).places[0], "ko", label="start")
    else:
        for label, path in together.items():
            axes.plot(_heights(walk, path), label=label)
        if walk.has_loss and all((path.losses > 0).all() for path in paths.values()):
            axes.set_yscale("log")
    axes.set_xlabel(names[0] if len(names) == 2 else "step")
    axes.set_ylabel(names[1] if len(names) == 2 else _height_of(walk))
    axes.legend(fontsize="small")
    return axes


def _together(paths: Mapping[str, Path]) -> dict[str, Path]:
    """Paths that look the same under one name."""
    found = np.concatenate([path.places for path in paths.values()])
    extent = np.ptp(found[np.isfinite(found).all(axis=1)], axis=0).max()
    apart: list[tuple[list[str], Path]] = []
    for name, path in paths.items():
        for names, other in apart:
            if np.allclose(path.places, other.places, rtol=0, atol=SEEN * extent, equal_nan=True):
                names.append(name)
                break
        else:
            apart.append(([name], path))
    return {", ".join(names): path for names, path in apart}


def _height_of(walk: Walk) -> str:
    if walk.has_loss:
        return "loss"
    return "w" if len(walk.names()) == 1 else "distance from the start"


def _heights(walk: Walk, path: Path) -> Array:
    if walk.has_loss:
        return path.losses
    return path.places[:, 0] if path.places.shape[1] == 1 else np.linalg.norm(path.places - path.places[0], axis=1)


def _draw_map(walk: Walk, places: Sequence[Array], axes: Any) -> None:
    """Lines of equal loss around the paths, as many places between two lines as between any other two."""
    found = np.concatenate(places)
    found = found[np.isfinite(found).all(axis=1)]
    low, high = found.min(axis=0), found.max(axis=0)
    margin = 0.1 * np.maximum(high - low, 1e-6)
    sides = [np.linspace(a, b, GRID) for a, b in zip(low - margin, high + margin, strict=True)]
    heights = np.array([[walk.loss_at(np.array([x, y])) for x in sides[0]] for y in sides[1]])
    levels = np.unique(np.quantile(heights[np.isfinite(heights)], np.linspace(0, 1, LEVELS)))
    if len(levels) > 1:
        axes.contour(*sides, heights, levels=levels, colors="0.8", linewidths=0.6)
