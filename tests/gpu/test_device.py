"""What the stand-in for CuPy cannot show: real graphs, streams, copies that overlap, and tensors of torch."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symopt as so
from symopt.backends import BACKENDS
from symopt.backends.cuda.plans import Plan

pytestmark = pytest.mark.gpu

ROWS = 10_000


@pytest.fixture
def xp() -> Any:
    return BACKENDS["cuda"].device().xp


def model(backend: str = "cuda") -> tuple[list[so.Tensor], so.Function]:
    """A network whose step is several kernels and products, with all kinds of sums."""
    rng = np.random.default_rng(3)
    x = so.input("x", shape=("n", 40), dtype="float32")
    labels = so.input("labels", shape=("n",), dtype="int64")
    shapes = ((40, 64), (64,), (64, 10))
    params = [so.parameter(rng.normal(size=shape).astype(np.float32), name=f"p{i}") for i, shape in enumerate(shapes)]
    w, b, v = params
    loss = so.cross_entropy(so.tanh(x @ w + b) @ v, labels).mean()
    updates = so.Adam(learning_rate=0.01).get_updates(loss, params)
    return params, so.function([x, labels], loss, updates=updates, backend=backend)


def vector(size: int = 1_000_003) -> tuple[so.Tensor, so.Function]:
    """A step without a product, which is captured as a graph."""
    g = so.input("g", shape=(size,), dtype="float32")
    p = so.parameter(np.linspace(-1, 1, size, dtype=np.float32), name="p")
    updates = so.Adam(learning_rate=0.01).get_updates((g * so.square(p)).sum(), [p])
    return p, so.function([g], so.square(p).sum(), updates=updates, backend="cuda")


def rows(seed: int = 5) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(ROWS, 40)).astype(np.float32), rng.integers(0, 10, ROWS)]


def gradient() -> np.ndarray:
    return np.random.default_rng(9).normal(size=1_000_003).astype(np.float32)


def states_after(run: Callable[[so.Function], object]) -> list[np.ndarray]:
    """The parameters of a new model after what ``run`` does with its function."""
    params, step = model()
    run(step)
    return [param.value.copy() for param in params]


def assert_same_bits(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32))


def test_a_replayed_graph_gives_the_bits_of_launches_one_by_one(xp, monkeypatch):
    found = []
    for captures in (True, False):
        with monkeypatch.context() as patched:
            if not captures:
                patched.setattr(Plan, "__call__", Plan._launch)
            p, step = vector()
            given = xp.asarray(gradient())
            losses = [step.repeat(7, given), step(given)]
            found.append([p.value.copy(), np.array(losses, np.float32)])
    assert_same_bits(*found)


def test_a_step_really_becomes_a_graph(xp, monkeypatch):
    captured = []
    begin = Plan.__call__

    def watched(plan: Plan) -> None:
        begin(plan)
        captured.append(plan._graph)

    monkeypatch.setattr(Plan, "__call__", watched)
    _, step = vector()
    step.repeat(3, xp.asarray(gradient()))
    assert captured[0] is None
    assert captured[1] is not None
    assert captured[2] is captured[1]


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("batch", [128, 999])
def test_streamed_batches_give_the_bits_of_batches_one_by_one(xp, batch, shuffled):
    arrays = rows()
    order = np.random.default_rng(1).permutation(ROWS) if shuffled else np.arange(ROWS)

    def streamed(step: so.Function) -> None:
        for _ in range(2):
            step.epoch(arrays, batch, order if shuffled else None)

    def one_by_one(step: so.Function) -> None:
        for low in (*range(0, ROWS, batch), *range(0, ROWS, batch)):
            step(*(array[order[low : low + batch]] for array in arrays))

    assert_same_bits(states_after(streamed), states_after(one_by_one))


def test_an_epoch_of_arrays_on_the_device_gives_the_bits_of_a_streamed_one(xp):
    arrays = rows()
    order = np.random.default_rng(1).permutation(ROWS)
    found = [
        states_after(lambda step, given=given: step.epoch(given, 256, order))
        for given in (arrays, [xp.asarray(array) for array in arrays])
    ]
    assert_same_bits(*found)


@pytest.mark.parametrize("non_blocking", [False, True])
def test_the_current_stream_is_used(xp, non_blocking):
    arrays = rows()

    def elsewhere(step: so.Function) -> None:
        stream = xp.cuda.Stream(non_blocking=non_blocking)
        with stream:
            step.epoch(arrays, 128)
            step.repeat(3, *(xp.asarray(array[:100]) for array in arrays))
        stream.synchronize()

    def here(step: so.Function) -> None:
        step.epoch(arrays, 128)
        step.repeat(3, *(array[:100] for array in arrays))

    assert_same_bits(states_after(elsewhere), states_after(here))


def test_a_graph_captured_in_one_stream_runs_in_another(xp):
    given = xp.asarray(gradient())
    xp.cuda.get_current_stream().synchronize()
    p, step = vector()
    for _ in range(4):
        stream = xp.cuda.Stream(non_blocking=True)
        with stream:
            step(given)
        stream.synchronize()
    q, twin = vector()
    twin.repeat(4, given)
    assert_same_bits([p.value], [q.value])


def test_the_same_bits_run_after_run():
    arrays = rows()

    def run(step: so.Function) -> None:
        step.epoch(arrays, 128, np.random.default_rng(2).permutation(ROWS))
        step.repeat(20, *(array[:500] for array in arrays))

    first = states_after(run)
    for _ in range(3):
        assert_same_bits(first, states_after(run))


def test_the_network_does_what_the_numpy_backend_does():
    arrays = rows()
    (params, step), (twins, twin) = model(), model("numpy")
    for low in range(0, 5000, 500):
        batch = [array[low : low + 500] for array in arrays]
        np.testing.assert_allclose(np.asarray(step(*batch)), np.asarray(twin(*batch)), rtol=2e-3)
    for one, other in zip(params, twins, strict=True):
        np.testing.assert_allclose(one.value, other.value, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("requires_grad", [False, True])
def test_tensors_of_torch_on_the_gpu_are_taken_without_a_copy(xp, requires_grad):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    if not torch.cuda.is_available():
        pytest.skip("this torch finds no GPU")
    arrays = rows()
    tensors = [torch.tensor(array, device="cuda") for array in arrays]
    given = [tensors[0].requires_grad_(requires_grad), tensors[1]]
    found = [states_after(lambda step, of=of: step.repeat(3, *(a[:300] for a in of))) for of in (arrays, given)]
    assert_same_bits(*found)


def test_memory_does_not_grow_from_step_to_step(xp):
    pool = xp.get_default_memory_pool()
    arrays = rows()
    _, step = model()
    step.epoch(arrays, 128)
    gc.collect()  # what other tests have left must not hide what this one leaves
    used = pool.used_bytes()
    for _ in range(5):
        step.epoch(arrays, 128)
    gc.collect()
    assert pool.used_bytes() == used


@pytest.mark.parametrize("stack", [(), (3,)])
def test_large_products_are_the_devices_own(stack):
    rng = np.random.default_rng(0)
    a, b = (so.parameter(rng.normal(size=(*stack, 700, 700)).astype(np.float32), name=name) for name in "ab")
    swapped = (*range(len(stack)), len(stack) + 1, len(stack))
    outputs = [a @ b, a @ so.transpose(b, swapped), so.transpose(a, swapped) @ b]
    f, twin = (so.function([], outputs, backend=backend) for backend in ("cuda", "numpy"))
    assert "product(" not in f.source
    for one, other in zip(f(), twin(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
