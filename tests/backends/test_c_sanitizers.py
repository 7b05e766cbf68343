"""Generated C under the sanitizers of addresses and of undefined behaviour: they find nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.backends.kept_steps import STEPS
from tests.conftest import TESTS

RUN = """
import random
import numpy as np
import symopt as so
from tests.backends.c_ways import on_threads, small_blocks
from tests.backends.compare_calls import assert_backend_agrees
from tests.backends.kept_steps import STEPS
from tests.backends.random_nodes import random_case

def run_steps():
    for make in STEPS:
        inputs, outputs, updates, sizes = make()
        f = so.function(inputs, outputs, updates, backend="c")
        for lengths in (sizes, {name: 3 for name in sizes}):
            known = {**lengths, "m": lengths.get("m", 7)}
            length = lambda dim: dim if isinstance(dim, int) else known.get(str(dim), known["m"])
            arrays = [np.ones([length(dim) for dim in x.shape], x.dtype) for x in inputs]
            f(*arrays)
            f.repeat(3, *arrays)
            if f.runs_epochs:
                f.epoch(arrays, 4)
                f.epoch(arrays, 4, np.arange(len(arrays[0]))[::-1])
        print("ran", make.__name__, flush=True)

def run_random_graphs(seeds):
    for seed in seeds:
        dtype = ("float32", "float64")[seed % 2]
        case = random_case(random.Random(seed), dtype, (), (1, 2, 5, 11), lengths=(13, 6, 1, 2))
        assert case is not None
        with small_blocks(), on_threads(1 + seed % 2):
            assert_backend_agrees(case, "c")
        print("ran", seed, flush=True)

"""

#: What each of the sanitizers must find.
WRONG = {
    "address": "int wrong(const char *p, int n) { return p[n]; }",
    "undefined": "int wrong(const char *p, int n) { return 1 << (n + p[0]); }",
}


@cache
def problem() -> str | None:
    """Why the sanitizers cannot be used here; None where they can."""
    if shutil.which("gcc") is None:
        return "gcc is not there"
    found = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=False)
    return None if Path(found.stdout.strip()).is_absolute() else "libasan is not there"


pytestmark = pytest.mark.skipif(problem() is not None, reason=problem() or "")


def sanitized(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A process in which all that is compiled is watched; arrays too, as malloc is."""
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = os.environ | {
        "LD_PRELOAD": library.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter's own
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "SYMOPT_CC": "gcc",
        "SYMOPT_CFLAGS": "-O0 -fsanitize=address,undefined -fno-sanitize-recover=undefined",
        "SYMOPT_CACHE": str(folder / "cache"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=TESTS.parent, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("code", "count"), [("run_steps()", len(STEPS)), ("run_random_graphs(range(100, 116))", 16)])
def test_sanitizers_find_nothing(code: str, count: int, tmp_path: Path) -> None:
    done = sanitized(RUN + code, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr[-20_000:]
    assert "runtime error" not in done.stderr
    assert done.stdout.count("ran ") == count


@pytest.mark.parametrize("name", WRONG)
def test_sanitizers_would_find_something(name: str, tmp_path: Path) -> None:
    code = (
        "import ctypes, numpy as np\n"
        "from symopt.backends.c import cache\n"
        "from symopt.backends.c.compiler import find_compiler\n"
        f"wrong = cache.load({WRONG[name]!r}, find_compiler()[0]).wrong\n"
        "array = np.zeros(3000, np.uint8)\n"
        "wrong(ctypes.c_void_p(array.ctypes.data), 3000)"
    )
    done = sanitized(code, tmp_path)
    assert done.returncode != 0
    assert {"address": "heap-buffer-overflow", "undefined": "shift exponent 3000"}[name] in done.stderr
