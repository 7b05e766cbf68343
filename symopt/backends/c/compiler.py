"""The C compiler of this machine: which one, what it can, and what it says when it fails."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from symopt.backends.threads import waiting_briefly
from symopt.errors import CompileError

#: NaN, infinities and denormals stay what they are in NumPy: nothing of -ffast-math. Functions set no errno, and
#: nobody looks at the flags of exceptions.
FLAGS = (
    *("-std=gnu11", "-O3", "-fPIC", "-shared", "-fno-semantic-interposition"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
    # One call that gives sine and cosine together has no vector form.
    *("-fno-builtin-sin", "-fno-builtin-cos", "-fno-builtin-sinf", "-fno-builtin-cosf"),
)
#: What a compiler does not know of these, it does without.
OPTIONAL = ("-march=native", "-mprefer-vector-width=512", "-fopenmp")
#: How the vector library of C is linked, and how a source is told that it is there.
_VECTOR_LIBRARIES, _VECTOR_FLAG = ("-lmvec", "-lm"), "-DSYMOPT_VECTOR_MATH"
#: Flags and libraries with which a compiler works.
Working = tuple[list[str], tuple[str, ...]]
_PROBE = "int probe(int x) { return x + 1; }\n"
_OPENMP_PROBE = """
void share(int n, float *x)
{
#pragma omp parallel for
    for (int i = 0; i < n; i++) x[i] += 1;
}
"""
_VECTOR_PROBE = """
#define VECTOR __attribute__((simd("notinbranch"), const))
VECTOR extern float tanhf(float);
VECTOR extern double erf(double);
void vectors(int n, float *x, double *y) { for (int i = 0; i < n; i++) { x[i] = tanhf(x[i]); y[i] = erf(y[i]); } }
"""


@dataclass(frozen=True)
class Compiler:
    """A compiler that works: how it is called, what it calls itself, and whether its code may use threads."""

    command: tuple[str, ...]
    flags: tuple[str, ...]
    libraries: tuple[str, ...]
    version: str
    openmp: bool

    def with_flags(self, flags: tuple[str, ...]) -> Compiler:
        """The same with further flags."""
        return replace(self, flags=(*self.flags, *flags))

    def compile(self, source: str, target: Path) -> None:
        """Compile the text of one file into a shared object."""
        code = target.with_suffix(".c")
        code.write_text(source, encoding="utf-8")
        command = [*self.command, *self.flags, "-o", str(target), str(code), *self.libraries]
        done = _run(command)
        if done.returncode:
            raise CompileError(
                f"the C compiler failed ({done.returncode}): {shlex.join(command)}\n{done.stderr.strip()}\n"
                + "\n".join(f"{number:4d}  {line}" for number, line in enumerate(source.splitlines(), 1))
            )


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    except OSError as error:  # not a program
        return subprocess.CompletedProcess(command, 127, "", str(error))


def find_compiler() -> tuple[Compiler | None, str]:
    """The compiler, or None and why there is none."""
    return _find(os.environ.get("SYMOPT_CC", ""), os.environ.get("SYMOPT_CFLAGS", ""))


@cache
def _find(chosen: str, extra: str) -> tuple[Compiler | None, str]:
    candidates = [shlex.split(chosen)] if chosen.strip() else [["cc"], ["gcc"], ["clang"]]
    reasons = []
    for command in candidates:
        if shutil.which(command[0]) is None:
            reasons.append(f"{command[0]} is not there")
            continue
        with tempfile.TemporaryDirectory(prefix="symopt-") as folder:
            found, reason = _probe(tuple(command), tuple(shlex.split(extra)), Path(folder))
        if found is not None:
            return found, reason
        reasons.append(reason)
    return None, f"no C compiler works: {'; '.join(reasons)}; install gcc or clang, or name one in SYMOPT_CC"


def _probe(command: tuple[str, ...], extra: tuple[str, ...], folder: Path) -> tuple[Compiler | None, str]:
    version = (_run([*command, "--version"]).stdout.splitlines() or ["unknown"])[0]
    found = _all_at_once(command, folder) or _one_by_one(command, folder)
    if isinstance(found, str):
        return None, f"{shlex.join(command)} fails: {found}"
    flags, libraries = found
    compiler = Compiler(command, (*flags, *extra), libraries, version, "-fopenmp" in flags)
    lacks = [] if compiler.openmp else ["no OpenMP: one thread"]
    lacks += [] if "-lmvec" in libraries else ["no vector library for exp, tanh and the like"]
    return compiler, f"C by {version}" + (f" ({'; '.join(lacks)})" if lacks else "")


def _all_at_once(command: tuple[str, ...], folder: Path) -> Working | None:
    """Everything, if it works together: that takes one look."""
    flags = [*FLAGS, *OPTIONAL]
    if _loads(command, [*flags, "-Werror"], _OPENMP_PROBE + _VECTOR_PROBE, folder, _VECTOR_LIBRARIES):
        return [*flags, _VECTOR_FLAG], _VECTOR_LIBRARIES
    return None


def _one_by_one(command: tuple[str, ...], folder: Path) -> Working | str:
    """What works, of one thing after the other; or what the compiler says where nothing does."""
    flags = [*FLAGS]
    failed = _try(command, flags, _PROBE, folder)
    if failed is not None:
        return failed
    for flag in OPTIONAL:
        if _try(command, [*flags, flag], _PROBE, folder) is None:
            flags.append(flag)
    if "-fopenmp" in flags and not _loads(command, flags, _OPENMP_PROBE, folder):
        flags.remove("-fopenmp")
    if _try(command, [*flags, "-Werror"], _VECTOR_PROBE, folder, _VECTOR_LIBRARIES) is None:
        return [*flags, _VECTOR_FLAG], _VECTOR_LIBRARIES
    return flags, ("-lm",)


def _loads(
    command: tuple[str, ...], flags: list[str], source: str, folder: Path, libraries: tuple[str, ...] = ("-lm",)
) -> bool:
    """Whether what the compiler makes of a source can be loaded: a library that it needs may be missing."""
    if _try(command, flags, source, folder, libraries) is not None:
        return False
    try:
        with waiting_briefly():
            ctypes.CDLL(str(folder / "probe.so"))
    except OSError:
        return False
    finally:  # what is loaded must not be written over
        (folder / "probe.so").unlink()
    return True


def _try(
    command: tuple[str, ...], flags: list[str], source: str, folder: Path, libraries: tuple[str, ...] = ("-lm",)
) -> str | None:
    """What the compiler says against a source; None if it takes it."""
    code, target = folder / "probe.c", folder / "probe.so"
    code.write_text(source, encoding="utf-8")
    done = _run([*command, *flags, "-o", str(target), str(code), *libraries])
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason given"])[0]
