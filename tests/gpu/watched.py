"""Steps of all kinds on the GPU, for a process that compute-sanitizer watches: ``python -m tests.gpu.watched``."""

from __future__ import annotations

import sys

import numpy as np

import symopt as so
from symopt.backends import BACKENDS
from tests.backends.c_cases import KNOWN
from tests.backends.compare_calls import assert_backend_agrees
from tests.backends.kept_steps import STEPS
from tests.cuda import on_cpu

#: What each tool must find: a write behind an array, and threads that write and read the same without waiting.
WRONG = {
    "memcheck": 'extern "C" __global__ void k(float *x) { x[threadIdx.x] = 1.0f; }',
    "racecheck": """
extern "C" __global__ void k(float *x)
{
    __shared__ float all[64];
    all[threadIdx.x] = x[0];
    x[0] = all[63 - threadIdx.x];
}
""",
}


def run_kept() -> None:
    """The steps of the golden files, at the sizes that they are emitted for and at small ones."""
    for make in STEPS:
        inputs, outputs, updates, sizes = make()
        f = so.function(inputs, outputs, updates, backend="cuda")
        for lengths in (sizes, dict.fromkeys(sizes, 3)):
            arrays = [
                np.ones(
                    [
                        dim if isinstance(dim, int) else lengths[str(dim)] if str(dim) in lengths else lengths["m"]
                        for dim in x.shape
                    ],
                    x.dtype,
                )
                for x in inputs
            ]
            f(*arrays)
            f.repeat(3, *arrays)
            if f.runs_epochs and inputs:
                f.epoch(arrays, 4)
                f.epoch(arrays, 4, np.arange(len(arrays[0]))[::-1])
        print("ran", make.__name__, flush=True)


def run_known() -> None:
    """Products, sums along every axis, updates that read each other, scatters and draws."""
    for make in KNOWN:
        assert_backend_agrees(make(), "cuda")
        print("ran", make.__name__, flush=True)


def run_wrong(tool: str) -> None:
    """A kernel in which the tool must find something."""
    xp = BACKENDS["cuda"].device().xp
    kernel = xp.RawModule(code=WRONG[tool], options=("-std=c++17",)).get_function("k")
    kernel((1,), (64,), (xp.zeros(16, np.float32),))
    xp.cuda.get_current_stream().synchronize()
    print("ran wrong", flush=True)


def main(what: str) -> None:
    if on_cpu.ON_CPU:
        on_cpu.use()
    else:
        import cupy

        cupy.cuda.set_allocator(None)  # every array an allocation of its own, so that its ends are known
    if what in WRONG:
        run_wrong(what)
    else:
        {"kept": run_kept, "known": run_known}[what]()


if __name__ == "__main__":
    main(sys.argv[1])
