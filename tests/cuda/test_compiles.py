"""All generated CUDA that is kept as golden files compiles, for old and new GPUs, without a warning."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import GOLDEN
from tests.cuda import nvrtc

ARCHITECTURES = ("sm_75", "sm_80", "sm_90", "sm_100")

# What generated code is made of, so that there is something to compile before there is a golden file.
SAMPLE = """
__device__ static inline float half_of(float x) { return 0x1p-1f * x; }

extern "C" __global__ void sum(const float *__restrict__ x, float *__restrict__ out, long long n)
{
    __shared__ float part[256];
    float value = 0.0f;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
        value += isnan(x[i]) ? (1.0f / 0.0f) : half_of(expm1f(x[i]));
    part[threadIdx.x] = value;
    for (int width = blockDim.x / 2; width > 0; width /= 2) {
        __syncthreads();
        if (threadIdx.x < width) part[threadIdx.x] += part[threadIdx.x + width];
    }
    if (threadIdx.x == 0) atomicAdd(out, part[0]);
}
"""
WRONG = {
    "undeclared": 'extern "C" __global__ void k(float *x)\n{\n    x[0] = missing;\n}\n',
    "of another type": 'extern "C" __global__ void k(long long *x)\n{\n    int y = 1;\n    atomicAdd(x, &y);\n}\n',
    "with a warning": 'extern "C" __global__ void k(float *x)\n{\n    int unused;\n    x[0] = 1.0f;\n}\n',
}


@pytest.fixture
def needs_nvrtc() -> None:
    if problem := nvrtc.reason():
        pytest.skip(problem)


@pytest.fixture
def needs_nvcc() -> None:
    if problem := nvrtc.nvcc_reason():
        pytest.skip(problem)


def sources() -> dict[str, str]:
    """The sample and every golden file, by name."""
    paths = sorted(GOLDEN.rglob("*.cu"))
    return {"sample": SAMPLE} | {str(path.relative_to(GOLDEN)): path.read_text(encoding="utf-8") for path in paths}


@pytest.mark.usefixtures("needs_nvrtc")
@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("name", sources())
def test_nvrtc_compiles_it(name: str, arch: str) -> None:
    if arch not in nvrtc.architectures():
        pytest.skip(f"this NVRTC does not know {arch}")
    code = nvrtc.compile(sources()[name], arch)
    assert code.startswith(b"\x7fELF")


@pytest.mark.usefixtures("needs_nvcc")
def test_nvcc_compiles_them() -> None:
    def failure(name: str) -> str | None:
        try:
            made = nvrtc.nvcc(sources()[name], "sm_90")
        except nvrtc.CompileError as error:
            return f"{name}: {error}"
        return None if ".entry" in made else f"{name}: there is no kernel in it"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [found for found in pool.map(failure, sources()) if found]
    assert not failures, "\n".join(failures)


@pytest.mark.usefixtures("needs_nvrtc")
@pytest.mark.parametrize("name", WRONG)
def test_nvrtc_says_what_is_wrong(name: str) -> None:
    with pytest.raises(nvrtc.CompileError, match=r"source\.cu\([34]\): (error|warning)"):
        nvrtc.compile(WRONG[name], "sm_90")


@pytest.mark.usefixtures("needs_nvcc")
@pytest.mark.parametrize("name", WRONG)
def test_nvcc_says_what_is_wrong(name: str) -> None:
    with pytest.raises(nvrtc.CompileError, match=r"source\.cu\([34]\): (error|warning)"):
        nvrtc.nvcc(WRONG[name], "sm_90")


def test_where_there_is_no_nvrtc_the_reason_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for remembered in (nvrtc._library, nvrtc.architectures, nvrtc.reason):
        remembered.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    try:
        assert nvrtc.reason() == (
            "NVRTC was not found: install the extra cuda-check: pip install 'symopt-compiler[cuda-check]'"
        )
    finally:
        nvrtc.reason.cache_clear()


def test_where_there_is_no_nvcc_the_reason_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nvrtc.nvcc_reason.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    try:
        assert nvrtc.nvcc_reason() == "nvcc is not on the PATH: install the CUDA toolkit"
    finally:
        nvrtc.nvcc_reason.cache_clear()
