"""Compilers of CUDA that need no GPU: NVRTC from its wheel, by ctypes, and nvcc from the PATH.

NVRTC is what CuPy compiles with on a machine with a GPU; nvcc adds the headers of CUDA, whose names must not clash.
A warning is an error for both.
"""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from symopt.backends.cuda.device import OPTIONS

_INSTALL = "install the extra cuda-check: pip install 'symopt-compiler[cuda-check]'"
_TRIAL = 'extern "C" __global__ void trial(float *x) { x[0] = 1.0f; }\n'


#: What CuPy adds to the options of every source.
CUPYS_OWN = ("-ftz=true", "--device-as-default-execution-space")


class CompileError(Exception):
    """What a compiler says of a source."""


@cache
def reason() -> str | None:
    """Why NVRTC cannot be used here, and what to install; None where it can."""
    try:
        compile(_TRIAL, architectures()[0])
    except (OSError, CompileError) as error:
        return str(error)
    return None


def compile(source: str, arch: str) -> bytes:
    """The machine code of a source for an architecture as ``"sm_90"``.

    Raises
    ------
    CompileError : with NVRTC's log, where it has an error or a warning.
    """
    nvrtc = _library()
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    _call(nvrtc.nvrtcCreateProgram, ctypes.byref(program), source.encode(), b"source.cu", 0, None, None)
    try:
        options = [option.encode() for option in (f"--gpu-architecture={arch}", *OPTIONS, *CUPYS_OWN)]
        status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        _call(nvrtc.nvrtcGetProgramLogSize, program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        _call(nvrtc.nvrtcGetProgramLog, program, log)
        # NVRTC has no option for warnings as errors. Its log is empty if there are none.
        if status or log.value.strip():
            raise CompileError(f"NVRTC for {arch}: {log.value.decode()}")
        _call(nvrtc.nvrtcGetCUBINSize, program, ctypes.byref(size))
        code = ctypes.create_string_buffer(size.value)
        _call(nvrtc.nvrtcGetCUBIN, program, code)
        return code.raw
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


@cache
def architectures() -> tuple[str, ...]:
    """What this NVRTC compiles for, oldest first."""
    nvrtc, count = _library(), ctypes.c_int()
    _call(nvrtc.nvrtcGetNumSupportedArchs, ctypes.byref(count))
    numbers = (ctypes.c_int * count.value)()
    _call(nvrtc.nvrtcGetSupportedArchs, numbers)
    return tuple(f"sm_{number}" for number in numbers)


def _call(function: Any, *arguments: Any) -> None:
    if status := function(*arguments):
        raise CompileError(f"{function.__name__} gave the status {status}")


@cache
def _library() -> ctypes.CDLL:
    """The newest NVRTC among the installed wheels, each of which has a folder of its own below ``nvidia``."""
    spec = importlib.util.find_spec("nvidia")
    roots = [] if spec is None else [Path(root) for root in spec.submodule_search_locations or ()]
    found = [path for root in roots for path in root.glob("*/lib/libnvrtc.so.*")]
    if not found:
        raise OSError(f"NVRTC was not found: {_INSTALL}")
    path = max(found, key=lambda path: [int(part) for part in path.name.split(".") if part.isdigit()])
    try:
        # NVRTC opens this one by its name alone, under which it is found if it is loaded already.
        for builtins in path.parent.glob("libnvrtc-builtins.so.*"):
            ctypes.CDLL(str(builtins))
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise OSError(f"NVRTC cannot be loaded ({error}): {_INSTALL}") from None


# ----------------------------------------------------------------------------------------------------------------- nvcc


@cache
def nvcc_reason() -> str | None:
    """Why nvcc cannot be used here, and what to install; None where it can."""
    if shutil.which("nvcc") is None:
        return "nvcc is not on the PATH: install the CUDA toolkit"
    try:
        nvcc(_TRIAL, "sm_90")
    except CompileError as error:
        return f"nvcc does not work here (it needs a C++ compiler that it knows): {error}"
    return None


def nvcc(source: str, arch: str) -> str:
    """The PTX of a source for an architecture as ``"sm_90"``.

    Raises
    ------
    CompileError : with what nvcc says, where it has an error or a warning.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "source.cu"), Path(folder, "source.ptx")
        given.write_text(source, encoding="utf-8")
        command = ["nvcc", "-ptx", f"-arch={arch}", "-Werror=all-warnings", "-o", str(made), str(given)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CompileError(f"nvcc for {arch}: {done.stdout}{done.stderr}")
        return made.read_text(encoding="utf-8")
