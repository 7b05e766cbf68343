"""Functions that act on every element by itself, with NumPy's names and meaning."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from symopt.errors import DTypeError
from symopt.graph import construct
from symopt.graph.construct import as_node, elementwise
from symopt.graph.nodes import Node
from symopt.graph.promotion import BOOL, as_dtype
from symopt.graph.provenance import here
from symopt.scalar import OPERATIONS


def _pointwise(operation: str, meaning: str, name: str | None = None) -> Callable[..., Node]:
    shown, arity = name or operation, OPERATIONS[operation].arity

    def function(*operands: Any) -> Node:
        if len(operands) != arity:
            raise TypeError(f"{shown}() takes {arity} operand{'s' * (arity > 1)}, not {len(operands)}")
        return elementwise(operation, *operands)

    function.__name__ = function.__qualname__ = shown
    function.__doc__ = f"{meaning[0].upper()}{meaning[1:]}, elementwise."
    return function


add = _pointwise("add", "x + y")
subtract = _pointwise("subtract", "x - y")
multiply = _pointwise("multiply", "x * y")
divide = _pointwise("divide", "x / y, a float also for integers")
floor_divide = _pointwise("floor_divide", "the largest integer not above x / y")
remainder = _pointwise("remainder", "x - y * floor(x / y), with the sign of y")
negative = _pointwise("negative", "-x")
absolute = _pointwise("absolute", "the absolute value, with derivative 0 at 0")
abs = _pointwise("absolute", "the absolute value, with derivative 0 at 0", "abs")
sign = _pointwise("sign", "-1, 0 or 1")
square = _pointwise("square", "x * x")
reciprocal = _pointwise("reciprocal", "1 / x")
sqrt = _pointwise("sqrt", "the square root")
maximum = _pointwise("maximum", "the larger of two; NaN wins, and ties share the gradient equally")
minimum = _pointwise("minimum", "the smaller of two; NaN wins, and ties share the gradient equally")
floor = _pointwise("floor", "the largest integer not above x")
ceil = _pointwise("ceil", "the smallest integer not below x")
rint = _pointwise("rint", "the nearest integer, and the even one of two")
exp = _pointwise("exp", "e ** x")
expm1 = _pointwise("expm1", "exp(x) - 1, exact for small x")
log = _pointwise("log", "the natural logarithm")
log1p = _pointwise("log1p", "log(1 + x), exact for small x")
log2 = _pointwise("log2", "the logarithm to base 2")
log10 = _pointwise("log10", "the logarithm to base 10")
sin = _pointwise("sin", "the sine of an angle in radians")
cos = _pointwise("cos", "the cosine of an angle in radians")
tan = _pointwise("tan", "the tangent of an angle in radians")
arcsin = _pointwise("arcsin", "the angle in [-pi/2, pi/2] with sine x")
arccos = _pointwise("arccos", "the angle in [0, pi] with cosine x")
arctan = _pointwise("arctan", "the angle in [-pi/2, pi/2] with tangent x")
arctan2 = _pointwise("arctan2", "the angle of the point (x, y), given as (y, x), in [-pi, pi]")
sinh = _pointwise("sinh", "the hyperbolic sine")
cosh = _pointwise("cosh", "the hyperbolic cosine")
tanh = _pointwise("tanh", "the hyperbolic tangent")
erf = _pointwise("erf", "the error function")
sigmoid = _pointwise("sigmoid", "1 / (1 + exp(-x)), without overflow")
softplus = _pointwise("softplus", "log(1 + exp(x)), without overflow")
stop_gradient = _pointwise("stop_gradient", "x itself, through which no gradient flows")
equal = _pointwise("equal", "x == y (the operator == compares the objects)")
not_equal = _pointwise("not_equal", "x != y")
less = _pointwise("less", "x < y")
less_equal = _pointwise("less_equal", "x <= y")
greater = _pointwise("greater", "x > y")
greater_equal = _pointwise("greater_equal", "x >= y")
isfinite = _pointwise("isfinite", "neither NaN nor infinite")
isnan = _pointwise("isnan", "not a number")
logical_and = _pointwise("logical_and", "both are true")
logical_or = _pointwise("logical_or", "at least one is true")
logical_not = _pointwise("logical_not", "not true")
where = _pointwise("where", "the second operand where the first is true, else the third")


def _of_booleans(operation: str, meaning: str, symbol: str, name: str) -> Callable[..., Node]:
    logic = _pointwise(operation, meaning, name)

    def function(*operands: Any) -> Node:
        for operand in map(as_node, operands):
            if operand.dtype != BOOL:
                raise DTypeError(
                    f"{symbol} is for booleans; {operand!r} is {operand.dtype.name}: compare it first, "
                    f"as in (x > 0) {symbol} ..., or use so.{operation}",
                    here(),
                )
        return logic(*operands)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = logic.__doc__
    return function


bitwise_and = _of_booleans("logical_and", "both are true", "&", "bitwise_and")
bitwise_or = _of_booleans("logical_or", "at least one is true", "|", "bitwise_or")
invert = _of_booleans("logical_not", "not true", "~", "invert")


def positive(x: Any) -> Node:
    """X itself."""
    return as_node(x)


def power(x: Any, y: Any) -> Node:
    """``x ** y``; as in NumPy, a constant exponent of 2, 1/2, 1 or -1 is a square, a root, x itself or a reciprocal."""
    base = as_node(x)
    # A float exponent makes integers floats.
    if type(y) is int or (type(y) is float and base.dtype.kind == "f"):
        if y == 2:
            return elementwise("square", base)
        if y == 1:
            return base
        if y == -1 and base.dtype.kind == "f":
            return elementwise("reciprocal", base)
    if type(y) is float and y == 0.5:
        return elementwise("sqrt", base)
    return elementwise("power", base, y)


def round(x: Any, decimals: int = 0) -> Node:
    """X rounded to ``decimals`` places (tens, hundreds, ... if negative), half to even."""
    node = as_node(x)
    if decimals == 0 or (decimals > 0 and node.dtype.kind != "f"):
        return rint(node)
    scale = 10.0 ** builtins.abs(decimals)
    if decimals > 0:
        return divide(rint(multiply(node, scale)), scale)
    return construct.cast(multiply(rint(divide(node, scale)), scale), node.dtype)


def clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Node:
    """X held between two bounds, either of which may be None."""
    low = a_min if a_min is not None else min
    high = a_max if a_max is not None else max
    result = as_node(x)
    if low is not None:
        result = maximum(result, low)
    if high is not None:
        result = minimum(result, high)
    return result


def cast(x: Any, dtype: Any) -> Node:
    """X as another dtype."""
    return construct.cast(as_node(x), as_dtype(dtype))


def relu(x: Any) -> Node:
    """The positive part, max(x, 0), with derivative 0 at 0."""
    node = as_node(x)
    # Not less(x, 0): NaN stays NaN.
    return where(less_equal(node, 0), 0, node)


def huber(x: Any, delta: Any = 1.0) -> Node:
    """Half the square where abs(x) <= delta, and delta * (abs(x) - delta / 2) beyond (Huber, 1964)."""
    size = absolute(x)
    return where(less_equal(size, delta), 0.5 * square(x), delta * (size - 0.5 * delta))
