"""Weak numbers: hyperparameters, the iteration and what follows from them, by one thread at the beginning of a step."""

from __future__ import annotations

import re

from symopt.backends.cfamily.numbers import needed, numbers
from symopt.backends.cfamily.scope import Field
from symopt.backends.cuda.jobs import CALL, Job, passes
from symopt.backends.cuda.scope import CudaScope, Formals
from symopt.graph.nodes import Node
from symopt.lowering.names import Names
from symopt.lowering.program import is_scalar_slot


def number_jobs(scope: CudaScope, kept: dict[Node, Field]) -> list[Job]:
    """The job that computes the weak numbers that kernels read, and outputs that are numbers; none without any."""
    formals = Formals(scope, Names(scope.taken))
    loaded: dict[str, str] = {}

    def load(field: Field) -> str:
        loaded[field.name] = f"*{formals.pointer(field, name=f'at_{field.name}')}"
        return loaded[field.name]

    weak = numbers(scope, load)
    scalars = [field for field in scope.fields.values() if field.role == "scalar"]
    stores = [f"*{formals.pointer(field, writes=True, name=f'to_{field.name}')} = {field.name};" for field in scalars]
    for node, field in kept.items():
        value = scope.buffers[node].name if is_scalar_slot(node) else scope.scalars[node]
        stores.append(f"*{formals.pointer(field, writes=True, name=f'to_{field.name}')} = {value};")
    if not stores:
        return []
    words = {word for line in stores for word in re.findall(r"\w+", line)}
    lines = ["if (block > 0 || threadIdx.x > 0) return;", *needed([*weak.fixed, *weak.varying], words), *stores]
    return [formals.job("numbers", lines, passes(1), "hyperparameters and what follows from them")]


def next_call(scope: CudaScope) -> Job:
    """The job that counts a call."""
    formals = Formals(scope, Names(scope.taken))
    call = formals.pointer(scope.call_number(), writes=True)
    return formals.job("count", [f"if (block == 0 && threadIdx.x == 0) *{call} += 1;"], passes(1), f"{CALL}: the next")
