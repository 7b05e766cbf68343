"""Python text for dimensions, shapes, slices, dtypes and numbers."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from symopt.graph.dimensions import Dim, Shape, rename
from symopt.graph.nodes import Array, DType, Embed, Slice
from symopt.scalar import OPERATIONS

#: Columns of generated source.
WIDTH = 120
#: Names with a meaning of their own in generated code, which no variable may have.
RESERVED = frozenset({*keyword.kwlist, *dir(builtins), *OPERATIONS}) | frozenset(
    {"NumExpr", "block", "blocks", "check_indices", "concatenate", "constants", "copyto", "dot", "empty", "high", "low"}
    | {"matmul", "np", "on_two_threads", "prepare", "scratch", "shared", "span", "step", "take", "thread", "uniform"}
)


class Sizes:
    """The names that generated code has for run-time sizes."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = dict(names)

    def dim(self, dim: Dim) -> str:
        return str(rename(dim, self.names))

    def shape(self, shape: Shape) -> str:
        return tuple_text(map(self.dim, shape))

    def region(self, node: Slice | Embed, counts: Shape, length: Shape) -> str:
        """The index, without brackets, that a Slice reads or an Embed writes."""
        axes = zip(node.starts, counts, node.steps, length, strict=True)
        return ", ".join(self._span(*axis) for axis in axes)

    def _span(self, start: Dim, count: Dim, step: int, length: Dim) -> str:
        if start == 0 and count == length and step == 1:
            return ":"
        if count == 0:
            return ":0"
        past = start + count * step
        if step < 0 and not (isinstance(start, int) and isinstance(past, int)) and (start, past) != (length - 1, -1):
            return f"span({self.dim(start)}, {self.dim(count)}, {step})"
        first = "" if start == (0 if step > 0 else length - 1) else self.dim(start)
        # A negative index would count from the end.
        from_end = step < 0 and isinstance(past, int) and past < 0
        last = "" if from_end or past == length else self.dim(past)
        return f"{first}:{last}" + ("" if step == 1 else f":{step}")


def tuple_text(items: Iterable[str]) -> str:
    """A tuple of expressions, or of targets."""
    inside = list(items)
    return f"({inside[0]},)" if len(inside) == 1 else f"({', '.join(inside)})"


def wrapped(head: str, items: Sequence[str], tail: str) -> list[str]:
    """``head items tail`` on one line, or with the items on as many lines as it takes to stay within 120 columns."""
    whole = f"{head}{', '.join(items)}{tail}"
    if len(whole) <= WIDTH:
        return [whole]
    lines = [""]
    for item in items:
        if len(lines[-1]) + len(item) + 6 > WIDTH and lines[-1]:
            lines.append("")
        lines[-1] += f" {item}," if lines[-1] else f"{item},"
    return [head, *(f"    {line}" for line in lines), tail]


def dtype_text(dtype: DType) -> str:
    """The name of a dtype in NumPy's namespace."""
    return "np.bool_" if dtype == np.bool_ else f"np.{dtype.name}"


def number_text(value: Array) -> str:
    """A literal for one number, exact in its dtype."""
    number = value.reshape(())[()]
    if value.dtype.kind == "f" and not np.isfinite(number):
        return "np.nan" if np.isnan(number) else ("np.inf" if number > 0 else "-np.inf")
    return str(number)


_LETTERS = {"float32": "s", "float64": "d", "bool": "b", "int64": "i"}


def scratch_name(dtype: DType, number: int) -> str:
    """The name of scratch memory: s0 for float32, d0 for float64, b0 for bool, i0 for int64, int8_0 and the like."""
    return f"{_LETTERS.get(dtype.name, f'{dtype.name}_')}{number}"
