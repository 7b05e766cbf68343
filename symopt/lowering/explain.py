"""What a program does, in words: kernels, why they are apart, bytes moved and operations, as formulas in the sizes."""

from __future__ import annotations

import re

from symopt.graph.dimensions import Dim, Shape, product
from symopt.graph.nodes import Contract, Node
from symopt.lowering.names import Names
from symopt.lowering.program import Kernel, Library, Loop, Program, base_of, is_leaf


def explain(program: Program) -> str:
    """A line or two for every kernel, then totals."""
    lines: list[str] = []
    moved: Dim = 0
    flops: Dim = 0
    for number, kernel in enumerate(program.kernels, 1):
        traffic, operations = _traffic(kernel, program), work(kernel)
        moved, flops = moved + traffic, flops + operations
        lines.append(f"{number}. {words(kernel)}")
        lines.append(f"   moves {traffic} bytes, {_count(operations, 'operation')}; {_why(kernel)}")
    own = {buffer.slot: buffer for buffer in program.temporaries()}
    memory: Dim = 0
    for buffer in own.values():
        memory = memory + product(buffer.shape) * buffer.dtype.itemsize
    kernels, temporaries = len(program.kernels), len(program.temporaries())
    lines.append(f"{_count(kernels, 'kernel')}: {moved} bytes moved, {_count(flops, 'operation')} a call")
    lines.append(f"{_count(temporaries, 'temporary', 'temporaries')} in {_count(len(own), 'buffer')}: {memory} bytes")
    copied = ", ".join(variable.name for variable, _ in program.copies)
    if copied:
        lines.append(f"written by a copy at the end, because others read the old value till then: {copied}")
    return _readable("\n".join(lines), program) + "\n"


def _count(number: Dim, one: str, several: str = "") -> str:
    return f"{number} {one}" if number == 1 else f"{number} {several or one + 's'}"


def _readable(text: str, program: Program) -> str:
    """``text`` with names for the sizes that have none, as in the generated source."""
    names = Names(program.sizes)
    spelled = {size: names.fresh("n") for size in program.sizes if size.startswith("_")}
    return re.sub(r"\b_n\d+\b", lambda size: spelled.get(size[0], size[0]), text)


def _shape(shape: Shape) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def words(kernel: Kernel) -> str:
    """What a kernel stores, over what, and by which operations."""
    if isinstance(kernel, Library):
        return f"{kernel.buffer.name} = {kernel.node.describe()}, {_shape(kernel.node.shape)}"
    made = [buffer.name for _, buffer in kernel.stores] + [
        f"{buffer.name} ({node.describe()})" for node, buffer in kernel.reductions
    ]
    operations = " ".join(node.describe().split(" ")[0] for node in kernel.body)
    return f"{', '.join(made)} over {_shape(kernel.domain)}: {operations or 'reduction only'}"


def _why(kernel: Kernel) -> str:
    if isinstance(kernel, Library):
        return "a kernel of its own: not pointwise"
    in_place = [buffer.name for _, buffer in kernel.stores if buffer.role == "shared"]
    if not kernel.body:
        return "a reduction of what lies in memory"
    if len(kernel.body) == 1:
        fused = "nothing of its shape to be fused with"
    else:
        fused = f"{len(kernel.body)} operations fused: one shape, and none waits for another kernel"
    return fused + (f"; in place: {', '.join(in_place)}" if in_place else "")


def _traffic(kernel: Kernel, program: Program) -> Dim:
    total: Dim = 0
    for base in dict.fromkeys(base_of(read, program.buffers) for read in kernel.reads()):
        if base.shape != () or not is_leaf(base):
            total = total + product(base.shape) * base.dtype.itemsize
    for _, buffer in kernel.writes:
        total = total + product(buffer.shape) * buffer.dtype.itemsize
    return total


def work(kernel: Kernel) -> Dim:
    """The number of operations of a kernel."""
    if isinstance(kernel, Loop):
        return product(kernel.domain) * (len(kernel.body) + len(kernel.reductions))
    return _product_work(kernel.node)


def _product_work(node: Node) -> Dim:
    if not isinstance(node, Contract):
        return product(node.shape)
    sizes = dict(zip(node.left, node.operands[0].shape, strict=True))
    sizes.update(zip(node.right, node.operands[1].shape, strict=True))
    return product(tuple(sizes.values())) * 2
