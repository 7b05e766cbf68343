"""The body of a fused kernel as statements, one element at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from symopt.backends.cfamily.operations import Operations
from symopt.backends.cfamily.spelling import bare, c_type
from symopt.graph.nodes import DType, Elementwise, Embed, Node
from symopt.lowering.names import Names
from symopt.lowering.program import Loop

#: An expression that has grown to this gets a name.
LONG = 72
#: Operands that are together longer than this get names, the longest first.
WIDE = 88


class Body:
    """The statements of one element.

    ``read`` gives the text of a node from outside the body, ``embed`` that of an Embed. ``kept`` are nodes that the
    kernel overwrites: they are read into a variable first.
    """

    def __init__(
        self,
        loop: Loop,
        operations: Operations,
        read: Callable[[Node], str],
        embed: Callable[[Embed], str],
        kept: Callable[[Node], bool],
        names: Names,
    ) -> None:
        self.lines: list[str] = []
        self._operations = operations
        self._read = read
        self._kept = kept
        self._names = names
        self._uses = Counter(
            operand for node in loop.body if isinstance(node, Elementwise) for operand in node.operands
        )
        self._uses.update(node for node, _ in loop.stores)
        self._uses.update(reduction.operands[0] for reduction, _ in loop.reductions)
        self._texts: dict[Node, str] = {}
        for node in loop.body:
            if isinstance(node, Embed):
                self._texts[node] = self._named(embed(node), node.dtype)
            else:
                assert isinstance(node, Elementwise)
                self._texts[node] = self._computed(node)

    def text(self, node: Node) -> str:
        """The value of ``node``."""
        if node not in self._texts:
            text = self._read(node)
            several = self._uses[node] > 1 and "[" in text
            self._texts[node] = self._named(text, node.dtype) if several or self._kept(node) else text
        return self._texts[node]

    def _computed(self, node: Elementwise) -> str:
        texts = [self.text(operand) for operand in node.operands]
        if self._operations.for_gcc and node.op.kind == "select":
            texts[1:] = [self._loaded(text, one) for text, one in zip(texts[1:], node.operands[1:], strict=True)]
        while sum(map(len, texts)) > WIDE and "(" in (longest := max(texts, key=len)):
            at = texts.index(longest)
            texts[at] = self._named(longest, node.operands[at].dtype)
        text = self._operations.spell(node, texts)
        if node.op.name in ("identity", "stop_gradient") or (self._uses[node] < 2 and len(text) < LONG):
            return text
        return self._named(text, node.dtype)

    def _loaded(self, text: str, node: Node) -> str:
        return self._named(text, node.dtype) if "[" in text else text

    def _named(self, text: str, dtype: DType) -> str:
        name = self._names.fresh("v0")
        # A condition is an int, which needs no packing into bytes.
        self.lines.append(f"const {'int' if dtype.kind == 'b' else c_type(dtype)} {name} = {bare(text)};")
        return name
