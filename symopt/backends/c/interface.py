"""What an exported trainer shows of itself: the names, types and sizes that header, source and example agree on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symopt.backends.c.emit import Module
from symopt.backends.c.scope import Field
from symopt.backends.cfamily.places import place_of
from symopt.backends.cfamily.spelling import RESERVED, WORDS, Sizes, c_type
from symopt.errors import DataError
from symopt.graph.dimensions import Dim, Dimension, product
from symopt.graph.nodes import Array, DType, Node, Shared
from symopt.lowering import Program
from symopt.lowering.names import Names

#: Words of C++, which reads the header too.
_CPP = (
    "and catch dynamic_cast explicit export friend inline mutable nullptr or protected throw try using virtual xor not"
)
#: Members of the struct, and names that the functions and the example need for themselves.
_MEMBERS = ("calls", "threads", "bad_index", "bad_where")
_LOCALS = (
    *("t", "whole", "failed", "sizes", "steps", "batch", "order", "means", "sums", "number", "memory", "used"),
    *("next", "main", "printf", "fprintf", "fputs", "stderr", "stdout", "stdin", "sizeof", "unsigned", "epoch"),
    *(f"i{axis}" for axis in range(32)),
)
#: What the roles are called, in the order in which they are listed.
ROLES = {"parameter": "Parameters", "state": "States", "hyperparameter": "Hyperparameters"}


@dataclass(frozen=True)
class Value:
    """A parameter, state or hyperparameter: its name in C, its field of the memory if a kernel has one, its start."""

    name: str
    node: Shared
    field: Field | None
    start: Array

    @property
    def is_number(self) -> bool:
        """Whether it is a plain member of the struct, not a pointer."""
        return self.node.shape == ()


@dataclass(frozen=True)
class Argument:
    """An input or output as an argument of a function."""

    name: str
    node: Node
    count: str
    shape: str

    @property
    def dtype(self) -> DType:
        return self.node.dtype


class Interface:
    """The names of an exported trainer, each an identifier and once."""

    def __init__(self, name: str, program: Program, module: Module, outputs: Sequence[str], calls: int) -> None:
        self.name = name
        self.program = program
        self.module = module
        self.calls = calls
        names = Names({*RESERVED, *_LOCALS, *_CPP.split()})
        self.sizes = Sizes({size: names.fresh("n" if size.startswith("_") else size) for size in module.sizes})
        self.inputs = [self._argument(names.fresh(node.name), node) for node in program.inputs]
        self.outputs = [
            self._argument(names.fresh(one), node) for one, node in zip(outputs, program.outputs, strict=True)
        ]
        self.values = self._values()

    @property
    def upper(self) -> str:
        """The prefix of constants."""
        return self.name.upper()

    @property
    def size_names(self) -> list[str]:
        return [self.sizes.names[size] for size in self.module.sizes]

    def with_role(self, role: str) -> list[Value]:
        """The values of a role, in the order in which they were made."""
        return [value for value in self.values if value.node.role == role]

    def arguments(self) -> list[str]:
        """The arguments of a step: arrays, sizes, places for outputs."""
        found = [f"const {c_type(one.dtype)} *{one.name}" for one in self.inputs]
        found += [f"long long {size}" for size in self.size_names]
        return found + [f"{c_type(one.dtype)} *{one.name}" for one in self.outputs]

    def shape(self, node: Node) -> str:
        """A shape, for readers."""
        dims = [_bare(self.sizes.dim(dim)) for dim in node.shape]
        return f"({', '.join(dims)}{',' if len(dims) == 1 else ''})"

    def _argument(self, name: str, node: Node) -> Argument:
        return Argument(name, node, _bare(self.sizes.dim(product(node.shape))), self.shape(node))

    def _values(self) -> list[Value]:
        fields = {one.buffer.node.storage: one for one in self.module.fields if isinstance(one.buffer.node, Shared)}
        nodes = {
            one.buffer.node.storage: one.buffer.node for one in fields.values() if isinstance(one.buffer.node, Shared)
        }
        for output in self.program.outputs:
            base = place_of(output, self.program.buffers).base
            if isinstance(base, Shared):
                nodes.setdefault(base.storage, base)
        names = Names({*WORDS, *_MEMBERS, *_CPP.split()})
        ordered = sorted(nodes.values(), key=lambda node: (list(ROLES).index(node.role), node.serial))
        return [
            Value(names.fresh(node.name), node, fields.get(node.storage), node.storage.read().copy())
            for node in ordered
        ]


def _bare(text: str) -> str:
    return text[1:-1] if text.startswith("(") and text.find(")") == len(text) - 1 else text


def most(dim: Dim) -> Dim:
    """What ``dim`` is at most for sizes of at most their own: what is taken away is left out."""
    if not isinstance(dim, Dimension):
        return max(dim, 0)
    total: Dim = 0
    for atoms, factor in dim.terms:
        if factor > 0:
            total = total + (Dimension(((atoms, factor),)) if atoms else factor)
    return total


def check_name(name: str) -> None:
    """Raise unless files and functions may be called by it."""
    plain = name.isascii() and name.isidentifier() and not name.startswith("_")
    if not plain or name in WORDS or name in _CPP.split():
        raise DataError(
            f"the name {name!r} stands before every function of the exported source: it has to be an identifier of C, "
            "not begin with _, and be no word of the language"
        )


def output_names(given: Sequence[str] | None, count: int) -> list[str]:
    """The names of the outputs, given or counted."""
    if given is None:
        return ["output"] if count == 1 else [f"output_{number}" for number in range(1, count + 1)]
    names = [given] if isinstance(given, str) else list(given)
    wrong = [one for one in names if not (one.isascii() and one.isidentifier())]
    if wrong or len(set(names)) != len(names) or len(names) != count:
        raise DataError(f"outputs are {count} names, different ones that are identifiers of C; {names} was given")
    return names


def example_sizes(interface: Interface, sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes of the example: those that the source was made for, if they are not too large."""
    return {interface.sizes.names[one]: min(sizes.get(one, 16), 1024) for one in interface.module.sizes}
