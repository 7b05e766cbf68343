"""What a step is made of: pieces of work that are split among threads by rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from symopt.graph.dimensions import Dim


@dataclass(frozen=True)
class Access:
    """Memory that a piece of work touches.

    ``row`` is the number of elements of a row, where row ``i`` of the work touches nothing but row ``i`` of the
    memory; None where it may touch all of it.
    """

    memory: object
    writes: bool
    row: Dim | None


#: What is known of an index out of range: where it may be found, nothing that lasts is written before it is looked at.
FAILURE = "failure"


@dataclass(eq=False)
class Item:
    """A piece of work over ``extent`` rows, or over one that no thread shares (None).

    It may be done by one thread all the same, which pays where it ``is_small``.

    ``call(low, rows, block)`` is the text of a call for the rows from ``low`` on; ``block`` is the number of the block.
    ``elements`` are those of a row and ``row_bytes`` what it touches. ``partials`` is set where a sum over the rows is
    left in pieces, one for each block. ``in_blocks``: it can do no more rows at a time than a block has.
    ``may_fail`` is set where indices are checked. ``tiles`` is a number of rows that a
    product does well; ``most`` is the number of blocks, about, that there should be at most.
    """

    extent: Dim | None
    accesses: tuple[Access, ...]
    call: Callable[[str, str, str], list[str]]
    comment: str = ""
    elements: Dim = 0
    row_bytes: Dim = 0
    partials: bool = False
    tiles: int = 0
    most: int = 0
    is_small: bool = False
    in_blocks: bool = False
    may_fail: bool = False
    group: Group | None = field(default=None, repr=False)


@dataclass(eq=False)
class Group:
    """Pieces of work that a thread does block of rows by block of rows, without waiting for other threads."""

    extent: Dim | None
    items: list[Item]
    block: int = 1
    barrier: bool = False

    @property
    def accesses(self) -> Iterator[Access]:
        """What all of them touch."""
        return (access for item in self.items for access in item.accesses)
