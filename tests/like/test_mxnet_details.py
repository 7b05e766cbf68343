"""MXNet: what its documents print, row-sparse gradients, and what its arguments mean."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symopt as so
from symopt.optimizers import like
from symopt.optimizers.base import UpdateRule
from tests.available import BACKENDS
from tests.like.harness import oracle


def stepped(rule: UpdateRule, values: Any, grads: Any, dtype: str = "float64", steps: int = 1) -> list[np.ndarray]:
    """Parameters after some steps with the same gradients."""
    params = [so.parameter(np.asarray(value, dtype), name=f"p{i}") for i, value in enumerate(values)]
    loss = sum(
        ((p * so.constant(np.asarray(g, dtype))).sum() for p, g in zip(params, grads, strict=True)), so.zeros(())
    )
    step = so.function([], [], updates=rule.get_updates(loss, params), backend="numpy")
    for _ in range(steps):
        step()
    return [param.value for param in params]


ROW_SPARSE = [
    (system, record) for system in ("mxnet_1_9", "mxnet_2_0") for record in oracle(f"{system}_row_sparse")["cases"]
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("system", "record"), ROW_SPARSE, ids=lambda given: given["id"] if isinstance(given, dict) else given
)
def test_row_sparse_gradients_act_as_dense_ones(system: str, record: dict[str, Any], backend: str) -> None:
    shape = record["shape"]
    w = so.parameter(np.array(record["w0"]).reshape(shape), name="w")
    gradient = so.input("gradient", shape=shape)
    rule = so.like(system, record["optimizer"], **record["hyper"])
    updates = rule.get_updates((w * gradient).sum())
    step = so.function([gradient], [], updates=updates, backend=backend)
    for index, sparse in enumerate(record["sparse_grads"]):
        dense = np.zeros(shape)
        dense[sparse["rows"]] = np.reshape(sparse["values"], (-1, *shape[1:]))
        untouched = np.setdiff1d(np.arange(shape[0]), sparse["rows"])
        before = w.value
        step(dense)
        np.testing.assert_array_equal(w.value[untouched], before[untouched])
        tolerance = {"rtol": record["rtol"], "atol": record["atol"], "err_msg": f"step {index}"}
        np.testing.assert_allclose(w.value.ravel(), record["w"]["w"][index], **tolerance)
        history = record["state"]["w"]["history"][index]
        np.testing.assert_allclose(updates.states["w_history"].value.ravel(), history, **tolerance)


PRINTED = ["-0.0010000467", "-0.0020000935", "-0.003000021", "-0.004000187"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_sgd_line_of_the_julia_document(backend: str) -> None:
    (record,) = oracle("mxnet_jl_sgd_example")["cases"]
    w = so.parameter(np.array(record["w0"], "float32"), name="w")
    g = so.constant(np.array(record["grad"], "float32"))
    updates = so.like("mxnet_jl", "SGD", η=10).get_updates((w * g).sum())
    written = so.function([], updates.prepared[w], updates=updates, backend=backend)()
    assert [str(value) for value in w.value] == PRINTED
    np.testing.assert_array_equal(w.value, np.array(record["numpy_float32"], "float32"))
    np.testing.assert_allclose(written, record["gradient_after_call"], rtol=1e-6)


def test_our_page_shows_the_sgd_line() -> None:
    # tests/architecture/test_documents.py runs the code above it, and compares what it prints.
    page = (Path(__file__).resolve().parents[2] / "docs" / "like.md").read_text(encoding="utf-8")
    assert "\n".join(['>>> print(*W, sep="\\n")', *PRINTED, "```"]) in page


def test_the_sgd_line_in_float64() -> None:
    (record,) = oracle("mxnet_jl_sgd_example")["cases"]
    (w,) = stepped(so.like("mxnet_jl", "sgd", **record["hyper"]), [record["w0"]], [record["grad"]])
    np.testing.assert_allclose(w, record["float64"], rtol=1e-12)


@pytest.mark.parametrize(
    ("system", "optimizer", "clip", "moves"),
    [
        ("mxnet_ops", "rmsprop_update", 0, False),
        ("mxnet_ops", "rmsprop_update", -1, True),
        ("mxnet_1_9", "sgd", 0, True),
        ("mxnet_1_9", "sgd", -1, True),
        ("mxnet_1_9", "adagrad", 0, False),
        ("mxnet_1_9", "nadam", 0, False),
        ("mxnet_2_0", "adam", 0, True),
        ("mxnet_2_0", "adagrad", 0, False),
        ("mxnet_2_0", "lars", 0, False),
    ],
)
def test_a_clip_of_0_is_off_or_zeroes_the_gradient(system: str, optimizer: str, clip: float, moves: bool) -> None:
    rule = so.like(system, optimizer, lr=0.1, clip_gradient=clip)
    (w,) = stepped(rule, [[1.0, -2.0]], [[0.5, 0.5]])
    assert np.array_equal(w, [1.0, -2.0]) is not moves


def test_a_clip_of_0_depends_on_the_fused_step() -> None:
    rule = so.like("mxnet_2_0", "adam", clip_gradient=0, use_fused_step=False)
    (w,) = stepped(rule, [[1.0, -2.0]], [[0.5, 0.5]])
    np.testing.assert_array_equal(w, [1.0, -2.0])


def test_a_negative_clip_is_refused_where_it_has_no_meaning() -> None:
    with pytest.raises(ValueError, match="clip_gradient=-1"):
        so.like("mxnet_1_9", "adagrad", clip_gradient=-1)


def test_clip_and_scale_of_julia_are_off_at_0_and_below() -> None:
    given = [[1.0, -2.0]], [[0.5, 0.5]]
    plain = stepped(so.like("mxnet_jl", "sgd"), *given)
    np.testing.assert_array_equal(stepped(so.like("mxnet_jl", "sgd", clip=-1, scale=0), *given), plain)


def test_multipliers_go_by_name_or_index() -> None:
    names = {"param_names": ["a_weight", "b_bias"]}
    given = [[1.0], [1.0]], [[0.0], [0.0]]
    by_name = so.like("mxnet_1_9", "sgd", lr=0.5, wd=0.5, lr_mult={"a_weight": 0.5}, wd_mult={"b_bias": 1}, **names)
    by_index = so.like("mxnet_1_9", "sgd", lr=0.5, wd=0.5, lr_mult={0: 0.5}, wd_mult={1: 1}, **names)
    for rule in (by_name, by_index):
        assert [float(value[0]) for value in stepped(rule, *given)] == [0.875, 0.75]


@pytest.mark.parametrize(
    ("system", "names", "decays"),
    [
        ("mxnet_1_9", ["a_weight", "b_gamma", "c_bias", "weight"], [True, True, False, False]),
        ("mxnet_1_9", None, [True] * 4),
        ("mxnet_2_0", ["a_weight", "b_gamma", "c_bias", "weight"], [True] * 4),
    ],
)
def test_names_that_decay(system: str, names: list[str] | None, decays: list[bool]) -> None:
    rule = so.like(system, "sgd", lr=1, wd=0.5, param_names=names)
    assert [value[0] != 1 for value in stepped(rule, [[1.0]] * 4, [[0.0]] * 4)] == decays


def test_lars_leaves_the_rate_of_some_names_alone() -> None:
    rule = so.like("mxnet_2_0", "lars", lr=0.5, eta=0.25, epsilon=0, param_names=["a_weight", "a_bias"])
    a, b = stepped(rule, [[2.0], [2.0]], [[1.0], [1.0]])
    assert (a[0], b[0]) == (1.75, 1.5)


def test_there_is_a_name_for_each_parameter() -> None:
    with pytest.raises(ValueError, match="1 param_names for 2 parameters"):
        stepped(so.like("mxnet_2_0", "sgd", param_names=["a"]), [[1.0], [1.0]], [[1.0], [1.0]])


def test_two_names_of_one_argument() -> None:
    assert so.like("mxnet_2_0", "adagrad", lr=0.5) == so.like("MXNet_2_0", "AdaGrad", learning_rate=0.5)
    with pytest.raises(TypeError, match="lr and learning_rate are the same argument"):
        so.like("mxnet_2_0", "adagrad", lr=0.5, learning_rate=0.5)
    with pytest.raises(TypeError, match=r"momentun.*did you mean 'momentum'"):
        so.like("mxnet_2_0", "sgd", momentun=0.5)
    with pytest.raises(TypeError, match="lr"):
        so.like("mxnet_ops", "rmsprop_update")


def test_dcasgd_knows_no_momentum() -> None:
    with pytest.raises(ValueError, match="momentum"):
        so.like("mxnet_1_9", "dcasgd", momentum=0.9)


def test_a_schedule_may_be_an_expression() -> None:
    schedule = 0.5 * 0.5**so.iteration
    given = [[4.0]], [[1.0]]
    (moving,) = stepped(so.like("mxnet_jl", "sgd", eta_sched=schedule, lam=0), *given, steps=2)
    (still,) = stepped(so.like("mxnet_jl", "sgd", eta_sched=schedule, lam=0, advance="never"), *given, steps=2)
    assert (moving[0], still[0]) == (3.25, 3.0)
    with pytest.raises(ValueError, match="advance"):
        so.like("mxnet_jl", "sgd", advance="sometimes")
    with pytest.raises(ValueError, match="Cosine"):
        stepped(so.like("mxnet_jl", "sgd", eta_sched=["Cosine", {}]), *given)


@pytest.mark.parametrize(
    ("system", "optimizer", "rate"),
    [("mxnet_2_0", "adam", "learning_rate"), ("mxnet_jl", "adagrad", "eta"), ("mxnet_ops", "rmsprop_update", "lr")],
)
def test_a_new_number_needs_no_new_updates(system: str, optimizer: str, rate: str) -> None:
    w = so.parameter([1.0, 2.0], name="w")
    trainer = so.build(so.like(system, optimizer, **{rate: 0.5}), (w**2).sum(), backend="numpy")
    trainer.step()
    updates = trainer.updates
    trainer.set_hyperparameters(**{rate: 0.0})
    before = w.value
    trainer.step()
    assert trainer.updates is updates
    np.testing.assert_array_equal(w.value, before)


SYSTEMS = ("mxnet_ops", "mxnet_1_9", "mxnet_2_0", "mxnet_jl")


@pytest.mark.parametrize(
    ("system", "optimizer"), [(system, optimizer) for system in SYSTEMS for optimizer in like.SYSTEMS[system]]
)
def test_float32_stays_and_is_near_float64(system: str, optimizer: str) -> None:
    rule = so.like(system, optimizer, **({"lr": 0.01} if system == "mxnet_ops" else {}))
    given = [[1.0, -2.0], [0.5]], [[0.5, 0.25], [-1.0]]
    single, double = (stepped(rule, *given, dtype=dtype, steps=3) for dtype in ("float32", "float64"))
    for narrow, wide in zip(single, double, strict=True):
        assert narrow.dtype == "float32"
        np.testing.assert_allclose(narrow, wide, rtol=1e-3)
