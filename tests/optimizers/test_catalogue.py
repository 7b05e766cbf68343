"""What the rules of the catalogue promise, each proved by itself; and those that need problems of their own."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import symopt as so
from symopt.optimizers.hyperparameters import numbers, numeric_fields, resolved, same_structure
from tests.available import BACKENDS
from tests.optimizers.references_signs_and_norms import muon


def fed(algo: Any, gradients: list[Any], start: Any = None, dtype: str = "float64", **settings: Any) -> so.Trainer:
    """A trainer whose parameter u has had these gradients, one after the other."""
    gradients = [np.asarray(gradient, dtype) for gradient in gradients]
    u = so.parameter(np.zeros_like(gradients[0]) if start is None else np.asarray(start, dtype), name="u")
    g = so.input("g", gradients[0].shape, dtype)
    trainer = so.build(algo, (u * g).sum(), backend="numpy", **settings)
    for gradient in gradients:
        trainer.step(gradient)
    return trainer


def path(algo: Any, gradients: list[Any], start: Any, **settings: Any) -> np.ndarray:
    """The parameter before, and after each update."""
    places = [np.asarray(start, float)]
    places += [fed(algo, gradients[: k + 1], start, **settings).params["u"] for k in range(len(gradients))]
    return np.stack(places)


RNG = np.random.default_rng(5)
GRADIENTS = list(RNG.normal(size=(8, 3, 2)))
START = RNG.normal(size=(3, 2))


# ------------------------------------------------------------------------------------------------------- of all of them


@pytest.mark.parametrize("name", so.OPTIMIZERS)
def test_a_number_can_change_without_a_new_structure(name):
    first = so.OPTIMIZERS[name]()
    for field in numeric_fields(first):
        value = resolved(first, field)
        if value is not None:
            second = dataclasses.replace(first, **{field.name: 0.5 if value == 0 else value * 0.99})
            assert same_structure(first, second)
            assert numbers(first).keys() == numbers(second).keys()
            assert numbers(first)[field.name] != numbers(second)[field.name]


@pytest.mark.parametrize("scale", [0, 1e-25, 1e-10, 1e12])
@pytest.mark.parametrize("name", so.OPTIMIZERS)
def test_gradients_of_any_size_are_safe_in_float32(name, scale):
    gradients = [scale * gradient for gradient in GRADIENTS]
    gradients[0][0] = 0
    for start in (START, 0 * START):
        trainer = fed(name, gradients, start, "float32")
        assert trainer.params["u"].dtype == np.float32
        assert np.isfinite(trainer.params["u"]).all()
        assert all(np.isfinite(value).all() for value in trainer.state.values())


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("lamb", {"epsilon": 0}),
        ("lars", {"learning_rate": 1}),
        ("novograd", {"epsilon": 0}),
        ("fromage", {}),
        ("adafactor", {}),
        ("sm3", {}),
        ("rprop", {}),
        ("lion", {}),
        ("signum", {}),
        ("muon", {"epsilon": 1e-300}),
    ],
)
def test_the_scale_of_the_loss_has_no_effect_on(name, settings):
    once = fed(name, GRADIENTS, START, **settings).params["u"]
    times = fed(name, [1024 * gradient for gradient in GRADIENTS], START, **settings).params["u"]
    assert np.abs(once - START).max() > 1e-5
    np.testing.assert_allclose(once, times, rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "pairs"),
    [
        (so.AdaDelta, ["rms_decay or rms_halflife"]),
        (so.ESGD, ["rms_halflife or rms_decay"]),
        (so.Signum, ["beta or beta_halflife"]),
        (so.Muon, ["beta or beta_halflife"]),
        *(
            (kind, ["beta1 or beta1_halflife", "beta2 or beta2_halflife"])
            for kind in (so.AdamW, so.AMSGrad, so.AdaMax, so.Nadam, so.RAdam, so.AdaBelief, so.Yogi, so.Lion, so.LAMB)
        ),
        *((kind, ["beta1 or beta1_halflife", "beta2 or beta2_halflife"]) for kind in (so.NovoGrad, so.FTML)),
    ],
)
def test_a_halflife_and_a_decay_together_are_refused(kind, pairs):
    for pair in pairs:
        with pytest.raises(TypeError, match=f"{kind.__name__}: give {pair}, not both"):
            kind(**dict.fromkeys(pair.split(" or "), 0.9))


# ------------------------------------------------------------------------------------------------------ the Adam family


def test_bias_correction_makes_the_average_of_a_constant_exact():
    import sympy

    g, beta = sympy.symbols("g beta")
    mean = sympy.Integer(0)
    for t in range(1, 9):
        mean = beta * mean + (1 - beta) * g
        assert sympy.simplify(mean / (1 - beta**t) - g) == 0


def test_the_product_of_nadam_makes_the_average_of_a_constant_exact():
    import sympy

    g, *momenta = sympy.symbols("g mu1:7")
    mean, product = sympy.Integer(0), sympy.Integer(1)
    for mu in momenta:
        mean, product = mu * mean + (1 - mu) * g, product * mu
        assert sympy.simplify(mean / (1 - product) - g) == 0
    state = fed("nadam", [[3.0, -0.5]] * 6).state
    np.testing.assert_allclose(state["u_mean"] / (1 - state["u_product"]), [3, -0.5], rtol=1e-14)


@pytest.mark.parametrize("name", ["adam", "amsgrad", "adamax", "adamw"])
def test_steps_for_a_constant_gradient_are_the_learning_rate(name):
    settings = {"weight_decay": 0} if name == "adamw" else {}
    places = path(name, [[3.0, -1e-3]] * 9, [0.0, 0.0], learning_rate=0.01, epsilon=0, **settings)
    np.testing.assert_allclose(np.diff(places, axis=0), [[-0.01, 0.01]] * 9, rtol=1e-12)


def test_radam_does_not_divide_its_first_steps():
    # rho_t passes 4 at t = 5 for a beta2 of 0.999.
    places = path("radam", [[3.0, -1e-3]] * 5, [0.0, 0.0], learning_rate=0.01)
    np.testing.assert_allclose(np.diff(places, axis=0)[:4], [[-0.03, 1e-5]] * 4, rtol=1e-12)
    assert abs(np.diff(places, axis=0)[4, 0]) < 0.01


def test_amsgrad_does_not_forget_a_large_gradient():
    largest = [
        fed("amsgrad", [[100.0]] + [[1.0]] * k, beta2_halflife=1).state["u_largest"].item() for k in (0, 1, 5, 20)
    ]
    assert largest == [5000.0] * 4


def test_decay_of_adamw_is_not_divided_by_the_gradient():
    trainer = fed("adamw", [[1e6, 1e-6]], [2.0, 2.0], learning_rate=0.1, weight_decay=0.5, epsilon=0)
    np.testing.assert_allclose(trainer.params["u"], 2 - 0.1 * (1 + 0.5 * 2) * np.ones(2), rtol=1e-12)


@pytest.mark.parametrize("gradient", [5.0, 0.1])
def test_yogi_moves_its_square_by_the_same_amount_up_or_down(gradient):
    square = fed("yogi", [[gradient]], beta2=0.5, initial_accumulator=1).state["u_square"]
    assert square == pytest.approx(1 + np.sign(gradient**2 - 1) * 0.5 * gradient**2)


# ---------------------------------------------------------------------------------------------------------------- signs


def test_steps_of_rprop_stay_within_bounds_and_wait_after_a_turn():
    gradients = [np.array([g]) for g in RNG.normal(size=40)]
    places = path("rprop", gradients, [0.0], learning_rate=0.1, rprop_min_step=0.02, rprop_max_step=0.3)
    steps = np.abs(np.diff(places[:, 0]))
    moved = steps[steps > 0]
    assert moved.min() >= 0.02 - 1e-15
    assert moved.max() <= 0.3 + 1e-15
    assert steps[0] == pytest.approx(0.1)
    signs = np.sign(np.ravel(gradients))
    for k in range(1, 40):
        assert (steps[k] == 0) == (signs[k] != signs[k - 1] and steps[k - 1] != 0)


def test_rprop_grows_and_shrinks_by_its_factors_in_float32_too():
    gradient = [np.float32(1e-30)] * 3 + [np.float32(-1e-30)]  # a product of two of them would be 0
    sizes = [fed("rprop", gradient[:k], dtype="float32").state["u_size"].item() for k in range(1, 5)]
    assert sizes == pytest.approx([0.1, 0.12, 0.144, 0.072])


def test_a_rate_of_rprop_that_is_set_before_the_first_update_is_the_first_step():
    u = so.parameter(1.0, name="u")
    trainer = so.build("rprop", so.square(u))
    trainer.iterate(max_updates=0, learning_rate=0.25)
    for _ in trainer.iterate(max_updates=1, learning_rate=0.25):
        pass
    assert u.value == 0.75


@pytest.mark.parametrize("name", ["lion", "signum"])
def test_every_step_is_the_learning_rate(name):
    steps = np.diff(path(name, GRADIENTS, START, learning_rate=0.25), axis=0)
    np.testing.assert_allclose(np.abs(steps), 0.25, rtol=1e-14)
    assert (steps > 0).any()
    assert (steps < 0).any()


@pytest.mark.parametrize("name", ["lion", "signum"])
def test_an_element_without_gradients_stays(name):
    np.testing.assert_array_equal(fed(name, [[0.0, 1.0]] * 3, [4.0, 4.0], learning_rate=0.25).params["u"], [4, 3.25])


# ---------------------------------------------------------------------------------------------------------------- norms


def test_the_ratio_of_lamb_and_lars_is_1_where_a_norm_is_0():
    gradient = [[3.0, -4.0]]
    np.testing.assert_allclose(fed("lamb", gradient, learning_rate=0.1, epsilon=0).params["u"], [-0.1, 0.1], rtol=1e-14)
    np.testing.assert_allclose(fed("lars", gradient, learning_rate=0.1).params["u"], [-0.3, 0.4], rtol=1e-14)
    np.testing.assert_allclose(
        fed("fromage", gradient, learning_rate=0.1).params["u"], np.array([-0.3, 0.4]) / 1.01**0.5, rtol=1e-14
    )
    for name in ("lamb", "lars"):
        np.testing.assert_array_equal(fed(name, [[0.0, 0.0]], [3.0, 4.0]).params["u"], [3, 4])
    with_decay = fed("lars", [[0.0, 0.0]], [3.0, 4.0], learning_rate=0.1, weight_decay=0.5).params["u"]
    np.testing.assert_allclose(with_decay, 0.95 * np.array([3, 4]), rtol=1e-14)


def test_steps_of_lamb_lars_and_fromage_are_in_proportion_to_the_parameter():
    for name, settings, share in (
        ("lamb", {"learning_rate": 0.1}, 0.1),
        ("lars", {"learning_rate": 1, "trust_coefficient": 0.1, "momentum": 0}, 0.1),
    ):
        step = fed(name, GRADIENTS[:1], START, **settings).params["u"] - START
        assert np.linalg.norm(step) == pytest.approx(share * np.linalg.norm(START))
    across = np.array([[1.0, 0.0]])
    after = fed("fromage", [across], [[0.0, 5.0]], learning_rate=0.3).params["u"]
    assert np.linalg.norm(after) == pytest.approx(5)  # a step across does not lengthen the parameter


def test_novograd_has_steps_of_norm_1_at_first():
    step = fed("novograd", GRADIENTS[:1], START, learning_rate=1).params["u"] - START
    assert np.linalg.norm(step) == pytest.approx(1)
    assert fed("novograd", GRADIENTS).state["u_square"].shape == ()


# ------------------------------------------------------------------------------------------------------------- factored


def test_states_of_factored_rules_are_small():
    gradients = list(RNG.normal(size=(3, 4, 3, 2)))
    shapes = {name: value.shape for name, value in fed("adafactor", gradients).state.items()}
    assert shapes == {"u_rows": (4, 3, 1), "u_columns": (4, 1, 2), "iteration": ()}
    shapes = {name: value.shape for name, value in fed("sm3", gradients).state.items()}
    assert shapes == {"u_cover_0": (4, 1, 1), "u_cover_1": (1, 3, 1), "u_cover_2": (1, 1, 2), "iteration": ()}


@pytest.mark.parametrize("name", ["adafactor", "sm3"])
@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (3, 1)])
def test_factored_rules_take_every_shape(name, shape):
    gradients = list(RNG.normal(size=(4, *shape)))
    after = fed(name, gradients, np.ones(shape)).params["u"]
    assert after.shape == shape
    # One row or column is no loss: as good as a number for each element.
    np.testing.assert_allclose(
        np.ravel(after), np.ravel(fed(name, [np.ravel(g) for g in gradients], np.ones(shape).ravel()).params["u"])
    )


def test_covers_of_sm3_are_no_smaller_than_the_sums_of_adagrad():
    covers = fed("sm3", GRADIENTS).state
    assert (np.minimum(covers["u_cover_0"], covers["u_cover_1"]) >= fed("adagrad", GRADIENTS).state["u_squares"]).all()


def test_adafactor_is_exact_for_squares_of_rank_1():
    gradient = np.outer([1.0, -2.0, 3.0], [0.5, 4.0])
    trainer = fed("adafactor", [gradient], START, clipping_threshold=1e9)
    rms = np.sqrt((START**2).mean())
    np.testing.assert_allclose(trainer.params["u"] - START, -0.01 * rms * np.sign(gradient), rtol=1e-12)


# ------------------------------------------------------------------------------------- the parameter anew, and averages


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_gradients_leave_parameters_of_ftrl_exactly_0(dtype):
    gradients = [0.01 * gradient for gradient in GRADIENTS]
    gradients[-1][0, 0] += 5
    after = fed("ftrl", gradients, 0 * START, dtype, l1=0.5).params["u"]
    assert after[0, 0] != 0
    assert np.count_nonzero(after) == 1


def test_ftml_alone_needs_no_sum():
    after = fed("ftml", GRADIENTS, START, learning_rate=0.02)
    v = d = 0.0
    w = START
    for t, g in enumerate(GRADIENTS, 1):
        v = 0.999 * v + 0.001 * g**2
        d = (1 - 0.6**t) / 0.02 * (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w = w - 0.4 * g / d
    np.testing.assert_allclose(after.params["u"], w, rtol=1e-11)


@pytest.mark.parametrize("kind", [so.FTRL, so.FTML])
def test_rules_that_divide_by_the_rate_refuse_0(kind):
    with pytest.raises(ValueError, match=r"learning_rate=0\): expected a number above 0"):
        kind(learning_rate=0)


@pytest.mark.parametrize("after", [0, 3])
def test_the_average_of_asgd_is_the_mean_of_what_parameters_became(after):
    settings = {"learning_rate": 0.3, "clip_weights": 0.8, "momentum": 0.5}
    places = path("asgd", GRADIENTS, START, average_after=after, **settings)
    found = fed("asgd", GRADIENTS, START, average_after=after, **settings).state["u_average"]
    assert np.abs(places[1:]).max() == 0.8
    np.testing.assert_allclose(found, places[1 + after :].mean(0), rtol=1e-13)


def test_adagrad_leaves_rows_without_gradient_alone():
    gradients = [g * np.array([[1.0], [0.0], [1.0]]) for g in GRADIENTS]
    trainer = fed("adagrad", gradients, START)
    np.testing.assert_array_equal(trainer.params["u"][1], START[1])
    np.testing.assert_array_equal(trainer.state["u_squares"][1], 0)


# ----------------------------------------------------------------------------------------------------------------- Muon


@pytest.mark.parametrize("shape", [(3, 3), (20, 5), (5, 20)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_of_muon_have_singular_values_near_1(shape, dtype):
    gradient = np.random.default_rng(1).normal(size=shape)
    step = -fed("muon", [gradient], dtype=dtype, learning_rate=1).params["u"]
    values = np.linalg.svd(step / max(1, shape[0] / shape[1]) ** 0.5)[1]
    assert values.min() > 0.65
    assert values.max() < 1.25
    u, _, v = np.linalg.svd(gradient, full_matrices=False)
    assert np.abs(step / np.linalg.norm(step) - u @ v / np.linalg.norm(u @ v)).max() < 0.15


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 2), (2, 4)])
@pytest.mark.parametrize(
    ("optimizer", "loop"),
    [
        (so.Muon(), muon(0.02, 0.95, True, 1e-7, 0)),
        (so.Muon(beta_halflife=3, nesterov=False, weight_decay=0.5), muon(0.02, 0.5 ** (1 / 3), False, 1e-7, 0.5)),
    ],
)
def test_50_updates_of_muon_follow_the_paper(optimizer, loop, shape, dtype, backend):
    rng = np.random.default_rng(3)
    xs, ys = rng.normal(size=(6, shape[0])), rng.normal(size=(6, shape[1]))
    w = so.parameter(np.ones(shape, dtype), name="w")
    error = xs.astype(dtype) @ w - ys.astype(dtype)
    trainer = so.build(optimizer, so.square(error).mean(), backend=backend)
    expected = loop({"w": np.ones(shape)}, lambda p: {"w": xs.T @ (2 * (xs @ p["w"] - ys) / ys.size)})
    for _ in range(50):
        trainer.step()
        np.testing.assert_allclose(trainer.params["w"], next(expected)["w"], atol=2000 * np.finfo(dtype).eps)


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2)])
def test_muon_refuses_what_is_no_matrix(shape):
    u = so.parameter(np.ones(shape), name="u")
    with pytest.raises(so.ShapeError, match="Muon trains matrices only, and parameter 'u' has shape") as caught:
        so.Muon().get_updates(so.square(u).sum())
    assert __file__ in str(caught.value)


# ----------------------------------------------------------------------------------------------------------------- ESGD


def coupled(dtype: str) -> tuple[so.Tensor, so.Tensor, so.Tensor]:
    """Two parameters, and a loss with a Hessian that couples them."""
    w = so.parameter(np.array([0.5, -1.0, 2.0], dtype), name="w")
    v = so.parameter(np.array([1.0, -0.5], dtype), name="v")
    return w, v, (w**4).sum() / 8 + w.sum() * so.square(v).sum()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_50_updates_of_esgd_follow_the_paper_for_a_given_probe(dtype, backend):
    w, v, loss = coupled(dtype)
    rw, rv = np.array([1.0, -0.5, 0.25]), np.array([-1.5, 0.75])
    optimizer = so.ESGD(learning_rate=0.01, rms_decay=0.9, rms_regularizer=0.1, probe=[rw, rv])
    trainer = so.build(optimizer, loss, backend=backend)
    a, b = w.value.astype(float), v.value.astype(float)
    D = [0 * a, 0 * b]
    for _ in range(50):
        trainer.step()
        grads = [a**3 / 2 + (b**2).sum(), 2 * b * a.sum()]
        products = [1.5 * a**2 * rw + 2 * (b * rv).sum(), 2 * rv * a.sum() + 2 * b * rw.sum()]
        D = [0.9 * d + 0.1 * product**2 for d, product in zip(D, products, strict=True)]
        a, b = (x - 0.01 * g / (np.sqrt(d) + 0.1) for x, g, d in zip((a, b), grads, D, strict=True))
        np.testing.assert_allclose(trainer.params["w"], a, atol=500 * np.finfo(dtype).eps)
        np.testing.assert_allclose(trainer.params["v"], b, atol=500 * np.finfo(dtype).eps)


def curvature(updates: int, backend: str = "numpy", **settings: Any) -> np.ndarray:
    """D of ESGD after some updates of ``coupled``, at one place."""
    trainer = so.build("esgd", coupled("float64")[2], backend=backend, learning_rate=0, **settings)
    for _ in range(updates):
        trainer.step()
    return np.concatenate([trainer.state["w_curvature"], trainer.state["v_curvature"]])


def test_probes_depend_on_the_seed_alone():
    np.testing.assert_allclose(curvature(5), curvature(5, "numexpr"), rtol=1e-10)
    assert (curvature(5) != curvature(5, seed=1)).all()
    assert (curvature(5, seed=1) == curvature(5, seed=1)).all()


def test_the_curvature_of_esgd_is_the_sum_of_squares_of_a_row_of_the_hessian():
    w, v, _ = coupled("float64")
    hessian = np.zeros((5, 5))
    hessian[:3, :3] = np.diag(1.5 * w.value**2)
    hessian[3:, 3:] = 2 * np.eye(2) * w.value.sum()
    hessian[:3, 3:] = 2 * v.value
    hessian[3:, :3] = 2 * v.value[:, None]
    np.testing.assert_allclose(curvature(2500, rms_decay=0.998), (hessian**2).sum(1), rtol=0.15)


def test_esgd_probes_the_raw_gradient():
    settings = {"max_gradient_elem": 1e-3, "rescale_gradient": 7, "weight_decay": 3}
    np.testing.assert_allclose(curvature(4, **settings), curvature(4), rtol=1e-12)


def test_esgd_refuses_probes_of_other_shapes_and_odd_seeds():
    loss = coupled("float64")[2]
    with pytest.raises(so.DataError, match="a probe of the shape of each parameter"):
        so.ESGD(probe=np.ones(3)).get_updates(loss)
    with pytest.raises(so.DataError, match="a probe of the shape of each parameter"):
        so.ESGD(probe=[np.ones(2), np.ones(3)]).get_updates(loss)
    with pytest.raises(TypeError, match=r"ESGD\(seed=0.5\): expected an int"):
        so.ESGD(seed=0.5)


def test_a_trainer_by_esgd_keeps_its_structure_as_numbers_change():
    first = so.ESGD(probe=np.ones(3))
    assert same_structure(first, dataclasses.replace(first, learning_rate=0.5))
    assert not same_structure(first, so.ESGD())
