"""Updates that change only the rows that a gather has read.

The gradient of a gather is zeros, but for the rows that it has read. Where a rule leaves alone what has no gradient, as
SGD and AdaGrad do, only these rows have to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symopt.backends.c.item import Access, Item
from symopt.backends.c.scope import CScope, Field
from symopt.backends.cfamily.places import place_of
from symopt.backends.cfamily.spelling import times, total
from symopt.graph.dimensions import product
from symopt.graph.nodes import Constant, Elementwise, Iota, Node, ScatterAdd, Shared
from symopt.graph.promotion import BOOL
from symopt.lowering.program import Buffer, Library, Loop, Program, base_of, memory


def sparse_updates(program: Program) -> dict[Loop, ScatterAdd]:
    """Kernels that change only the rows of a scattered gradient, which nothing else reads."""
    readers: dict[Node, int] = {}
    for kernel in program.kernels:
        for base in {base_of(node, program.buffers) for node in kernel.reads()}:
            readers[base] = readers.get(base, 0) + 1
    # What is returned, or becomes the value of a variable, is read whole.
    for node in (*program.outputs, *(value for _, value in program.updates)):
        readers[base_of(node, program.buffers)] = 2
    loops = (kernel for kernel in program.kernels if isinstance(kernel, Loop))
    found = ((loop, _gradient(loop)) for loop in loops)
    return {loop: node for loop, node in found if node is not None and readers[node] == 1}


def _gradient(loop: Loop) -> ScatterAdd | None:
    """The scattered gradient that a kernel of updates reads, if it changes nothing where that is zero."""
    scattered = [node for node in dict.fromkeys(loop.reads()) if isinstance(node, ScatterAdd)]
    if len(scattered) != 1 or loop.reductions or not loop.stores or loop.read_elsewhere():
        return None
    (gradient,) = scattered
    indices = base_of(gradient.operands[1])
    if gradient.axis != 0 or gradient.operands[1].ndim != 1 or gradient.shape != loop.domain:
        return None
    if isinstance(indices, (Constant, Iota)) or indices.weak:
        return None
    left = _without(gradient, loop)
    kept = all(isinstance(buffer.node, Shared) and left(node) is buffer.node for node, buffer in loop.stores)
    return gradient if kept else None


#: What is zero has this in the place of a node.
ZERO = "zero"
_KEEP_ZERO = frozenset({"negative", "absolute", "sign", "square", "sqrt", "identity", "stop_gradient"})


def _without(gradient: Node, loop: Loop) -> Callable[[Node], object]:
    """What each node of a kernel is where ``gradient`` is zero: ZERO, another node, or itself."""
    values: dict[Node, object] = {gradient: ZERO}
    for node in loop.body:
        assert isinstance(node, Elementwise)
        operands = [values.get(operand, operand) for operand in node.operands]
        values[node] = _value(node, operands)
    return lambda node: values.get(node, node)


def _value(node: Elementwise, operands: list[object]) -> object:
    name = node.op.name
    first, last = operands[0], operands[-1]
    if name in _KEEP_ZERO or node.op.kind == "cast":
        if first is ZERO:
            return ZERO
        return first if name in ("identity", "stop_gradient") else node
    if name == "multiply" and ZERO in (first, last):
        return ZERO
    if name == "divide" and first is ZERO:
        return ZERO
    if name == "add" and ZERO in (first, last):
        return last if first is ZERO else first
    if name == "subtract" and last is ZERO:
        return first
    if name == "where" and operands[1] is operands[2]:
        return operands[1]
    return node


def by_rows(item: Item, gradient: ScatterAdd, scope: CScope) -> Item:
    """The same work for the rows that ``gradient`` has, each once."""
    place = place_of(gradient.operands[1], scope.buffers)
    indices, dim = scope.buffers[place.base], scope.sizes.dim
    at = f"{scope.reference(indices)}[{total([dim(place.offset), times('k', dim(place.strides[0]))])}]"
    name = scope.names.fresh("seen")
    buffer = Buffer(name, "marks", BOOL, (), gradient)
    scope.fields["marks of", gradient] = Field(name, "marks", BOOL, buffer, gradient.shape[0])
    count = scope.sizes.dim(product(gradient.operands[1].shape))

    def call(low: str, rows: str, block: str) -> list[str]:
        return [
            f"for (Index k = 0; k < {count}; k++) {{",
            f"    const Index row = {at};",
            f"    if (m->{name}[row]) continue;",
            f"    m->{name}[row] = 1;",
            *(f"    {line}" for line in item.call("row", "1", "0")),
            "}",
            f"for (Index k = 0; k < {count}; k++) m->{name}[{at}] = 0;",
        ]

    accesses = (*(Access(a.memory, a.writes, None) for a in item.accesses), Access(memory(indices), False, None))
    return Item(None, accesses, call, f"{item.comment}; only rows that have a gradient", is_small=True)


def scattered(program: Program, updates: Mapping[Loop, ScatterAdd]) -> set[Library]:
    """The kernels that scatter these gradients: rows that nobody looks at need not be zero."""
    nodes = set(updates.values())
    return {kernel for kernel in program.kernels if isinstance(kernel, Library) and kernel.node in nodes}
