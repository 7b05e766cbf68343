"""CUDA sources, compiled by g++ for the CPU: each once per machine, and run by cuda_cpu.cpp."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = HERE / "cuda_cpu.h"
RUNTIME = HERE / "cuda_cpu.cpp"

#: Why sources cannot be compiled and run here; None where they can.
PROBLEM = None if sys.platform == "linux" and shutil.which("g++") else "the stand-in for CuPy needs Linux and g++"

_COMMON = ("g++", "-x", "c++", "-std=c++17", "-pipe", "-shared", "-fPIC", "-U_FORTIFY_SOURCE")
_WARNINGS = (
    "-Wall",
    "-Wno-tautological-compare",
    "-Werror",
    "-Wno-unused-function",
    "-Wno-unknown-pragmas",
)  # `#pragma unroll` is one
#: Hidden: local variables of templates would otherwise be one for all modules of a process.
_KERNEL = (*_COMMON, "-O1", "-ffp-contract=off", "-fvisibility=hidden", "-nostdlib", *_WARNINGS)
_DAYS_KEPT = 7

_BOUND = r"(?:__launch_bounds__\s*\((?P<{}>[^)]*)\)\s*)?"
_KERNELS = re.compile(
    rf'extern\s+"C"\s+__global__\s+{_BOUND.format("before")}void\s+{_BOUND.format("after")}(?P<name>\w+)\s*\('
)

_EXPLANATIONS = {
    1: "{who} waits at the barrier of line {line}, but {other} has returned",
    2: "{who} waits at the barrier of line {line}, but {other} at that of line {other_line}",
    3: "{who} waits for the lanes of its warp at line {line}, but {other} {where}",
    4: "{who} is not in the mask of its own call at line {line}",
    107: "{who} reads or writes an address that is not mapped",
    108: "{who} divides an integer by zero",
    111: "{who} reads or writes an address that is not mapped",
    126: "deadlock: {who} has not ended or waited within the time limit",
}


class LaunchError(RuntimeError):
    """A kernel that would hang, fail or be undefined on a GPU."""


class _Report(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("problem", "line", "other_line")),
        *((name, ctypes.c_uint) for name in ("thread", "other", "block")),
    )


@cache
def _version() -> str:
    return subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout


@cache
def folder() -> Path:
    """Where compiled objects of this version of the tool are kept; those long unused are removed."""
    tool = hashlib.sha256("\0".join([_version(), HEADER.read_text("utf-8"), RUNTIME.read_text("utf-8")]).encode())
    path = Path(tempfile.gettempdir()) / f"symopt-cuda-cpu-{os.getuid()}-{tool.hexdigest()[:16]}"
    path.mkdir(mode=0o700, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid != os.getuid():
        return Path(tempfile.mkdtemp())
    for file in path.iterdir():
        with contextlib.suppress(OSError):  # another process was first
            if file.stat().st_mtime < time.time() - _DAYS_KEPT * 86400:
                file.unlink()
    return path


def compile_object(source: str, flags: Sequence[str]) -> Path:
    """The shared object of a source; it is made under another name and moved, so that every file is whole."""
    key = hashlib.sha256("\0".join([*flags, source]).encode()).hexdigest()
    path = folder() / f"{key}.so"
    if path.exists():
        with contextlib.suppress(OSError):
            os.utime(path)
        return path
    handle, temporary = tempfile.mkstemp(suffix=".part", dir=folder())
    os.close(handle)
    try:
        command = [*flags, "-o", temporary, "-", "-lm"]
        done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"g++ refuses the source:\n{done.stderr}\n{_numbered(source)}")
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def _numbered(source: str) -> str:
    return "\n".join(f"{number:4d}  {line}" for number, line in enumerate(source.splitlines()))


@cache
def runtime() -> ctypes.CDLL:
    """What runs kernels; modules find its symbols, and it keeps the interpreter's lock, as it has one state."""
    path = compile_object(
        RUNTIME.read_text("utf-8"), (*_COMMON, "-O2", "-Wall", "-Wno-tautological-compare", "-Wextra")
    )
    library = ctypes.PyDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    pointer = ctypes.c_void_p
    library.cuda_cpu_find_shared.argtypes = (pointer, pointer)
    library.cuda_cpu_find_shared.restype = None
    library.cuda_cpu_launch.argtypes = (*(pointer,) * 4, ctypes.c_int, ctypes.c_double, pointer)
    return library


class Module:
    """A compiled CUDA source."""

    def __init__(self, source: str, flags: Sequence[str] = ()) -> None:
        runtime()
        self._bounds = {match["name"]: match["before"] or match["after"] for match in _KERNELS.finditer(source)}
        exported = "".join(f"CUDA_CPU_EXPORT({name})\n" for name in self._bounds)
        text = f'#line 1 "kernel.cu"\n{source}\n{exported}'
        self._library = ctypes.CDLL(str(compile_object(text, (*_KERNEL, *flags, "-include", str(HEADER)))))

    def kernel(self, name: str) -> CompiledKernel:
        """A kernel by its name."""
        if name not in self._bounds:
            raise RuntimeError(f'the source has no kernel {name} (extern "C" __global__ void)')
        bound = (self._bounds[name] or "1024").split(",")[0].strip()
        return CompiledKernel(self._library, name, int(bound) if bound.isdigit() else 1024)


class CompiledKernel:
    """A kernel, its parameters (two characters each: a pointer or a value, and of which type), its largest block."""

    def __init__(self, library: ctypes.CDLL, name: str, largest_block: int) -> None:
        self.name = name
        self.largest_block = largest_block
        describe = getattr(library, f"{name}_parameters")
        describe.restype = ctypes.c_char_p
        text = describe().decode()
        half = len(text) // 2
        self.parameters = [kind + letter for kind, letter in zip(text[:half], text[half:], strict=True)]
        self._library = library  # its code must stay
        self._thread = ctypes.cast(getattr(library, f"{name}_thread"), ctypes.c_void_p)
        self._shared = (ctypes.c_size_t * 2)()
        runtime().cuda_cpu_find_shared(self._thread, self._shared)

    def launch(self, sizes: Sequence[int], arguments: bytes, order: int, seconds: float) -> None:
        """Run all threads; grid and block are six numbers, every argument has 8 bytes."""
        report = _Report()
        numbers = (ctypes.c_uint * 6)(*sizes)
        memory = ctypes.create_string_buffer(arguments, max(1, len(arguments)))
        if runtime().cuda_cpu_launch(self._thread, memory, numbers, self._shared, order, seconds, ctypes.byref(report)):
            raise LaunchError(self._explanation(report, sizes))

    def _explanation(self, report: _Report, sizes: Sequence[int]) -> str:
        who, other = (f"thread {_place(number, sizes[3:])}" for number in (report.thread, report.other))
        where = f"waits at line {report.other_line}" if report.other_line else "has returned"
        if report.other_line == report.line:
            where += " with another mask"
        text = _EXPLANATIONS[report.problem].format(
            who=who, other=other, line=report.line, other_line=report.other_line, where=where
        )
        return f"kernel {self.name}, block {_place(report.block, sizes[:3])}: {text}"


def _place(number: int, sizes: Sequence[int]) -> tuple[int, int, int]:
    x, y, _ = sizes
    return number % x, number // x % y, number // x // y
