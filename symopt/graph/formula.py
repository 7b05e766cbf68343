"""Formulas as text: what a node computes, as a user would write it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from symopt.graph.construct import constant_value
from symopt.graph.nodes import Broadcast, Elementwise, Input, Node, Reduce, Reshape, Shared

#: How tightly an operation binds: sums, products, signs, powers, and what needs no brackets.
SUM, PRODUCT, SIGN, POWER, ATOM = range(5)


@dataclass(frozen=True)
class Dialect:
    """A way to write formulas: patterns of operations by name, with the strength that each operand must have."""

    operations: Mapping[str, tuple[str, int, tuple[int, ...]]]
    call: Callable[[str, list[str]], str]
    symbol: Callable[[str], str]
    number: Callable[[float], str]
    bracket: Callable[[str], str]


TEXT = Dialect(
    operations={
        "add": ("{} + {}", SUM, (SUM, SUM)),
        "subtract": ("{} - {}", SUM, (SUM, PRODUCT)),
        "multiply": ("{} * {}", PRODUCT, (PRODUCT, PRODUCT)),
        "divide": ("{} / {}", PRODUCT, (PRODUCT, SIGN)),
        "negative": ("-{}", SIGN, (SIGN,)),
        "power": ("{}**{}", POWER, (ATOM, POWER)),
        "square": ("{}**2", POWER, (ATOM,)),
        "reciprocal": ("1 / {}", PRODUCT, (SIGN,)),
        "less": ("{} < {}", SUM - 1, (SUM, SUM)),
        "less_equal": ("{} <= {}", SUM - 1, (SUM, SUM)),
        "greater": ("{} > {}", SUM - 1, (SUM, SUM)),
        "greater_equal": ("{} >= {}", SUM - 1, (SUM, SUM)),
        "equal": ("{} == {}", SUM - 1, (SUM, SUM)),
    },
    call=lambda name, operands: f"{'abs' if name == 'absolute' else name}({', '.join(operands)})",
    symbol=lambda name: name,
    number=lambda value: "pi" if value == math.pi else f"{value:.4g}",
    bracket=lambda text: f"({text})",
)


def _latex_symbol(name: str) -> str:
    """``W_variance`` as W with an upright index."""
    head, _, tail = name.partition("_")
    head = head if len(head) == 1 else rf"\mathrm{{{head}}}"
    tail = tail.replace("_", r"\_")
    return rf"{head}_{{\mathrm{{{tail}}}}}" if tail else head


def _latex_number(value: float) -> str:
    if value == math.pi:
        return r"\pi"
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


def _latex_call(name: str, operands: list[str]) -> str:
    if name == "sqrt":
        return rf"\sqrt{{{operands[0]}}}"
    if name == "absolute":
        return rf"\left|{operands[0]}\right|"
    known = {"maximum": "max", "minimum": "min", "max": "max", "min": "min", "exp": "exp", "log": "log", "tanh": "tanh"}
    spelled = rf"\{known[name]}" if name in known else rf"\operatorname{{{name}}}".replace("_", r"\_")
    return rf"{spelled}\left({', '.join(operands)}\right)"


LATEX = Dialect(
    operations={
        **TEXT.operations,
        "multiply": (r"{} \, {}", PRODUCT, (PRODUCT, PRODUCT)),
        "divide": (r"\frac{{{}}}{{{}}}", POWER, (SUM, SUM)),
        "reciprocal": (r"\frac{{1}}{{{}}}", POWER, (SUM,)),
        "power": ("{}^{{{}}}", POWER, (ATOM, SUM)),
        "square": ("{}^2", POWER, (ATOM,)),
        "less_equal": (r"{} \leq {}", SUM - 1, (SUM, SUM)),
        "greater_equal": (r"{} \geq {}", SUM - 1, (SUM, SUM)),
        "equal": ("{} = {}", SUM - 1, (SUM, SUM)),
    },
    call=_latex_call,
    symbol=_latex_symbol,
    number=_latex_number,
    bracket=lambda text: rf"\left({text}\right)",
)


def formula(
    node: Node,
    names: Mapping[Node, str] | None = None,
    dialect: Dialect = TEXT,
    values: Mapping[Node, float] | None = None,
    longest: int | None = None,
) -> str:
    """The formula of ``node`` down to leaves, to nodes that ``names`` names, and to numbers that ``values`` knows.

    Parts that would be longer than ``longest`` are left out: a part that is used twice is written twice, so that the
    text of a small graph can be enormous.
    """
    names, values = names or {}, values or {}
    written: dict[Node, tuple[str, int]] = {}
    stack = [node]
    while stack:
        current = stack[-1]
        if current in written:
            stack.pop()
            continue
        leaf = _leaf(current, node, names, values, dialect)
        if leaf is not None:
            written[current] = leaf
            continue
        waiting = [operand for operand in current.operands if operand not in written]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        text, strength = _write(current, written, dialect)
        too_long = longest is not None and len(text) > longest and current is not node
        written[current] = ("...", ATOM) if too_long else (text, strength)
    return written[node][0]


def _leaf(
    node: Node, root: Node, names: Mapping[Node, str], values: Mapping[Node, float], dialect: Dialect
) -> tuple[str, int] | None:
    if node in names and node is not root:
        return names[node], _strength(names[node])
    value = constant_value(node)
    if node in values or (value is not None and value.size == 1):
        text = dialect.number(values[node] if value is None else float(value.reshape(())))
        return text, _strength(text)
    if isinstance(node, (Input, Shared)):
        return dialect.symbol(node.name), ATOM
    return None if node.operands else (dialect.symbol(node.describe().lower()), ATOM)


def _strength(text: str) -> int:
    r"""How tightly a name or a number binds: in LaTeX ``\nabla w`` and ``10^{-8}`` need brackets before a power."""
    return SIGN if text.startswith(("-", r"\nabla ")) or r"\times" in text else ATOM


def _write(node: Node, written: Mapping[Node, tuple[str, int]], dialect: Dialect) -> tuple[str, int]:
    operands = [written[operand] for operand in node.operands]
    if isinstance(node, (Broadcast, Reshape)) or (isinstance(node, Elementwise) and _is_silent(node)):
        return operands[0]
    if isinstance(node, Elementwise) and node.op.name in dialect.operations:
        pattern, strength, needs = dialect.operations[node.op.name]
        texts = [
            text if have >= need else dialect.bracket(text) for (text, have), need in zip(operands, needs, strict=True)
        ]
        return pattern.format(*texts), strength
    name = node.op.name if isinstance(node, Elementwise) else _kind_name(node)
    return dialect.call(name, [text for text, _ in operands]), ATOM


def _is_silent(node: Elementwise) -> bool:
    return node.op.kind == "cast" or node.op.name in ("identity", "stop_gradient")


def _kind_name(node: Node) -> str:
    return node.op if isinstance(node, Reduce) else type(node).__name__.lower()
