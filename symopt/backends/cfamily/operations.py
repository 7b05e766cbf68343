"""How scalar operations are spelled in C: templates with ``{0}``, ``{1}``, ... for operands, and small functions."""

from __future__ import annotations

from symopt.backends.cfamily.spelling import bare, c_type
from symopt.graph.nodes import DType, Elementwise, Node
from symopt.lowering.program import is_leaf, is_view

#: For every dtype. An operand stands once in a template, so that it may be an expression.
_COMMON = {
    "add": "({0} + {1})",
    "subtract": "({0} - {1})",
    "multiply": "({0} * {1})",
    "negative": "(-{0})",
    "identity": "{0}",
    "stop_gradient": "{0}",
    "equal": "({0} == {1})",
    "not_equal": "({0} != {1})",
    "less": "({0} < {1})",
    "less_equal": "({0} <= {1})",
    "greater": "({0} > {1})",
    "greater_equal": "({0} >= {1})",
    "logical_and": "({0} & {1})",
    "logical_or": "({0} | {1})",
    "logical_not": "(!{0})",
    "where": "({0} ? {1} : {2})",
}
_FLOATS = {
    "divide": "({0} / {1})",
    "reciprocal": "({one} / {0})",
    "sqrt": "sqrt{f}({0})",
    "absolute": "fabs{f}({0})",
    "floor": "floor{f}({0})",
    "ceil": "ceil{f}({0})",
    "rint": "rint{f}({0})",
    "power": "pow{f}({0}, {1})",
    "arcsin": "asin{f}({0})",
    "arccos": "acos{f}({0})",
    "arctan": "atan{f}({0})",
    "arctan2": "atan2{f}({0}, {1})",
    **{
        name: f"{name}{{f}}({{0}})"
        for name in [
            "exp",
            "expm1",
            "log",
            "log1p",
            "log2",
            "log10",
            "sin",
            "cos",
            "tan",
            "sinh",
            "cosh",
            "tanh",
            "erf",
        ]
    },
}
_BOOLS = {"add": "({0} | {1})", "multiply": "({0} & {1})", "maximum": "({0} | {1})", "minimum": "({0} & {1})"}
_INTEGERS = {"floor": "{0}", "ceil": "{0}", "rint": "{0}"}

#: Functions of the vector math library, in one and in two arguments.
VECTOR_FUNCTIONS = frozenset(
    [
        "exp",
        "expm1",
        "log",
        "log1p",
        "log2",
        "log10",
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "tanh",
        "erf",
        "asin",
        "acos",
        "atan",
        "atan2",
        "pow",
    ]
)
#: Operations that cost many times what an addition costs.
HEAVY = frozenset(
    [
        "exp",
        "expm1",
        "log",
        "log1p",
        "log2",
        "log10",
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "tanh",
        "erf",
        "arcsin",
        "arccos",
        "arctan",
        "arctan2",
        "power",
    ]
)

#: Small functions: ``{T}`` is the type and ``{s}`` the name of the dtype, ``{f}`` the suffix of C's functions.
_HELPERS = {
    "square": "return x * x;",
    "sign": "return x > 0 ? 1 : x < 0 ? -1 : x;  /* NaN stays */",
    "isnan": "return x != x;",
    "isfinite": "return x - x == 0;",
    "absolute": "return x < 0 ? -x : x;",
    "maximum": "return x > y || x != x ? x : y;  /* NaN wins */",
    "minimum": "return x < y || x != x ? x : y;  /* NaN wins */",
    # Of two doubles side by side, GCC 12 takes (double)(float)x for x.
    "widen": "volatile {T} y = x;\n    return y;",
}
_FLOAT_HELPERS = {
    "remainder": (
        "{T} r = fmod{f}(x, y);\n"
        "    if (r == 0) return copysign{f}(0, y);\n"
        "    return (r < 0) != (y < 0) ? r + y : r;  /* the sign of the divisor */"
    ),
    "floor_divide": (
        "if (y == 0) return x / y;\n"
        "    {T} r = fmod{f}(x, y), q = (x - r) / y;\n"
        "    if (r != 0 && (r < 0) != (y < 0)) q -= 1;\n"
        "    if (q == 0) return copysign{f}(0, x / y);\n"
        "    {T} whole = floor{f}(q);\n"
        "    return q - whole > ({T})0.5 ? whole + 1 : whole;"
    ),
}
#: Integers wrap around where they overflow, as in NumPy: unsigned ones do in C. (With gcc's -fwrapv all of them would,
#: but gcc 12 has been seen to make wrong code of loads under a condition with it.)
_INTEGER_HELPERS = {
    "add": "return ({T})(({U})x + ({U})y);",
    "subtract": "return ({T})(({U})x - ({U})y);",
    "multiply": "return ({T})(({U})x * ({U})y);",
    "negative": "return ({T})(0 - ({U})x);",
    "absolute": "return x < 0 ? ({T})(0 - ({U})x) : x;",
    "square": "return ({T})(({U})x * ({U})x);",
    "remainder": (
        "if (y == 0 || y == -1) return 0;\n"
        "    {T} r = ({T})(x % y);\n"
        "    return r != 0 && (r < 0) != (y < 0) ? ({T})(r + y) : r;  /* the sign of the divisor */"
    ),
    "floor_divide": (
        "if (y == 0) return 0;\n"
        "    if (y == -1) return ({T})(0 - ({U})x);\n"
        "    {T} q = ({T})(x / y);\n"
        "    return q * y != x && (x < 0) != (y < 0) ? ({T})(q - 1) : q;"
    ),
    "power": (
        "{T} z = 1;\n"
        "    for (; y > 0; y = ({T})(y / 2), x = ({T})(({U})x * ({U})x))\n"
        "        if (y % 2) z = ({T})(({U})z * ({U})x);\n"
        "    return z;"
    ),
}
#: Where there are no negative numbers.
_UNSIGNED_HELPERS = {
    "absolute": "return x;",
    "sign": "return x > 0;",
    "remainder": "return y == 0 ? 0 : ({T})(x % y);",
    "floor_divide": "return y == 0 ? 0 : ({T})(x / y);",
}
_BINARY = frozenset({"add", "subtract", "multiply", "maximum", "minimum", "remainder", "floor_divide", "power"})


class Operations:
    """Spells operations, and collects the functions that the text needs.

    ``called`` are functions of C's library, ``helpers`` the definitions of small functions by name, which begin with
    ``head``. ``for_gcc``: two forms are avoided that gcc 12 makes wrong code of. A cast of a float32 to float64 goes by
    a small function, and memory that is read under a condition is read before it.
    """

    def __init__(self, head: str = "static inline", for_gcc: bool = True) -> None:
        self._head = head
        self.for_gcc = for_gcc
        self.called: dict[str, DType] = {}
        self.helpers: dict[str, str] = {}

    def spell(self, node: Elementwise, operands: list[str]) -> str:
        """The expression of one operation over the texts of its operands."""
        dtype = node.operands[-1].dtype
        if node.op.kind == "cast":
            if self.for_gcc and node.dtype.name == "float64" and _is_rounded(node.operands[0]):
                return f"{self.helper('widen', dtype)}({bare(operands[0])})"
            return self.cast(operands[0], dtype, node.dtype)
        return self.spell_as(node, operands, dtype)

    def spell_as(self, node: Elementwise, operands: list[str], dtype: DType) -> str:
        """The same for operands of the given dtype."""
        name = node.op.name
        template = self._template(name, dtype)
        if template is None:
            return f"{self.helper(name, dtype)}({', '.join(map(bare, operands))})"
        suffix = _suffix(dtype)
        if template.endswith(")") and not template.startswith("("):  # a call
            self._note(template.split("{")[0], dtype)
            operands = [bare(operand) for operand in operands]
        text = template.format(*operands, f=suffix, one=f"1.0{suffix}")
        narrow = node.dtype.kind in "iu" and node.dtype.itemsize < 4 and name not in ("identity", "where")
        return f"({c_type(node.dtype)}){text}" if narrow else text

    def cast(self, text: str, old: DType, new: DType) -> str:
        """``text`` in another dtype."""
        if old == new:
            return text
        return f"({text} != 0)" if new.kind == "b" else f"({c_type(new)}){text}"

    def helper(self, name: str, dtype: DType) -> str:
        """The name of the small function for an operation on a dtype."""
        own = _FLOAT_HELPERS if dtype.kind == "f" else _INTEGER_HELPERS
        unsigned = _UNSIGNED_HELPERS.get(name) if dtype.kind == "u" else None
        body = unsigned or own.get(name) or _HELPERS[name]
        suffix = _suffix(dtype)
        for needed in ("fmod", "copysign", "floor"):
            if f"{needed}{{f}}" in body:
                self._note(needed, dtype)
        made = f"{name}_{dtype.name}"
        arguments = "{T} x, {T} y" if name in _BINARY else "{T} x"
        result = {"isnan": "int", "isfinite": "int", "widen": "double"}.get(name, "{T}")
        text = f"{self._head} {result} {made}({arguments})\n{{\n    {body}\n}}"
        wrapping = "unsigned long long" if dtype.itemsize == 8 else "unsigned"
        self.helpers[made] = text.replace("{T}", c_type(dtype)).replace("{U}", wrapping).replace("{f}", suffix)
        return made

    def _note(self, function: str, dtype: DType) -> None:
        self.called[function + _suffix(dtype)] = dtype

    def _template(self, name: str, dtype: DType) -> str | None:
        if dtype.kind == "b" and name in _BOOLS:
            return _BOOLS[name]
        if dtype.kind == "f" and name in _FLOATS:
            return _FLOATS[name]
        if dtype.kind in "iub" and name in _INTEGERS:
            return _INTEGERS[name]
        return None if dtype.kind in "iu" and name in _INTEGER_HELPERS else _COMMON.get(name)


def _is_rounded(node: Node) -> bool:
    """Whether a node is, or looks at, a float32 that may have been rounded in the same step."""
    while is_view(node):
        (node,) = node.operands
    return node.dtype.name == "float32" and not is_leaf(node)


def _suffix(dtype: DType) -> str:
    return "f" if dtype.name == "float32" else ""
