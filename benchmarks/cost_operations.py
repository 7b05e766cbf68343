"""The scalar operations that ``costs`` measures, each as NumPy calls with out= and as numexpr text.

Names are those of symopt's table of scalar operations. Where NumPy has no ufunc for an operation, or where another form
is faster, the form that is measured is the one the numexpr backend should write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.arrays import aligned

DTYPES = ("float32", "float64")
Run = Callable[[], object]


class Operands:
    """Arrays of one length, which begin on cache lines: values in a domain, masks, outputs and scratch."""

    def __init__(self, size: int, dtype: str, low: float, high: float) -> None:
        rng = np.random.default_rng(0)
        integer = {"float32": "int32", "float64": "int64"}[dtype]
        self.x, self.y, self.out, self.scratch = (aligned(size, dtype) for _ in range(4))
        self.x[:], self.y[:] = rng.uniform(low, high, (2, size))
        self.p, self.q, self.mask = (aligned(size, "bool") for _ in range(3))
        self.p[:], self.q[:] = rng.random((2, size)) < 0.5
        self.bits = aligned(size, integer)
        self.x_bits, self.y_bits, self.out_bits = (a.view(integer) for a in (self.x, self.y, self.out))
        self.int64 = aligned(size, "int64")
        self.int64[:] = rng.integers(-1000, 1000, size)
        self.other = aligned(size, "float64" if dtype == "float32" else "float32")
        self.other[:] = self.x
        self.one, self.zero = np.array(1, dtype), np.array(0, dtype)


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation; ``ufunc`` prepares its calls, ``text`` is numexpr's form of it.

    The text is in x#, y and z (floats; z lies outside the domain), p# and q (random masks), t# and f# (masks all true
    or all false) and i# (int64); # stands for the number of a term. Comparisons come out the same for all elements,
    because numexpr's & branches: with random masks its mistaken guesses would be counted as theirs.
    """

    name: str
    ufunc: Callable[[Operands], Run] | None
    text: str | dict[str, str] | None
    gives: str = "float"
    low: float = 0.5
    high: float = 1.5

    def numexpr(self, dtype: str) -> str | None:
        """Its text for a dtype, if it has one."""
        return self.text.get(dtype) if isinstance(self.text, dict) else self.text


def unary(ufunc: np.ufunc) -> Callable[[Operands], Run]:
    return lambda o: lambda: ufunc(o.x, o.out)


def binary(ufunc: np.ufunc) -> Callable[[Operands], Run]:
    return lambda o: lambda: ufunc(o.x, o.y, out=o.out)  # maximum's out must be a keyword


def compare(ufunc: np.ufunc) -> Callable[[Operands], Run]:
    return lambda o: lambda: ufunc(o.x, o.y, o.mask)


def predicate(ufunc: np.ufunc) -> Callable[[Operands], Run]:
    return lambda o: lambda: ufunc(o.x, o.mask)


def sigmoid(o: Operands) -> Run:
    """1 / (1 + exp(-x))."""

    def run() -> None:
        np.negative(o.x, o.out)
        np.exp(o.out, o.out)
        np.add(o.out, o.one, o.out)
        np.divide(o.one, o.out, o.out)

    return run


def softplus(o: Operands) -> Run:
    """max(x, 0) + log1p(exp(-|x|))."""

    def run() -> None:
        np.absolute(o.x, o.scratch)
        np.negative(o.scratch, o.scratch)
        np.exp(o.scratch, o.scratch)
        np.log1p(o.scratch, o.scratch)
        np.maximum(o.x, o.zero, out=o.out)
        np.add(o.out, o.scratch, o.out)

    return run


def where(o: Operands) -> Run:
    """A choice by masked bits: np.copyto(where=) takes six times as long when the mask is random."""

    def run() -> None:
        np.copyto(o.bits, o.p)
        np.negative(o.bits, o.bits)
        np.bitwise_xor(o.x_bits, o.y_bits, o.out_bits)
        np.bitwise_and(o.out_bits, o.bits, o.out_bits)
        np.bitwise_xor(o.out_bits, o.y_bits, o.out_bits)

    return run


def copy(get: Callable[[Operands], tuple[np.ndarray, np.ndarray]]) -> Callable[[Operands], Run]:
    def prepare(o: Operands) -> Run:
        to, source = get(o)
        return lambda: np.copyto(to, source, casting="unsafe")

    return prepare


OPERATIONS = (
    Operation("add", binary(np.add), "(x# + y)"),
    Operation("subtract", binary(np.subtract), "(x# - y)"),
    Operation("multiply", binary(np.multiply), "(x# * y)"),
    Operation("divide", binary(np.divide), "(x# / y)"),
    Operation("floor_divide", binary(np.floor_divide), "floor(x# / y)"),
    Operation("remainder", binary(np.remainder), "(x# - y * floor(x# / y))"),
    Operation("power", binary(np.power), "(x# ** y)"),
    Operation("negative", unary(np.negative), "(-x#)"),
    Operation("absolute", unary(np.absolute), "abs(x#)", low=-1, high=1),
    Operation("sign", unary(np.sign), "where(x# > 0, 1, where(x# < 0, -1, x#))", low=-1, high=1),
    Operation("square", unary(np.square), "(x# * x#)"),
    Operation("reciprocal", unary(np.reciprocal), "(1 / x#)"),
    Operation("sqrt", unary(np.sqrt), "sqrt(x#)"),
    Operation("maximum", binary(np.maximum), "where(x# > y, x#, where(x# == x#, y, x#))"),
    Operation("minimum", binary(np.minimum), "where(x# < y, x#, where(x# == x#, y, x#))"),
    Operation("floor", unary(np.floor), "floor(x#)", low=-9, high=9),
    Operation("ceil", unary(np.ceil), "ceil(x#)", low=-9, high=9),
    Operation("rint", unary(np.rint), {"float64": "round(x#)"}, low=-9, high=9),
    Operation("exp", unary(np.exp), "exp(x#)", low=-3, high=3),
    Operation("expm1", unary(np.expm1), "expm1(x#)", low=-3, high=3),
    Operation("log", unary(np.log), "log(x#)"),
    Operation("log1p", unary(np.log1p), "log1p(x#)"),
    Operation("log2", unary(np.log2), "log2(x#)"),
    Operation("log10", unary(np.log10), "log10(x#)"),
    Operation("sin", unary(np.sin), "sin(x#)", low=-9, high=9),
    Operation("cos", unary(np.cos), "cos(x#)", low=-9, high=9),
    Operation("tan", unary(np.tan), "tan(x#)", low=-9, high=9),
    Operation("arcsin", unary(np.arcsin), "arcsin(x#)", low=-1, high=1),
    Operation("arccos", unary(np.arccos), "arccos(x#)", low=-1, high=1),
    Operation("arctan", unary(np.arctan), "arctan(x#)", low=-3, high=3),
    Operation("arctan2", binary(np.arctan2), "arctan2(x#, y)", low=-3, high=3),
    Operation("sinh", unary(np.sinh), "sinh(x#)", low=-3, high=3),
    Operation("cosh", unary(np.cosh), "cosh(x#)", low=-3, high=3),
    Operation("tanh", unary(np.tanh), "tanh(x#)", low=-3, high=3),
    Operation("erf", None, None),
    Operation("sigmoid", sigmoid, "(1 / (1 + exp(-x#)))", low=-3, high=3),
    Operation("softplus", softplus, "(where(x# > 0, x#, 0) + log1p(exp(-abs(x#))))", low=-3, high=3),
    Operation("where", where, "where(p#, x#, y)"),
    Operation("equal", compare(np.equal), "(x# == z)", "bool"),
    Operation("not_equal", compare(np.not_equal), "(x# != z)", "bool"),
    Operation("less", compare(np.less), "(x# < z)", "bool"),
    Operation("less_equal", compare(np.less_equal), "(x# <= z)", "bool"),
    Operation("greater", compare(np.greater), "(x# > z)", "bool"),
    Operation("greater_equal", compare(np.greater_equal), "(x# >= z)", "bool"),
    Operation("isfinite", predicate(np.isfinite), "isfinite(x#)", "bool"),
    Operation("isnan", predicate(np.isnan), "(x# != x#)", "bool"),
    Operation("logical_and", lambda o: lambda: np.logical_and(o.p, o.q, o.mask), "(p# & q)", "bool"),
    Operation("logical_or", lambda o: lambda: np.logical_or(o.p, o.q, o.mask), "(p# | q)", "bool"),
    Operation("logical_not", lambda o: lambda: np.logical_not(o.p, o.mask), "(~f#)", "bool"),
    Operation("from_bool", copy(lambda o: (o.out, o.p)), "where(p#, 1, 0)", "int"),
    Operation("from_int64", copy(lambda o: (o.out, o.int64)), "i#"),
    Operation("to_bool", copy(lambda o: (o.mask, o.x)), "(x# != 0)", "bool"),
    Operation("to_int64", copy(lambda o: (o.int64, o.x)), None),
    Operation("to_float32", copy(lambda o: (o.other if o.x.dtype == "float64" else o.out, o.x)), None),
    Operation("to_float64", copy(lambda o: (o.other if o.x.dtype == "float32" else o.out, o.x)), None),
)
