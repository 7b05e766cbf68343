"""SymPy expressions in and out.

SymPy is algebra: on its own it makes 1 of ``x / x`` and 0 of ``0 * x``, whatever a NaN would say. So a formula that
goes through SymPy keeps its meaning, but not each of its roundings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symopt.errors import DataError, Unsupported
from symopt.graph.construct import as_node, cast, elementwise
from symopt.graph.evaluate import evaluate
from symopt.graph.nodes import Broadcast, Constant, Elementwise, Input, Node, Shared
from symopt.graph.promotion import BOOL, FLOAT64, common_dtype
from symopt.graph.provenance import here
from symopt.graph.traversal import topological
from symopt.tensor.pointwise import power

# While an expression is read, what is known is a Python number; so 2*pi is one number when it meets a tensor.
Value = Node | int | float
Item = tuple[Any, bool]  # a SymPy expression, and whether its negative is wanted
Plan = tuple[list[Item], Callable[..., Value]]


def _sympy() -> Any:
    import sympy
    import sympy.codegen.cfunctions

    return sympy


# ----------------------------------------------------------------------------------------------------------- from SymPy


def from_sympy(expression: Any, symbols: Mapping[Any, Any]) -> Node:
    """The tensor that a SymPy expression means when its symbols stand for the given tensors.

    Numbers that are no integers become Python floats, which take on the dtype of what they meet.

    Parameters
    ----------
    expression : a SymPy expression of one value, not a matrix.
    symbols : the tensor, array or number for each symbol, or for its name.

    >>> import sympy
    >>> import symopt.tensor as so
    >>> a, b = sympy.symbols("a b")
    >>> x = so.vector("x")
    >>> from_sympy(a * sympy.exp(-b), {a: 3, b: x}).eval({x: [0.0, 1.0]}).round(3)
    array([3.   , 1.104])
    """
    sympy = _sympy()
    try:
        root = sympy.sympify(expression, strict=True)
    except sympy.SympifyError:
        raise Unsupported(f"from_sympy reads SymPy expressions, not {type(expression).__name__}", here()) from None
    return as_node(_Reader(sympy, symbols).read(root))


class _Reader:
    """Turns expressions into tensors, operands first and without recursion."""

    def __init__(self, sympy: Any, symbols: Mapping[Any, Any]) -> None:
        self.sympy = sympy
        self.tensors = {key: v if type(v) in (int, float) else as_node(v) for key, v in symbols.items()}
        floats = {node.dtype for node in self.tensors.values() if isinstance(node, Node) and node.dtype.kind == "f"}
        self.dtype = common_dtype(tuple((dtype, False) for dtype in sorted(floats, key=str))) if floats else FLOAT64
        self.functions = _functions(sympy)
        self.special: dict[Any, Callable[[Any], Plan]] = {
            sympy.Symbol: self._symbol,
            sympy.Dummy: self._symbol,
            sympy.Add: self._sum,
            sympy.Pow: self._power,
            sympy.Heaviside: self._heaviside,
            sympy.Piecewise: self._piecewise,
            sympy.ITE: self._if_then_else,
        }

    def read(self, root: Any) -> Value:
        # By id: hashing a deep expression would be recursive. The expressions live as long as the root does.
        plans: dict[tuple[int, bool], Plan] = {}
        done: dict[tuple[int, bool], Value] = {}
        stack: list[Item] = [(root, False)]
        while stack:
            expression, negative = stack[-1]
            key = (id(expression), negative)
            if key not in plans:
                plans[key] = self._plan(expression, negative)
            children, build = plans[key]
            waiting = [(child, sign) for child, sign in children if (id(child), sign) not in done]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            if key not in done:
                done[key] = build(*(done[id(child), sign] for child, sign in children))
            stack.pop()
        return done[id(root), False]

    def _plan(self, expression: Any, negative: bool) -> Plan:
        """What an expression needs, and how it is built from that."""
        if isinstance(expression, self.sympy.Mul):
            return self._product(expression, negative)
        if expression is self.sympy.true or expression is self.sympy.false:
            return [], lambda: bool(expression)
        if isinstance(expression, (self.sympy.Number, self.sympy.NumberSymbol)):
            return [], lambda: -_number(expression) if negative else _number(expression)
        special = self.special.get(type(expression))
        if special is not None:
            return special(expression)
        build = self.functions.get(type(expression))
        if build is None:
            raise Unsupported(
                f"from_sympy does not know {type(expression).__name__}: write the expression in functions that it "
                "knows (.doit(), .rewrite() or .subs() may help), or that part with symopt's own functions",
                here(),
            )
        return [(operand, False) for operand in expression.args], build

    def _symbol(self, symbol: Any) -> Plan:
        key = symbol if symbol in self.tensors else symbol.name
        if key in self.tensors:
            return [], lambda: self.tensors[key]
        known = ", ".join(map(str, self.tensors)) or "nothing"
        twin = any(str(key) == symbol.name for key in self.tensors)
        hint = " (one of that name has other assumptions, and so is another symbol)" if twin else ""
        raise DataError(f"symbol {symbol.name} stands for no tensor: the dict has {known}{hint}", here())

    def _is_negative(self, term: Any) -> bool:
        number = term.args[0] if isinstance(term, self.sympy.Mul) else term
        return bool(number.is_Number and number.is_negative)

    def _sum(self, expression: Any) -> Plan:
        # Tensors before numbers, and what is added before what is subtracted: x - 1, not -1 + x.
        terms = sorted(expression.args, key=lambda term: (self._is_negative(term), term.is_Number))
        children = [(term, i > 0 and self._is_negative(term)) for i, term in enumerate(terms)]

        def build(first: Value, *others: Value) -> Value:
            for other, (_, negative) in zip(others, children[1:], strict=True):
                first = _apply("subtract" if negative else "add", first, other)
            return first

        return children, build

    def _product(self, expression: Any, negative: bool) -> Plan:
        numbers = [factor for factor in expression.args if factor.is_Number]
        factors = [factor for factor in expression.args if not factor.is_Number]
        below = [factor for factor in factors if self._is_below(factor)]
        above = [factor for factor in factors if not self._is_below(factor)]
        number = _number(self.sympy.Mul(-1 if negative else 1, *numbers))

        def build(*values: Value) -> Value:
            top, scale = _multiplied(values[: len(above)], number)
            bottoms = [_power(value, -factor.exp) for value, factor in zip(values[len(above) :], below, strict=True)]
            bottom, shrink = _multiplied(bottoms, 1)
            scale = scale if shrink == 1 else _apply("divide", scale, shrink)
            if top is None and bottom is None:
                return scale
            sign = scale == -1 and top is not None
            if top is None:
                top = scale
            elif not sign and scale != 1:
                top = _apply("multiply", scale, top)
            result = top if bottom is None else _apply("divide", top, bottom)
            return _apply("negative", result) if sign else result

        return [(factor, False) for factor in above] + [(factor.base, False) for factor in below], build

    def _is_below(self, factor: Any) -> bool:
        """Whether a factor is one of the denominator: a power to -1, -2, ... or -1/2."""
        if not isinstance(factor, self.sympy.Pow) or factor.base is self.sympy.E:
            return False
        exponent = factor.exp
        return bool(
            exponent.is_Rational and exponent.is_negative and (exponent.q == 1 or exponent == -self.sympy.S.Half)
        )

    def _power(self, expression: Any) -> Plan:
        base, exponent = expression.args
        if base is self.sympy.E:
            return [(exponent, False)], lambda x: _apply("exp", x)
        if self._is_below(expression):
            return [(base, False)], lambda x: _apply("divide", 1, _power(x, -exponent))
        if exponent.is_Number:
            return [(base, False)], lambda x: _power(x, exponent)
        return [(base, False), (exponent, False)], lambda x, y: _apply("power", x, y)

    def _heaviside(self, expression: Any) -> Plan:
        def build(x: Value, at_zero: Value) -> Value:
            step = _apply("multiply", 0.5, _apply("add", _apply("sign", x), 1))  # keeps NaN
            return step if at_zero == 0.5 else self._choose(_apply("equal", x, 0), at_zero, step)

        return [(operand, False) for operand in expression.args], build

    def _piecewise(self, expression: Any) -> Plan:
        def build(*values: Value) -> Value:
            result: Value = np.nan  # where no condition holds
            for value, condition in reversed(list(zip(values[::2], values[1::2], strict=True))):
                result = self._choose(condition, value, result)
            return result

        return [(operand, False) for piece in expression.args for operand in piece.args], build

    def _if_then_else(self, expression: Any) -> Plan:
        return [(operand, False) for operand in expression.args], self._choose

    def _choose(self, condition: Value, value: Value, other: Value) -> Value:
        if not isinstance(condition, Node):
            return value if condition else other
        if isinstance(value, bool) and not isinstance(other, Node):
            return _apply("where", condition, value, other)
        if not isinstance(value, Node) and not isinstance(other, Node):
            value = cast(as_node(value), self.dtype)  # two numbers meet no tensor whose dtype they could take on
        return _apply("where", condition, value, other)


def _number(number: Any) -> int | float:
    if number.is_Integer and -(2**63) <= int(number) < 2**63:
        return int(number)
    return float(number)


def _apply(name: str, *values: Value) -> Value:
    """An operation of the table of scalar operations, carried out at once on numbers."""
    result = elementwise(name, *values)
    if any(isinstance(value, Node) for value in values):
        return result
    value: int | float = evaluate([result], {})[0].item()
    return value


def _power(base: Value, exponent: Any) -> Value:
    number = _number(exponent)
    return power(base, number) if isinstance(base, Node) else _apply("power", float(base), number)


def _multiplied(values: Any, number: Value) -> tuple[Value | None, Any]:
    """The product of the tensors among some values, None if there are none, and the product of the numbers."""
    product: Value | None = None
    for value in values:
        if not isinstance(value, Node):
            number = _apply("multiply", number, value)
        else:
            product = value if product is None else _apply("multiply", product, value)
    return product, number


# SymPy's heads, by name, and what they are in the table of scalar operations.
_DIRECT = {name: name for name in ("exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign", "floor", "erf")}
_DIRECT |= {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "Abs": "absolute"}
_DIRECT |= {"ceiling": "ceil", "Mod": "remainder", "Not": "logical_not", "Eq": "equal", "Ne": "not_equal"}
_DIRECT |= {"Lt": "less", "Le": "less_equal", "Gt": "greater", "Ge": "greater_equal"}
_RECIPROCALS = {"sec": "cos", "csc": "sin", "cot": "tan", "sech": "cosh", "csch": "sinh", "coth": "tanh"}
_SEVERAL = {"Max": "maximum", "Min": "minimum", "And": "logical_and", "Or": "logical_or"}


def _functions(sympy: Any) -> dict[Any, Callable[..., Value]]:
    """What is built for each head that SymPy and the table of scalar operations share."""

    def folded(name: str) -> Callable[..., Value]:
        def build(*values: Value) -> Value:
            tensors_first = sorted(values, key=lambda value: not isinstance(value, Node))
            result = tensors_first[0]
            for value in tensors_first[1:]:
                result = _apply(name, result, value)
            return result

        return build

    def logarithm(x: Value, base: Value | None = None) -> Value:
        return _apply("log", x) if base is None else _apply("divide", _apply("log", x), _apply("log", base))

    def direct(name: str) -> Callable[..., Value]:
        return lambda *values: _apply(name, *values)

    def one_over(name: str) -> Callable[..., Value]:
        return lambda x: _apply("divide", 1, _apply(name, x))

    return {
        sympy.log: logarithm,
        **{getattr(sympy, head): direct(name) for head, name in _DIRECT.items()},
        **{getattr(sympy, head): one_over(name) for head, name in _RECIPROCALS.items()},
        **{getattr(sympy, head): folded(name) for head, name in _SEVERAL.items()},
        **{getattr(sympy.codegen.cfunctions, name): direct(name) for name in ("log1p", "expm1", "log2", "log10")},
    }


# ------------------------------------------------------------------------------------------------------------ to SymPy


def to_sympy(tensor: Any) -> Any:
    """The SymPy expression of one element of a tensor that is computed element by element.

    Inputs, parameters and states become real symbols of their names. Sums, products of matrices and whatever else
    mixes elements has no such expression.
    """
    sympy = _sympy()
    root = as_node(tensor)
    meanings: dict[Node, Any] = {}
    owners: dict[str, Node] = {}
    try:
        for node in topological([root]):
            meanings[node] = _meaning(sympy, node, [meanings[operand] for operand in node.operands], owners)
    except RecursionError:
        raise Unsupported("this formula nests too deep for SymPy: convert parts of it", root.origin) from None
    return meanings[root]


def _meaning(sympy: Any, node: Node, operands: list[Any], owners: dict[str, Node]) -> Any:
    if isinstance(node, (Input, Shared)):
        if owners.setdefault(node.name, node) is not node:
            raise Unsupported(f"two tensors are called {node.name}: a formula needs a name for each", node.origin)
        return sympy.Symbol(node.name) if node.dtype == BOOL else sympy.Symbol(node.name, real=True)
    if isinstance(node, Constant) and node.shape == ():
        value = node.value.item()
        return sympy.Integer(value) if isinstance(value, float) and value.is_integer() else sympy.sympify(value)
    if isinstance(node, Broadcast) and _keeps_elements(node):
        return operands[0]
    if isinstance(node, Elementwise):
        if node.op.kind == "cast":
            return _cast_meaning(sympy, node, operands[0])
        if node.op.meaning is not None:
            return node.op.meaning(sympy, *operands)
        raise Unsupported(f"{node.op.name} has no meaning in SymPy", node.origin)
    raise Unsupported(
        f"to_sympy takes formulas that act on each element by itself; {node!r} does not: convert what is inside it",
        node.origin,
    )


def _keeps_elements(node: Broadcast) -> bool:
    """Whether a number is stretched, or nothing is (which a guard checks)."""
    shape = node.operands[0].shape
    return all(dim == 1 for dim in shape) or (len(shape) == node.ndim and 1 not in shape)


def _cast_meaning(sympy: Any, node: Elementwise, x: Any) -> Any:
    source = node.operands[0].dtype.kind
    if node.dtype == BOOL:
        return x if source == "b" else sympy.Ne(x, 0)
    if source == "b":
        return sympy.Piecewise((1, x), (0, True))
    if source == "f" and node.dtype.kind != "f":
        return sympy.sign(x) * sympy.floor(sympy.Abs(x))  # a cast drops what is behind the point
    return x
