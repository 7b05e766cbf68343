"""Equations as a paper writes them, read by Python's own parser; what is wrong is shown by a caret."""

from __future__ import annotations

import ast
import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import symopt.tensor as so

_NAMES = (
    "abs absolute all any arccos arcsin arctan arctan2 cast ceil clip cos cosh cumsum dot erf exp expm1 floor isfinite "
    "isnan log log1p log2 log10 logical_and logical_not logical_or logsumexp matmul max maximum mean min minimum "
    "ones_like outer power prod reciprocal relu round sigmoid sign sin sinh softmax softplus sqrt square std sum tan "
    "tanh transpose var where zeros_like"
)

#: The functions that equations may call.
FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(so, name) for name in _NAMES.split()} | {
    "norm": so.linalg.norm
}

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: lambda x, y: x + y,
    ast.Sub: lambda x, y: x - y,
    ast.Mult: lambda x, y: x * y,
    ast.Div: lambda x, y: x / y,
    ast.FloorDiv: lambda x, y: x // y,
    ast.Mod: lambda x, y: x % y,
    ast.Pow: lambda x, y: x**y,
    ast.MatMult: so.matmul,
    ast.UAdd: lambda x: x,
    ast.USub: lambda x: -x,
    ast.Not: so.logical_not,
    ast.And: so.logical_and,
    ast.Or: so.logical_or,
    ast.Lt: so.less,
    ast.LtE: so.less_equal,
    ast.Gt: so.greater,
    ast.GtE: so.greater_equal,
    ast.Eq: so.equal,
    ast.NotEq: so.not_equal,
}

_PARTS = (ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp)


class EquationError(ValueError):
    """What is wrong with an equation, and where."""


@dataclass(frozen=True)
class Definition:
    """A name, what its right-hand side reads, the tensor that this is for given names, and what to say of errors."""

    name: str
    reads: tuple[str, ...]
    compute: Callable[[Mapping[str, Any]], Any]
    error: Callable[[str, str | None], EquationError]


@dataclass(frozen=True)
class Piece:
    """One equation of a text, from an offset on."""

    source: str
    start: int
    text: str

    def error(self, message: str, line: int = 1, column: int = 0) -> EquationError:
        """An error at a place of the piece, with its line and a caret."""
        before = self.text.split("\n")[: line - 1]
        offset = min(self.start + sum(len(row) + 1 for row in before) + column, len(self.source))
        first = self.source.rfind("\n", 0, offset) + 1
        shown = self.source[first:].partition("\n")[0]
        return EquationError(f"{message}\n  {shown}\n  {' ' * (offset - first)}^")

    def at(self, node: ast.AST, message: str) -> EquationError:
        """An error at a node of the syntax tree."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        row = self.text.split("\n")[line - 1].encode()
        return self.error(message, line, len(row[:column].decode()))

    def after(self, node: ast.expr, message: str) -> EquationError:
        """An error at the operator that follows a node."""
        line, column = node.end_lineno or 1, node.end_col_offset or 0
        rest = self.text.split("\n")[line - 1].encode()[column:].decode()
        skipped = len(rest) - len(rest.lstrip(" )"))
        before = self.text.split("\n")[line - 1].encode()[:column].decode()
        return self.error(message, line, len(before) + skipped)


def pieces(source: str) -> Iterator[Piece]:
    """The equations of a text, which semicolons or line ends part, but not within brackets; without comments."""
    plain = re.sub(r"#[^\n]*", lambda match: " " * len(match[0]), source)
    depth, start = 0, 0
    for offset, character in enumerate(plain + ";"):
        depth += (character in "([{") - (character in ")]}")
        if character not in ";\n" or (depth > 0 and character == "\n"):
            continue
        text = plain[start:offset]
        if text.strip():
            indent = len(text) - len(text.lstrip())
            yield Piece(source, start + indent, text.strip())
        depth, start = 0, offset + 1


def parse(source: str) -> list[Definition]:
    """The equations of a text."""
    return [_definition(piece) for piece in pieces(source)]


def _definition(piece: Piece) -> Definition:
    try:
        body = ast.parse(piece.text).body
    except SyntaxError as wrong:
        said = f"not an equation: {wrong.msg}"
        raise piece.error(said, wrong.lineno or 1, max((wrong.offset or 1) - 1, 0)) from None
    statement = body[0]
    if not isinstance(statement, ast.Assign):
        raise piece.at(statement, "expected an equation: name = formula")
    target, value = statement.targets[0], statement.value
    if len(statement.targets) > 1 or not isinstance(target, ast.Name):
        raise piece.at(statement.targets[-1], "expected one name on the left: name = formula")
    _check(piece, value)
    called = {id(node.func) for node in ast.walk(value) if isinstance(node, ast.Call)}
    places: dict[str, ast.AST] = {}
    for node in ast.walk(value):
        if isinstance(node, ast.Name) and id(node) not in called:
            places.setdefault(node.id, node)

    def error(message: str, name: str | None = None) -> EquationError:
        return piece.at(target if name is None else places[name], message)

    return Definition(target.id, tuple(places), lambda names: _value(piece, value, names), error)


def _check(piece: Piece, node: ast.expr) -> None:
    """Only what is known."""
    if isinstance(node, ast.Call):
        _check_call(piece, node)
    elif isinstance(node, ast.BinOp) and type(node.op) not in _OPERATORS:
        hint = ": a power is x**y" if isinstance(node.op, ast.BitXor) else ""
        raise piece.after(node.left, f"equations have no such operator{hint}")
    elif isinstance(node, ast.UnaryOp) and type(node.op) not in _OPERATORS:
        raise piece.at(node, "equations have no such operator")
    elif isinstance(node, ast.Compare) and not all(type(op) in _OPERATORS for op in node.ops):
        raise piece.after(node.left, "equations compare by <, <=, >, >=, == and != only")
    elif isinstance(node, ast.Constant) and type(node.value) not in (int, float, bool):
        raise piece.at(node, f"expected a number, not {node.value!r}")
    elif not isinstance(node, _PARTS):
        raise piece.at(node, "equations are made of names, numbers, operators and calls of functions only")
    for part in node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node):
        if isinstance(part, ast.expr):
            _check(piece, part)


def _check_call(piece: Piece, node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name):
        raise piece.at(node.func, "expected a name, or an operator before the bracket")
    name = node.func.id
    if name not in FUNCTIONS:
        raise piece.at(node.func, f"there is no function {name!r}{nearest(name, FUNCTIONS)}")
    for keyword in node.keywords:
        try:
            ast.literal_eval(keyword.value)
        except ValueError:
            raise piece.at(keyword.value, f"{keyword.arg}= of {name} is a plain number") from None
    try:
        inspect.signature(FUNCTIONS[name]).bind(*node.args, **{str(k.arg): None for k in node.keywords})
    except TypeError as error:
        raise piece.at(node, f"{name}(): {error}") from None


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the nearest known name, if there is one."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _value(piece: Piece, node: ast.expr, names: Mapping[str, Any]) -> Any:
    """The tensor or number that an expression is."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names[node.id]
    try:
        return _apply(node, lambda part: _value(piece, part, names))
    except EquationError:
        raise
    except (TypeError, ValueError, ArithmeticError) as error:
        raise piece.at(node, f"{type(error).__name__}: {error}") from error


def _apply(node: ast.expr, value: Callable[[ast.expr], Any]) -> Any:
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](value(node.left), value(node.right))
    if isinstance(node, ast.UnaryOp):
        return _OPERATORS[type(node.op)](value(node.operand))
    if isinstance(node, ast.BoolOp):
        return reduce(_OPERATORS[type(node.op)], map(value, node.values))
    if isinstance(node, ast.IfExp):
        return so.where(value(node.test), value(node.body), value(node.orelse))
    if isinstance(node, ast.Compare):
        sides = [value(side) for side in (node.left, *node.comparators)]
        pairs = zip(node.ops, sides, sides[1:], strict=False)
        return reduce(so.logical_and, [_OPERATORS[type(op)](left, right) for op, left, right in pairs])
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    keywords = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
    return FUNCTIONS[node.func.id](*map(value, node.args), **keywords)


def from_sympy(equations: Iterable[Any]) -> list[Definition]:
    """The equations of SymPy, each ``Eq(symbol, formula)``."""
    found = []
    for equation in equations:
        left, right = getattr(equation, "lhs", None), getattr(equation, "rhs", None)
        if left is None or right is None or not getattr(left, "is_Symbol", False):
            raise EquationError(f"expected equations Eq(symbol, formula), not {equation}")
        found.append(_of_sympy(left.name, right, str(equation)))
    return found


def _of_sympy(name: str, right: Any, shown: str) -> Definition:
    reads = tuple(sorted(symbol.name for symbol in right.free_symbols))

    def compute(names: Mapping[str, Any]) -> Any:
        return so.from_sympy(right, {read: names[read] for read in reads})

    def error(message: str, _: str | None = None) -> EquationError:
        return EquationError(f"{message}\n  {shown}")

    return Definition(name, reads, compute, error)
