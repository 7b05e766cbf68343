"""The stand-in for CuPy runs kernels as a GPU would, and finds the mistakes that a GPU does not tell."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.cuda import compiled
from tests.cuda import stand_in as xp
from tests.cuda.small_kernels import kernel

pytestmark = pytest.mark.skipif(compiled.PROBLEM is not None, reason=str(compiled.PROBLEM))


@pytest.fixture(params=xp.ORDERS)
def any_order(request: pytest.FixtureRequest) -> Iterator[None]:
    with xp.thread_order(request.param):
        yield


# ------------------------------------------------------------------------------------------------- threads and blocks


@pytest.mark.usefixtures("any_order")
@pytest.mark.parametrize("n", [1, 100, 1000])
def test_a_loop_with_the_stride_of_the_grid(n: int) -> None:
    k = kernel(
        "for (long long i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)"
        " y[i] = isnan(x[i]) ? -1.0f : a * expf(x[i]) + rsqrtf(4.0f);",
        "float* __restrict__ y, const float* __restrict__ x, float a, long long n",
    )
    x = np.linspace(-1, 1, n, dtype=np.float32)
    x[::7] = np.nan
    y = xp.empty(n, np.float32)
    k((3,), (32,), (y, xp.asarray(x), np.float32(2), n))
    np.testing.assert_allclose(y.get(), np.where(np.isnan(x), -1, 2 * np.exp(x) + 0.5), rtol=1e-6)


def test_every_thread_of_three_dimensions_runs_once() -> None:
    k = kernel(
        "unsigned b = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;\n"
        "unsigned t = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;\n"
        "atomicAdd(&y[b * blockDim.x * blockDim.y * blockDim.z + t], 1);",
        "int* y",
    )
    for order in xp.ORDERS:
        y = xp.zeros((2 * 3 * 4, 5 * 6 * 2), np.int32)
        with xp.thread_order(order):
            k((2, 3, 4), (5, 6, 2), (y,))
        assert (y.get() == 1).all()


def test_the_order_shows_in_a_race_and_only_there() -> None:
    racy = kernel("y[0] = threadIdx.x; y[1] = blockIdx.x;")
    tree = (
        "__shared__ float part[128];\nunsigned t = threadIdx.x;\npart[t] = 1.0f / (1 + t);\n__syncthreads();\n"
        "for (unsigned half = 64; half; half /= 2) {{ if (t < half) part[t] += part[t + half]; {barrier} }}\n"
        "if (t == 0) y[blockIdx.x] = part[0];"
    )
    results: dict[str, set[bytes]] = {"racy": set(), "right": set(), "no barrier": set()}
    kernels = {
        "racy": racy,
        "right": kernel(tree.format(barrier="__syncthreads();")),
        "no barrier": kernel(tree.format(barrier="")),
    }
    for name, k in kernels.items():
        for order in xp.ORDERS:
            y = xp.empty(4, np.float32)
            with xp.thread_order(order):
                k((4,), (128,), (y,))
            results[name].add(y.get().tobytes())
    assert len(results["racy"]) == 3
    assert len(results["right"]) == 1
    assert len(results["no barrier"]) > 1


@pytest.mark.usefixtures("any_order")
def test_warps_of_a_block_take_different_numbers_of_turns() -> None:
    k = kernel(
        "for (int row = threadIdx.x / 32; row < rows; row += blockDim.x / 32) {\n"
        "    float s = 0.0f;\n"
        "    for (int i = threadIdx.x % 32; i < 40; i += 32) s += x[row * 40 + i];\n"
        "    for (int by = 16; by; by >>= 1) s += __shfl_xor_sync(0xffffffffu, s, by);\n"
        "    if (threadIdx.x % 32 == 0) y[row] = s;\n"
        "}\n"
        "__syncthreads();\n"
        "if (threadIdx.x == 0) y[rows] = y[rows - 1] + y[0];",
        "float* y, const float* x, int rows",
    )
    x = np.arange(7 * 40, dtype=np.float32).reshape(7, 40)
    y = xp.empty(8, np.float32)
    k((1,), (96,), (y, xp.asarray(x), np.int32(7)))
    sums = x.sum(1)
    assert y.get().tolist() == [*sums, sums[-1] + sums[0]]


@pytest.mark.usefixtures("any_order")
def test_values_go_from_lane_to_lane() -> None:
    k = kernel(
        "double v = threadIdx.x + 0.5; int i = threadIdx.x;\n"
        "y[threadIdx.x] = __shfl_down_sync(0xffffffffu, v, 3);\n"
        "y[64 + threadIdx.x] = __shfl_up_sync(0xffffffffu, i, 2);\n"
        "y[128 + threadIdx.x] = __shfl_sync(0xffffffffu, v, 5);\n"
        "if (threadIdx.x % 32 < 16) v = __shfl_xor_sync(0x0000ffffu, v, 1);\n"
        "__syncwarp();\n"
        "y[192 + threadIdx.x] = v;",
        "double* y",
    )
    y = xp.empty((4, 64), np.float64)
    k((1,), (64,), (y,))
    lane, warp = np.arange(64) % 32, np.arange(64) // 32 * 32
    down = np.where(lane + 3 < 32, lane + 3, lane) + warp + 0.5
    up = np.where(lane >= 2, lane - 2, lane) + warp
    swapped = np.where(lane < 16, lane ^ 1, lane) + warp + 0.5
    assert (y.get() == [down, up, 5 + warp + 0.5, swapped]).all()


def test_a_lane_that_a_short_warp_lacks_gives_garbage() -> None:
    y = xp.empty(16, np.float32)
    kernel("y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.0f, threadIdx.x < 4 ? 16 : 1);")((1,), (16,), (y,))
    assert np.isnan(y.get()).tolist() == [True] * 4 + [False] * 12


# ------------------------------------------------------------------------------------------------------ shared memory


def test_shared_memory_is_garbage_in_every_block() -> None:
    k = kernel("__shared__ float s;\ny[blockIdx.x] = s;\n__syncthreads();\ns = 1.0f;")
    y = xp.zeros(5, np.float32)
    k((5,), (2,), (y,))
    assert np.isnan(y.get()).all()


@pytest.mark.usefixtures("any_order")
def test_shared_memory_of_templates() -> None:
    before = (
        "template <class T, int N> __device__ __forceinline__ T total(T x) {\n"
        "    __shared__ __align__(16) T part[N];\n    T before = part[threadIdx.x], s = 0;\n"
        "    __syncthreads();\n    part[threadIdx.x] = x;\n    __syncthreads();\n"
        "    for (int i = 0; i < N; i++) s += part[i];\n    return before == before ? (T)-1 : s;\n}\n"
    )
    k = kernel(
        "__shared__ float other[64];\nother[threadIdx.x] = 0.0f;\n"
        "float sum = total<float, 64>(1.0f) + total<double, 64>(threadIdx.x);\n"
        "y[blockIdx.x * 64 + threadIdx.x] = sum + other[threadIdx.x];",
        before=before,
    )
    y = xp.empty((3, 64), np.float32)
    k((3,), (64,), (y,))
    assert (y.get() == 64 + 63 * 32).all()


def test_modules_have_shared_memory_of_their_own() -> None:
    before = "template <int> __device__ float* place() { __shared__ float s[SIZE]; return s; }\n"
    small, large = (
        kernel(
            "for (int i = 0; i < SIZE; i++) y[i] = place<0>()[i];\nfor (int i = 0; i < SIZE; i++) place<0>()[i] = i;",
            before=f"#define SIZE {size}\n{before}",
        )
        for size in (4, 4000)
    )
    y = xp.empty(4000, np.float32)
    for k in (small, large, small):
        k((2,), (1,), (y,))
        assert np.isnan(y.get()[:4]).all()


# ------------------------------------------------------------------------------------------------------------ mistakes

MISTAKES = {
    "returned": (
        "if (threadIdx.x == 40) return;\n__syncthreads();",
        r"kernel k, block \(0, 0, 0\): thread \(0, 0, 0\) waits at the barrier of line 5, but thread \(40, 0, 0\) has",
    ),
    "other barrier": (
        "if (threadIdx.x < 40)\n__syncthreads();\nelse\n__syncthreads();",
        r"thread \(0, 0, 0\) waits at the barrier of line 5, but thread \(40, 0, 0\) at that of line 7",
    ),
    "lane returned": (
        "if (threadIdx.x == 40) return;\n__shfl_xor_sync(0xffffffffu, 1.0f, 1);",
        r"thread \(32, 0, 0\) waits for the lanes of its warp at line 5, but thread \(40, 0, 0\) has returned",
    ),
    "lane elsewhere": (
        "if (threadIdx.x != 40)\n__shfl_xor_sync(0xffffffffu, 1.0f, 1);\n__syncthreads();",
        r"thread \(32, 0, 0\) waits for the lanes of its warp at line 5, but thread \(40, 0, 0\) waits at line 6",
    ),
    "other mask": (
        "__syncwarp(threadIdx.x % 32 < 16 ? 0xffffffffu : 0xffff0000u);",
        r"thread \(0, 0, 0\) waits .* line 4, but thread \(16, 0, 0\) has returned",
    ),
    "not in the mask": ("__syncwarp(1u);", r"thread \(1, 0, 0\) is not in the mask of its own call at line 4"),
    "address": ("*(volatile int*)(y - 1000000000000) = 1;", "thread .* an address that is not mapped"),
    "division": ("y[0] = (int)(threadIdx.x + 5) / (int)y[1];", "divides an integer by zero"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told(name: str) -> None:
    body, message = MISTAKES[name]
    k, y = kernel(body), xp.zeros(100, np.float32)
    with pytest.raises(xp.LaunchError, match=message):
        k((2,), (64,), (y,))
    right = kernel("__syncthreads(); y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 7.0f, 1);")
    right((2,), (64,), (y,))
    assert y.get().tolist() == [7.0] * 64 + [0.0] * 36


def test_a_thread_that_waits_by_itself_is_a_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xp, "seconds_per_launch", 0.05)
    k = kernel("atomicAdd(y, 1);\nwhile (atomicCAS(y, 2, 2) != 2) {}", "int* y")
    with pytest.raises(xp.LaunchError, match=r"block \(0, 0, 0\): deadlock: thread \(0, 0, 0\)"):
        k((2,), (1,), (xp.zeros(1, np.int32),))


def test_blocks_that_are_too_big() -> None:
    y = xp.zeros(1, np.float32)
    with pytest.raises(xp.LaunchError, match="too big"):
        kernel("")((1,), (1024, 2), (y,))
    source = 'extern "C" __global__ void __launch_bounds__(64) k(float* y) {}'
    k = xp.RawModule(code=source).get_function("k")
    k((1,), (64,), (y,))
    with pytest.raises(xp.LaunchError, match="limit is 64"):
        k((1,), (65,), (y,))
    with pytest.raises(xp.LaunchError, match="no such grid"):
        k((0,), (1,), (y,))


@pytest.mark.parametrize(("index", "where"), [(10, "1 bytes after"), (12, "9 bytes after"), (-3, "9 bytes before")])
def test_writing_beside_an_array_is_told(index: int, where: str) -> None:
    k, y = kernel("y[i] = 0.0f;", "float* y, long long i"), xp.empty(10, np.float32)
    with pytest.raises(xp.LaunchError, match=f"kernel k: written {where} an array of 40 bytes"):
        k((1,), (1,), (y, index))
    k((1,), (1,), (y, 9))
    y_address, z = y.data.ptr, xp.zeros(1, np.float32)
    k((1,), (1,), (z, (y_address - z.data.ptr) // 4 + 10))  # through another array: found by the next check
    with pytest.raises(xp.LaunchError, match="a kernel: written"):
        xp.check_canaries()
    xp.check_canaries()
