"""How many threads compiled code may use: the one place that says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

#: How often a thread looks whether the others have come to a barrier before it goes to sleep: for a few tenths of a
#: millisecond. By its own setting libgomp looks for 10 ms and more, and when another program has taken one of the
#: cores, each barrier of a step lasts that long.
PATIENCE = 10_000

_forked = False


def _after_fork() -> None:
    # The threads of a pool do not live on in a child, and waiting for them would never end.
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def threads() -> int:
    """As many as ``$SYMOPT_THREADS`` or ``$OMP_NUM_THREADS`` say, else the cores that this process may run on.

    In a forked child it is 1.
    """
    if _forked:
        return 1
    for name in ("SYMOPT_THREADS", "OMP_NUM_THREADS"):
        asked = os.environ.get(name, "").split(",")[0].strip()
        if asked.isdigit() and int(asked) > 0:
            return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def waiting_briefly() -> Iterator[None]:
    """Inside, OpenMP's library is loaded with our patience, if it was not loaded before and nobody has set another."""
    ours = not any(name in os.environ for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"))
    if ours:
        os.environ["GOMP_SPINCOUNT"] = str(PATIENCE)
    try:
        yield
    finally:
        if ours:
            del os.environ["GOMP_SPINCOUNT"]
