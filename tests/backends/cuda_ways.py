"""Making the CUDA backend split arrays as small as those of tests: into many blocks, chunks and tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from symopt.backends.cuda import jobs, library, passes, products, rows, schedule

#: Blocks of a pass, blocks that leave sums, rows of a chunk, blocks that share the rows of columns.
PASS_BLOCKS, SUM_BLOCKS, CHUNK_ROWS, CHUNK_BLOCKS = 1, 3, 4, 5


@contextmanager
def small_grids() -> Iterator[pytest.MonkeyPatch]:
    """Inside, what is read four at a time, summed by several blocks or put into a table may be short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "PASS_BLOCKS", PASS_BLOCKS)
        patch.setattr(jobs, "CHUNK_BLOCKS", CHUNK_BLOCKS)
        patch.setattr(passes, "SUM_BLOCKS", SUM_BLOCKS)
        patch.setattr(passes, "MANY", 4)
        patch.setattr(rows, "SUM_BLOCKS", SUM_BLOCKS)
        patch.setattr(rows, "CHUNK_ROWS", CHUNK_ROWS)
        patch.setattr(rows, "CHUNK_ELEMENTS", CHUNK_ROWS)
        patch.setattr(rows, "SHORT", 4)
        patch.setattr(rows, "LONG", 40)
        patch.setattr(rows, "FEW", 2)
        patch.setattr(library, "SHORT", 2)
        patch.setattr(schedule, "MANY", 2)
        yield patch


@contextmanager
def by_libraries() -> Iterator[None]:
    """Inside, all products of matrices are left to the device's BLAS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "OWN_WORK", -1)
        yield
