"""An updater makes its steps in arrays that live on a device, and brings nothing of them to the host."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symopt as so
from symopt.backends import BACKENDS
from symopt.backends.cuda.plans import KEPT
from symopt.optimizers.base import UpdateRule
from tests.cuda.arrays import DeviceTensor, OnDevice
from tests.cuda.counting import counting, needs_stand_in
from tests.cuda.here import needs_device, xp
from tests.training.test_updater import RULES, arrays

pytestmark = needs_device

Maker = Callable[[OnDevice], Any]
MAKERS: list[Maker] = [lambda array: array, DeviceTensor, lambda array: DeviceTensor(array, requires_grad=True)]


def sent(host: Sequence[np.ndarray]) -> list[OnDevice]:
    """Copies on the device."""
    return [xp.asarray(array) for array in host]


def got(there: Sequence[OnDevice]) -> list[np.ndarray]:
    """Copies on the host."""
    return [array.get() for array in there]


def tensors(sizes: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Arrays of many sizes, and gradients."""
    rng = np.random.default_rng(1)
    first, second = ([rng.normal(size=size).astype("float32") for size in sizes] for _ in range(2))
    return first, second


@pytest.mark.parametrize("make", MAKERS, ids=["cupy", "torch", "trained"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_steps_are_those_of_the_host(rule: UpdateRule, dtype: str, make: Maker) -> None:
    there, here = sent(arrays(dtype)), arrays(dtype)
    updater, reference = so.Updater(rule), so.Updater(rule, backend="numpy")
    for step in range(4):
        grads = arrays(dtype, step + 1)
        updater.step(range(3), [make(weight) for weight in there], sent(grads))
        reference.step(range(3), here, grads)
    for mine, theirs in zip(got(there), here, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5 if dtype == "float32" else 1e-12)
    for index in range(3):
        assert updater.states[index].keys() == reference.states[index].keys()
        for name, value in updater.states[index].items():
            assert type(value) is np.ndarray
            np.testing.assert_allclose(value, reference.states[index][name], rtol=1e-5, atol=1e-12)


@needs_stand_in
@pytest.mark.parametrize("rule", [so.Adam(), so.SGD(momentum=0.9), so.Adam(accumulate=2), so.like("torch", "AdamW")])
def test_many_arrays_are_one_or_two_launches_and_nothing_comes_to_the_host(rule: UpdateRule) -> None:
    host, grads = tensors([1 + 37 * number % 101 for number in range(20)])
    there, there_too = sent(host), sent(grads)
    updater = so.Updater(rule)
    updater.step(range(20), there, there_too)
    for _ in range(4):
        with counting() as counts:
            updater.step(range(20), there, there_too)
        assert counts.launches <= 2
        assert not counts.got
        assert not counts.sent
    assert updater.compilations == 1


@needs_stand_in
def test_gradients_elsewhere_compile_nothing_and_are_not_kept_for_long() -> None:
    host, grads = tensors([5, 600, 7])
    there, here = sent(host), [array.copy() for array in host]
    updater, reference = so.Updater(so.Adam()), so.Updater(so.Adam(), backend="numpy")
    known = []
    for step in range(12):
        new = sent(grads)
        known += [weakref.ref(gradient.memory) for gradient in new]
        with counting() as counts:
            updater.step(range(3), there, new)
        assert not counts.got or step == 0
        reference.step(range(3), here, grads)
        del new
    assert updater.compilations == 1
    for mine, theirs in zip(got(there), here, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)
    gc.collect()
    # As many as there are steps prepared for arrays in other places.
    assert sum(reference() is not None for reference in known) <= 3 * KEPT


@needs_stand_in
def test_an_array_may_move_without_anything_being_compiled_or_brought() -> None:
    host, grads = tensors([5, 6])
    there, here = sent(host), [array.copy() for array in host]
    there_too = sent(grads)
    updater, reference = so.Updater(so.Adam()), so.Updater(so.Adam(), backend="numpy")
    updater.step([0, 1], there, there_too)
    reference.step([0, 1], here, grads)
    for _ in range(5):
        old = there[0]
        there[0] = old.copy()
        before = old.get()
        with counting() as counts:
            updater.step([0, 1], there, there_too)
        reference.step([0, 1], here, grads)
        assert not counts.got
        assert np.array_equal(old.get(), before)
    assert updater.compilations == 1
    for mine, theirs in zip(got(there), here, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_one_step_of_a_part_goes_on_with_the_same_states() -> None:
    host, grads = tensors([5, 6])
    there, here = sent(host), [array.copy() for array in host]
    updater, reference = so.Updater(so.Adam()), so.Updater(so.Adam(), backend="numpy")
    for indices in ([0, 1], [1], [0, 1], [0], [0]):
        updater.step(indices, [there[i] for i in indices], sent([grads[i] for i in indices]))
        reference.step(indices, [here[i] for i in indices], [grads[i] for i in indices])
    updater(1, xp.asarray(grads[1]), there[1])
    reference(1, grads[1], here[1])
    for mine, theirs in zip(got(there), here, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)
    assert {index: int(state["iteration"]) for index, state in updater.states.items()} == {0: 4, 1: 4}


@needs_stand_in
def test_states_in_common_are_checked_without_a_look_at_the_counts() -> None:
    host, grads = tensors([5, 6])
    there, there_too = sent(host), sent(grads)
    updater = so.Updater(so.like("mxnet_2_0", "nadam"))
    for step in range(3):
        with counting() as counts:
            updater.step([0, 1], there, there_too)
        assert not counts.got or step == 0
    updater(0, there_too[0], there[0])
    before = got(there)
    with pytest.raises(so.DataError, match="same count"):
        updater.step([0, 1], there, there_too)
    assert all(np.array_equal(a, b) for a, b in zip(before, got(there), strict=True))


def test_states_are_copies_and_numbers_may_change() -> None:
    weight, gradient = xp.asarray(np.ones(3)), xp.asarray(np.full(3, 0.5))
    updater = so.Updater(so.SGD(learning_rate=1.0, momentum=0.5))
    updater(0, gradient, weight)
    (name,) = updater.states[0].keys() - {"iteration"}
    updater.states[0][name][:] = 100
    updater.set_hyperparameters(learning_rate=0.0, momentum=0.25)
    updater(0, gradient, weight)
    assert updater.compilations == 1
    reference, here = so.Updater(so.SGD(learning_rate=1.0, momentum=0.5), backend="numpy"), np.ones(3)
    reference(0, np.full(3, 0.5), here)
    reference.set_hyperparameters(learning_rate=0.0, momentum=0.25)
    reference(0, np.full(3, 0.5), here)
    assert np.array_equal(weight.get(), here)
    assert np.array_equal(updater.states[0][name], reference.states[0][name])


def test_a_schedule_of_epochs() -> None:
    weight, gradient = xp.asarray(np.zeros(2)), xp.asarray(np.ones(2))
    updater = so.Updater(so.SGD(learning_rate=0.5**so.schedules.epoch))
    for epoch in range(3):
        updater.epoch = epoch
        updater(0, gradient, weight)
    reference, here = so.Updater(updater.optimizer, backend="numpy"), np.zeros(2)
    for epoch in range(3):
        reference.epoch = epoch
        reference(0, np.ones(2), here)
    assert np.array_equal(weight.get(), here)


def test_a_saved_updater_goes_on_bit_by_bit(tmp_path: Path) -> None:
    weight, gradient = xp.asarray(np.ones(3)), xp.asarray(np.arange(3.0))
    updater, other = so.Updater(so.Adam()), so.Updater(so.Adam())
    updater(0, gradient, weight)
    updater.save(tmp_path / "saved.npz")
    copied = weight.copy()
    other.load(tmp_path / "saved.npz")
    for _ in range(2):
        updater(0, gradient, weight)
        other(0, gradient, copied)
    assert np.array_equal(weight.get(), copied.get())


def test_an_array_may_go_from_the_host_to_the_device_and_back() -> None:
    weight, gradient = np.ones(3), np.arange(3.0)
    updater, reference, here = so.Updater(so.Adam()), so.Updater(so.Adam(), backend="numpy"), np.ones(3)
    for on_device in (False, False, True, True, False, False, True):
        if on_device:
            there = xp.asarray(weight)
            updater(0, xp.asarray(gradient), there)
            weight = there.get()
        else:
            updater(0, gradient, weight)
        reference(0, gradient, here)
        np.testing.assert_allclose(weight, here, rtol=1e-12)


def test_a_gradient_may_lie_in_a_weight() -> None:
    for take in (lambda w: w, lambda w: w[::-1]):
        weight, here = xp.asarray(np.arange(1.0, 5)), np.arange(1.0, 5)
        updater, reference = so.Updater(so.SGD(learning_rate=0.5)), so.Updater(so.SGD(learning_rate=0.5))
        for _ in range(3):
            updater(0, take(weight), weight)
            reference(0, take(here).copy(), here)
        assert np.array_equal(weight.get(), here)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (2, 0)])
def test_small_and_empty_arrays(shape: tuple[int, ...]) -> None:
    weight, gradient = xp.asarray(np.ones(shape)), xp.asarray(np.ones(shape))
    other = xp.asarray(np.ones(3))
    updater = so.Updater(so.SGD(learning_rate=0.5))
    for _ in range(3):
        updater.step([0, 1], [weight, other], [gradient, xp.asarray(np.ones(3))])
    assert np.array_equal(weight.get(), np.full(shape, -0.5))
    assert other.get().tolist() == [-0.5] * 3


def test_views_of_one_array_and_gradients_with_gaps() -> None:
    host = np.arange(12.0).reshape(4, 3)
    whole, grads = xp.asarray(host), xp.asarray(np.ones((3, 2)))
    updater = so.Updater(so.SGD(learning_rate=1.0))
    for _ in range(2):
        updater.step([0, 1], [whole[:2], whole[2:]], [grads.T, grads.T])
    assert np.array_equal(whole.get(), host - 2)


def test_groups_and_frozen_arrays() -> None:
    host, grads = tensors([4, 4, 4])
    there = sent(host)
    rule = so.SGD(learning_rate=1.0, groups={"b": {"learning_rate": 0.5}}, freeze=["c"])
    so.Updater(rule, names=["a", "b", "c"]).step(range(3), there, sent(grads))
    for mine, theirs, gradient, rate in zip(got(there), host, grads, (1, 0.5, 0), strict=True):
        np.testing.assert_allclose(mine, theirs - np.float32(rate) * gradient, rtol=1e-6)


# ------------------------------------------------------------------------------------------ the device for NumPy arrays


def test_numpy_arrays_are_copied_to_the_device_and_back() -> None:
    weights, here = arrays("float64"), arrays("float64")
    updater, reference = so.Updater(so.Adam(), backend="cuda"), so.Updater(so.Adam(), backend="numpy")
    for step in range(5):
        grads = arrays("float64", step + 1)
        weights[0][0] += step  # the caller's own changes count
        here[0][0] += step
        updater.step(range(3), weights, grads)
        reference.step(range(3), here, grads)
        for mine, theirs in zip(weights, here, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)


def test_row_sparse_gradients_of_numpy_arrays() -> None:
    weight, here = np.ones((5, 2)), np.ones((5, 2))
    gradient = so.RowSparse([3, 0], np.ones((2, 2)))
    updater, reference = so.Updater(so.AdaGrad(), backend="cuda"), so.Updater(so.AdaGrad(), backend="numpy")
    for _ in range(3):
        updater(0, gradient, weight)
        reference(0, gradient, here)
    np.testing.assert_allclose(weight, here, rtol=1e-12)


# ------------------------------------------------------------------------------------------------------ what is refused

ONE = np.ones(3)
REFUSED: list[tuple[Callable[[], tuple[Any, Any]], type[Exception], str]] = [
    (lambda: (xp.asarray(ONE), ONE), so.DataError, "gradient 0 lies on the host, its weight lives on a device"),
    (lambda: (ONE.copy(), xp.asarray(ONE)), so.DataError, "gradient 0 lives on a device, its weight on the host"),
    (lambda: (xp.asarray(ONE), xp.zeros(4)), so.ShapeError, r"gradient 0 has shape \(4,\), its weight \(3,\)"),
    (lambda: (xp.asarray(ONE), xp.zeros(3, "float32")), so.DTypeError, "gradient 0 is float32, its weight float64"),
    (lambda: (xp.zeros(3, "int32"), xp.asarray(ONE)), so.DTypeError, "weight 0 is int32: weights are float32 or"),
    (lambda: (xp.zeros(6)[::2], xp.asarray(ONE)), so.DataError, "weight 0 lives on a device.*make it contiguous"),
    (lambda: (xp.zeros((3, 2)).T, xp.zeros((2, 3))), so.DataError, "make it contiguous"),
    (
        lambda: (xp.zeros((3, 2)), so.RowSparse([1], [[1.0, 1.0]])),
        so.Unsupported,
        "gradient 0 is row-sparse, its weight lives on a device",
    ),
]


@pytest.mark.parametrize(("make", "error", "match"), REFUSED, ids=range(len(REFUSED)))
def test_what_does_not_fit_changes_nothing(
    make: Callable[[], tuple[Any, Any]], error: type[Exception], match: str
) -> None:
    updater = so.Updater(so.SGD(learning_rate=1.0))
    weight, gradient = make()
    before = np.array(weight.get() if isinstance(weight, OnDevice) else weight)
    with pytest.raises(error, match=match):
        updater(0, gradient, weight)
    assert np.array_equal(before, weight.get() if isinstance(weight, OnDevice) else weight)
    assert not updater.states
    assert updater.compilations == 0


def test_rows_of_the_device_are_refused() -> None:
    with pytest.raises(so.DataError, match="RowSparse is for arrays of the host"):
        so.RowSparse(xp.asarray(np.array([0])), np.ones((1, 2)))
    with pytest.raises(so.DataError, match="RowSparse is for arrays of the host"):
        so.RowSparse([0], xp.zeros((1, 2)))


def test_weights_here_and_there_are_no_one_step() -> None:
    updater = so.Updater(so.SGD(learning_rate=1.0))
    with pytest.raises(so.DataError, match="weight 1 lives on a device, weight 0 on the host: update them in two"):
        updater.step([0, 1], [np.ones(3), xp.zeros(3)], [np.ones(3), xp.zeros(3)])


def test_arrays_that_share_memory_are_refused() -> None:
    updater, whole = so.Updater(so.SGD(learning_rate=1.0)), xp.zeros(6)
    with pytest.raises(so.DataError, match="weights 0 and 1 share memory"):
        updater.step([0, 1], [whole[:4], whole[3:]], [xp.zeros(4), xp.zeros(3)])
    with pytest.raises(so.DataError, match="weights 0 and 1 share memory"):
        updater.step([0, 1], [whole, DeviceTensor(whole)], [xp.zeros(6), xp.zeros(6)])


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_other_backends_refuse_them(backend: str) -> None:
    updater = so.Updater(so.SGD(learning_rate=1.0), backend=backend)
    with pytest.raises(so.DataError, match=f"lives on a device, and the backend is '{backend}': use backend='cuda'"):
        updater(0, xp.zeros(3), xp.zeros(3))


def test_where_there_is_no_device_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = type(BACKENDS["cuda"])(lambda: (None, "CuPy is not installed"))
    monkeypatch.setitem(BACKENDS, "cuda", backend)
    with pytest.raises(so.Unsupported, match="CuPy is not installed"):
        so.Updater(so.SGD(learning_rate=1.0))(0, xp.zeros(3), xp.zeros(3))


def test_what_dlpack_cannot_share_is_told() -> None:
    class Broken(DeviceTensor):
        def __dlpack__(self, stream: Any = None, **_: Any) -> Any:
            raise BufferError("not today")

        def detach(self) -> DeviceTensor:
            return self

    with pytest.raises(so.DataError, match="weight 0 cannot be shared by DLPack: not today"):
        so.Updater(so.SGD(learning_rate=1.0))(0, xp.zeros(3), Broken(xp.zeros(3)))


def test_arrays_of_jax_are_no_weights() -> None:
    kind = type("ArrayImpl", (DeviceTensor,), {"__module__": "jaxlib._jax"})
    with pytest.raises(so.DataError, match="weight 0 is an array of JAX, which may not change"):
        so.Updater(so.SGD(learning_rate=1.0))(0, xp.zeros(3), kind(xp.zeros(3)))
