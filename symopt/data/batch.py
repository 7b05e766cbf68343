"""One mini-batch."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The arrays of one mini-batch, and how many rows they have.

    Parameters
    ----------
    arrays : one C-contiguous array per input, in the order of the inputs. They may be views of the user's own
        data, and read-only: whoever reads a batch does not write to it. What lives on a device is an array of
        its library, and may have gaps.
    size : the number of rows, which is the weight of this batch in averages.
    names : the names of the inputs where they came as a dict, else None.
    """

    arrays: tuple[Any, ...]
    size: int
    names: tuple[Hashable, ...] | None = None
