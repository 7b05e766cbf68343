"""Python text of fused kernels over single numbers: NumPy's scalars, which cost a tenth of a ufunc on an array."""

from __future__ import annotations

from symopt.backends.numexpr.scope import Scope
from symopt.backends.numexpr.spelling import dtype_text
from symopt.graph.nodes import Constant, Elementwise, Node
from symopt.lowering.program import Loop

_PATTERNS = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "power": "{} ** {}",
    "negative": "-{}",
    "absolute": "abs({})",
    "square": "{0} * {0}",
    "reciprocal": "1 / {}",
    "identity": "{}",
    "less": "{} < {}",
    "less_equal": "{} <= {}",
    "greater": "{} > {}",
    "greater_equal": "{} >= {}",
    "equal": "{} == {}",
    "not_equal": "{} != {}",
    "where": "{1} if {0} else {2}",
}


def emit_numbers(loop: Loop, scope: Scope) -> None:
    """Append an assignment for every operation; what others need goes into its array last."""
    names: dict[Node, str] = {}
    used = {operand for node in loop.body for operand in node.operands}
    for node in loop.body:
        assert isinstance(node, Elementwise)
        operands = [names.get(operand) or _read(operand, names, scope) for operand in node.operands]
        if node.op.kind == "cast" and node not in used and node.dtype.kind == "f":
            names[node] = operands[0]  # storing it casts it
            continue
        names[node] = scope.fresh("z0")
        scope.step.append(f"{names[node]} = {_text(node, operands)}")
    scope.step.extend(f"{buffer.name}[()] = {names[node]}" for node, buffer in loop.stores)


def _read(node: Node, names: dict[Node, str], scope: Scope) -> str:
    """The number in an array, as a NumPy scalar: read once a step, or once for all if it is a constant."""
    if isinstance(node, Constant):
        return scope.once(f"{scope.name(node)}[()]", f"{scope.name(node)}_number")
    names[node] = scope.fresh("z0")
    scope.step.append(f"{names[node]} = {scope.name(node)}[()]")
    return names[node]


def _text(node: Elementwise, operands: list[str]) -> str:
    if node.op.kind == "cast":
        return f"{dtype_text(node.dtype)}({operands[0]})"
    pattern = _PATTERNS.get(node.op.name)
    if pattern is None:
        return f"np.{node.op.name}({', '.join(operands)})"
    return pattern.format(*operands)
