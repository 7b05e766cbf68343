"""Comparisons of systems, and the page that is made of them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot

import symopt as so
from symopt.optimizers.compare import having
from symopt.optimizers.sameness import same, values_at_points

ROOT = Path(__file__).resolve().parents[2]


def test_a_table_marks_what_differs() -> None:
    assert str(so.compare("AdaGrad", ["torch", "mxnet_1_9", "mxnet_2_0"])).split("\n") == [
        "symopt: learning_rate=0.01, rms_regularizer=1e-08",
        "    w_squares <- w_squares + grad(w)**2",
        "    w         <- w - 0.01 * grad(w) / (sqrt(w_squares') + 1e-08)",
        "torch: lr=0.01, eps=1e-10",
        "  = w_sum     <- w_sum + grad(w)**2",
        "  ~ w         <- w - 0.01 * grad(w) / (sqrt(w_sum') + 1e-10)",
        "mxnet_1_9: learning_rate=0.01, eps=1e-07",
        "  = w_history <- w_history + grad(w)**2",
        "  ! w         <- w - 0.01 * grad(w) / sqrt(w_history' + 1e-07)",
        "mxnet_2_0: learning_rate=0.01, use_fused_step=True, epsilon=1e-06",
        "  = w_history <- w_history + grad(w)**2",
        "  ~ w         <- w - 0.01 * grad(w) / (sqrt(w_history') + 1e-06)",
    ]


def test_systems_that_are_the_same_share_a_block() -> None:
    assert "\ndownhill_0_4_0, downhill_0_5_0pre: " in str(
        so.compare("adagrad", ["downhill_0_4_0", "downhill_0_5_0pre"])
    )


def test_an_exponent_is_no_number_that_may_differ() -> None:
    comparison = so.compare("adam", ["torch"])
    assert comparison.marks(comparison.variants[1])[:2] == ["=", "="]
    assert comparison.marks(comparison.variants[0]) == ["="] * 3


def test_what_is_only_rearranged_is_the_same() -> None:
    comparison = so.compare("adam", ["torch", "optax"])
    for variant in comparison.variants[1:]:
        assert variant.equations[-1][2] != comparison.variants[0].equations[-1][2]
        assert comparison.marks(variant) == ["="] * 3


SAME = "m = r*m + (1-r)*g; w = w - lr*m/(sqrt(m*m) + eps)"


@pytest.mark.parametrize(
    ("equations", "are_same"),
    [
        ("m = m + (1-r)*(g-m); w = w - m*lr/(eps + abs(m))", (True, True)),
        ("m = m - (1-r)*(m-g); w = w - lr/(sqrt(m**2) + eps)*m", (True, True)),
        ("m = r*m + g; w = w - lr*m/(sqrt(m*m) + eps)", (False, True)),
        ("m = r*m + (1-r)*g; w = w - lr*m/(m + eps)", (True, False)),  # the size of a negative number
        ("m = r*m + (1-r)*g; w = w - lr*m/sqrt(m*m + eps)", (True, False)),  # where epsilon stands
        ("m = r*m + (1-r)*g; w = w - lr*m/(sqrt(m*m) + 1.1*eps)", (True, False)),
        ("m = r*m + (1-r)*g; w = w - lr*m/(max(abs(m), 1e-8) + eps)", (True, False)),  # a limit that is far below
        ("m = r*m + (1-r)*g; w = w - lr*m/(abs(m) + (eps if g*g > 0 else 2*eps))", (True, False)),  # a gradient of 0
        ("m = r*m + (1-r)*g; w = w - lr*m/(abs(m) + eps) - (0 if w*w > 0 else lr)", (True, False)),
    ],
)
def test_sameness_is_found_by_value(equations: str, are_same: tuple[bool, bool]) -> None:
    numbers = {"r": 0.9, "lr": 1e-3, "eps": 1e-8}
    first, second = (values_at_points(so.define(text, **numbers), (2, 2)) for text in (SAME, equations))
    assert (same(first, second, "s0"), same(first, second, "w")) == are_same


@pytest.mark.parametrize("name", so.OPTIMIZERS)
def test_every_optimizer_is_compared_with_all_that_have_it(name: str) -> None:
    comparison = so.compare(name)
    assert [variant.system for variant in comparison.variants] == ["symopt", *having(name)]
    assert all(len(comparison.marks(variant)) == len(variant.equations) > 0 for variant in comparison.variants)


def test_a_learning_rate_is_for_all_that_have_one() -> None:
    for variant in so.compare("rmsprop", learning_rate=0.25).variants:
        assert re.match(r"(lr|learning_rate|eta)=0.25, ", variant.settings), variant.system
    given = {variant.system: variant.settings for variant in so.compare("rprop", learning_rate=0.25).variants}
    assert given["torch"].startswith("lr=0.25")


def valley() -> tuple[so.Tensor, so.Tensor, so.Tensor]:
    x, y = so.parameter(-1.0, name="x"), so.parameter(2.0, name="y")
    return x, y, (1 - x) ** 2 + 10 * (y - x**2) ** 2


def test_paths_are_those_of_training_and_leave_the_parameters_alone() -> None:
    x, y, loss = valley()
    comparison = so.compare("rmsprop", ["torch", "sorix"], loss=loss, steps=20, learning_rate=0.05)
    paths = comparison.paths
    assert list(paths) == ["symopt", "torch", "sorix"]
    assert (x.value, y.value) == (-1, 2)
    for variant in comparison.variants:
        path = paths[variant.system]
        x.value, y.value = -1.0, 2.0
        trainer = so.build(variant.rule, loss, backend="numpy")
        for place, height in zip(path.places, path.losses, strict=True):
            assert (x.value, y.value) == tuple(place)
            assert trainer.evaluate()["loss"] == pytest.approx(height, rel=1e-14)
            trainer.step()
        assert len(path.places) == 21


@pytest.mark.parametrize("named", [True, False])
def test_data_are_arrays_for_the_inputs_of_the_loss(named: bool) -> None:
    rows, targets = np.random.default_rng(0).normal(size=(10, 3)), np.arange(10.0)
    x, y, w = so.matrix("x"), so.vector("y"), so.parameter(np.zeros(3, "float32"), name="w")
    loss = so.square(x @ w - y).mean()
    data = {"y": targets, "x": rows} if named else [rows, targets]
    path = so.compare("sgd", [], loss=loss, data=data, steps=2, learning_rate=0.1).paths["symopt"]
    trainer = so.build("sgd", loss, learning_rate=0.1, backend="numpy")
    for place in path.places:
        np.testing.assert_array_equal(place, w.value)
        trainer.step([rows, targets])


def test_data_without_a_loss_are_gradients() -> None:
    grads = np.array([[1.0, -2.0], [3.0, 0.5]])
    paths = so.compare("sgd", ["torch"], data=grads, learning_rate=0.5).paths
    assert paths["torch"].places.tolist() == [[0, 0], [-0.5, 1], [-2, 0.75]]


def test_random_probes_are_drawn_anew_at_each_step() -> None:
    x, _, loss = valley()
    path = so.compare("esgd", [], loss=loss, steps=3, learning_rate=0.1).paths["symopt"]
    trainer = so.build("esgd", loss, learning_rate=0.1, backend="numpy")
    for place in path.places[1:]:
        trainer.step()
        assert x.value == place[0]


def test_a_plot_of_two_numbers_is_in_the_plane() -> None:
    _, _, loss = valley()
    comparison = so.compare("rmsprop", ["torch", "sorix", "optax"], loss=loss, steps=20, learning_rate=0.05)
    axes = comparison.plot()
    *drawn, start = axes.lines
    assert [line.get_label() for line in drawn] == ["symopt", "torch, sorix", "optax"]
    np.testing.assert_array_equal(np.transpose(drawn[1].get_data()), comparison.paths["torch"].places)
    assert np.ravel(start.get_data()).tolist() == [-1, 2]
    assert len(axes.collections) == 1  # lines of equal loss
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("RMSProp", "x", "y")
    pyplot.close(axes.figure)


@pytest.mark.parametrize(
    ("size", "label", "last"), [((), "w", -1.5), ((2, 2), "distance from the start", 3.0)]
)  # fmt: skip
def test_a_plot_of_gradients_is_by_steps(size: tuple[int, ...], label: str, last: float) -> None:
    _, axes = pyplot.subplots()
    comparison = so.compare("sgd", [], data=np.ones((3, *size)), learning_rate=0.5)
    assert comparison.plot(axes) is axes
    [line] = axes.lines
    assert axes.get_ylabel() == label
    assert line.get_ydata()[-1] == last
    pyplot.close(axes.figure)


def test_a_plot_of_many_numbers_is_of_the_loss_by_steps() -> None:
    w = so.parameter([1.0, 2.0, 3.0], name="w")
    comparison = so.compare("sgd", ["torch"], loss=so.square(w).sum(), steps=5, learning_rate=0.25)
    axes = comparison.plot()
    [line] = axes.lines
    assert line.get_label() == "symopt, torch"
    assert (axes.get_yscale(), axes.get_ylabel()) == ("log", "loss")
    assert line.get_ydata().tolist() == [14 / 4**k for k in range(6)]
    pyplot.close(axes.figure)


def test_a_plot_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'symopt-compiler\[plots\]'"):
        so.compare("sgd", [], data=np.ones(3)).plot()


def test_what_cannot_be_walked_on_is_refused() -> None:
    w = so.parameter(1.0, name="w")
    with pytest.raises(so.DataError, match=r"there are no paths: give so.compare a loss="):
        so.compare("sgd", []).plot()
    with pytest.raises(so.DataError, match="without a loss, data is a sequence of gradients"):
        so.compare("sgd", [], data=1.0)
    with pytest.raises(so.DataError, match="an array for each input of the loss, by name or in their order: x"):
        so.compare("sgd", [], loss=w * so.scalar("x"))
    with pytest.raises(so.DataError, match="by name or in their order: none"):
        so.compare("sgd", [], loss=w * w, data=[1.0])
    with pytest.raises(ValueError, match="steps=0: expected an int of at least 1"):
        so.compare("sgd", [], loss=w * w, steps=0)
    with pytest.raises(so.DataError, match="the loss is 3"):
        so.compare("sgd", [], loss=3)  # type: ignore[arg-type]


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="did you mean 'rmsprop'"):
        so.compare("rmspropp", ["torch"])
    with pytest.raises(ValueError, match="there is no system 'torhc'; did you mean 'torch'"):
        so.compare("rmsprop", ["torhc"])
    with pytest.raises(ValueError, match="torch has no lion"):
        so.compare("lion", ["torch"])


def test_the_page_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "docs" / "write_comparison.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
