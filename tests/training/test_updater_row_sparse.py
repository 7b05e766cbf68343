"""Row-sparse gradients: only their rows are read and written, where that is what the rule means."""

from typing import Any

import numpy as np
import pytest

import symopt as so
from symopt.optimizers.base import UpdateRule
from tests.available import BACKENDS
from tests.like.harness import oracle

CASES = [(system, case) for system in ("mxnet_1_9", "mxnet_2_0") for case in oracle(f"{system}_row_sparse")["cases"]]
SKIPPING = [
    so.SGD(learning_rate=0.1),
    so.AdaGrad(learning_rate=0.1, initial_accumulator=0.5, max_gradient_elem=0.8),
    so.like("mxnet_2_0", "sgd"),
    so.like("mxnet_1_9", "adagrad"),
]
DENSE = [
    so.Adam(learning_rate=0.1),
    so.SGD(learning_rate=0.1, momentum=0.9),
    so.SGD(learning_rate=0.1, weight_decay=0.1),
    so.SGD(learning_rate=0.1, clip_weights=0.5),
    so.NAG(learning_rate=0.1, momentum=0.0),
    so.AdaGrad(learning_rate=0.1, groups={"w*": {"weight_decay": 0.1}}),
    so.like("mxnet_1_9", "adagrad", wd=0.1),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("system", "case"), CASES, ids=lambda given: given["id"] if isinstance(given, dict) else given)
def test_recorded_steps(system: str, case: dict[str, Any], backend: str) -> None:
    shape = case["shape"]
    weight = np.array(case["w0"], case["dtype"]).reshape(shape)
    updater = so.Updater(so.like(system, case["optimizer"], **case["hyper"]), backend=backend)
    for step, sparse in enumerate(case["sparse_grads"]):
        updater(0, so.RowSparse(sparse["rows"], np.reshape(sparse["values"], (-1, *shape[1:]))), weight)
        tolerance = {"rtol": case["rtol"], "atol": case["atol"], "err_msg": f"step {step}"}
        np.testing.assert_allclose(weight.ravel(), case["w"]["w"][step], **tolerance)
        history = updater.states[0]["history"].ravel()
        np.testing.assert_allclose(history, case["state"]["w"]["history"][step], **tolerance)


def gradients(steps: int, dtype: str) -> list[so.RowSparse]:
    """Gradients of some rows, in any order and some of them twice; one of no rows."""
    rng = np.random.default_rng(0)
    counts = [3, 0, 7, 1, 2, 3][:steps]
    return [so.RowSparse(rng.integers(0, 6, n), rng.normal(size=(n, 3)).astype(dtype)) for n in counts]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", [*SKIPPING, *DENSE], ids=lambda rule: type(rule).__name__)
def test_the_meaning_is_the_dense_one(rule: UpdateRule, dtype: str, backend: str) -> None:
    weight = np.random.default_rng(1).normal(size=(6, 3)).astype(dtype)
    wanted = weight.copy()
    sparse, dense = so.Updater(rule, backend=backend), so.Updater(rule, backend=backend)
    for gradient in gradients(6, dtype):
        sparse(0, gradient, weight)
        dense(0, gradient.dense(weight.shape), wanted)
    np.testing.assert_allclose(weight, wanted, rtol=1e-5 if dtype == "float32" else 1e-12)
    assert int(sparse.states[0]["iteration"]) == 6


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rule", SKIPPING, ids=lambda rule: type(rule).__name__)
def test_other_rows_are_neither_read_nor_written(rule: UpdateRule, backend: str) -> None:
    assert rule.skips_zero_gradients()
    weight = np.full((8, 2), np.nan)
    weight[[1, 6]] = 1.0
    before = weight.tobytes()
    updater = so.Updater(rule, backend=backend)
    for _ in range(3):
        updater(0, so.RowSparse([6, 1], np.ones((2, 2))), weight)
    assert np.isfinite(weight[[1, 6]]).all()
    assert (weight[[1, 6]] < 1).all()
    weight[[1, 6]] = 1.0
    assert weight.tobytes() == before
    for state in updater.states[0].values():
        if state.shape == weight.shape:
            np.testing.assert_array_equal(state[[0, 2, 3, 4, 5, 7]], 0)


@pytest.mark.parametrize("rule", [*DENSE, so.Muon(), so.LAMB()], ids=lambda rule: type(rule).__name__)
def test_rules_that_move_all_rows(rule: UpdateRule) -> None:
    assert not rule.skips_zero_gradients()


def test_a_rule_made_from_sgd_says_for_itself_what_it_skips() -> None:
    class Mine(so.SGD):
        pass

    assert not Mine().skips_zero_gradients()


def test_sparse_and_dense_gradients_in_one_step() -> None:
    updater = so.Updater(so.AdaGrad(learning_rate=0.1))
    alone = so.Updater(so.AdaGrad(learning_rate=0.1))
    weights, wanted = [np.ones((5, 2)), np.ones(3)], [np.ones((5, 2)), np.ones(3)]
    for row in (1, 4, 1):
        grads = [so.RowSparse([row, 0], np.ones((2, 2))), np.arange(1.0, 4.0)]
        updater.step([0, 1], weights, grads)
        for index in (0, 1):
            alone(index, grads[index], wanted[index])
    for weight, other in zip(weights, wanted, strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-14)
    updater(0, np.ones((5, 2)), weights[0])  # dense, on the same states
    assert int(updater.states[0]["iteration"]) == 4


def test_few_functions_serve_any_number_of_rows() -> None:
    updater, weight = so.Updater(so.SGD()), np.zeros((100, 2))
    for count in range(101):
        updater(0, so.RowSparse(np.arange(count), np.ones((count, 2))), weight)
    assert updater.compilations <= 8


def test_rows_and_values_have_to_fit() -> None:
    for rows, values in (([[1]], [1.0]), ([1.5], [1.0]), ([True], [1.0])):
        with pytest.raises(so.DataError):
            so.RowSparse(rows, values)
    for wrong in ([1.0, 2.0], 1.0):
        with pytest.raises(so.ShapeError):
            so.RowSparse([1], wrong)
    assert so.RowSparse([], np.ones((0, 2))).dense((2, 2)).tolist() == [[0, 0], [0, 0]]
