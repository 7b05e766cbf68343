"""Python text of weak numbers: hyperparameters, the iteration and what follows from them, in float64 on the host."""

from __future__ import annotations

from symopt.backends.numexpr.scope import Scope
from symopt.backends.numexpr.spelling import number_text
from symopt.graph.nodes import Constant, Elementwise, Node, Shared, Size

_OPERATORS = {
    "add": "({} + {})",
    "subtract": "({} - {})",
    "multiply": "({} * {})",
    "negative": "(-{})",
    "square": "np.square({})",
    "identity": "{}",
    "stop_gradient": "{}",
}
#: An expression that has grown to this gets a name.
LONG = 60


def emit_scalars(scope: Scope) -> None:
    """Append the lines that compute weak numbers, and those that cast them to the dtypes they meet."""
    program = scope.program
    users: dict[Node, int] = {}
    for node in program.scalars:
        for operand in node.operands:
            users[operand] = users.get(operand, 0) + 1
    for buffer in program.buffers.values():
        if buffer.role == "scalar":
            users[buffer.node.operands[0]] = users.get(buffer.node.operands[0], 0) + 1
    for node in program.scalars:
        text = _text(node, scope)
        scope.scalar_names[node] = _named(text, scope) if users.get(node, 0) > 1 or len(text) > LONG else text
    for node in program.outputs:
        if node.weak:  # as it is before the updates
            scope.scalar_names[node] = _named(_operand(node, scope), scope)
    for buffer in program.buffers.values():
        if buffer.role == "scalar":
            scope.step.append(f"{buffer.name}[()] = {_operand(buffer.node.operands[0], scope)}")


def _named(text: str, scope: Scope) -> str:
    """A name for a value, computed once."""
    if text.isidentifier():
        return text
    name = scope.fresh("w0")
    scope.step.append(f"{name} = {text}")
    return name


def _operand(node: Node, scope: Scope) -> str:
    if node in scope.scalar_names:
        return scope.scalar_names[node]
    if isinstance(node, Constant):
        return number_text(node.value)
    assert isinstance(node, Shared)
    home = scope.buffers[node].name if node in scope.buffers else None
    # [()] gives a NumPy scalar, which divides by zero as IEEE says; a Python float would raise.
    return f"{scope.fetch(node, home or scope.fresh(node.name))}[()]"


def _text(node: Node, scope: Scope) -> str:
    if isinstance(node, Size):
        text = scope.sizes.dim(node.dim)
        return text if text.isidentifier() else f"({text})"
    assert isinstance(node, Elementwise)
    operands = [_operand(operand, scope) for operand in node.operands]
    if node.op.kind == "cast":
        return f"np.{node.dtype.name}({operands[0]})"
    if node.op.kind == "floating" and (node.op.name == "reciprocal" or node.operands[0].dtype.kind == "b"):
        operands = [f"float({operand})" for operand in operands]  # NumPy has a reciprocal of integers, and float16
    if any(operand.dtype.kind == "f" and not isinstance(operand, Constant) for operand in node.operands):
        # A NumPy scalar stands on one side, so that zero to a negative power, say, is no error.
        symbol = {"divide": "/", "power": "**"}.get(node.op.name)
        if symbol is not None:
            return f"({operands[0]} {symbol} {operands[1]})"
    if node.op.name in _OPERATORS:
        return _OPERATORS[node.op.name].format(*operands)
    return f"np.{node.op.name}({', '.join(operands)})"
