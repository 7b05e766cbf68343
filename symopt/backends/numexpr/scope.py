"""Names and views in the generated module: what is made once per run-time size, and what at each step."""

from __future__ import annotations

from collections.abc import Collection

from symopt.backends.numexpr.spelling import RESERVED, Sizes, dtype_text, number_text, scratch_name
from symopt.graph.construct import SMALL_CONSTANT
from symopt.graph.dimensions import Dim, product
from symopt.graph.nodes import Array, Broadcast, Constant, DType, Input, Node, Reshape, Shared, Slice, Transpose
from symopt.lowering.names import Names
from symopt.lowering.program import Buffer, Program, base_of, unstretched


class Scope:
    """Collects the lines of ``prepare`` (per run-time size) and ``step`` (per call), and gives every node its name."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.buffers = program.buffers
        self.module: list[str] = []
        self.known: dict[str, str] = {}  # constants by name
        self.prepare: list[str] = []
        self.views_of_inputs: list[str] = []
        self.views_of_scratch: list[str] = []
        self.kernels: list[str] = []
        self.scalar_names: dict[Node, str] = {}
        self.step: list[str] = []
        self.constants: list[Array] = []
        self.shared: dict[str, Shared] = {}
        self._names_given = Names({*RESERVED, *(buffer.name for buffer in self.buffers.values())})
        self.sizes = Sizes({name: self.fresh("n" if name.startswith("_") else name) for name in program.sizes})
        self._names: dict[Node, str] = {}
        self._once: dict[str, str] = {}
        self._scratch: dict[tuple[DType, int], list[Dim]] = {}
        self._views_of: dict[tuple[DType, int], list[tuple[tuple[Dim, ...], str]]] = {}
        self._scratch_views: dict[tuple[DType, int, tuple[Dim, ...]], str] = {}
        self.call = self.fresh("call") if program.streams else ""
        self.arguments = [self._argument(node) for node in program.inputs]

    def fresh(self, name: str) -> str:
        """A name like ``name`` that nothing else has."""
        return self._names_given.fresh(name)

    def local(self, name: str, others: Collection[str]) -> str:
        """A name like ``name`` for the inside of a function, which has ``others``: nothing that it could see has it."""
        while name in self._names_given or name in others:
            name += "_"
        return name

    def _argument(self, node: Input) -> str:
        return self.buffers[node].name if node in self.buffers else self.fresh("unused")

    # ------------------------------------------------------------------------------------------------------- memory

    def declare_buffers(self) -> None:
        """Lines that make or fetch every buffer."""
        slots: dict[int, Buffer] = {}
        for node, buffer in self.buffers.items():
            if buffer.role == "shared" and isinstance(node, Shared):
                self.fetch(node, buffer.name)
            elif buffer.role == "constant":
                self.known[buffer.name] = f"{buffer.name} = {self._constant(node)}"
            elif buffer.role == "iota":
                self.known[buffer.name] = f"{buffer.name} = np.arange({self.sizes.dim(buffer.shape[0])})"
            elif buffer.role == "scalar":
                self.prepare.append(f"{buffer.name} = np.empty((), {dtype_text(buffer.dtype)})")
            elif buffer.role == "temporary":
                self.prepare.append(f"{buffer.name} = {self._temporary(buffer, slots)}")

    def fetch(self, node: Shared, name: str) -> str:
        """The array of a shared value, under ``name``."""
        if node not in self._names:
            self._names[node] = name
            self.shared[name] = node
            self.prepare.append(f'{name} = shared["{name}"]')
        return self._names[node]

    def _constant(self, node: Node) -> str:
        assert isinstance(node, Constant)
        if node.value.size <= SMALL_CONSTANT and node.value.ndim <= 1:
            numbers = ", ".join(number_text(one) for one in node.value.reshape(-1))
            return f"np.array({numbers if not node.ndim else f'[{numbers}]'}, {dtype_text(node.dtype)})"
        self.constants.append(node.value)
        return f"constants[{len(self.constants) - 1}]  # {node.dtype.name} {self.sizes.shape(node.shape)}"

    def _temporary(self, buffer: Buffer, slots: dict[int, Buffer]) -> str:
        first = slots.setdefault(buffer.slot, buffer)
        if first is buffer:
            return f"empty({self.sizes.shape(buffer.shape)}, {dtype_text(buffer.dtype)})"
        if first.shape == buffer.shape:
            return f"{first.name}  # read no more"
        return f"{first.name}.reshape({self.sizes.shape(buffer.shape)})  # read no more"

    def scratch(self, dtype: DType, number: int, shape: tuple[Dim, ...]) -> str:
        """Scratch memory of a shape; memory of one dtype and number is shared by all shapes."""
        key = (dtype, number, shape)
        if key not in self._scratch_views:
            stem = scratch_name(dtype, number)
            needed = self._scratch.setdefault((dtype, number), [])
            if product(shape) not in needed:
                needed.append(product(shape))
            views = self._views_of.setdefault((dtype, number), [])
            self._scratch_views[key] = self.fresh(f"{stem}_{len(needed)}" if views else stem)
            views.append((shape, self._scratch_views[key]))
        return self._scratch_views[key]

    def declare_scratch(self) -> list[str]:
        """Lines that make the scratch memory and its views."""
        lines = []
        for (dtype, number), needed in self._scratch.items():
            views = self._views_of[dtype, number]
            if len(views) == 1:
                ((shape, name),) = views
                lines.append(f"{name} = empty({self.sizes.shape(shape)}, {dtype_text(dtype)})")
                continue
            flat = self.fresh("arena")
            lines.append(f"{flat} = empty(({self._largest(needed)},), {dtype_text(dtype)})")
            for shape, name in views:
                lines.append(f"{name} = {flat}[:{self.sizes.dim(product(shape))}].reshape({self.sizes.shape(shape)})")
        return lines

    def _largest(self, dims: Collection[Dim]) -> str:
        known = [dim for dim in dims if isinstance(dim, int)]
        sizes = [self.sizes.dim(dim) for dim in dims if not isinstance(dim, int)] + ([str(max(known))] if known else [])
        return sizes[0] if len(sizes) == 1 else f"max({', '.join(sizes)})"

    # -------------------------------------------------------------------------------------------------------- values

    def name(self, node: Node) -> str:
        """The name of a node that is materialized or a view. Stretched axes are left to NumPy's broadcasting."""
        return self._whole(unstretched(node))

    def stretched(self, node: Node) -> str:
        """The name of a node in its full shape, for what does not broadcast."""
        if isinstance(node, Broadcast) and node not in self._names:
            text = f"np.broadcast_to({self.name(node)}, {self.sizes.shape(node.shape)})"
            self._names[node] = self._line(node, text)
        return self._whole(node)

    def _whole(self, node: Node) -> str:
        if node in self.buffers:
            return self.buffers[node].name
        if node not in self._names:
            self._names[node] = self._define(node)
        return self._names[node]

    def _define(self, node: Node) -> str:
        source = self.stretched(node.operands[0])
        if isinstance(node, Transpose):
            reverse = node.axes == tuple(range(node.ndim))[::-1]
            return self._line(node, f"{source}.T" if reverse else f"{source}.transpose{node.axes}")
        if isinstance(node, Reshape):
            return self._line(node, f"{source}.reshape({self.sizes.shape(node.shape)})")
        assert isinstance(node, Slice)
        return self._line(node, f"{source}[{self.sizes.region(node, node.shape, node.operands[0].shape)}]")

    def _line(self, node: Node, text: str) -> str:
        """A new name for ``text``: set once, or at each call if it looks at an input."""
        base = base_of(node, self.buffers)
        stem = self.buffers[base].name if base in self.buffers else "v"
        name = self.fresh(f"{stem}_{type(node).__name__[0].lower()}")
        (self.views_of_inputs if self.is_input(node) else self.prepare).append(f"{name} = {text}")
        return name

    def once(self, text: str, stem: str, of_scratch: bool = False) -> str:
        """A name for ``text``, which is computed once per run-time size; it may look at scratch memory if told so."""
        if text not in self._once:
            self._once[text] = self.fresh(stem)
            (self.views_of_scratch if of_scratch else self.prepare).append(f"{self._once[text]} = {text}")
        return self._once[text]

    def is_input(self, node: Node) -> bool:
        """Whether ``node`` is an input or looks at one."""
        return isinstance(base_of(node, self.buffers), Input)
