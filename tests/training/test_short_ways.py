"""The short ways to train, and what they say of keywords that they do not know."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import symopt as so
from tests.training.problems import line


def trained(way: str) -> list[np.ndarray]:
    """The parameters of one and the same training, started in different ways."""
    model = line()
    rows, loss = model.rows, model.loss
    number = {"learning_rate": 0.05, "rms_halflife": 5}
    loop = {"max_epochs": 7, "validate_every": 2}
    data = so.Dataset(rows, batch_size=8)
    if way == "build":
        so.build("rmsprop", loss, **number).minimize(data, **loop)
    elif way == "build an optimizer":
        so.build(so.RMSProp(**number), loss).minimize(data, **loop)
    elif way == "build in capitals":
        so.build("RMSProp", loss, **number).minimize(data, **loop)
    elif way == "minimize":
        so.minimize(loss, rows, batch_size=8, **number, **loop)
    elif way == "minimize by an optimizer":
        so.minimize(loss, data, algo=so.RMSProp(**number), **loop)
    elif way == "of the optimizer":
        so.RMSProp(**number).minimize(loss, data, **loop)
    elif way == "iterate of the optimizer":
        list(so.RMSProp(learning_rate=0.05).iterate(loss, data, rms_halflife=5, **loop))
    elif way == "iterate":
        list(so.build("rmsprop", loss).iterate(data, **number, **loop))
    return model.params()


@pytest.mark.parametrize(
    "way",
    [
        "build an optimizer",
        "build in capitals",
        "minimize",
        "minimize by an optimizer",
        "of the optimizer",
        "iterate of the optimizer",
        "iterate",
    ],
)
def test_every_way_gives_the_same_training(way):
    expected = trained("build")
    assert expected != [0, 0]
    np.testing.assert_array_equal(trained(way), expected)


def test_minimize_trains_by_rmsprop_if_nothing_is_said():
    model = line()
    result = so.minimize(model.loss, model.rows, max_epochs=1)
    assert type(result.trainer.optimizer) is so.RMSProp


def test_minimize_takes_settings_of_all_kinds_at_once():
    model = line()
    seen = so.state(0, name="seen")
    result = so.minimize(
        model.loss,
        list(model.rows.values()),
        {"x": np.zeros(1), "y": np.ones(1)},
        algo="sgd",
        batch_size=0,
        params=[model.b],
        inputs=[model.x, model.y],
        updates=[(seen, seen + 1)],
        monitors={"b": model.b},
        monitor_gradients=True,
        backend="numpy",
        check="nan",
        learning_rate=0.1,
        max_updates=4,
        patience=0,
        validate_every=3,
        min_improvement=0.5,
        final_validation=False,
    )
    train, valid = result
    assert list(train) == list(valid) == ["loss", "b", "grad(b)"]
    assert seen.value == 3  # by then the validation has grown worse than the first
    assert valid["loss"] > 1
    assert result.params == {"b": 0}


def test_the_optimizers_own_ways_take_settings_of_the_trainer():
    model = line()
    [(train, _)] = so.SGD(learning_rate=0.1).iterate(
        model.loss, model.rows, monitors={"a": model.a}, monitor_gradients=True, max_epochs=1
    )
    assert list(train) == ["loss", "a", "grad(a)", "grad(b)"]


def test_breaking_out_of_the_optimizers_own_iterate_leaves_the_best():
    u = so.parameter(1.0, name="u")
    for _ in so.SGD(learning_rate=3.0).iterate(so.square(u), validate_every=1):
        if u.value > 20:
            break
    assert u.value == 1


def ways_to_give(keyword: dict[str, float]) -> dict[str, tuple[object, ...]]:
    model = line()
    trainer = so.build("rmsprop", model.loss)
    optimizer = so.RMSProp()
    return {
        "the class": (so.RMSProp, (), keyword),
        "build": (so.build, ("rmsprop", model.loss), keyword),
        "so.minimize": (so.minimize, (model.loss, model.rows), keyword),
        "iterate": (trainer.iterate, (model.rows,), keyword),
        "minimize": (trainer.minimize, (model.rows,), keyword),
        "set_hyperparameters": (trainer.set_hyperparameters, (), keyword),
        "optimizer.minimize": (optimizer.minimize, (model.loss, model.rows), keyword),
        "optimizer.iterate": (optimizer.iterate, (model.loss, model.rows), keyword),
    }


@pytest.mark.parametrize("way", ways_to_give({}))
def test_an_unknown_hyperparameter_names_the_nearest(way):
    call, given, keywords = ways_to_give({"rms_halflive": 3})[way]
    with pytest.raises(TypeError, match=r"no keyword 'rms_halflive'; did you mean 'rms_halflife'\?"):
        call(*given, **keywords)


@pytest.mark.parametrize("way", ["so.minimize", "iterate", "minimize", "optimizer.minimize", "optimizer.iterate"])
def test_an_unknown_setting_of_the_loop_names_the_nearest(way):
    call, given, keywords = ways_to_give({"max_epoch": 3})[way]
    with pytest.raises(TypeError, match=r"no keyword 'max_epoch'; did you mean 'max_epochs'\?"):
        call(*given, **keywords)


@pytest.mark.parametrize("way", ["build", "so.minimize", "optimizer.minimize", "optimizer.iterate"])
def test_an_unknown_setting_of_the_trainer_names_the_nearest(way):
    call, given, keywords = ways_to_give({"monitor": {}})[way]
    with pytest.raises(TypeError, match=r"no keyword 'monitor'; did you mean 'monitors'\?"):
        call(*given, **keywords)


def test_a_keyword_like_no_other_gets_the_list_of_those_there_are():
    with pytest.raises(TypeError, match=r"SGD has no keyword 'qqq'; it knows learning_rate, momentum"):
        so.SGD(qqq=1)


def test_an_unknown_optimizer_names_the_nearest():
    with pytest.raises(ValueError, match=r"no optimizer 'rmspop'; did you mean 'rmsprop'\?"):
        so.build("rmspop", line().loss)
    with pytest.raises(ValueError, match="no optimizer 'zzz'; there are sgd, nag, "):
        so.minimize(line().loss, algo="zzz")


def test_an_optimizer_and_hyperparameters_for_it_do_not_go_together():
    with pytest.raises(TypeError, match="has its hyperparameters already: momentum cannot be given too"):
        so.build(so.SGD(), line().loss, momentum=0.5)


@pytest.mark.parametrize("loss", [3.0, sympy.Symbol("a") ** 2, None])
def test_a_trainer_needs_a_tensor(loss):
    with pytest.raises(so.DataError, match="expected a tensor"):
        so.build("sgd", loss)


# ------------------------------------------------------------------------------------------------------ SymPy formulas

a, b, x, y = sympy.symbols("a b x y")
XS = np.linspace(0, 3, 40)
YS = 2 * np.exp(-0.5 * XS)


def test_a_sympy_formula_is_fitted_and_its_symbols_name_the_parameters():
    formula = (a * sympy.exp(-b * x) - y) ** 2
    result = so.minimize(
        formula, params={a: 1.0, b: 2}, train={x: XS, y: YS}, algo="nag", learning_rate=0.05, max_epochs=400
    )
    assert result.params == {a: pytest.approx(2, abs=1e-3), b: pytest.approx(0.5, abs=1e-3)}
    assert result.trainer.params == {"a": result.params[a], "b": result.params[b]}


def test_a_sympy_formula_is_one_value_a_row_and_averaged():
    result = so.minimize((a * x - y) ** 2, params={a: 1.5}, train={x: XS, y: YS}, learning_rate=0, max_epochs=1)
    train, valid = result
    assert valid["loss"] == pytest.approx(np.mean((1.5 * XS - YS) ** 2), rel=1e-13)
    assert train["loss"] == pytest.approx(valid["loss"], rel=1e-13)


def test_the_keys_of_data_for_a_sympy_formula_may_be_names():
    by = [({x: XS, y: YS}, {x: XS[:5], y: YS[:5]}), ({"y": YS, "x": XS}, {"y": YS[:5], x: XS[:5]})]
    results = [
        so.minimize((a * x - y) ** 2, train, valid, params={a: 0}, learning_rate=0.01, max_epochs=3)
        for train, valid in by
    ]
    assert tuple(results[0]) == tuple(results[1])
    assert results[0].trainer.evaluate({x: XS[:5], y: YS[:5]}) == results[0].valid


def test_a_sympy_formula_without_data_is_minimized_as_it_is():
    rosenbrock = (1 - a) ** 2 + 100 * (b - a**2) ** 2
    result = so.minimize(
        rosenbrock, params={a: 0.5, b: 0.5}, algo="nag", learning_rate=1e-3, max_epochs=2000, validate_every=100
    )
    assert result.params == {a: pytest.approx(1, abs=0.02), b: pytest.approx(1, abs=0.04)}


@pytest.mark.parametrize(
    ("expression", "settings", "message"),
    [
        (a * x, {"train": {x: XS}}, "params is a dict of symbols"),
        (a * x, {"params": [a], "train": {x: XS}}, "params is a dict of symbols"),
        (a * x * y, {"params": {a: 1}, "train": {x: XS}}, "the expression has the symbols y: give them first values"),
        (a * x, {"params": {a: 1}, "train": [XS]}, "the expression has the symbols x"),
        ("a * x", {"params": {a: 1}}, "the loss is 'a [*] x': expected a tensor or a SymPy expression"),
    ],
)
def test_sympy_formulas_with_something_missing_are_refused(expression, settings, message):
    with pytest.raises(so.DataError, match=message):
        so.minimize(expression, **settings)


def test_a_parameter_that_is_not_in_the_formula_is_refused():
    with pytest.raises(so.NotDifferentiable, match="does not depend on parameter 'b'"):
        so.minimize(a * x, params={a: 1, b: 2}, train={x: XS})
