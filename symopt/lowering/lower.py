"""From a graph to a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from symopt.graph.dimensions import symbol
from symopt.graph.nodes import Constant, Input, Iota, Node, Random, Reduce, Shared
from symopt.graph.traversal import topological
from symopt.lowering.levels import Placement, domain_of, place
from symopt.lowering.memory import share_slots
from symopt.lowering.names import Names
from symopt.lowering.primitives import PRIMITIVES, copy_of
from symopt.lowering.program import (
    POINTWISE,
    Buffer,
    Kernel,
    Library,
    Loop,
    Program,
    base_of,
    is_leaf,
    is_scalar_slot,
    is_view,
)
from symopt.lowering.sizes import guards_in, with_equal_sizes
from symopt.rewriting import simplify
from symopt.rewriting.engine import Rules, rewrite

Pair = tuple[Shared, Node]
Updates = Sequence[Pair]


def lower(
    inputs: Sequence[Input],
    outputs: Sequence[Node],
    updates: Updates,
    dialect: Rules | None = None,
    reserved: Iterable[str] = (),
    slots: Callable[..., tuple[list[Kernel], dict[Node, Buffer]]] = share_slots,
) -> Program:
    """The program of one call: its outputs, then all updates at once.

    ``dialect`` has further rules, for operations that a backend lacks; ``reserved`` are names that it keeps to itself;
    ``slots`` says which temporaries share memory.
    """
    inputs, given = with_equal_sizes(inputs, [*outputs, *(node for _, node in updates)])
    guards = guards_in(given)
    streams: dict[Node, int] = {
        node: i for i, node in enumerate(n for n in topological(given) if isinstance(n, Random))
    }
    lowered = rewrite(simplify(given), PRIMITIVES, *([dialect] if dialect else []))
    new_outputs, new_updates = _with_copies(lowered[: len(outputs)], updates, lowered[len(outputs) :])
    order = topological([*new_outputs, *(node for _, node in new_updates)])
    placement = place(order, new_updates, new_outputs)
    names = Names(reserved)
    buffers = _leaf_buffers(order, names)
    kernels = _kernels(order, placement, buffers, names, new_outputs, new_updates)
    kept = {base_of(node, buffers) for node in new_outputs} | {node for _, node in new_updates}
    kernels, buffers = slots(kernels, buffers, kept)
    program = Program(
        inputs=tuple(inputs),
        sizes=_size_sources(inputs),
        guards=guards,
        scalars=tuple(node for node in order if node.weak and not isinstance(node, (Constant, Shared))),
        kernels=tuple(kernels),
        buffers=buffers,
        outputs=tuple(new_outputs),
        updates=tuple(new_updates),
        copies=tuple(
            (variable, buffers[node]) for variable, node in new_updates if _is_copied(variable, node, placement)
        ),
        streams=streams,
    )
    program.verify()
    return program


def _with_copies(outputs: Sequence[Node], updates: Updates, values: Sequence[Node]) -> tuple[list[Node], list[Pair]]:
    """Outputs and updates in which what only looks at a variable that changes, or at other memory, is a copy."""
    changed = {variable for variable, _ in updates}
    kept = [copy_of(node) if base_of(node) in changed else node for node in outputs]
    pairs = [
        (variable, copy_of(node) if is_view(node) or is_leaf(node) else node)
        for (variable, _), node in zip(updates, values, strict=True)
    ]
    return kept, pairs


def _size_sources(inputs: Sequence[Input]) -> dict[str, tuple[int, int]]:
    """For every named size, the first input and axis that has it by itself."""
    sources: dict[str, tuple[int, int]] = {}
    for position, node in enumerate(inputs):
        for axis, dim in enumerate(node.shape):
            name = symbol(dim)
            if name is not None:
                sources.setdefault(name, (position, axis))
    return sources


def _is_copied(variable: Shared, node: Node, placement: Placement) -> bool:
    return placement.in_place.get(variable) is not node


def _leaf_buffers(order: Sequence[Node], names: Names) -> dict[Node, Buffer]:
    """Buffers of what has its value before the first kernel, under names that tell what it is."""
    buffers: dict[Node, Buffer] = {}
    for node in order:
        if isinstance(node, Input):
            buffers[node] = _leaf(node, "input", names.fresh(node.name))
        elif isinstance(node, Shared) and not node.weak:
            buffers[node] = _leaf(node, "shared", names.fresh(node.name))
        elif isinstance(node, Constant) and not node.weak:
            buffers[node] = _leaf(node, "constant", names.fresh("c0"))
        elif isinstance(node, Iota):
            buffers[node] = _leaf(node, "iota", names.fresh("iota"))
        elif is_scalar_slot(node):
            number = node.operands[0]
            name = f"h_{number.name}" if isinstance(number, Shared) else "h0"
            buffers[node] = _leaf(node, "scalar", names.fresh(name))
    return buffers


def _leaf(node: Node, role: str, name: str) -> Buffer:
    return Buffer(name, role, node.dtype, node.shape, node)


def _kernels(
    order: Sequence[Node],
    placement: Placement,
    buffers: dict[Node, Buffer],
    names: Names,
    outputs: Sequence[Node],
    updates: Updates,
) -> list[Kernel]:
    """Kernels in the order in which they run; ``buffers`` gains an entry for everything that they store."""
    level = placement.level
    groups: dict[tuple[int, object], list[Node]] = {}
    for node in order:
        if node in level:
            domain = domain_of(node)
            groups.setdefault((level[node], node if domain is None else domain), []).append(node)
    place_of = {node: key for key, members in groups.items() for node in members}
    stored = _stored(order, place_of, outputs, updates)
    homes = {node: variable for variable, node in placement.in_place.items()}
    kernels: list[Kernel] = []
    for key in sorted(groups, key=lambda key: key[0]):
        members = groups[key]
        for node in members:
            if node in homes:
                home = buffers.get(homes[node]) or _leaf(homes[node], "shared", names.fresh(homes[node].name))
                buffers.setdefault(homes[node], home)
                buffers[node] = Buffer(home.name, "shared", node.dtype, node.shape, homes[node])
            elif node in stored or isinstance(node, Reduce) or domain_of(node) is None:
                buffers[node] = Buffer(names.fresh("t0"), "temporary", node.dtype, node.shape, node)
        kernels.append(_kernel(members, buffers))
    return kernels


def _kernel(members: Sequence[Node], buffers: dict[Node, Buffer]) -> Kernel:
    domain = domain_of(members[0])
    if domain is None:
        return Library(members[0], buffers[members[0]])
    body = tuple(node for node in members if isinstance(node, POINTWISE))
    stores = tuple((node, buffers[node]) for node in body if node in buffers)
    return Loop(domain, body, stores, tuple((n, buffers[n]) for n in members if isinstance(n, Reduce)))


def _stored(
    order: Sequence[Node],
    place_of: dict[Node, tuple[int, object]],
    outputs: Sequence[Node],
    updates: Updates,
) -> set[Node]:
    """Pointwise nodes that are read outside their own kernel, or through a view."""
    stored = {base_of(node) for node in outputs} | {node for _, node in updates}
    for node in order:
        if is_leaf(node) or is_view(node):
            continue
        for operand in node.operands:
            base = base_of(operand)
            inline = base is operand and place_of.get(base) == place_of.get(node) and isinstance(base, POINTWISE)
            if not inline and not is_leaf(base):
                stored.add(base)
    return stored
