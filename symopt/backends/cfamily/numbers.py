"""C text of weak numbers: hyperparameters, the iteration and what follows from them, in float64 at each step."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from symopt.backends.cfamily.scope import Field, Scope
from symopt.backends.cfamily.spelling import bare, c_type, number_text
from symopt.graph.nodes import Constant, DType, Elementwise, Node, Shared, Size
from symopt.lowering.program import base_of

DOUBLE = np.dtype(np.float64)


@dataclass(frozen=True)
class Numbers:
    """Lines that compute the weak numbers, and cast them to the dtypes that they meet.

    ``fixed`` are the same in all steps of a call, and ``passed`` are those of them that a step may need: types and
    names. ``read`` is memory that steps change and that all threads read first.
    """

    fixed: list[str]
    passed: list[tuple[str, str]]
    varying: list[str]
    read: tuple[object, ...]


def numbers(scope: Scope, load: Callable[[Field], str]) -> Numbers:
    """The weak numbers of a step; ``load`` is the text of a number in memory."""
    writer = _Writer(scope, load)
    for node in scope.program.scalars:
        writer.compute(node)
    for buffer in scope.program.buffers.values():
        if buffer.role == "scalar":
            number = buffer.node.operands[0]
            text = scope.operations.cast(writer.text(number), number.dtype, buffer.dtype)
            writer.keep(buffer.name, buffer.dtype, text, number in writer.varying)
    bases = [base_of(node, scope.buffers) for node in scope.program.outputs]
    scope.scalars = {node: writer.text(node) for node in bases if node.weak}
    return Numbers(writer.fixed_lines, writer.passed, writer.varying_lines, tuple(writer.read))


class _Writer:
    def __init__(self, scope: Scope, load: Callable[[Field], str]) -> None:
        self.scope = scope
        self._load = load
        self.fixed_lines: list[str] = []
        self.varying_lines: list[str] = []
        self.passed: list[tuple[str, str]] = []
        self.varying: set[Node] = set()
        self.read: list[object] = []
        self._names: dict[Node, str] = {}
        self._updated = {variable for variable, _ in scope.program.updates}

    def text(self, node: Node) -> str:
        """A name or a literal for a weak number."""
        if node in self._names:
            return self._names[node]
        if isinstance(node, Constant):
            return number_text(node.value.reshape(())[()], node.dtype)
        assert isinstance(node, Shared)
        field = self.scope.shared(node)
        if node in self._updated:
            self.varying.add(node)
            self.read.append(node.storage)
        return self._keep(node, self.scope.names.fresh(f"{node.name}_now"), self._load(field))

    def compute(self, node: Node) -> None:
        """Add the line of a number that is computed."""
        if isinstance(node, Size):
            self.varying.add(node)  # the last batch may be short
            text = self.scope.sizes.dim(node.dim)
        else:
            assert isinstance(node, Elementwise)
            text = self._operation(node)
            if not self.varying.isdisjoint(node.operands):
                self.varying.add(node)
        self._keep(node, self.scope.names.fresh("w0"), text)

    def _operation(self, node: Elementwise) -> str:
        texts = [self.text(operand) for operand in node.operands]
        dtypes = [operand.dtype for operand in node.operands]
        if node.op.kind == "cast":
            return self.scope.operations.cast(texts[0], dtypes[0], node.dtype)
        wanted = [self._wanted(node, position) for position in range(len(dtypes))]
        cast = self.scope.operations.cast
        ready = [cast(text, old, new) for text, old, new in zip(texts, dtypes, wanted, strict=True)]
        return self.scope.operations.spell_as(node, ready, wanted[-1])

    def _wanted(self, node: Elementwise, position: int) -> DType:
        """The dtype in which an operand is used: Python numbers may be of several."""
        dtypes = [operand.dtype for operand in node.operands]
        if node.op.kind in ("arithmetic", "floating") or (node.op.kind == "select" and position):
            return node.dtype
        if node.op.kind == "comparison":
            return np.result_type(*dtypes)
        return dtypes[position]

    def _keep(self, node: Node, name: str, text: str) -> str:
        self._names[node] = name
        self.keep(name, node.dtype, text, node in self.varying)
        return name

    def keep(self, name: str, dtype: DType, text: str, varies: bool) -> None:
        """Add the line of a value."""
        (self.varying_lines if varies else self.fixed_lines).append(f"const {c_type(dtype)} {name} = {bare(text)};")
        if not varies:
            self.passed.append((c_type(dtype), name))


def needed(lines: Sequence[str], names: set[str]) -> list[str]:
    """The definitions that lead to the given names."""
    kept: list[str] = []
    for line in reversed(lines):
        left, right = line.split(" = ", 1)
        if left.split()[-1] in names:
            names = names | set(re.findall(r"[A-Za-z_]\w*", right))
            kept.append(line)
    return kept[::-1]
