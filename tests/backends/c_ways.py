"""Making the C backend split arrays as small as those of tests: into many blocks, on any number of threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from symopt.backends.c import build, dialect, loops, parts, products, rows, schedule, scope
from tests.backends.changed_source import changed_source

#: What shares an axis, and rows of a block: so few that an array of some rows has several blocks.
SPLIT, ROWS, BATCH, BLOCK_BYTES = 4, 8, 2, 64


@contextmanager
def small_blocks() -> Iterator[pytest.MonkeyPatch]:
    """Inside, functions are compiled to blocks of few rows, and share even the smallest step among threads."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (scope, loops, rows, parts):
            patch.setattr(module, "SPLIT", SPLIT)
        patch.setattr(loops, "FEW", 0)
        patch.setattr(loops, "CHUNK", SPLIT)
        patch.setattr(dialect, "LONG", 0)
        patch.setattr(schedule, "ROWS", ROWS)
        patch.setattr(schedule, "BATCH", BATCH)
        patch.setattr(products, "ROWS", BATCH)
        patch.setattr(products, "NARROW_ROWS", BATCH)
        patch.setattr(parts, "ROWS", BATCH)
        patch.setattr(parts, "COMBINED", BATCH)
        patch.setattr(schedule, "BLOCK_BYTES", BLOCK_BYTES)
        patch.setattr(build, "SHARED_WORK", 0)
        patch.setattr(build, "SMALL_WORK", 0)
        yield patch


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Inside, steps that are shared run on so many threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMOPT_THREADS", str(count))
        yield


#: A thread that is late, by a little and differently each time, wherever another may be ahead of it. What works only
#: because threads are about as fast as each other does not work then.
LATE = """
static void late(int me)
{
    static _Thread_local unsigned turn;
    turn = turn * 1664525u + 1013904223u + (unsigned)me * 2654435761u;
    for (volatile unsigned i = 0; i < (turn >> 28) * 400; i++) {}
}

static inline Index share("""

_BARRIER = '{ _Pragma("omp barrier") }'


def with_late_threads(source: str) -> str:
    """The source, with threads that come late to every share and leave every barrier late."""
    late = source.replace("static inline Index share(", LATE).replace(_BARRIER, '{ _Pragma("omp barrier") late(me); }')
    return late.replace("    return blocks * me / team;", "    late(me);\n    return blocks * me / team;")


def without_barriers(source: str) -> str:
    """The source, where nobody waits for anybody."""
    return source.replace(_BARRIER, "{}")


@contextmanager
def late_threads() -> Iterator[None]:
    """Inside, functions are compiled to small blocks, and threads are late."""
    with ExitStack() as stack:
        stack.enter_context(small_blocks())
        stack.enter_context(changed_source(build, with_late_threads))
        yield
