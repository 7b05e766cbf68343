"""symopt with the backend cuda, and what is its limit: a large copy, and CUDA written by hand, all through CuPy."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import symopt as so
from benchmarks import data
from benchmarks.data import B1, B2, BATCH, EPSILON, HALFLIFE, RATE
from benchmarks.gpu import given, timing
from benchmarks.gpu.contestant import Contestant
from benchmarks.gpu.works import COPY, HAND, LOOP
from symopt.backends import BACKENDS

ON_CPU = "BENCH_GPU_ON_CPU" in os.environ
"""Whether the stand-in of the tests plays CuPy: everything runs, and no time means anything."""

if ON_CPU:
    from tests.cuda import on_cpu

    on_cpu.use()

xp: Any = BACKENDS["cuda"].device().xp  # type: ignore[attr-defined]
clock = (
    timing.by_the_wall
    if ON_CPU
    else timing.by_events(xp.cuda.Event, lambda begin, end: xp.cuda.get_elapsed_time(begin, end))
)
COPIED_BYTES = 1 << 12 if ON_CPU else 1 << 31


def make(name: str, kind: str, size: int, tensors: bool) -> Contestant:
    """The contestant called ``name`` at a work."""
    if name == COPY:
        return copy()
    if kind.startswith("update_"):
        return update(kind.removeprefix("update_"), size, tensors)
    if kind == "network":
        return network(size, name == LOOP)
    return curve_by_hand(size) if name == HAND else curve(size)


def forget() -> None:
    """Give memory of the device back."""
    if not ON_CPU:
        xp.get_default_memory_pool().free_all_blocks()


def facts() -> dict[str, str]:
    """What is measured on."""
    if ON_CPU:
        return {"device": "the tests' stand-in, on the CPU: no time here means anything"}
    runtime = xp.cuda.runtime
    properties = runtime.getDeviceProperties(xp.cuda.Device().id)
    return {
        "device": properties["name"].decode(),
        "memory": f"{properties['totalGlobalMem'] / 2**30:.0f} GiB",
        "L2": f"{properties['l2CacheSize'] / 2**20:.0f} MiB",
        "driver (CUDA)": str(runtime.driverGetVersion()),
        "runtime (CUDA)": str(runtime.runtimeGetVersion()),
        "cupy": xp.__version__,
    }


def copy() -> Contestant:
    """A copy of 2 GiB on the device; its bandwidth counts bytes read and bytes written."""
    source, target = (xp.zeros(COPIED_BYTES, np.uint8) for _ in range(2))

    def run(steps: int) -> None:
        for _ in range(steps):
            if ON_CPU:
                target[...] = source
            else:
                target.data.copy_from_device_async(source.data, COPIED_BYTES)

    return Contestant(run, lambda: [])


def launches(function: so.Function) -> int:
    """The kernels of a step, counted in its source."""
    return function.source.count("__global__ void")


def sampled(tensors: list[Any]) -> Callable[[], list[list[float]]]:
    return lambda: [given.sample(tensor.value) for tensor in tensors]


def update(rule_name: str, size: int, tensors: bool) -> Contestant:
    rule = {
        "adam": lambda: so.Adam(learning_rate=RATE, beta1=B1, beta2=B2, epsilon=EPSILON),
        "rmsprop": lambda: so.RMSProp(learning_rate=RATE, rms_halflife=HALFLIFE, rms_regularizer=EPSILON),
        "adagrad": lambda: so.AdaGrad(learning_rate=RATE, rms_regularizer=EPSILON),
    }[rule_name]()
    inputs, params, gradients, losses = [], [], [], []
    for number, (start, gradient) in enumerate(given.update(size, tensors)):
        inputs.append(so.input(f"g{number}", shape=start.shape, dtype="float32"))
        params.append(so.parameter(start, name=f"p{number}"))
        gradients.append(xp.asarray(gradient))
        losses.append((inputs[-1] * params[-1]).sum())  # whose gradient is the input
    loss = sum(losses[1:], losses[0])
    step = so.function(inputs, [], updates=rule.get_updates(loss, params), backend="cuda")
    return Contestant(lambda k: step.repeat(k, *gradients), sampled(params), launches(step))


def network(rows: int, repeats: bool) -> Contestant:
    """Batch after batch of rows that lie on the device; or one batch over and over, bound."""
    start = data.network(rows)
    x = so.input("x", shape=("n", data.WIDTHS[0]), dtype="float32")
    labels = so.input("labels", shape=("n",), dtype="int64")
    params = [so.parameter(value, name=f"p{i}") for i, value in enumerate(start.parameters)]
    hidden = x
    for weights, bias in zip(params[:-2:2], params[1:-2:2], strict=True):
        hidden = so.tanh(hidden @ weights + bias)
    loss = so.cross_entropy(hidden @ params[-2] + params[-1], labels).mean()
    rule = so.Adam(learning_rate=start.rate, beta1=B1, beta2=B2, epsilon=EPSILON)
    step = so.function([x, labels], loss, updates=rule.get_updates(loss, params), backend="cuda")
    arrays = [xp.asarray(start.x), xp.asarray(start.labels)]
    first = [array[:BATCH] for array in arrays]
    done = [0]

    def epochs(steps: int) -> None:
        """As many batches as steps, beginning where the last call ended."""
        batches = rows // BATCH
        while steps:
            low = done[0] % batches
            count = min(steps, batches - low)
            step.epoch([array[low * BATCH : (low + count) * BATCH] for array in arrays], batch_size=BATCH)
            done[0] += count
            steps -= count

    run = (lambda k: step.repeat(k, *first)) if repeats else epochs
    return Contestant(run, sampled(params), launches(step), rotates=not repeats)


def curve(rows: int) -> Contestant:
    x_values, y_values, start = given.curve(rows)
    x, y = (so.input(name, shape=(rows,), dtype="float32") for name in "xy")
    a, b, c, d, e = params = [
        so.parameter(value, name=name, dtype="float32") for name, value in zip("abcde", start, strict=True)
    ]
    loss = so.square(a * so.exp(-b * x) * so.cos(c * x + d) + e - y).mean()
    rule = so.Adam(learning_rate=given.CURVE_RATE, beta1=B1, beta2=B2, epsilon=EPSILON)
    step = so.function([x, y], [], updates=rule.get_updates(loss, params), backend="cuda")
    arrays = [xp.asarray(x_values), xp.asarray(y_values)]
    return Contestant(lambda k: step.repeat(k, *arrays), sampled(params), launches(step))


def curve_by_hand(rows: int) -> Contestant:
    """The two kernels of limits/curve.cu."""
    x_values, y_values, start = given.curve(rows)
    x, y = xp.asarray(x_values), xp.asarray(y_values)
    source = (Path(__file__).parent / "limits" / "curve.cu").read_text(encoding="utf-8")
    module = xp.RawModule(code=source, options=("-std=c++17",))
    sums_of_rows, step = module.get_function("rows"), module.get_function("step")
    blocks = 8 * xp.cuda.Device().attributes["MultiProcessorCount"]
    state, sums = xp.asarray(np.array([*start, *np.zeros(10), 1.0, 1.0])), xp.zeros((5 * blocks,), np.float64)
    numbers = [np.float64(value) for value in (given.CURVE_RATE, B1, B2, EPSILON)]

    def run(steps: int) -> None:
        for _ in range(steps):
            sums_of_rows((blocks,), (256,), (x, y, state, sums, np.int64(rows)))
            step((1,), (256,), (state, sums, np.int32(blocks), np.int64(rows), *numbers))

    return Contestant(run, lambda: [given.sample(value) for value in state.get()[:5].reshape(5, 1)], launches=2)
