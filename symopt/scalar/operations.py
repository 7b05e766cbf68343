"""Scalar operations as rows of a table.

A pullback takes the cotangent ``ct``, the output ``z`` and the operands and returns the cotangent of one operand; there
is one pullback for each operand. It is written with Python's operators and with the functions of a namespace ``f`` (the
table's own names), so that the same row differentiates graphs, NumPy arrays and SymPy expressions. ``None`` in place of
a pullback means that the derivative is zero wherever it exists.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symopt.errors import DTypeError

Pullback = Callable[..., Any]

LN2 = math.log(2.0)
LN10 = math.log(10.0)
TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)


@dataclass(frozen=True, slots=True, eq=False)
class ScalarOp:
    """One scalar operation.

    ``kind`` says how dtypes go through it: ``arithmetic`` keeps the common dtype of the operands, ``floating`` makes it
    a float, ``comparison`` and ``predicate`` give bool, ``logical`` takes and gives bool, ``select`` has a bool first,
    and ``cast`` gives ``target``. ``meaning(sympy, *operands)`` is the SymPy expression that the operation stands for.
    """

    name: str
    kind: str
    pullbacks: tuple[Pullback | None, ...]
    meaning: Callable[..., Any] | None = None
    target: np.dtype[Any] | None = None

    @property
    def arity(self) -> int:
        return len(self.pullbacks)

    def __repr__(self) -> str:
        return f"ScalarOp({self.name})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _lookup, (self.name,)


def _lookup(name: str) -> ScalarOp:
    return OPERATIONS[name]


def _half_at_ties(f: Any, ct: Any, loses: Any, ties: Any) -> Any:
    """Cotangent of one operand of maximum or minimum: nothing where it loses, half where both are equal."""
    return f.where(loses, 0, f.where(ties, 0.5 * ct, ct))


def _power_base(f: Any, ct: Any, z: Any, x: Any, y: Any) -> Any:
    # y * x**(y-1) would be 0 * inf at x = y = 0, where the derivative is 0.
    zero = f.equal(y, 0)
    return f.where(zero, 0, ct * y * f.power(x, f.where(zero, 1, y - 1)))


def _power_exponent(f: Any, ct: Any, z: Any, x: Any, y: Any) -> Any:
    zero = f.equal(x, 0)
    return f.where(zero, 0, ct * z * f.log(f.where(zero, 1, x)))


def _relational(name: str) -> Callable[..., Any]:
    return lambda s, x, y: getattr(s, name)(x, y)


def _function(name: str) -> Callable[..., Any]:
    return lambda s, *operands: getattr(s, name)(*operands)


_TABLE = [
    # arithmetic
    ScalarOp("add", "arithmetic", (lambda f, ct, z, x, y: ct, lambda f, ct, z, x, y: ct), lambda s, x, y: x + y),
    ScalarOp(
        "subtract",
        "arithmetic",
        (lambda f, ct, z, x, y: ct, lambda f, ct, z, x, y: -ct),
        lambda s, x, y: x - y,
    ),
    ScalarOp(
        "multiply",
        "arithmetic",
        (lambda f, ct, z, x, y: ct * y, lambda f, ct, z, x, y: ct * x),
        lambda s, x, y: x * y,
    ),
    ScalarOp(
        "divide",
        "floating",
        (lambda f, ct, z, x, y: ct / y, lambda f, ct, z, x, y: -ct * z / y),
        lambda s, x, y: x / y,
    ),
    ScalarOp("floor_divide", "arithmetic", (None, None), lambda s, x, y: s.floor(x / y)),
    ScalarOp(
        "remainder",
        "arithmetic",
        (lambda f, ct, z, x, y: ct, lambda f, ct, z, x, y: -ct * f.floor(x / y)),
        lambda s, x, y: x - y * s.floor(x / y),
    ),
    ScalarOp("power", "arithmetic", (_power_base, _power_exponent), lambda s, x, y: x**y),
    ScalarOp("negative", "arithmetic", (lambda f, ct, z, x: -ct,), lambda s, x: -x),
    ScalarOp("absolute", "arithmetic", (lambda f, ct, z, x: ct * f.sign(x),), _function("Abs")),
    ScalarOp("sign", "arithmetic", (None,), _function("sign")),
    ScalarOp("square", "arithmetic", (lambda f, ct, z, x: ct * (2 * x),), lambda s, x: x**2),
    ScalarOp("reciprocal", "floating", (lambda f, ct, z, x: -ct * (z * z),), lambda s, x: 1 / x),
    ScalarOp("sqrt", "floating", (lambda f, ct, z, x: ct * 0.5 / z,), _function("sqrt")),
    ScalarOp(
        "maximum",
        "arithmetic",
        (
            lambda f, ct, z, x, y: _half_at_ties(f, ct, f.less(x, y), f.equal(x, y)),
            lambda f, ct, z, x, y: _half_at_ties(f, ct, f.less(y, x), f.equal(x, y)),
        ),
        _function("Max"),
    ),
    ScalarOp(
        "minimum",
        "arithmetic",
        (
            lambda f, ct, z, x, y: _half_at_ties(f, ct, f.less(y, x), f.equal(x, y)),
            lambda f, ct, z, x, y: _half_at_ties(f, ct, f.less(x, y), f.equal(x, y)),
        ),
        _function("Min"),
    ),
    ScalarOp("floor", "arithmetic", (None,), _function("floor")),
    ScalarOp("ceil", "arithmetic", (None,), _function("ceiling")),
    ScalarOp("rint", "arithmetic", (None,)),
    # exponentials and logarithms
    ScalarOp("exp", "floating", (lambda f, ct, z, x: ct * z,), _function("exp")),
    ScalarOp("expm1", "floating", (lambda f, ct, z, x: ct * (z + 1),), lambda s, x: s.exp(x) - 1),
    ScalarOp("log", "floating", (lambda f, ct, z, x: ct / x,), _function("log")),
    ScalarOp("log1p", "floating", (lambda f, ct, z, x: ct / (x + 1),), lambda s, x: s.log(1 + x)),
    ScalarOp("log2", "floating", (lambda f, ct, z, x: ct / (x * LN2),), lambda s, x: s.log(x, 2)),
    ScalarOp("log10", "floating", (lambda f, ct, z, x: ct / (x * LN10),), lambda s, x: s.log(x, 10)),
    # trigonometric and hyperbolic
    ScalarOp("sin", "floating", (lambda f, ct, z, x: ct * f.cos(x),), _function("sin")),
    ScalarOp("cos", "floating", (lambda f, ct, z, x: -ct * f.sin(x),), _function("cos")),
    ScalarOp("tan", "floating", (lambda f, ct, z, x: ct * (z * z + 1),), _function("tan")),
    ScalarOp("arcsin", "floating", (lambda f, ct, z, x: ct / f.sqrt(1 - x * x),), _function("asin")),
    ScalarOp("arccos", "floating", (lambda f, ct, z, x: -ct / f.sqrt(1 - x * x),), _function("acos")),
    ScalarOp("arctan", "floating", (lambda f, ct, z, x: ct / (x * x + 1),), _function("atan")),
    ScalarOp(
        "arctan2",
        "floating",
        (lambda f, ct, z, y, x: ct * x / (x * x + y * y), lambda f, ct, z, y, x: -ct * y / (x * x + y * y)),
        _function("atan2"),
    ),
    ScalarOp("sinh", "floating", (lambda f, ct, z, x: ct * f.cosh(x),), _function("sinh")),
    ScalarOp("cosh", "floating", (lambda f, ct, z, x: ct * f.sinh(x),), _function("cosh")),
    ScalarOp("tanh", "floating", (lambda f, ct, z, x: ct * (1 - z * z),), _function("tanh")),
    # special
    ScalarOp("erf", "floating", (lambda f, ct, z, x: ct * (TWO_OVER_SQRT_PI * f.exp(-x * x)),), _function("erf")),
    ScalarOp("sigmoid", "floating", (lambda f, ct, z, x: ct * (z * (1 - z)),), lambda s, x: 1 / (1 + s.exp(-x))),
    ScalarOp("softplus", "floating", (lambda f, ct, z, x: ct * f.sigmoid(x),), lambda s, x: s.log(1 + s.exp(x))),
    ScalarOp("identity", "arithmetic", (lambda f, ct, z, x: ct,), lambda s, x: x),
    ScalarOp("stop_gradient", "arithmetic", (None,), lambda s, x: x),
    # comparisons, predicates and logic
    ScalarOp("equal", "comparison", (None, None), _relational("Eq")),
    ScalarOp("not_equal", "comparison", (None, None), _relational("Ne")),
    ScalarOp("less", "comparison", (None, None), _relational("Lt")),
    ScalarOp("less_equal", "comparison", (None, None), _relational("Le")),
    ScalarOp("greater", "comparison", (None, None), _relational("Gt")),
    ScalarOp("greater_equal", "comparison", (None, None), _relational("Ge")),
    ScalarOp("isfinite", "predicate", (None,)),
    ScalarOp("isnan", "predicate", (None,)),
    ScalarOp("logical_and", "logical", (None, None), _function("And")),
    ScalarOp("logical_or", "logical", (None, None), _function("Or")),
    ScalarOp("logical_not", "logical", (None,), _function("Not")),
    ScalarOp(
        "where",
        "select",
        (None, lambda f, ct, z, c, x, y: f.where(c, ct, 0), lambda f, ct, z, c, x, y: f.where(c, 0, ct)),
        lambda s, c, x, y: s.Piecewise((x, c), (y, True)),
    ),
]

CAST_TARGETS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float32", "float64")


def _cast_pullback(f: Any, ct: Any, z: Any, x: Any) -> Any:
    return f.cast(ct, x.dtype)


_TABLE += [
    ScalarOp(
        f"to_{name}",
        "cast",
        (_cast_pullback if name.startswith("float") else None,),
        lambda s, x: x,
        np.dtype(name),
    )
    for name in CAST_TARGETS
]

OPERATIONS: dict[str, ScalarOp] = {op.name: op for op in _TABLE}
_CASTS = {op.target: op for op in _TABLE if op.target is not None}


def cast_to(dtype: np.dtype[Any]) -> ScalarOp:
    """The operation that casts to ``dtype``."""
    op = _CASTS.get(dtype)
    if op is None:
        raise DTypeError(f"dtype {dtype.name} is not supported; use one of {', '.join(CAST_TARGETS)}")
    return op
