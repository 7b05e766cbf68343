"""Random programs with one thing wrong: the verifier finds it in every one of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

import symopt as so
from symopt.backends.numexpr.dialect import DIALECT
from symopt.graph.promotion import FLOAT32, FLOAT64
from symopt.lowering import Library, Loop, Program, lower
from symopt.lowering.program import base_of
from tests.backends.random_nodes import random_case

SEEDS = range(40)


@cache
def program(seed: int) -> Program:
    case = random_case(random.Random(seed), "float64")
    assert case is not None
    return lower(case.inputs, case.outputs, case.updates, DIALECT)


def with_kernel(sound: Program, position: int, **changes: object) -> Program:
    kernels = list(sound.kernels)
    kernels[position] = replace(kernels[position], **changes)
    return replace(sound, kernels=tuple(kernels))


def without_a_kernel(sound: Program) -> Iterator[Program]:
    for i in range(len(sound.kernels)):
        yield replace(sound, kernels=sound.kernels[:i] + sound.kernels[i + 1 :])


def with_a_kernel_before_what_it_reads(sound: Program) -> Iterator[Program]:
    for i, kernel in enumerate(sound.kernels):
        made = {node for node, _ in kernel.writes}
        for j in range(i + 1, len(sound.kernels)):
            if any(base_of(read, sound.buffers) in made for read in sound.kernels[j].reads()):
                kernels = list(sound.kernels)
                kernels.insert(i, kernels.pop(j))
                yield replace(sound, kernels=tuple(kernels))


def without_a_store(sound: Program) -> Iterator[Program]:
    for i, kernel in enumerate(sound.kernels):
        if isinstance(kernel, Loop):
            for store in kernel.stores:
                yield with_kernel(sound, i, stores=tuple(s for s in kernel.stores if s is not store))
            for reduction in kernel.reductions:
                yield with_kernel(sound, i, reductions=tuple(r for r in kernel.reductions if r is not reduction))


def with_a_body_in_the_wrong_order(sound: Program) -> Iterator[Program]:
    for i, kernel in enumerate(sound.kernels):
        if isinstance(kernel, Loop) and any(
            operand in kernel.body for node in kernel.body for operand in node.operands
        ):
            yield with_kernel(sound, i, body=kernel.body[::-1])


def without_a_copy(sound: Program) -> Iterator[Program]:
    for i in range(len(sound.copies)):
        yield replace(sound, copies=sound.copies[:i] + sound.copies[i + 1 :])


def with_a_store_of_another_dtype(sound: Program) -> Iterator[Program]:
    for i, kernel in enumerate(sound.kernels):
        if isinstance(kernel, Library):
            other = FLOAT32 if kernel.buffer.dtype != FLOAT32 else FLOAT64
            yield with_kernel(sound, i, buffer=replace(kernel.buffer, dtype=other))


def with_memory_taken_over_while_it_is_needed(sound: Program) -> Iterator[Program]:
    """A value that one kernel makes and a later one reads, overwritten by a kernel in between."""
    for j, reader in enumerate(sound.kernels):
        for read in reader.reads():
            base = base_of(read, sound.buffers)
            needed = sound.buffers.get(base)
            if needed is None or needed.role != "temporary":
                continue
            first = next(i for i, kernel in enumerate(sound.kernels) if any(node is base for node, _ in kernel.writes))
            for i in range(first + 1, j):
                kernel = sound.kernels[i]
                if isinstance(kernel, Library) and kernel.buffer.slot != needed.slot:
                    thief = replace(kernel.buffer, slot=needed.slot)
                    yield replace(with_kernel(sound, i, buffer=thief), buffers={**sound.buffers, kernel.node: thief})


def with_the_new_value_of_another(sound: Program) -> Iterator[Program]:
    variables = [variable for variable, _ in sound.updates]
    values = [value for _, value in sound.updates]
    if len(set(values)) == len(values) > 1:
        yield replace(sound, updates=tuple(zip(variables, values[1:] + values[:1], strict=True)))


MUTATIONS = [
    without_a_kernel,
    with_a_kernel_before_what_it_reads,
    without_a_store,
    with_a_body_in_the_wrong_order,
    without_a_copy,
    with_a_store_of_another_dtype,
    with_memory_taken_over_while_it_is_needed,
    with_the_new_value_of_another,
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_program_is_refused(mutation):
    mutants = 0
    for seed in SEEDS:
        program(seed).verify()
        for mutant in mutation(program(seed)):
            mutants += 1
            with pytest.raises(so.ShapeError, match="this is a defect of symopt"):
                mutant.verify()
    assert mutants >= 4
