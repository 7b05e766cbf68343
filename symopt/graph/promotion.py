"""How dtypes combine: NumPy's rules, with weak numbers that take on the dtype of what they meet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from symopt.errors import DTypeError
from symopt.scalar import ScalarOp, cast_to

DType = np.dtype[Any]

BOOL = np.dtype("bool")
INT64 = np.dtype("int64")
FLOAT32 = np.dtype("float32")
FLOAT64 = np.dtype("float64")


def as_dtype(given: Any) -> DType:
    """The supported dtype that ``given`` names, in the machine's own order of bytes."""
    try:
        # By its type: NumPy's own object for a dtype in native byte order, so that comparing by identity works.
        dtype: DType = np.dtype(np.dtype(given).type)
    except TypeError:
        raise DTypeError(f"{given!r} is not a dtype") from None
    cast_to(dtype)  # raises for those that no backend has
    return dtype


@lru_cache(maxsize=4096)
def common_dtype(operands: tuple[tuple[DType, bool], ...]) -> DType:
    """The dtype that ``(dtype, weak)`` pairs meet in."""
    strong = [dtype for dtype, weak in operands if not weak]
    numbers = [dtype for dtype, weak in operands if weak]
    if not strong:
        return np.result_type(*numbers)
    common = np.result_type(*strong)
    for number in numbers:
        if number.kind == "f" and common.kind != "f":
            common = FLOAT64
        elif number.kind == "i" and common.kind == "b":
            common = INT64
    return common


@lru_cache(maxsize=8192)
def signature(op: ScalarOp, operands: tuple[tuple[DType, bool], ...]) -> tuple[tuple[DType, ...], DType]:
    """The dtypes that ``op`` takes its operands in, and the dtype of its result."""
    count = len(operands)
    if op.kind == "cast":
        assert op.target is not None
        return (operands[0][0],), op.target
    if op.kind == "logical":
        return (BOOL,) * count, BOOL
    if op.kind == "select":
        chosen = common_dtype(operands[1:])
        return (BOOL, chosen, chosen), chosen
    common = common_dtype(operands)
    if op.kind == "comparison":
        return (common,) * count, BOOL
    if op.kind == "predicate":
        return (common if common.kind == "f" else FLOAT64,) * count, BOOL
    if op.kind == "floating" and common.kind != "f":
        common = FLOAT64
    return (common,) * count, common


def differentiable(dtype: DType) -> bool:
    """Whether values of this dtype have gradients."""
    return dtype.kind == "f"


def kind_of(dtypes: Sequence[DType]) -> str:
    """The dtypes as words, for messages."""
    return ", ".join(dtype.name for dtype in dtypes)
