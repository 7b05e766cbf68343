"""Every kind of node gives its operands the gradient that finite differences give."""

from __future__ import annotations

import numpy as np
import pytest

import symopt as so
from symopt.autodiff import PULLBACKS
from symopt.graph import construct, nodes

A = np.random.default_rng(0).uniform(0.5, 2.0, (3, 4))
B = np.random.default_rng(1).uniform(0.5, 2.0, (4, 2))

#: For each kind, formulas over parameters, with their values. A formula may give any shape: it is weighed and summed.
FORMULAS = {
    nodes.Elementwise: [(lambda a: so.tanh(a) * a, A)],
    nodes.Reduce: [
        (lambda a: a.sum(0), A),
        (lambda a: a.prod(1), A),
        (lambda a: a.max((0, 1)), A),
        (lambda a: a.min(1), A),
        (lambda a: a.var(0, ddof=1), A),
    ],
    nodes.Contract: [
        (lambda a, b: a @ b, A, B),
        (lambda a: so.einsum("ij,kj->ik", a, a), A),
        (lambda a, b: so.einsum("ij,jk->j", a, b), A, B),
        (lambda a, b: so.tensordot(a, b, 1), A, B),
        (lambda a: so.einsum("ii->i", a[:, :3]), A),
    ],
    nodes.Reshape: [(lambda a: a.reshape(2, 6), A)],
    nodes.Transpose: [(lambda a: a.reshape(3, 2, 2).transpose(1, 2, 0), A)],
    nodes.Broadcast: [(lambda a: so.broadcast_to(a[:, None, :], (5, 3, 2, 4)), A), (lambda a: a + a[0], A)],
    nodes.Slice: [(lambda a: a[::-2, 1:3], A), (lambda a: a[1], A), (lambda a: a[None, ..., 2], A)],
    nodes.Embed: [(lambda a: construct.embed(a, (7, 9), (1, 8), (2, -2)), A)],
    nodes.Take: [(lambda a: so.take(a, np.array([[2, 0], [2, -1]]), 0), A), (lambda a: a[[0, 2, 0], [1, 1, 1]], A)],
    nodes.ScatterAdd: [(lambda a: construct.scatter_add(a, construct.make_constant(np.array([0, 2, 0])), 0, 4), A)],
    nodes.Concatenate: [(lambda a, b: so.concatenate([a, b.T, a], 0), A, B)],
    nodes.Cumulate: [(lambda a: so.cumsum(a, 1), A), (lambda a: construct.cumulate(a, 0, reverse=True), A)],
}
CASES = [(kind, *case) for kind, cases in FORMULAS.items() for case in cases]


def scalar_of(result):
    """A number that every element of ``result`` enters with a weight of its own, and not linearly."""
    weights = np.random.default_rng(2).uniform(0.5, 1.5, result.shape)
    return (so.square(result) * weights).sum() if result.shape else so.square(result)


def numeric_gradient(loss, param, step=1e-6):
    start = param.value
    slopes = np.zeros(start.shape)
    for place in np.ndindex(*start.shape):
        shifted = start.copy()
        shifted[place] += step
        param.value = shifted
        above = loss.eval()
        shifted[place] -= 2 * step
        param.value = shifted
        slopes[place] = (above - loss.eval()) / (2 * step)
    param.value = start
    return slopes


def test_every_kind_has_a_pullback_or_is_a_leaf():
    assert set(PULLBACKS) == set(nodes.KINDS) - set(nodes.LEAVES)
    assert set(FORMULAS) == set(PULLBACKS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].__name__)
def test_gradient_agrees_with_finite_differences(case):
    _, formula, *values = case
    params = [so.parameter(value, name=f"p{i}") for i, value in enumerate(values)]
    loss = scalar_of(formula(*params))
    for param, gradient in zip(params, so.gradient(loss, params), strict=True):
        assert gradient.shape == param.shape
        np.testing.assert_allclose(gradient.eval(), numeric_gradient(loss, param), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].__name__)
def test_gradient_of_the_gradient_agrees_with_finite_differences(case):
    _, formula, *values = case
    params = [so.parameter(value, name=f"p{i}") for i, value in enumerate(values)]
    first = so.gradient(scalar_of(formula(*params)), params)
    slope = sum(((g * (i + 1.0)).sum() for i, g in enumerate(first)), start=so.constant(0.0))
    for param, second in zip(params, so.gradient(slope, params), strict=True):
        np.testing.assert_allclose(second.eval(), numeric_gradient(slope, param), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("formula", [so.softmax, so.log_softmax, so.logsumexp, so.linalg.norm, so.std])
def test_gradient_of_composites_agrees_with_finite_differences(formula):
    param = so.parameter(A, name="p")
    loss = scalar_of(formula(param))
    np.testing.assert_allclose(
        so.gradient(loss, [param])[0].eval(), numeric_gradient(loss, param), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("dims", ["named", "anonymous"])
def test_gradient_over_run_time_sizes(dims):
    x = so.input("x", ("n", 4) if dims == "named" else (None, 4))
    w = so.parameter(B, name="w")
    loss = so.square(so.tanh(x @ w)[1:] - (x @ w)[:-1].mean(0)).mean()
    data = np.random.default_rng(3).standard_normal((5, 4))
    (gradient,) = so.gradient(loss, [w])
    f = so.function([x], loss, backend="numpy")
    g = so.function([x], gradient, backend="numpy")(data)
    start, step = w.value, 1e-6
    for place in np.ndindex(*start.shape):
        sides = []
        for sign in (1, -1):
            shifted = start.copy()
            shifted[place] += sign * step
            w.value = shifted
            sides.append(f(data))
        assert g[place] == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-5, abs=1e-8)
    w.value = start
