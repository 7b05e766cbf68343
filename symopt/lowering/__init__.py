"""Lowering: from a graph to a program of fused kernels over few buffers."""

from symopt.lowering.lower import lower
from symopt.lowering.memory import own_slots
from symopt.lowering.program import Buffer, Kernel, Library, Loop, Program

__all__ = ["Buffer", "Kernel", "Library", "Loop", "Program", "lower", "own_slots"]
