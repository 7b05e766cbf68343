"""What sums, products and extremes begin with."""

from __future__ import annotations

import numpy as np

from symopt.backends.cfamily.spelling import number_text
from symopt.graph.nodes import DType, Reduce

#: What sums of float32 are collected in: it costs next to nothing, and makes them as good as any.
DOUBLE = np.dtype(np.float64)


def identity(node: Reduce, dtype: DType) -> str:
    """What nothing adds up to."""
    if node.op in ("sum", "prod"):
        return number_text(int(node.op == "prod"), dtype)
    if dtype.kind == "b":
        return str(int(node.op == "min"))
    if dtype.kind == "f":
        return number_text(-np.inf if node.op == "max" else np.inf, dtype)
    limits = np.iinfo(dtype)
    return number_text(limits.min if node.op == "max" else limits.max, dtype)
