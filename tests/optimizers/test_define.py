"""Rules of one's own: as good as those of the catalogue, and with errors that point at the character that is wrong."""

from __future__ import annotations

import pickle
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import sympy

import symopt as so
from tests.available import BACKENDS


def path(rule: so.UpdateRule, steps: int = 5, dtype: str = "float64", backend: str = "numpy") -> np.ndarray:
    """The parameter after each step, for a loss whose gradient is never 0."""
    u = so.parameter(np.array([[1.0, -2.0], [0.5, 3.0]], dtype), name="u")
    trainer = so.build(rule, (so.cosh(u) + u).sum(), backend=backend)
    rows = []
    for _ in range(steps):
        trainer.step()
        rows.append(trainer.params["u"].copy())
    assert rows[0].dtype == dtype
    return np.array(rows)


PAIRS = {
    "momentum": (
        so.define("v = mu*v - lr*g; w = w + v", mu=0.9, lr=0.1),
        so.SGD(learning_rate=0.1, momentum=0.9),
    ),
    "nesterov, with the old velocity": (
        so.define("old = v; v = mu*v - lr*g\nw = w - mu*old + (1 + mu)*v", mu=0.9, lr=0.1),
        so.NAG(learning_rate=0.1, momentum=0.9),
    ),
    "rmsprop": (
        so.define("v = rho*v + (1-rho)*g**2; w = w - lr*g/sqrt(v + eps)", rho=0.9, lr=0.1, eps=1e-8),
        so.RMSProp(learning_rate=0.1, rms_decay=0.9, centered=False),
    ),
    "adam": (
        so.define(
            """
            m = b1*m + (1 - b1)*g         # states
            v = b2*v + (1 - b2)*g**2
            m_hat = m / (1 - b1**t)       # temporaries
            v_hat = v / (1 - b2**t)
            w = w - lr * m_hat / (
                sqrt(v_hat) + eps)
            """,
            b1=0.9, b2=0.99, lr=0.1, eps=1e-8,
        ),
        so.Adam(learning_rate=0.1, beta2=0.99),
    ),
    "weight decay in the gradient": (
        so.define("g = g + decay*w; w = w - lr*g", decay=0.1, lr=0.1),
        so.SGD(learning_rate=0.1, weight_decay=0.1),
    ),
    "clipping by norm": (
        so.define("w = w - lr*g*minimum(1, 0.5/norm(g))", lr=0.1),
        so.SGD(learning_rate=0.1, max_gradient_norm=0.5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_equations_do_what_the_rule_of_the_catalogue_does(name: str, backend: str) -> None:
    defined, known = PAIRS[name]
    np.testing.assert_allclose(path(defined, backend=backend), path(known), rtol=1e-12)
    np.testing.assert_allclose(path(defined, dtype="float32", backend=backend), path(known), rtol=1e-4)


def test_choices_and_comparisons() -> None:
    rule = so.define("s = sign(g) if 0 < g <= 100 and not g > 50 else -1; w = w - lr*s", lr=0.1)
    np.testing.assert_allclose(path(rule, 1)[0], [[0.9, -1.9], [0.4, 2.9]], rtol=1e-12)


def test_equations_of_sympy() -> None:
    v, rho, g, w, lr = sympy.symbols("v rho g w lr")
    equations = [sympy.Eq(v, rho * v + (1 - rho) * g**2), sympy.Eq(w, w - lr * g / (sympy.sqrt(v) + 1))]
    text = so.define("v = rho*v + (1-rho)*g**2; w = w - lr*g/(sqrt(v)+1)", rho=0.9, lr=0.1)
    np.testing.assert_allclose(path(so.define(equations, rho=0.9, lr=0.1)), path(text), rtol=1e-12)
    with pytest.raises(ValueError, match="unknown name 'lr'"):
        so.define(equations, rho=0.9)
    with pytest.raises(ValueError, match="expected equations Eq"):
        so.define([sympy.Eq(v**2, g)])


def momentum(param: Any, grad: Any, state: Any, lr: Any, mu: Any = 0.9) -> Generator[Any, None, Any]:
    velocity = state("velocity")
    following = mu * velocity - lr * grad
    yield velocity, following
    return -following


def test_a_function() -> None:
    rule = so.define(momentum, lr=0.1)
    np.testing.assert_allclose(path(rule), path(so.SGD(learning_rate=0.1, momentum=0.9)), rtol=1e-12)
    plain = so.define(lambda param, grad, state, lr: lr * grad, lr=0.1)
    np.testing.assert_allclose(path(plain), path(so.SGD(learning_rate=0.1)), rtol=1e-12)
    with pytest.raises(TypeError, match="no keyword 'lrr'; did you mean 'lr'"):
        so.define(momentum, lrr=0.1)
    with pytest.raises(TypeError, match="missing a required argument: 'lr'"):
        so.define(momentum)
    with pytest.raises(ValueError, match="must return the step"):
        path(so.define(lambda param, grad, state: None))


def test_equations_print() -> None:
    u = so.parameter(1.0, name="u")
    updates = so.define("v = v + g**2; w = w - lr*g/sqrt(v)", lr=0.5).get_updates(u**2)
    assert str(updates).split("\n")[:2] == [
        "u_v       <- u_v + grad(u)**2",
        "u         <- u - 0.5 * grad(u) / sqrt(u_v')",
    ]


def test_hyperparameters_change_without_a_new_compilation() -> None:
    u = so.parameter([1.0, 2.0], name="u")
    trainer = so.build(so.define("w = w - lr*g", lr=0.1), (u**2).sum(), backend="numpy")
    step = trainer._compiled.step
    trainer.step()
    np.testing.assert_allclose(trainer.params["u"], [0.8, 1.6])
    trainer.set_hyperparameters(lr=0.5)
    trainer.step()
    np.testing.assert_allclose(trainer.params["u"], [0, 0], atol=1e-15)
    assert trainer._compiled.step is step


def test_a_schedule_and_an_expression_are_hyperparameters() -> None:
    scheduled = path(so.define("w = w - lr*g", lr=so.schedules.Exp(0.1, 0.5)))
    np.testing.assert_allclose(scheduled, path(so.SGD(learning_rate=so.schedules.Exp(0.1, 0.5))), rtol=1e-12)
    np.testing.assert_allclose(path(so.define("w = w - lr*g", lr=0.1 * 0.5**so.iteration)), scheduled, rtol=1e-12)


def test_a_rule_pickles_and_shows_its_hyperparameters() -> None:
    rule = so.define("w = w - lr*g", lr=0.1)
    assert repr(rule) == "Defined(lr=0.1)"
    np.testing.assert_array_equal(path(pickle.loads(pickle.dumps(rule))), path(rule))


def test_bounds_of_parameters_hold() -> None:
    u = so.parameter([1.0, 2.0], name="u", lower=0.5)
    trainer = so.build(so.define("w = w - 10*g"), (u**2).sum(), backend="numpy")
    trainer.step()
    assert trainer.params["u"].tolist() == [0.5, 0.5]


WRONG = [
    ("w = w - lr**", "not an equation", 12),
    ("w = w - lrr*g", "unknown name 'lrr'; did you mean 'lr'", 8),
    ("v = g; w = w - sqr(v)", "there is no function 'sqr'; did you mean 'sqrt'", 15),
    ("w = w - lr*g^2", "a power is x", 12),
    ("w = w - (lr*g", "'[(]' was never closed", 8),
    ("w = w - lr*g)", "unmatched", 12),
    ("w = w - 2 g", "not an equation", 10),
    ("t = 2; w = w - g", "'t' is the step", 0),
    ("w = w - g; lr = 2*lr", "'lr' is a hyperparameter", 11),
    ("w == lr*g", "expected an equation", 0),
    ("w, v = g, g", "expected one name on the left", 0),
    ("w = w - g[0]", "made of names", 8),
    ("w = w - g.T", "made of names", 8),
    ("w = w - 'a'", "expected a number, not 'a'", 8),
    ("w = w - sqrt*g", "'sqrt' is a function", 8),
    ("w = w - g(2)", "no function 'g'", 8),
    ("é = g; w = w - é*x", "unknown name 'x'", 17),
    ("w = w - mean(g, axes=0)", "unexpected keyword argument 'axes'", 8),
    ("w = w - mean(g, axis=g)", "plain number", 21),
    ("w = w - (1/0)*lr*g", "division by zero", 9),
    ("w = w - lr*sqrt(g, 2)", "takes 1 operand", 11),
    ("w = w - lr*(g if g is w else g)", "compare by", 19),
]


@pytest.mark.parametrize(("text", "message", "column"), WRONG)
def test_errors_point_at_what_is_wrong(text: str, message: str, column: int) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        path(so.define(text, lr=0.1))
    assert str(caught.value).split("\n")[1:] == [f"  {text}", f"  {' ' * column}^"]


def test_errors_show_the_line_of_a_longer_text() -> None:
    with pytest.raises(ValueError, match="unknown name 'x'") as caught:
        so.define("v = g\nw = w - (\n    x)")
    assert str(caught.value).split("\n")[1:] == ["      x)", "      ^"]


def test_keywords_that_are_wrong() -> None:
    with pytest.raises(TypeError, match="no equation uses 'rho'"):
        so.define("w = w - lr*g", lr=0.1, rho=1)
    with pytest.raises(TypeError, match="'g' is its gradient"):
        so.define("w = w - g", g=0.1)
    with pytest.raises(TypeError, match="cannot be called 'rule'"):
        so.define("w = w - rule*g", rule=0.1)
    with pytest.raises(TypeError, match="expected a number"):
        so.define("w = w - lr*g", lr="big")
    with pytest.raises(TypeError, match="a text, a list of SymPy equations or a function"):
        so.define(3)
    with pytest.raises(ValueError, match="no equation is for w"):
        so.define("v = g")
