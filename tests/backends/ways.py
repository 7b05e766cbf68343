"""Making the numexpr backend run a kernel in a way that it would not choose for arrays as small as those of tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest

from symopt.backends.numexpr import loops, plan
from symopt.backends.numexpr.plan import Choice
from symopt.backends.numexpr.registers import Statement
from symopt.graph.nodes import Embed
from symopt.lowering import Loop

#: "chosen" is the backend's own choice; the others hold wherever they are possible.
WAYS = ("chosen", "ufuncs", "blocks", "two threads", "numexpr")
#: Elements of a block: few, so that small arrays have several.
SMALL_BLOCK = {1: 4, 2: 6}


@contextmanager
def forced(way: str) -> Iterator[None]:
    """Inside, every kernel that can be compiled in ``way`` is."""

    def choose(loop: Loop, segments: Sequence[Statement], sizes: Mapping[str, int]) -> Choice:
        if way == "ufuncs" or loop.domain == () or not loop.body:
            return Choice("ufuncs", 1, ("forced",))
        if way == "numexpr":
            possible = plan._fits_numexpr(loop, segments)
            return Choice("numexpr" if possible else "ufuncs", 1, ("forced",))
        if any(isinstance(node, Embed) for node in loop.body):
            return Choice("ufuncs", 1, ("forced",))
        return Choice("blocks", 2 if way == "two threads" else 1, ("forced",))

    with pytest.MonkeyPatch.context() as patch:
        if way != "chosen":
            patch.setattr(loops, "choose", choose)
            patch.setattr(plan, "BLOCK", SMALL_BLOCK)
            patch.setattr(loops, "BLOCK", SMALL_BLOCK)
        yield
