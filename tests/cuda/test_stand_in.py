"""The stand-in for CuPy takes what CuPy takes, and keeps host and device apart."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cuda import compiled
from tests.cuda import stand_in as xp
from tests.cuda.small_kernels import kernel

pytestmark = pytest.mark.skipif(compiled.PROBLEM is not None, reason=str(compiled.PROBLEM))


@pytest.fixture(autouse=True)
def _no_capture_is_left() -> Iterator[None]:
    yield
    xp.forget_captures()


# ------------------------------------------------------------------------------------------------------------- modules


def test_what_the_compiler_says() -> None:
    for body, words in (("y[0] = z;", "kernel.cu:4.*'z'|‘z’ was not declared"), ("int i;", "unused variable")):
        with pytest.raises(RuntimeError, match=words):
            kernel(body)
    with pytest.raises(RuntimeError, match="no kernel other"):
        xp.RawModule(code='extern "C" __global__ void k() {}').get_function("other")


def test_headers_and_what_they_define_are_refused() -> None:
    for body in ("y[0] = INFINITY;", "int32_t i = 0; y[0] = i;", "long long i = 0; atomicAdd((long long*)y, i);"):
        with pytest.raises(RuntimeError, match="refuses"):
            kernel(body)


# ----------------------------------------------------------------------------------------------------------- arguments


def test_numbers_are_passed_with_their_own_sizes() -> None:
    k = kernel(
        "y[0] = a; y[1] = b; y[2] = c; y[3] = d; y[4] = e; y[5] = f; y[6] = g; y[7] = h; y[8] = i; y[9] = j;",
        "double* y, bool a, signed char b, unsigned short c, int d, unsigned e, long long f, float g, double h, "
        "long long i, double j",
    )
    y = xp.empty(10, np.float64)
    numbers = (np.bool_(True), np.int8(-2), np.uint16(65535), np.int32(-4), np.uint32(2**32 - 1), np.int64(-(2**40)))
    values = (*numbers, np.float32(1.5), np.float64(0.1), -7, 0.3)
    k((1,), (1,), (y, *values))
    assert y.get().tolist() == [float(value) for value in values]


def test_wrong_arguments_are_refused() -> None:
    k, y = kernel("y[0] = i;", "float* y, int i"), xp.zeros(4, np.float32)
    one = np.int32(1)
    wrong: list[tuple[Any, ...]] = [
        *[(np.zeros(4, np.float32), one), (None, one), (y, "1")],  # not on the device, not numbers
        *[(y, 1), (y, np.float32(1)), (y, np.int64(1)), (xp.zeros(4), one), (one, one), (y, y)],  # not as declared
        *[(y,), (y, one, one)],
    ]
    for arguments in wrong:
        with pytest.raises(TypeError):
            k((1,), (1,), arguments)
    assert y.get().tolist() == [0.0] * 4
    raw = xp.zeros(16, np.uint8)
    k((1,), (1,), (raw[4:], one))  # bytes may be any memory
    assert raw.get().view(np.float32).tolist() == [0.0, 1.0, 0.0, 0.0]
    with pytest.raises(xp.LaunchError, match="misaligned"):
        k((1,), (1,), (raw[1:], one))


def test_functions_and_constants_of_cuda() -> None:
    k = kernel(
        "y[0] = __umulhi(0x80000000u, 6u); y[1] = __umul64hi(1ull << 63, 10ull); y[2] = max(1.0f, 2.0f);\n"
        "y[3] = min(3, 4); y[4] = rsqrt(0.25); y[5] = fmod(5.5, 2.0); y[6] = erff(0.0f); y[7] = table[1];\n"
        "y[8] = __ldg(y); y[9] = atomicMax((unsigned*)y + 30, 3u); y[10] = copysignf(fabsf(-2.0f), -1.0f);\n"
        "y[11] = normcdf(0.0); y[12] = __int_as_float(0x3f800000); __threadfence();",
        "double* y",
        before="__constant__ double table[2] = {1.0, 2.0};\n__device__ __noinline__ int unused(int x) { return x; }",
    )
    y = xp.zeros(20, np.float64)
    k((1,), (1,), (y,))
    assert y.get()[:13].tolist() == [3, 5, 2, 3, 2, 1.5, 0, 2, 3, 0, -2, 0.5, 1]


# -------------------------------------------------------------------------------------------------------------- arrays


def test_arrays_go_to_the_device_and_back() -> None:
    host = np.arange(6, dtype=np.float32).reshape(2, 3)
    device = xp.asarray(host)
    assert isinstance(device, xp.ndarray)
    assert not np.shares_memory(device.view(np.ndarray), host)
    back = device.get()
    assert type(back) is np.ndarray
    assert not np.shares_memory(back, device.view(np.ndarray))
    device.set(host + 1)
    np.testing.assert_array_equal(xp.asnumpy(device), host + 1)
    out = np.empty((2, 3), np.float32)
    assert device.get(out=out) is out
    assert device.data.ptr % 256 == 0
    assert device[1, 2].data.ptr == device.data.ptr + 20
    assert device[1, 2].shape == ()
    assert np.isnan(xp.empty(3, np.float32).get()).all()
    assert xp.zeros((), np.int32).get() == 0
    assert xp.empty((0, 3)).get().shape == (0, 3)
    assert "OnDevice" in repr(device)


def test_functions_on_arrays() -> None:
    a = np.random.default_rng(0).standard_normal((4, 4))
    device, out = xp.asarray(a), xp.empty((4, 4))
    assert xp.matmul(device, device.T, out=out) is out
    np.testing.assert_array_equal(out.get(), a @ a.T)
    assert xp.argsort(xp.asarray(np.array([2, 1, 2, 1]))).get().tolist() == [1, 3, 0, 2]
    strided = xp.lib.stride_tricks.as_strided(device[1], (2, 2), (32, 8))
    np.testing.assert_array_equal(strided.get(), a[1:3, :2])
    assert np.shares_memory(strided.view(np.ndarray), device.view(np.ndarray))


def test_host_and_device_do_not_mix() -> None:
    host: Any = np.zeros(3)
    device: Any = xp.zeros(3)
    for mixed in (
        lambda: xp.matmul(device, host),
        lambda: xp.argsort(host),
        lambda: device.__setitem__(..., host),
        lambda: device + host,
        lambda: host + device,
        lambda: np.concatenate([host, device]),
        lambda: np.copyto(host, device),
        lambda: device.set(device),
        lambda: device.get(out=device),
        lambda: xp.from_dlpack(host),
        lambda: device.astype(np.float32).data.ptr,
    ):
        with pytest.raises(TypeError):
            mixed()
    device[...] = xp.asarray(np.arange(3.0))
    device[1] = 7
    assert device.get().tolist() == [0, 7, 2]


def test_other_libraries_share_their_memory() -> None:
    owned = xp.zeros(4, np.float32)
    for foreign in (xp.DeviceTensor(owned), owned):
        array = xp.from_dlpack(foreign)
        assert isinstance(array, xp.ndarray)
        assert array.data.ptr == owned.data.ptr
    kernel("y[threadIdx.x] = threadIdx.x;")((1,), (4,), (xp.from_dlpack(xp.DeviceTensor(owned)),))
    assert owned.get().tolist() == [0, 1, 2, 3]


def test_the_machine() -> None:
    memory = xp.cuda.alloc_pinned_memory(20)
    assert np.frombuffer(memory, np.float32, 5).shape == (5,)
    assert xp.cuda.is_available()
    assert xp.cuda.runtime.getDeviceCount() == 1
    assert xp.cuda.Device().attributes["MultiProcessorCount"] == 2
    assert xp.cuda.Device().compute_capability == "90"


# ------------------------------------------------------------------------------------------------------------- capture


def test_what_is_captured_runs_when_the_graph_is_launched() -> None:
    k, y, z = kernel("y[0] += i;", "float* y, int i"), xp.zeros(1, np.float32), xp.zeros(1, np.float32)
    stream = xp.cuda.Stream(non_blocking=True)
    with stream:
        assert xp.cuda.get_current_stream() is stream
        stream.begin_capture()
        k((1,), (1,), (y, np.int32(1)))
        k((1,), (1,), (y, np.int32(10)))
        z.fill(5)
        graph = stream.end_capture()
    assert y.get() == 0
    assert z.get() == 0
    for _ in range(3):
        graph.launch(stream=stream)
    k((1,), (1,), (y, np.int32(100)))
    assert y.get() == 133
    assert z.get() == 5
    event = stream.record(xp.cuda.Event(disable_timing=True))
    stream.wait_event(event)
    event.synchronize()
    stream.synchronize()


def test_what_cannot_be_captured_spoils_the_capture() -> None:
    y = xp.zeros((2, 2))
    for refused in (
        lambda: xp.matmul(y, y),
        lambda: xp.argsort(y),
        lambda: y.set(np.zeros((2, 2))),
        lambda: y.get(),
        lambda: xp.empty(1),
        lambda: xp.cuda.Event().synchronize(),
    ):
        with xp.cuda.Stream(non_blocking=True) as stream:
            stream.begin_capture()
            with pytest.raises(RuntimeError, match="while a stream is captured"):
                refused()
            with pytest.raises(RuntimeError, match="capture has failed"):
                stream.end_capture()
    y.get()


def test_launches_beside_a_capture() -> None:
    k, y = kernel("y[0] += 1;"), xp.zeros(1, np.float32)
    stream, other = xp.cuda.Stream(non_blocking=True), xp.cuda.Stream(non_blocking=True)
    stream.begin_capture()
    with other:
        k((1,), (1,), (y,))
    with pytest.raises(RuntimeError, match="blocking stream"):
        k((1,), (1,), (y,))
    xp.forget_captures()
    assert y.get() == 1


def test_a_graph_does_not_keep_memory() -> None:
    k, y = kernel("y[0] += 1;"), xp.zeros(1, np.float32)
    with xp.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture()
        k((1,), (1,), (y,))
        graph = stream.end_capture()
    graph.launch()
    del y
    gc.collect()
    with pytest.raises(xp.LaunchError, match="has been freed"):
        graph.launch()


# --------------------------------------------------------------------------------------------------------------- cache


def test_sources_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    source = f'extern "C" __global__ void k(int* y) {{ y[0] = {os.getpid()}; }}'
    xp.RawModule(code=source).get_function("k")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("compiled again"))
    y = xp.zeros(1, np.int32)
    xp.RawModule(code=source).get_function("k")((1,), (1,), (y,))
    assert y.get() == os.getpid()


def test_processes_may_compile_at_the_same_time(tmp_path: Path) -> None:
    code = (
        "import numpy as np\nfrom tests.cuda import stand_in as xp\ny = xp.zeros(1, np.int32)\n"
        """module = xp.RawModule(code='extern "C" __global__ void k(int* y) { y[0] = 5; }')\n"""
        "module.get_function('k')((1,), (1,), (y,))\nprint(y.get()[0])"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    root = Path(__file__).resolve().parents[2]
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment, cwd=root)
        for _ in range(4)
    ]
    assert [process.communicate()[0].strip() for process in processes] == ["5"] * 4
    assert not list(tmp_path.rglob("*.part"))
    assert len(list(tmp_path.rglob("*.so"))) == 2  # the kernel, and what runs it
