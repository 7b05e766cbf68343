"""Files, functions and nesting stay small: 400 lines, 40 lines without the docstring, 4 levels.

An exception is a line with a reason in exceptions.toml.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import exceptions, python_files, relative

LIMITS = {"files": 400, "functions": 40, "nesting": 4}

Function = ast.FunctionDef | ast.AsyncFunctionDef
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


def functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Every function and method, by its qualified name; a nested function is part of its outer one."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, f"{prefix}{child.name}.")
        else:
            yield from functions(child, prefix)


def length(function: Function) -> int:
    """Lines from `def` to the end, without the docstring and without decorators."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or 0) - docstring.lineno + 1
    return lines


def depth(node: ast.AST) -> int:
    """How deep blocks and nested functions lie within each other; `elif` is as deep as its `if`."""
    return max((_depth_of(child, node) for child in ast.iter_child_nodes(node)), default=0)


def _depth_of(child: ast.AST, parent: ast.AST) -> int:
    is_elif = isinstance(child, ast.If) and isinstance(parent, ast.If) and parent.orelse == [child]
    is_level = isinstance(child, (*_BLOCKS, ast.FunctionDef, ast.AsyncFunctionDef)) and not is_elif
    return depth(child) + is_level


def measured() -> dict[str, dict[str, int]]:
    """What there is, by budget and by place."""
    found: dict[str, dict[str, int]] = {name: {} for name in LIMITS}
    for path in python_files():
        text = path.read_text(encoding="utf-8")
        found["files"][relative(path)] = len(text.splitlines())
        for name, function in functions(ast.parse(text)):
            place = f"{relative(path)}::{name}"
            # A property and its setter have one name: the larger counts.
            for budget, amount in (("functions", length(function)), ("nesting", depth(function))):
                found[budget][place] = max(amount, found[budget].get(place, 0))
    return found


@pytest.mark.parametrize("budget", LIMITS)
def test_nothing_is_larger_than_its_budget(budget: str) -> None:
    excepted = exceptions(budget)
    over = [
        f"{place}: {amount}, at most {limit}"
        for place, amount in measured()[budget].items()
        if amount > (limit := excepted.get(place, {}).get("limit", LIMITS[budget]))
    ]
    assert not over, "split these, or list them with a reason in exceptions.toml:\n" + "\n".join(over)


@pytest.mark.parametrize("budget", LIMITS)
def test_every_exception_is_needed_and_has_a_reason(budget: str) -> None:
    found = measured()[budget]
    for place, row in exceptions(budget).items():
        assert row.get("reason"), f"{place}: say why"
        amount = found.get(place, 0)
        assert amount > LIMITS[budget], f"{place}: is within the budget now; remove its line"
        assert row["limit"] - amount < 20, f"{place}: its limit can shrink to {amount}"


def test_measures() -> None:
    code = '''
class C:
    def m(self):
        """Two
        lines."""
        if a:
            pass
        elif b:
            for c in d:
                with e:
                    pass
        else:
            pass
'''
    [(name, function)] = functions(ast.parse(code))
    assert (name, length(function), depth(function)) == ("C.m", 9, 3)
