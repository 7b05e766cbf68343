"""The works mean the same to symopt and to hand-written C: one of them cannot be timed doing less than the other."""

import functools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks import limits
from benchmarks.runner import differ
from benchmarks.works import curve, factorization, networks, rosenbrock, updates


def needs() -> str:
    """What is missing to compile and run the C; empty where nothing is."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        flags = ""
    if " avx2 " not in flags or " fma " not in flags:
        return "the vectors are those of AVX2 at least"
    return "" if shutil.which("gcc") else "there is no gcc"


pytestmark = pytest.mark.skipif(bool(needs()), reason=needs())

# The contestants symopt and C of each work, a size, steps and the tolerance.
PAIRS = {
    **{
        f"{rule}_{n}": (functools.partial(updates.symopt, rule), functools.partial(updates.limit, rule), n, 4, 1e-4)
        for rule in updates.NUMBER_OF_STATES
        for n in (100, 40_000)
    },
    **{
        f"rosenbrock_{n}": (
            functools.partial(rosenbrock.symopt, True),
            functools.partial(rosenbrock.limit, True),
            n,
            10,
            1e-4,
        )
        for n in (2, 7, 100)
    },
    "factorization_small": (factorization.symopt, factorization.limit, 20, 7, 1e-4),
    "factorization_large": (factorization.symopt, factorization.limit, 400, 3, 1e-4),
    "logistic": (
        functools.partial(networks.symopt, "logistic"),
        functools.partial(networks.limit, "logistic"),
        300,
        2,
        1e-2,
    ),
    "network": (
        functools.partial(networks.symopt, "network"),
        functools.partial(networks.limit, "network"),
        256,
        2,
        1e-2,
    ),
    "curve": (curve.symopt, curve.limit, 5_000, 4, 1e-9),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("limits")


@pytest.mark.parametrize("march", ["native", "haswell"])
@pytest.mark.parametrize("name", PAIRS)
def test_symopt_and_hand_written_c_agree(name, march, cache, monkeypatch):
    monkeypatch.setenv("BENCH_BACKEND", "numexpr")
    monkeypatch.setenv("BENCH_MARCH", march)
    monkeypatch.setenv("BENCH_CACHE", str(cache))
    symopt, limit, size, steps, rtol = PAIRS[name]
    results = []
    for make in (symopt, limit):
        contestant = make(size)
        contestant.run(steps)
        contestant.run(1)  # the runs of a contestant add up
        results.append([np.asarray(array, np.float64).ravel().tolist() for array in contestant.results()])
    assert differ(*results, rtol) == ""


@pytest.mark.parametrize("source", sorted(path.stem for path in limits.HERE.glob("*.c")))
def test_hand_written_c_compiles_without_warnings(source):
    numbers = dict.fromkeys(["B1", "B2", "GAMMA", "EPSILON", "RATE", "MOMENTUM"], 0.5)
    sizes = {} if "factorization" in source else {"N": 100, "TOTAL": 256}
    command = limits.command(source, {**numbers, **sizes, "ADAM": 1})
    done = subprocess.run(
        [*command, "-fsyntax-only", "-Wall", "-Wextra", "-Werror"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
