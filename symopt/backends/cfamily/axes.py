"""The loops of a kernel: axes of its iteration space, merged where all that it touches goes on without a gap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symopt.graph.dimensions import Dim, Shape, product


@dataclass(frozen=True)
class Axis:
    """Adjacent axes of the domain that are walked as one.

    ``members`` are positions in the domain; ``reduced`` says for every reduction of the kernel whether it sums over
    this axis.
    """

    members: tuple[int, ...]
    reduced: tuple[bool, ...]

    @property
    def last(self) -> int:
        return self.members[-1]


def merged_axes(
    domain: Shape,
    walks: Sequence[Sequence[Dim]],
    reductions: Iterable[Sequence[int]],
    apart: Iterable[int] = (),
) -> list[Axis]:
    """The axes that are left; those of length 1 are none.

    ``walks`` are the strides of everything that the kernel touches, ``reductions`` the axes of each reduction, and
    ``apart`` are axes whose own index is needed.
    """
    over, alone = [set(axes) for axes in reductions], set(apart)
    axes: list[Axis] = []
    for position, dim in enumerate(domain):
        if dim == 1:
            continue
        axis = Axis((position,), tuple(position in axes for axes in over))
        before = axes[-1] if axes else None
        if before is not None and before.reduced == axis.reduced and alone.isdisjoint({before.last, position}):
            step = product(domain[before.last + 1 : position + 1])
            if all(walk[before.last] == walk[position] * step for walk in walks):
                axes[-1] = Axis((*before.members, position), axis.reduced)
                continue
        axes.append(axis)
    return axes
