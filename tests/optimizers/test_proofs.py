"""Proofs by SymPy of what the rules promise, for the very expressions that they make."""

from __future__ import annotations

from typing import Any

import pytest
import sympy

import symopt as so
from symopt.graph.construct import make_shared
from symopt.optimizers.hyperparameters import LN2, decay


def number(name: str) -> so.Tensor:
    """A hyperparameter that SymPy sees as a symbol."""
    return make_shared(0.5, name, "hyperparameter")


def formulas(tensors: Any) -> list[Any]:
    """Expressions of SymPy, with all symbols real, and binary fractions as exact numbers."""
    return [sympy.nsimplify(positive(so.to_sympy(tensor)), rational=True) for tensor in tensors]


def positive(expression: Any) -> Any:
    """The same with symbols of one name as one symbol: what is positive here is so in the rules."""
    return expression.subs({symbol: symbols(symbol.name) for symbol in expression.free_symbols})


def symbols(names: str) -> Any:
    """Symbols for numbers: hyperparameters are positive."""
    return sympy.symbols(names, positive=True)


W, G = so.scalar("w"), so.scalar("g")
w, g, gamma, h, t, c = symbols("w g gamma h t c")


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_the_safe_variance_is_the_mean_of_squares_less_the_square_of_the_mean(steps: int) -> None:
    mean, variance = so.scalar("mean"), so.scalar("variance")
    following = so.rules.rmsprop_update(W, G, mean, variance, rms_decay=number("gamma"))
    _, mean_next, variance_next = formulas(following)
    m = v = squares = 0
    for gradient in sympy.symbols(f"g1:{steps + 1}"):
        old = {symbols("mean"): m, symbols("variance"): v, g: gradient}
        m, v = (sympy.expand(value.subs(old, simultaneous=True)) for value in (mean_next, variance_next))
        squares = gamma * squares + (1 - gamma) * gradient**2
    assert sympy.expand(v - (squares - m**2)) == 0


def test_the_safe_variance_is_so_after_any_number_of_steps() -> None:
    mean, variance = so.scalar("mean"), so.scalar("variance")
    following = so.rules.rmsprop_update(W, G, mean, variance, rms_decay=number("gamma"))
    _, mean_next, variance_next = formulas(following)
    squares, m = symbols("squares mean")
    # If it is so before a step, it is so after it.
    v = variance_next.subs(symbols("variance"), squares - m**2)
    squares_next = gamma * squares + (1 - gamma) * g**2
    assert sympy.expand(v - (squares_next - mean_next**2)) == 0


def test_nesterovs_form_is_sutskevers_look_ahead_under_a_change_of_variables() -> None:
    velocity = so.scalar("velocity")
    following = so.rules.nag_update(W, G, velocity, momentum=number("mu"), learning_rate=number("alpha"))
    mu, alpha, theta, v = symbols("mu alpha theta velocity")
    w_next, v_next = (value.subs(w, theta + mu * v) for value in formulas(following))
    # Sutskever et al. (2013): the gradient is taken where the velocity leads, at w = theta + mu v.
    sutskever_v = mu * v - alpha * g
    sutskever_theta = theta + sutskever_v
    assert sympy.expand(v_next - sutskever_v) == 0
    assert sympy.expand(w_next - (sutskever_theta + mu * sutskever_v)) == 0


def test_after_a_halflife_of_steps_an_old_gradient_weighs_one_half() -> None:
    kept = positive(so.to_sympy(decay(number("h"), None))).replace(
        lambda part: part.is_Float, lambda part: sympy.log(2) * sympy.nsimplify(part / sympy.Float(LN2))
    )
    assert sympy.simplify(kept**h) == sympy.Rational(1, 2)
    mean = so.scalar("mean")
    update = so.rules.lion_update(W, G, mean, beta2=number("gamma"))
    _, following = formulas(update)
    # The next value has the old one times gamma, and so the one h steps later has it times gamma**h.
    assert sympy.simplify(sympy.diff(following, symbols("mean")) - gamma) == 0


def test_the_corrected_averages_of_a_constant_are_that_constant() -> None:
    mean, square, count = so.scalar("mean"), so.scalar("square"), so.scalar("count")
    b1, b2, alpha, epsilon = symbols("b1 b2 alpha epsilon")
    numbers = {"beta1": number("b1"), "beta2": number("b2"), "learning_rate": number("alpha")}
    update = so.rules.adam_update(W, G, mean, square, iteration=count, epsilon=number("epsilon"), **numbers)
    w_next, mean_next, square_next = formulas(update)
    # By induction: at the start, t = 0, both are 0; if they are so after t steps, then they are so after t + 1.
    known = {symbols("mean"): c * (1 - b1**t), symbols("square"): c**2 * (1 - b2**t), symbols("count"): t, g: c}
    assert known[symbols("mean")].subs(t, 0) == known[symbols("square")].subs(t, 0) == 0
    m, s, following = (value.subs(known, simultaneous=True) for value in (mean_next, square_next, w_next))
    assert sympy.simplify(m / (1 - b1 ** (t + 1)) - c) == 0
    assert sympy.simplify(s / (1 - b2 ** (t + 1)) - c**2) == 0
    step = alpha * c / (sympy.Abs(c) + epsilon)
    for steps in range(4):
        assert sympy.simplify((w - following - step).subs(t, steps)) == 0
