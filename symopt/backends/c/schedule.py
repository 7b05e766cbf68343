"""Who waits for whom: pieces of work in groups over the same rows, and barriers between groups that need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symopt.backends.c.item import FAILURE, Access, Group, Item
from symopt.backends.cfamily.typical import typical
from symopt.errors import SymoptError

#: Bytes that the rows of a block touch together, about: a part of the second-level cache.
BLOCK_BYTES = 64 * 1024
#: Rows of a block at most.
ROWS = 4096
#: Rows of a block with products over a size that is known at run time: a batch is often a power of two.
BATCH = 32


def schedule(items: Sequence[Item], read_first: Sequence[object], sizes: Mapping[str, int]) -> list[Group]:
    """Groups in order; each has its rows to a block and says whether it waits.

    ``read_first`` is memory that all threads read before the first group.
    """
    groups: list[Group] = []
    # What is read first is written last, if nothing waits for it: so that no group has to wait for all to have read it.
    late = [
        item
        for position, item in enumerate(items)
        if any(access.writes and access.memory in read_first for access in item.accesses)
        and not any(_conflict_of_items(item, other) for other in items[position + 1 :])
    ]
    for item in items:
        if item not in late:
            _put(item, _group_for(item, groups))
    for item in late:
        _put(item, _last(groups))
    for group in groups:
        group.block = _rows_of_block(group, sizes)
    _place_barriers(groups, read_first)
    _verify(items, groups)
    return groups


def _verify(items: Sequence[Item], groups: Sequence[Group]) -> None:
    """Raise unless every read still comes after the write before it, and before the write after it."""
    place = {item: (i, j) for i, group in enumerate(groups) for j, item in enumerate(group.items)}
    written: dict[object, tuple[int, int]] = {}
    touched: dict[object, tuple[int, int]] = {}
    for item in items:
        now = place[item]
        for access in item.accesses:
            before = (touched if access.writes else written).get(access.memory, now)
            if now < before:
                raise SymoptError(f"{item.comment!r} has lost its place: this is a defect of symopt")
        for access in item.accesses:
            touched[access.memory] = max(now, touched.get(access.memory, now))
            if access.writes:
                written[access.memory] = now


def _put(item: Item, group: Group) -> None:
    group.items.append(item)
    item.group = group


def _group_for(item: Item, groups: list[Group]) -> Group:
    """The last group that the item may be part of; else a new one.

    What no threads share goes as far to the front as it can, so that it stands between no groups over the same rows.
    """
    unshared: Group | None = None
    first = len(groups)  # where a new group may stand
    while first:
        before = groups[first - 1]
        fits = before.extent == item.extent or (before.extent is None and item.is_small)
        if fits and not _conflicts(item, before, together=True):
            if before.extent is not None:
                return before
            unshared = before
        if _conflicts(item, before, together=False):
            break
        first -= 1
    if unshared is not None:
        return unshared
    group = Group(None if item.is_small else item.extent, [])
    groups.insert(first if group.extent is None else len(groups), group)
    return group


def _conflict_of_items(one: Item, other: Item) -> bool:
    return any(_conflict(a, b, together=False) for a in one.accesses for b in other.accesses)


def _conflicts(item: Item, group: Group, together: bool) -> bool:
    one_thread = together and group.extent is None  # does all of it, in order
    pairs = ((a, b) for a in item.accesses for other in group.items for b in other.accesses)
    return any(_conflict(a, b, together) and (not one_thread or a.memory == FAILURE) for a, b in pairs)


def _conflict(one: Access, other: Access, together: bool) -> bool:
    """Whether the order of two accesses counts; ``together``: except for rows that one thread touches in order."""
    if one.memory != other.memory or not (one.writes or other.writes):
        return False
    return not (together and one.row is not None and one.row == other.row)


def _rows_of_block(group: Group, sizes: Mapping[str, int]) -> int:
    """It depends on nothing that changes from call to call, and so results do not."""
    if group.extent is None:
        return 1
    tiles = max(item.tiles for item in group.items)
    if tiles:
        block = tiles if isinstance(group.extent, int) else BATCH
        most = max(item.most for item in group.items)
        shares = -(-typical(group.extent, sizes) // most) if most else 0
        return max(block, -(-shares // block) * block)
    row = max(1, typical(sum((item.row_bytes for item in group.items), 0), sizes))
    rows = ROWS
    while rows > 1 and rows * row > BLOCK_BYTES:
        rows //= 2
    return rows


def _last(groups: list[Group]) -> Group:
    """A last group that no threads share."""
    if not groups or groups[-1].extent is not None:
        groups.append(Group(None, []))
    return groups[-1]


def _place_barriers(groups: Sequence[Group], read_first: Sequence[object]) -> None:
    """A group waits if it conflicts with one since the last barrier, unless both split the same rows alike."""
    since: list[Group] = []
    unread = True
    for group in groups:
        if unread and any(access.writes and access.memory in read_first for access in group.accesses):
            group.barrier = True
        for other in since:
            alike = other.extent is not None and (other.extent, other.block) == (group.extent, group.block)
            alike = alike or (other.extent is None and group.extent is None)
            if any(_conflicts(item, other, together=alike) for item in group.items):
                group.barrier = True
        since = [group] if group.barrier else [*since, group]
        unread = unread and not group.barrier
