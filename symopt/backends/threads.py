"""How many threads compiled code may use: the one place that says so."""

from __future__ import annotations

import os

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
