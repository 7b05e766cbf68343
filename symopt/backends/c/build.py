"""From the text of a C file to a callable."""

from __future__ import annotations

import ctypes
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symopt.backends.c.blas import address, wants_blas
from symopt.backends.c.cache import load
from symopt.backends.c.compiler import Compiler
from symopt.backends.c.dialect import DIALECT
from symopt.backends.c.emit import Module, emit
from symopt.backends.c.entry import entry_type
from symopt.backends.c.memory import Memory
from symopt.backends.c.pieces import SHORT
from symopt.backends.c.remembered import compiler_here
from symopt.backends.c.scope import WORDS
from symopt.backends.c.short_rows import with_sums_apart
from symopt.backends.cfamily.epochs import has_epochs
from symopt.backends.task import StepByStep, Task, checked_arrays
from symopt.backends.threads import threads
from symopt.errors import DataError, Unsupported
from symopt.graph.dimensions import resolve
from symopt.graph.evaluate import bind_sizes, check_guards
from symopt.graph.nodes import Array, ScatterAdd, Take
from symopt.lowering import Program, lower, own_slots
from symopt.lowering.explain import explain, work

#: Prepared steps that are kept: a full and a short batch for training, and for validation, and some to spare.
KEPT_SIZES = 8
#: Operations of a step from which on threads are worth waking up.
SHARED_WORK = 400_000
#: Operations of a step up to which it is called without letting other threads of Python run.
SMALL_WORK = 20_000
#: Seconds after which compiled code comes back to Python.
TURN = 0.05


class CBackend:
    """Generated C."""

    name = "c"

    def status(self) -> tuple[bool, str]:
        """Whether there is a compiler that works."""
        compiler, reason = compiler_here()
        return compiler is not None, reason

    def emit(self, task: Task, sizes: Mapping[str, int] | None = None) -> str:
        """The source of the file."""
        return emit(program_of(task), sizes, task.title, wants_blas()).source

    def build(self, task: Task, sizes: Mapping[str, int]) -> CRunner:
        """The callable, with blocks chosen for ``sizes``."""
        compiler, reason = compiler_here()
        if compiler is None:
            raise Unsupported(f"the backend c cannot run here: {reason}")
        program = program_of(task)
        module = emit(program, sizes, task.title, wants_blas())
        return CRunner(program, module, compiler)

    def explain(self, task: Task, sizes: Mapping[str, int] | None = None) -> str:
        """What was fused, and what it moves and computes."""
        return explain(program_of(task))

    def runs_epochs(self, task: Task) -> bool:
        """Where all inputs have rows in one number, and all outputs are numbers."""
        return has_epochs(task.inputs, task.outputs)


def program_of(task: Task) -> Program:
    """A task in the form that C is written from."""
    return with_sums_apart(lower(task.inputs, task.outputs, task.updates, DIALECT, WORDS, own_slots))


class CRunner(StepByStep):
    """A compiled file, with memory prepared once for each run-time size."""

    def __init__(self, program: Program, module: Module, compiler: Compiler) -> None:
        library = load(module.source, compiler)
        for name in module.by_blas:
            set_gemm = library[f"set_gemm_{SHORT[name]}"]
            set_gemm.argtypes, set_gemm.restype = [ctypes.c_void_p], None
            set_gemm(address(name))
        self.source = module.source
        self._program = program
        self._module = module
        self._compiler = compiler
        self._shares = compiler.openmp and module.threads
        self._work = sum((work(kernel) for kernel in program.kernels), 0)
        self._run = library.run
        self._run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_longlong] * 3]
        self._run.restype = None
        self._epoch = library.epoch if module.epochs else None
        if self._epoch is not None:
            # memory, rows in all, rows of a batch, first and last batch, order, sums, call, threads
            self._epoch.argtypes = [
                ctypes.c_void_p,
                *[ctypes.c_longlong] * 4,
                *[ctypes.c_void_p] * 2,
                *[ctypes.c_longlong] * 2,
            ]
            self._epoch.restype = None
        self._memories: OrderedDict[tuple[int, ...], Memory] = OrderedDict()

    def __call__(self, values: Sequence[Any], iteration: int) -> list[Array]:
        """The outputs of one step."""
        return self.repeat(1, values, iteration)

    def repeat(self, steps: int, values: Sequence[Any], iteration: int) -> list[Array]:
        """Steps on the same inputs; the outputs of the last."""
        arrays = checked_arrays(self._program.inputs, values)
        sizes = bind_sizes(self._program.inputs, arrays)
        memory = self._memory(sizes)
        memory.put(arrays)
        team = self._team(sizes)
        self.done = 0
        for count in in_turns(steps):
            self._run(memory.address, memory.sizes_address, count, iteration + self.done, team)
            if memory.failure[0]:
                self._fail(memory, sizes)
            self.done += count
        return [np.array(memory.view(node)) for node in self._program.outputs]

    def entry(self, values: Sequence[Any], single: bool) -> Callable[..., Any] | None:
        """A callable for arrays like these, which gives None for others; None where there is no such thing."""
        made = entry_type(self._compiler)
        arrays = checked_arrays(self._program.inputs, values)
        sizes = bind_sizes(self._program.inputs, arrays)
        memory = self._memory(sizes)
        looks_at_inputs = any(memory.is_given(node) for node in self._program.outputs)
        fails, draws = bool(self._module.failures), bool(self._program.streams)
        if made is None or fails or draws or looks_at_inputs:
            return None
        places = (-1 if place is None else place for place in memory.inputs)
        entry: Callable[..., Any] = made(
            ctypes.cast(self._run, ctypes.c_void_p).value,
            memory.address,
            memory.sizes_address,
            tuple(zip(places, (np.empty(array.shape, array.dtype) for array in arrays), strict=True)),
            tuple(memory.view(node) for node in self._program.outputs),
            (memory, self),
            self._team(sizes),
            single,
            resolve(self._work, sizes) > SMALL_WORK,
        )
        return entry

    def epoch(self, arrays: Sequence[Array], batch: int, order: Array | None, iteration: int) -> Array:
        """A step on every batch of rows; the outputs added up, times their rows."""
        if self._epoch is None:
            return super().epoch(arrays, batch, order, iteration)
        arrays = checked_arrays(self._program.inputs, arrays)
        count = len(arrays[0]) if order is None else len(order)
        batch = min(batch, count)
        sizes = bind_sizes(self._program.inputs, [array[:batch] for array in arrays])
        (name,) = sizes
        check_guards(self._program.guards, {name: count % batch or batch})  # of the last batch
        memory = self._memory({name: batch})
        memory.put(arrays)
        memory.prepare_rows()
        sums = np.zeros(len(self._program.outputs))
        places = [None if array is None else array.ctypes.data for array in (order, sums)]
        self.done = 0
        for some in in_turns(-(-count // batch)):
            turn = (self.done, self.done + some, *places, iteration + self.done, self._team({name: batch}))
            self._epoch(memory.address, count, batch, *turn)
            if memory.failure[0]:
                self._fail(memory, sizes)
            self.done += some
        return sums

    def _memory(self, sizes: Mapping[str, int]) -> Memory:
        key = tuple(sizes.values())
        memory = self._memories.get(key)
        if memory is None:
            check_guards(self._program.guards, dict(sizes))
            memory = self._memories[key] = Memory(self._program, self._module, sizes)
            while len(self._memories) > KEPT_SIZES:
                self._memories.popitem(last=False)
        self._memories.move_to_end(key)
        return memory

    def _team(self, sizes: Mapping[str, int]) -> int:
        """How many threads share a step."""
        return threads() if self._shares and resolve(self._work, sizes) >= SHARED_WORK else 1

    def _fail(self, memory: Memory, sizes: Mapping[str, int]) -> None:
        number, index = (int(one) for one in memory.failure)
        memory.failure[:] = 0
        node = self._module.failures[number]
        assert isinstance(node, (Take, ScatterAdd))
        length = resolve((node.operands[0] if isinstance(node, Take) else node).shape[node.axis], sizes)
        raise DataError(f"index {index} is out of range: {node.describe()} indexes {length} entries", node.origin)


def in_turns(steps: int) -> Iterator[int]:
    """Numbers of steps of calls that take about 50 ms each, so that Python can see Ctrl-C."""
    count = 1
    while steps:
        count = min(count, steps)
        start = time.perf_counter()
        yield count
        taken = max(time.perf_counter() - start, 1e-9)
        steps -= count
        count = max(1, min(8 * count, int(count * TURN / taken)))
