"""Losses written as in a textbook stay finite, and so do their gradients, where the formulas would overflow."""

from __future__ import annotations

import numpy as np
import pytest

import symopt as so

LOGITS = np.array([[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1000.0], [3.0, 1.0, 2.0]])
LABELS = np.array([2, 0, 1])


def log_softmax(logits):
    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


EXPECTED = -log_softmax(LOGITS)[np.arange(3), LABELS].mean()
SLOPE = (np.exp(log_softmax(LOGITS)) - np.eye(3)[LABELS]) / 3


def softmax(z):
    return so.exp(z) / so.exp(z).sum(1, keepdims=True)


NAIVE = {
    "gather of the log of probabilities": lambda z: -so.log(softmax(z)[so.arange(3), LABELS]).mean(),
    "log of probabilities, then gather": lambda z: -so.log(softmax(z))[so.arange(3), LABELS].mean(),
    "one-hot rows": lambda z: -(so.one_hot(LABELS, 3) * so.log(softmax(z))).sum(1).mean(),
    "log of the sum less the logit": lambda z: (so.log(so.exp(z).sum(1)) - z[so.arange(3), LABELS]).mean(),
    "by hand, sum over all": lambda z: -(so.one_hot(LABELS, 3) * so.log(softmax(z))).sum() / 3,
    "with numpy": lambda z: (
        -np.mean(np.log(np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True))[np.arange(3), LABELS])
    ),
    "cross_entropy": lambda z: so.cross_entropy(z, LABELS).mean(),
}


@pytest.mark.parametrize("form", NAIVE.values(), ids=NAIVE.keys())
@pytest.mark.parametrize("backend", [name for name in so.backends() if name != "numpy"])
def test_cross_entropy_of_extreme_logits_is_finite_in_value_and_gradient(form, backend):
    z = so.parameter(LOGITS, name="z")
    loss = form(z)
    value, slope = so.function([], [loss, so.gradient(loss, [z])[0]], backend=backend)()
    assert value == pytest.approx(EXPECTED)
    np.testing.assert_allclose(slope, SLOPE, atol=1e-15)


def scalar_loss(formula, x, backend):
    u = so.parameter(x, name="u")
    loss = formula(u).sum()
    return so.function([], [loss, so.gradient(loss, [u])[0]], backend=backend)()


EXTREME = np.array([-1000.0, -1.0, 0.0, 2.0, 1000.0])


@pytest.mark.parametrize("backend", [name for name in so.backends() if name != "numpy"])
@pytest.mark.parametrize(
    ("formula", "values", "slopes"),
    [
        (lambda x: so.log(1 + so.exp(x)), np.logaddexp(0, EXTREME), 1 / (1 + np.exp(-EXTREME.clip(-700)))),
        (lambda x: 1 / (1 + so.exp(-x)), 1 / (1 + np.exp(-EXTREME.clip(-700))), None),
        (lambda x: so.exp(x) / (1 + so.exp(x)), 1 / (1 + np.exp(-EXTREME.clip(-700))), None),
        (lambda x: so.log(1 / (1 + so.exp(-x))), -np.logaddexp(0, -EXTREME), 1 / (1 + np.exp(EXTREME.clip(None, 700)))),
        (lambda x: so.log(1 - 1 / (1 + so.exp(-x))), -np.logaddexp(0, EXTREME), None),
        (lambda x: (so.exp(x) - so.exp(-x)) / (so.exp(x) + so.exp(-x)), np.tanh(EXTREME), 1 - np.tanh(EXTREME) ** 2),
    ],
    ids=["softplus", "sigmoid", "sigmoid of positive", "log-sigmoid", "log of its complement", "tanh"],
)
def test_formulas_of_exponentials_are_finite(formula, values, slopes, backend):
    value, slope = scalar_loss(formula, EXTREME, backend)
    assert value == pytest.approx(values.sum())
    assert np.isfinite(slope).all()
    if slopes is not None:
        np.testing.assert_allclose(slope, slopes, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("backend", [name for name in so.backends() if name != "numpy"])
def test_small_arguments_keep_their_digits(backend):
    tiny = np.array([1e-17, 1e-12])
    value, _ = scalar_loss(lambda x: so.log(1 + x), tiny, backend)
    assert value == pytest.approx(tiny.sum(), rel=1e-14)
    value, _ = scalar_loss(lambda x: so.exp(x) - 1, tiny, backend)
    assert value == pytest.approx(tiny.sum(), rel=1e-14)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_log_of_sum_of_exp_of_any_axis(axis):
    z = so.parameter(LOGITS, name="z")
    loss = so.log(so.exp(z).sum(axis)).sum()
    value, slope = so.function([], [loss, so.gradient(loss, [z])[0]])()
    largest = LOGITS.max(axis, keepdims=True)
    weights = np.exp(LOGITS - largest)
    total = weights.sum(axis, keepdims=True)
    assert value == pytest.approx((largest + np.log(total)).sum())
    np.testing.assert_allclose(slope, weights / total, rtol=1e-12)
