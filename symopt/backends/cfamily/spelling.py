"""C text for types, numbers and dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symopt.graph.dimensions import Dim, Dimension, Floor
from symopt.graph.nodes import DType

#: Columns of generated source.
WIDTH = 120

TYPES = {
    "bool": "unsigned char",
    "int8": "signed char",
    "int16": "short",
    "int32": "int",
    "int64": "long long",
    "uint8": "unsigned char",
    "uint16": "unsigned short",
    "uint32": "unsigned int",
    "float32": "float",
    "float64": "double",
}

_WORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm bool true false
class new delete this template typename operator private public namespace blockIdx blockDim threadIdx gridDim
NULL main y0 y1 yn j0 j1 jn gamma signgam Index Memory failure
"""
_LOCAL = """
step run epoch me team rows first last block blocks low high count i j k l m e now sizes steps call threads
total batch order sums parts whole size all share least philox
"""
_FUNCTIONS = """
exp expm1 log log1p log2 log10 sin cos tan sinh cosh tanh erf asin acos atan atan2 pow
sqrt fabs floor ceil rint fmod copysign
"""
#: What no memory can be called: words of C and CUDA, and functions of the library.
WORDS = frozenset(_WORDS.split()) | {name + suffix for name in _FUNCTIONS.split() for suffix in ("", "f")}
#: These, and the names that the emitters keep to themselves within functions.
RESERVED = WORDS | frozenset(_LOCAL.split())


def c_type(dtype: DType) -> str:
    """The C type of a dtype: a bool is a byte, as in NumPy."""
    return TYPES[dtype.name]


def number_text(value: Any, dtype: DType) -> str:
    """A literal for one number, exact in its dtype."""
    if dtype.kind == "f":
        return _float_text(dtype.type(value))
    number = int(value)
    if dtype.itemsize < 8:
        return f"({number})" if number < 0 else str(number)
    if number == np.iinfo(np.int64).min:
        return "(-9223372036854775807LL - 1)"
    return f"({number}LL)" if number < 0 else f"{number}LL"


def _float_text(value: Any) -> str:
    suffix = "f" if value.dtype == np.float32 else ""
    if np.isnan(value):
        return f"(0.0{suffix} / 0.0{suffix})"
    if np.isinf(value):
        return f"({'-' if value < 0 else ''}1.0{suffix} / 0.0{suffix})"
    text = str(value)  # the shortest that gives the same number again
    if "." not in text and "e" not in text:
        text += ".0"
    return f"({text}{suffix})" if text.startswith("-") else text + suffix


class Sizes:
    """The names that generated code has for run-time sizes."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = dict(names)

    def dim(self, dim: Dim) -> str:
        """``dim`` as an expression that can stand in a product."""
        if isinstance(dim, int):
            return str(dim) if dim >= 0 else f"({dim})"
        text = self._sum(dim)
        return text if len(dim.terms) == 1 and not text.startswith("-") else f"({text})"

    def divisor(self, dim: Dim) -> str:
        """``dim`` as an expression that something can be divided by."""
        text = self.dim(dim)
        return f"({text})" if " " in text and bare(text) == text else text

    def _sum(self, dim: Dimension) -> str:
        terms = sorted(dim.terms, key=lambda term: term[1] < 0)
        return " + ".join(self._term(atoms, factor) for atoms, factor in terms).replace("+ -", "- ")

    def _term(self, atoms: tuple[str | Floor, ...], factor: int) -> str:
        if not atoms:
            return str(factor)
        product = " * ".join(self._atom(atom) for atom in atoms)
        return {1: product, -1: f"-{product}"}.get(factor, f"{factor} * {product}")

    def _atom(self, atom: str | Floor) -> str:
        if isinstance(atom, str):
            return self.names[atom]
        # The sizes of arrays are not negative, so that C's quotient is the floor.
        return f"({self.dim(atom.dividend)} / {atom.divisor})"


def times(index: str, stride: str) -> str:
    """``index * stride`` as a reader would write it."""
    return index if stride == "1" else f"{index} * {stride}"


def total(terms: list[str]) -> str:
    """A sum; 0 of nothing."""
    return " + ".join(term for term in terms if term != "0") or "0"


def bare(text: str) -> str:
    """``text`` without the brackets around all of it: an argument needs none."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and position < len(text) - 1:
            return text
    inside = text[1:-1]
    return text if inside in TYPES.values() else inside
