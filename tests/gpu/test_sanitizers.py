"""Generated CUDA under compute-sanitizer: no memory is misused, and no threads race."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.backends.c_cases import KNOWN
from tests.backends.kept_steps import STEPS
from tests.conftest import TESTS
from tests.gpu.watched import WRONG

pytestmark = pytest.mark.gpu

FOUND = 99
SECONDS = 580


@cache
def sanitizer() -> str | None:
    """compute-sanitizer: that of the PATH, or of NVIDIA's wheel; which is newest, if there are several."""
    if on_path := shutil.which("compute-sanitizer"):
        return on_path
    spec = importlib.util.find_spec("nvidia")
    roots = [] if spec is None else [Path(root) for root in spec.submodule_search_locations or ()]
    places = (path for root in roots for path in root.glob("*/bin/compute-sanitizer"))
    found = sorted(path for path in places if os.access(path, os.X_OK))  # that of a wheel for CUDA 12 is not
    return str(found[-1]) if found else None


def watched(tool: str, what: str) -> subprocess.CompletedProcess[str]:
    """A process under a tool of the sanitizer."""
    program = sanitizer()
    if program is None:
        pytest.skip(
            "compute-sanitizer is not there: it comes with CUDA, and with pip install 'cuda-toolkit[sanitizer]'"
        )
    # CuPy raises where a call of CUDA fails; what a library only tries and gets refused is no error of ours.
    options = ["--tool", tool, "--error-exitcode", str(FOUND), "--report-api-errors", "no"]
    command = [program, *options, sys.executable, "-m", "tests.gpu.watched", what]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=False, timeout=SECONDS)
    if "Device not supported" in done.stdout + done.stderr:
        pytest.skip("compute-sanitizer does not support this device here")
    return done


@pytest.mark.parametrize(("what", "count"), [("kept", len(STEPS)), ("known", len(KNOWN))])
@pytest.mark.parametrize("tool", WRONG)
def test_the_sanitizer_finds_nothing(tool: str, what: str, count: int) -> None:
    done = watched(tool, what)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5000:]
    assert done.stdout.count("ran ") == count


@pytest.mark.parametrize("tool", WRONG)
def test_the_sanitizer_would_find_something(tool: str) -> None:
    done = watched(tool, tool)
    assert done.returncode == FOUND, done.stdout[-20_000:] + done.stderr[-5000:]
