"""An updater makes the steps that an optimizer makes, with gradients from elsewhere, in the user's arrays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symopt as so
from symopt.optimizers.base import UpdateRule
from tests.available import BACKENDS

RULES = [
    so.SGD(learning_rate=0.1, momentum=0.9, nesterov=True),
    so.Adam(learning_rate=0.1, weight_decay=0.01),
    so.RMSProp(learning_rate=0.1, max_gradient_norm=1.0),
    so.RProp(),
    so.AdaGrad(learning_rate=0.1, max_global_norm=0.5),
    so.LAMB(learning_rate=0.1 / (1 + so.iteration)),
    so.like("torch", "Adam", lr=0.1),
    so.like("mxnet_1_9", "nadam"),
    so.like("mxnet_1_9", "dcasgd"),
]
SHAPES = [(3,), (2, 4), ()]


def arrays(dtype: str, seed: int = 0) -> list[np.ndarray]:
    """One array of each shape."""
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.normal(size=shape), dtype) for shape in SHAPES]


def stepped(rule: UpdateRule, dtype: str, backend: str, steps: int) -> list[np.ndarray]:
    """What an ordinary function of the updates makes of the same gradients."""
    params = [so.parameter(weight, name=f"w{i}") for i, weight in enumerate(arrays(dtype))]
    grads = [so.input(f"g{i}", shape=shape, dtype=dtype) for i, shape in enumerate(SHAPES)]
    loss = sum(((p * g).sum() for p, g in zip(params, grads, strict=True)), so.zeros((), dtype=dtype))
    function = so.function(grads, [], updates=rule.get_updates(loss, params), backend=backend)
    for step in range(steps):
        function(*arrays(dtype, step + 1))
    return [param.value for param in params]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_steps_are_those_of_the_updates(rule: UpdateRule, dtype: str, backend: str) -> None:
    weights, updater = arrays(dtype), so.Updater(rule, backend=backend)
    for step in range(4):
        updater.step(range(3), weights, arrays(dtype, step + 1))
    for weight, wanted in zip(weights, stepped(rule, dtype, backend, 4), strict=True):
        assert weight.dtype == dtype
        np.testing.assert_allclose(weight, wanted, rtol=1e-6 if dtype == "float32" else 1e-13)
    assert [int(state["iteration"]) for state in updater.states.values()] == [4, 4, 4]


@pytest.mark.parametrize("rule", [so.Adam(), so.SGD(momentum=0.5), so.like("mxnet_2_0", "nadam")])
def test_one_step_is_as_many_calls(rule: UpdateRule) -> None:
    together, apart = arrays("float64"), arrays("float64")
    first, second = so.Updater(rule), so.Updater(rule)
    for step in range(3):
        grads = arrays("float64", step + 1)
        first.step(range(3), together, grads)
        for index in range(3):
            second(index, grads[index], apart[index])
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_counts_are_of_each_index() -> None:
    updater, fresh = so.Updater(so.Adam(learning_rate=0.1)), so.Updater(so.Adam(learning_rate=0.1))
    old, new, alone = np.ones(2), np.ones(2), np.ones(2)
    for _ in range(5):
        updater("old", [1.0, 2.0], old)
    updater.step(["old", "new"], [old, new], [[1.0, 2.0], [3.0, -4.0]])
    fresh("new", [3.0, -4.0], alone)
    np.testing.assert_array_equal(new, alone)
    assert {index: int(state["iteration"]) for index, state in updater.states.items()} == {"old": 6, "new": 1}


def test_states_in_common_need_equal_counts() -> None:
    updater = so.Updater(so.like("mxnet_2_0", "nadam"))
    weights = [np.ones(2), np.ones(2)]
    updater(0, np.ones(2), weights[0])
    before = weights[0].copy()
    with pytest.raises(so.DataError, match="same count"):
        updater.step([0, 1], weights, weights)
    np.testing.assert_array_equal(weights, [before, np.ones(2)])
    assert list(updater.states) == [0]


def test_states_are_read_by_short_names() -> None:
    updater = so.Updater(so.Adam(), names=["conv", "conv_scale"])
    updater.step([0, 1], [np.ones(3), np.ones(2)], [np.ones(3), np.ones(2)])
    assert {name: value.shape for name, value in updater.states[1].items()} == {
        "mean": (2,),
        "square": (2,),
        "iteration": (),
    }
    updater.states[1]["mean"][:] = 7  # a copy
    np.testing.assert_allclose(updater.states[1]["mean"], 0.1)


@pytest.mark.parametrize("layout", ["elsewhere", "strided", "fortran", "moving", "memmap"])
def test_any_array_is_updated_in_place(layout: str, tmp_path: Path) -> None:
    updater, plain = so.Updater(so.Adam(learning_rate=0.1)), so.Updater(so.Adam(learning_rate=0.1))
    start = np.arange(12.0).reshape(3, 4)
    weight, wanted = start.copy(), start.copy()
    if layout == "strided":
        weight = np.repeat(start, 2, axis=1)[:, ::2]
    elif layout == "fortran":
        weight = np.asfortranarray(start)
    elif layout == "memmap":
        weight = np.memmap(tmp_path / "w", np.float64, "w+", shape=(3, 4))
        weight[...] = start
    for step in range(24):
        grad = np.sin(start + step)
        if layout == "moving" or (layout == "elsewhere" and step % 3 == 0):
            weight = weight.copy()
        updater(0, grad, weight)
        plain(0, grad, wanted)
    np.testing.assert_allclose(weight, wanted, rtol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gradient_may_lie_in_a_weight(backend: str) -> None:
    memory = np.random.default_rng(0).normal(size=100_001)
    weight, other = memory[:-1], np.ones(100_000)
    updater = so.Updater(so.SGD(learning_rate=0.5), backend=backend)
    for _ in range(4):
        wanted = [weight - 0.5 * memory[1:], other - 0.5 * weight]
        updater.step([0, 1], [weight, other], [memory[1:], weight])
        np.testing.assert_allclose(weight, wanted[0])
        np.testing.assert_allclose(other, wanted[1])


def test_changed_numbers_do_not_compile() -> None:
    updater, weight = so.Updater(so.SGD(learning_rate=1.0)), np.zeros(2)
    for _ in range(3):
        updater(0, np.ones(2), weight)
    compiled = updater.compilations
    updater.set_hyperparameters(learning_rate=0.5)
    updater(0, np.ones(2), weight)
    np.testing.assert_array_equal(weight, -3.5)
    assert updater.compilations == compiled
    assert updater.optimizer == so.SGD(learning_rate=0.5)
    updater.set_hyperparameters(momentum=0.5)  # another structure
    updater(0, np.ones(2), weight)
    assert updater.compilations > compiled
    assert int(updater.states[0]["iteration"]) == 5
    with pytest.raises(TypeError, match="learning_rate"):
        updater.set_hyperparameters(learning_rat=1)


def test_functions_are_compiled_once_or_twice() -> None:
    updater, weights = so.Updater(so.Adam()), arrays("float64")
    for step in range(10):
        updater.step(range(3), weights, arrays("float64", step))
    assert updater.compilations <= 2
    moving = so.Updater(so.Adam())
    for _ in range(10):
        moving(0, np.ones(2), np.ones(2))
    assert moving.compilations <= 10


def test_groups_and_frozen_arrays_go_by_name() -> None:
    rule = so.SGD(learning_rate=1.0, groups={"b*": {"learning_rate": 0.5}}, freeze=["e"])
    updater = so.Updater(rule, names={"x": "w", "y": "b1", "z": "e"})
    weights = [np.zeros(1), np.zeros(1), np.zeros(1)]
    updater.step("xyz", weights, [np.ones(1)] * 3)
    updater("x", np.ones(1), weights[0])
    updater("y", np.ones(1), weights[1])
    updater("z", np.ones(1), weights[2])
    np.testing.assert_array_equal(np.ravel(weights), [-2, -1, 0])
    with pytest.raises(so.DataError, match="matches none"):
        so.Updater(rule, names=["w", "e"])


def test_multipliers_of_mxnet_go_by_index() -> None:
    rule = so.like("mxnet_2_0", "sgd", lr=1.0, lr_mult={1: 0.5, "c": 0.25}, param_names=["a", "b", "c"])
    updater, weights = so.Updater(rule), np.zeros((3, 1))
    updater.step([2, 1, 0], [*weights[::-1]], [np.ones(1)] * 3)
    updater(1, np.ones(1), weights[1])
    np.testing.assert_array_equal(weights.ravel(), [-1, -1, -0.25])
    with pytest.raises(so.DataError, match="none for index 3"):
        updater(3, np.ones(1), np.zeros(1))


@pytest.mark.parametrize("rule", [so.Adam(), so.like("mxnet_2_0", "nadam"), so.AdaGrad()])
def test_a_saved_updater_goes_on_bit_by_bit(rule: UpdateRule, tmp_path: Path) -> None:
    weights, updater = arrays("float32"), so.Updater(rule)
    for step in range(3):
        updater.step(range(3), weights, arrays("float32", step))
    updater.epoch = 2
    updater.save(tmp_path / "u.npz")
    again, copies = so.Updater(rule), [weight.copy() for weight in weights]
    again.load(tmp_path / "u.npz")
    for step in range(3, 6):
        updater.step(range(3), weights, arrays("float32", step))
        again.step(range(3), copies, arrays("float32", step))
    assert [w.tobytes() for w in weights] == [w.tobytes() for w in copies]
    assert repr(dict(updater.states)) == repr(dict(again.states))
    assert again.epoch == 2


def test_a_load_brings_numbers_and_goes_back(tmp_path: Path) -> None:
    updater, weight = so.Updater(so.SGD(learning_rate=0.5)), np.zeros(1)
    updater.save(tmp_path / "empty.npz")
    updater(0, np.ones(1), weight)
    updater.set_hyperparameters(learning_rate=2.0)
    updater.load(tmp_path / "empty.npz")
    assert dict(updater.states) == {}
    updater(0, np.ones(1), weight)
    np.testing.assert_array_equal(weight, -1.0)


@pytest.mark.parametrize("other", [so.Adam(), so.SGD(momentum=0.5), so.SGD(nesterov=True)])
def test_files_of_others_are_refused(other: UpdateRule, tmp_path: Path) -> None:
    so.Updater(so.SGD()).save(tmp_path / "u.npz")
    with pytest.raises(so.CheckpointError, match="belongs to another updater"):
        so.Updater(other).load(tmp_path / "u.npz")


def test_files_of_trainers_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    w = so.parameter(1.0, name="w")
    so.build("sgd", w**2).save(tmp_path / "trainer.npz")
    (tmp_path / "text.npz").write_text("not an archive")
    for name in ("trainer.npz", "text.npz"):
        with pytest.raises(so.CheckpointError):
            so.Updater(so.SGD()).load(tmp_path / name)


def test_names_in_a_file_are_those_of_here(tmp_path: Path) -> None:
    updater = so.Updater(so.SGD(), names=["a"])
    updater(0, np.ones(1), np.ones(1))
    updater.save(tmp_path / "u.npz")
    with pytest.raises(so.CheckpointError, match="is called 'a' there"):
        so.Updater(so.SGD(), names=["b"]).load(tmp_path / "u.npz")


def read_only() -> np.ndarray:
    """An array that cannot be written."""
    array = np.ones(2)
    array.flags.writeable = False
    return array


TWO = np.ones(2)
REFUSED: list[tuple[Any, Any, type[Exception], str]] = [
    ([1.0, 2.0], TWO, so.DataError, "NumPy array"),
    (np.ones(2, int), TWO, so.DTypeError, "float32 or float64"),
    (np.ones(2, ">f8"), TWO, so.DTypeError, "float32 or float64"),
    (read_only(), TWO, so.DataError, "read-only"),
    (np.ma.masked_array(TWO), TWO, so.DataError, "NumPy array"),
    (np.lib.stride_tricks.as_strided(TWO, (2,), (0,)), TWO, so.DataError, "share memory"),
    (np.ones(2), np.ones(3), so.ShapeError, "shape"),
    (np.ones(2), np.ones(2, complex), so.DTypeError, "cast it first"),
    (np.ones((2, 1)), so.RowSparse([2], [[1.0]]), so.DataError, "rows are from 0 to 1"),
    (np.ones((2, 1)), so.RowSparse([-1], [[1.0]]), so.DataError, "rows are from 0 to 1"),
    (np.ones((2, 2)), so.RowSparse([1], [[1.0]]), so.ShapeError, "row-sparse"),
]


@pytest.mark.parametrize(("weight", "grad", "error", "match"), REFUSED)
def test_what_does_not_fit_changes_nothing(weight: Any, grad: Any, error: type[Exception], match: str) -> None:
    updater, good = so.Updater(so.SGD(learning_rate=1.0)), np.zeros(2)
    with pytest.raises(error, match=match):
        updater.step([0, 1], [good, weight], [np.ones(2), grad])
    np.testing.assert_array_equal(good, 0)
    assert not updater.states


def test_overlapping_arrays_are_refused() -> None:
    updater, memory = so.Updater(so.SGD(learning_rate=1.0)), np.zeros(6)
    for pair in ([memory[:4], memory[3:]], [memory, memory], [memory[::2], memory[::3]]):
        with pytest.raises(so.DataError, match="share memory"):
            updater.step([0, 1], pair, [np.ones(len(array)) for array in pair])
    np.testing.assert_array_equal(memory, 0)
    updater.step([0, 1], [memory[::2], memory[1::2]], [np.ones(3), np.full(3, 2.0)])
    np.testing.assert_array_equal(memory, [-1, -2] * 3)


def test_calls_that_make_no_sense_are_refused() -> None:
    updater = so.Updater(so.SGD())
    updater("w0", TWO, np.ones(2))
    for indices, weights in (([1, 1], [TWO, TWO]), ([1], [TWO, TWO]), ([0], [np.ones(2)]), ([1.5], [np.ones(2)])):
        with pytest.raises(so.DataError):
            updater.step(indices, weights, [TWO] * len(weights))
    with pytest.raises(so.ShapeError, match="now it is"):
        updater("w0", np.ones(3), np.ones(3))
    with pytest.raises(so.DataError, match="no name"):
        so.Updater(so.SGD(), names=["a"])(1, TWO, np.ones(2))
    with pytest.raises(so.DataError, match="needs an optimizer"):
        so.Updater("sgd")  # type: ignore[arg-type]
    for rule in (so.ESGD(), so.like("downhill_0_4_0", "esgd")):
        with pytest.raises(so.Unsupported, match="differentiates the loss twice"):
            so.Updater(rule)
    so.Updater(so.SGD()).step([], [], [])
