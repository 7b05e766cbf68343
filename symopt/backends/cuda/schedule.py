"""Which work comes when: what does not depend on each other becomes one launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symopt.backends.cfamily.typical import typical
from symopt.backends.cuda.jobs import Job, Multiply, Sort, Work

#: Elements from which on a job is large: then its launch has no other functions, which might need more registers.
LARGE = 1 << 22
#: Functions of a launch, and arguments of all of them together, at most: 4 KB are allowed by every driver.
MOST, ARGUMENTS = 24, 400
#: Bytes of shared memory that a kernel may have, on every device.
SHARED_MEMORY = 48 * 1024
#: Calls of a function in a launch from which on their arguments are in a table.
MANY = 5


@dataclass(frozen=True, eq=False)
class Launch:
    """Jobs that run side by side, as the blocks of one kernel; those of a section have one function."""

    name: str
    sections: tuple[tuple[Job, ...], ...]


Step = Launch | Multiply | Sort


def schedule(works: Sequence[Work], sizes: Mapping[str, int]) -> list[Step]:
    """Launches and calls of libraries, in the order in which they run."""
    rows = _levels(works)
    steps: list[Step] = []
    number = 1
    for level in range(max(rows, default=-1) + 1):
        members = [work for work, row in zip(works, rows, strict=True) if row == level]
        steps += [work for work in members if not isinstance(work, Job)]
        for sections in _launches([work for work in members if isinstance(work, Job)], sizes):
            steps.append(Launch(f"launch_{number}", sections))
            number += 1
    return steps


def _levels(works: Sequence[Work]) -> list[int]:
    """As late as can be, in as few levels as can be."""
    earliest: list[int] = []
    written: dict[object, int] = {}
    read: dict[object, int] = {}
    for work in works:
        level = max((written.get(key, -1) for key in work.reads | work.writes), default=-1)
        level = max(level, max((read.get(key, -1) for key in work.writes), default=-1)) + 1
        earliest.append(level)
        written.update((key, level) for key in work.writes)
        read.update((key, max(level, read.get(key, -1))) for key in work.reads)
    end = max(earliest, default=-1) + 1
    written, read = {}, {}
    levels: list[int] = []
    for work in reversed(works):
        level = min((written.get(key, end) for key in work.reads | work.writes), default=end)
        level = min(level, min((read.get(key, end) for key in work.writes), default=end)) - 1
        levels.append(level)
        written.update((key, level) for key in work.writes)
        read.update((key, min(level, read.get(key, end))) for key in work.reads)
    return levels[::-1]


def _launches(jobs: Sequence[Job], sizes: Mapping[str, int]) -> list[tuple[tuple[Job, ...], ...]]:
    """Jobs of one level: the small ones together, large ones by their functions."""
    functions: dict[str, list[Job]] = {}
    for job in jobs:
        functions.setdefault(job.function, []).append(job)
    large = {name for name, same in functions.items() if any(typical(job.work, sizes) >= LARGE for job in same)}
    found = [_sections(functions[name]) for name in functions if name in large]
    small = [section for name in functions if name not in large for section in _sections(functions[name])]
    return found + _together(small)


def _together(sections: Sequence[tuple[Job, ...]]) -> list[tuple[tuple[Job, ...], ...]]:
    """Launches of so many sections as a kernel may have."""
    launches: list[list[tuple[Job, ...]]] = []
    shared: dict[str, int] = {}
    arguments = 0
    for section in sections:
        more, given = dict(section[0].shared), 3 if len(section) > 1 else 1 + len(section[0].actuals)
        full = not launches or len(launches[-1]) == MOST or arguments + given > ARGUMENTS
        if full or sum({**shared, **more}.values()) > SHARED_MEMORY:
            launches.append([])
            shared, arguments = {}, 0
        launches[-1].append(section)
        shared.update(more)
        arguments += given
    return [tuple(launch) for launch in launches]


def _sections(same: list[Job]) -> tuple[tuple[Job, ...], ...]:
    """Many calls of a function are one section, a few one each."""
    return (tuple(same),) if len(same) >= MANY else tuple((job,) for job in same)
