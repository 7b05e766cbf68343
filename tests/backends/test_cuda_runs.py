"""The host's side of the CUDA backend: what lies where, graphs, epochs, failures, and life without a GPU."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

import symopt as so
from symopt.backends import BACKENDS
from symopt.backends.cuda import CudaBackend, build
from symopt.backends.cuda import device as device_module
from symopt.backends.cuda.device import Device, find_cupy
from symopt.backends.cuda.emit import emit
from symopt.backends.cuda.jobs import THREADS, TILE
from symopt.backends.cuda.plans import Plan
from symopt.backends.cuda.schedule import SHARED_MEMORY
from symopt.errors import CompileError, DataError, Unsupported
from symopt.graph.nodes import Node, Shared
from tests.cuda import stand_in
from tests.cuda.compiled import PROBLEM
from tests.cuda.on_cpu import ON_CPU

on_cpu = pytest.mark.skipif(not ON_CPU, reason=PROBLEM or "there is a GPU: tests/gpu looks at it")


def fitted(rows: int = 50, backend: str = "cuda") -> tuple[so.Function, Shared, list[np.ndarray]]:
    """A step of Adam on a line through points."""
    rng = np.random.default_rng(3)
    x, y = so.input("x", ("n", 3), "float32"), so.input("y", ("n",), "float32")
    w = so.parameter(np.zeros(3, "float32"), "w")
    loss = so.square(so.tanh(x @ w) - y).mean()
    updates = so.Adam(learning_rate=0.1).get_updates(loss)
    data = [rng.normal(size=shape).astype("float32") for shape in ((rows, 3), (rows,))]
    return so.function([x, y], loss, updates, backend=backend), w, data


# ------------------------------------------------------------------------------------------------------- without a GPU


def nothing_there() -> CudaBackend:
    return CudaBackend(lambda: (None, "CuPy is not installed: pip install it"))


@contextmanager
def registered(backend: CudaBackend) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKENDS, "cuda", backend)
        yield


def test_without_cupy_it_says_what_to_install_and_emits_all_the_same() -> None:
    with registered(nothing_there()):
        assert not so.backends()["cuda"].available
        f, _, data = fitted()
        assert "__global__" in f.source
        with pytest.raises(Unsupported, match=r"cuda cannot run here: CuPy is not installed: pip install"):
            f(*data)


def test_what_is_said_of_cupy_here_is_true() -> None:
    xp, reason = find_cupy()
    why = (
        "CuPy is not installed",
        "CuPy finds no GPU",
        "CuPy cannot be used",
        "CuPy cannot compile",
        "NVRTC is of CUDA",
    )
    assert (xp is None) == reason.startswith(why)


def cupy_like(count: int = 1, compiler: int = 13, driver: int = 13000) -> SimpleNamespace:
    """As much of CuPy as is looked at to see whether it can be used."""

    def version() -> tuple[int, int]:
        if not compiler:
            raise RuntimeError("libnvrtc is not there")
        return compiler, 0

    cuda = SimpleNamespace(
        runtime=SimpleNamespace(
            getDeviceCount=lambda: count,
            driverGetVersion=lambda: driver,
            getDeviceProperties=lambda device: {"name": b"a GPU"},
        ),
        nvrtc=SimpleNamespace(getVersion=version),
        Device=lambda: SimpleNamespace(id=0),
    )
    return SimpleNamespace(cuda=cuda, __version__="14.0")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "generated CUDA by CuPy 14.0 on a GPU"),
        ({"count": 0}, "CuPy finds no GPU"),
        ({"compiler": 0}, r"CuPy cannot compile: libnvrtc is not there; pip install"),
        ({"driver": 12080}, "NVRTC is of CUDA 13, and the driver knows CUDA 12 at most"),
    ],
)
def test_cupy_is_used_only_if_it_can_compile_for_a_gpu(
    options: dict[str, int], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "cupy", cupy_like(**options))
    xp, reason = find_cupy()
    assert re.match(words, reason)
    assert (xp is None) == bool(options)


def test_auto_is_never_cuda_for_what_lies_on_the_host() -> None:
    f, _, _ = fitted(backend="auto")
    assert f.backend != "cuda"


# --------------------------------------------------------------------------------------------------- what lies where


@on_cpu
def test_values_and_hyperparameters_are_the_newest_wherever_they_are_written() -> None:
    f, w, data = fitted()
    g, v, _ = fitted(backend="numpy")
    rate = next(node for node in _shared(f) if node.name == "learning_rate")
    other = next(node for node in _shared(g) if node.name == "learning_rate")
    for turn in range(4):
        np.testing.assert_allclose(f(*data), g(*data), rtol=1e-5)
        np.testing.assert_allclose(w.value, v.value, rtol=1e-5)
        if turn == 1:
            w.value = v.value = np.ones(3, "float32")
        if turn == 2:
            rate.storage.array[...] = other.storage.array[...] = 0.5


def _shared(f: so.Function) -> list[Shared]:
    from_updates = [variable for variable, _ in f.task.updates]
    nodes: list[Node] = [value for _, value in f.task.updates]
    seen: dict[Node, None] = {}
    while nodes:
        node = nodes.pop()
        if node not in seen:
            seen[node] = None
            nodes += node.operands
    return [*from_updates, *(node for node in seen if isinstance(node, Shared))]


@on_cpu
@pytest.mark.parametrize("other", [name for name, record in so.backends().items() if record.available])
def test_functions_of_several_backends_work_on_the_same_parameters(other: str) -> None:
    w = so.parameter(np.zeros(2000), "w")
    there = so.function([], w.sum(), [(w, w + 1)], backend="cuda")
    here = so.function([], w.sum(), [(w, w * 2)], backend=other)
    found = [float(f()) for f in (there, here, there, here, here, there)]
    assert found == [0, 2000, 4000, 6000, 12000, 24000]
    assert (w.value == 13).all()


@on_cpu
def test_nothing_goes_to_and_fro_between_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    f, w, data = fitted()
    arrays = [stand_in.asarray(array) for array in data]
    f(*arrays)
    copies: list[str] = []
    for name in ("get", "set"):
        method = getattr(stand_in.ndarray, name)

        def counted(self: object, *rest: object, name: str = name, method: object = method, **more: object) -> object:
            copies.append(name)
            return method(self, *rest, **more)  # type: ignore[operator]

        monkeypatch.setattr(stand_in.ndarray, name, counted)
    f.repeat(10, *arrays)
    assert copies == ["get"]  # the loss
    assert w.value.any()
    assert copies == ["get", "get"]


# ------------------------------------------------------------------------------------------------------------- graphs


@on_cpu
def test_a_step_becomes_a_graph_which_does_the_same() -> None:
    f, w, data = fitted()
    f.repeat(6, *data)
    plans = [plan for prepared in f._runner._memories.values() for plan in prepared._plans.values()]  # type: ignore[union-attr]
    assert [plan._graph is not None for plan in plans] == [True]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plan, "__call__", Plan._launch)
        g, v, _ = fitted()
        g.repeat(6, *data)
    np.testing.assert_array_equal(w.value, v.value)


@on_cpu
def test_arrays_of_the_device_that_move_have_graphs_of_their_own_and_few() -> None:
    f, w, data = fitted()
    g, v, _ = fitted()
    for _ in range(30):
        f(*[stand_in.asarray(array) for array in data])
        g(*data)
    np.testing.assert_array_equal(w.value, v.value)


@on_cpu
def test_draws_are_those_of_the_other_backends_in_graphs_too() -> None:
    x = so.input("x", ("n",), "float32")
    noisy = (x + so.random.uniform(x.shape, seed=5, dtype="float32")).sum()
    on_device, reference = (so.function([x], noisy, backend=name) for name in ("cuda", "numpy"))
    ones = np.ones(37, "float32")
    for call in range(5):
        np.testing.assert_allclose(on_device(ones), reference(ones), rtol=1e-6, err_msg=str(call))
    np.testing.assert_allclose(on_device.repeat(3, ones), reference.repeat(3, ones), rtol=1e-6)
    np.testing.assert_allclose(on_device(ones), reference(ones), rtol=1e-6)


# ------------------------------------------------------------------------------------------------------------- epochs


@on_cpu
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("where", ["host", "device", "host of float64"])
def test_epochs_are_steps_on_every_batch(where: str, ordered: bool) -> None:
    f, w, data = fitted(rows=53)
    order = np.random.default_rng(1).permutation(53)[:47] if ordered else None
    count = 53 if order is None else 47
    given = {"host": data, "device": [stand_in.asarray(array) for array in data]}
    given["host of float64"] = [array.astype("float64") for array in data]
    means = [f.epoch(given[where], batch_size=10, order=order) for _ in range(3)]
    g, v, _ = fitted()
    for mean in means:
        total = 0.0
        for low in range(0, count, 10):
            rows = slice(low, low + 10) if order is None else order[low : low + 10]
            batch = [array[rows] for array in data]
            total += float(g(*batch)) * len(batch[0])
        np.testing.assert_allclose(mean, total / count, rtol=1e-6)
    np.testing.assert_array_equal(w.value, v.value)


@on_cpu
def test_an_order_may_be_longer_than_the_data_and_all_is_checked_before_the_first_batch() -> None:
    x = so.input("x", ("n",), "float32")
    total = so.state(np.zeros((), "float32"), "total")
    f = so.function([x], x.sum(), [(total, total + x[2:].sum())], backend="cuda")
    f.epoch([np.ones(3, "float32")], batch_size=5, order=[0, 1, 2, 0, 1, 2, 0])
    before = float(total.value)
    assert before == 3
    with pytest.raises(DataError):
        f.epoch([np.ones(3, "float32")], batch_size=5, order=[0, 1, 2, 0, 1, 2])
    assert float(total.value) == before


@on_cpu
def test_an_index_out_of_range_stops_an_epoch_and_leaves_what_was_there() -> None:
    i = so.input("i", ("n",), "int64")
    table = so.parameter(np.ones((5, 2)), "table")
    loss = so.square(so.take(table, i, 0)).mean()
    f = so.function([i], loss, so.SGD(learning_rate=0.1).get_updates(loss), backend="cuda")
    indices = np.array([0, 1, 2, 3, 9, 1, 4, 4, 2])
    with pytest.raises(DataError, match=r"index 9 is out of range: Take along axis 0 indexes 5 entries"):
        f.epoch([indices], batch_size=2)
    expected = np.ones((5, 2))
    expected[:4] -= 0.1 * 2 / 4
    np.testing.assert_allclose(table.value, expected)
    assert np.isfinite(f.epoch([indices % 5], batch_size=4))


@on_cpu
def test_a_copy_of_pinned_memory_is_over_when_a_call_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    g = so.input("g", (3,))
    p = so.parameter(np.zeros(3), "p")
    f = so.function([g], [], [(p, p + g)], backend="cuda")
    given, waited = np.ones(3), []
    monkeypatch.setattr(stand_in.cuda.Stream, "synchronize", lambda stream: waited.append(stream))
    f(given)
    assert not waited
    monkeypatch.setattr(stand_in, "pinned", {given.ctypes.data})
    f(given)
    assert len(waited) == 1
    np.testing.assert_array_equal(p.value, 2 * np.ones(3))


@on_cpu
def test_a_function_stays_on_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    f, w, data = fitted()
    x, y = (stand_in.asarray(array) for array in data)
    f(x, y)
    before = w.value
    monkeypatch.setattr(stand_in.cuda, "Device", lambda: SimpleNamespace(id=1))
    with pytest.raises(Unsupported, match=r"current device is GPU 1; symopt has worked on GPU 0 .*Device\(0\)"):
        f(x, y)
    monkeypatch.undo()
    monkeypatch.setattr(x, "device", SimpleNamespace(id=1))
    with pytest.raises(DataError, match=r"an array lives on GPU 1; copy it to GPU 0"):
        f(x, y)
    np.testing.assert_array_equal(w.value, before)


# ------------------------------------------------------------------------------------------------------------ sources


@on_cpu
def test_scatters_may_add_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    i, x = so.input("i", ("n",), "int64"), so.input("x", ("n", 3), "float32")
    table = so.parameter(np.zeros((4, 3), "float32"), "table")
    total = so.gradient((so.take(table, i, 0) * x).sum(), [table])[0]
    indices, values = np.arange(40) % 4, np.ones((40, 3), "float32")
    sorted_ = so.function([i, x], total, backend="cuda")
    sorted_(indices, values)  # compiled
    monkeypatch.setenv("SYMOPT_SCATTER", "atomic")
    atomic = so.function([i, x], total, backend="cuda")
    for f in (sorted_, atomic):
        np.testing.assert_array_equal(f(indices, values), np.full((4, 3), 10))
    assert ("atomicAdd" in atomic.source, "atomicAdd" in sorted_.source) == (True, False)


@on_cpu
def test_source_that_does_not_compile_is_an_error_with_numbered_lines() -> None:
    device = Device(stand_in)

    class Refused:
        def __init__(self, **_: object) -> None: ...

        def get_function(self, name: str) -> None:
            raise type("CompileException", (Exception,), {})("a word of NVRTC")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stand_in, "RawModule", Refused)
        with pytest.raises(CompileError, match=r"(?s)NVRTC -std.*a word of NVRTC.*1 first\n +2 second"):
            device.load("first\nsecond")("launch_1")


def test_launches_keep_to_the_shared_memory_of_every_device() -> None:
    rng = np.random.default_rng(0)
    single, double = (so.parameter(rng.normal(size=(40, 40)).astype(t), t) for t in ("float32", "float64"))
    outputs = [single @ single, double @ double, single.sum(), double.sum(0), single.max(1), so.cumsum(double, 0)]
    f = so.function([], outputs, backend="cuda")
    module = emit(build.program_of(f.task))
    for step in module.steps:
        jobs = [job for section in step.launch.sections for job in section]  # type: ignore[union-attr]
        assert sum(dict(pair for job in jobs for pair in job.shared).values()) <= SHARED_MEMORY
    assert 4 * TILE * TILE * 8 + 8 * THREADS * 8 <= SHARED_MEMORY
