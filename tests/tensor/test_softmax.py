"""Softmax and its kin at extremes: no overflow, no lost digits, and the NaN that there must be."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import symopt.tensor as so
from symopt.errors import ShapeError
from tests.tensor.compare import FLOATS, assert_agrees, assert_same, inputs_for, sample

INF, NAN = np.inf, np.nan
ROWS = [
    [0.0, 1.0, 2.0],
    [1000.0, 1000.0, 1000.0],
    [-1000.0, -1000.0, -1000.0],
    [1000.0, -1000.0, 0.0],
    [-INF, 0.0, 1.0],
    [-INF, -INF, 3.0],
    [1e30, -1e30, 1e30],
    [NAN, 0.0, 1.0],
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_and_its_logarithm_are_those_of_scipy(name, dtype):
    x = np.array(ROWS, dtype)
    assert_agrees(getattr(so, name), lambda x: getattr(scipy.special, name)(x, axis=-1), x, ulps=8)
    x = sample(dtype, (3, 4, 2))
    assert_agrees(lambda x: getattr(so, name)(x, 1), lambda x: getattr(scipy.special, name)(x, axis=1), x, ulps=64)
    assert_agrees(lambda x: getattr(so, name)(x, (0, 2)), lambda x: getattr(scipy.special, name)(x, (0, 2)), x, ulps=64)


@pytest.mark.parametrize("dtype", FLOATS)
def test_logsumexp_is_that_of_scipy(dtype):
    x = np.array([*ROWS, [-INF, -INF, -INF], [INF, 0.0, 1.0], [INF, -INF, 0.0], [INF, INF, 1.0]], dtype)
    assert_agrees(lambda x: so.logsumexp(x, 1), lambda x: scipy.special.logsumexp(x, axis=1), x, ulps=4)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("known", [True, False])
def test_logsumexp_over_any_axes(axis, keepdims, known):
    x = 3 * sample("float64", (2, 3, 4))

    def theirs(x):
        return scipy.special.logsumexp(x, axis=axis, keepdims=keepdims)

    assert_agrees(lambda x: so.logsumexp(x, axis, keepdims), theirs, x, known=known, ulps=16)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("row", [[-INF, -INF, -INF], [INF, 0.0, 1.0], [NAN, NAN, NAN]])
def test_rows_without_a_finite_answer_are_nan_alone(name, row):
    x = so.matrix("x")
    value = getattr(so, name)(x).eval({x: [row, [0.0, 0.0, 0.0]]})
    assert np.isnan(value[0, np.isinf(row) | np.isnan(row)]).any()
    np.testing.assert_allclose(value[1], 1 / 3 if name == "softmax" else -np.log(3))


def test_integers_are_scored_as_float64():
    x = np.array([[1, 2, 3], [1000, 0, 0]])
    assert_agrees(so.softmax, lambda x: scipy.special.softmax(x, axis=-1), x, ulps=8)
    assert_agrees(lambda x: so.logsumexp(x, 1), lambda x: scipy.special.logsumexp(x, axis=1), x, ulps=8)


def expected_entropy(logits, probabilities):
    with np.errstate(all="ignore"):
        terms = probabilities * scipy.special.log_softmax(logits, axis=-1)
    return -np.where(probabilities == 0, 0, terms).sum(-1).astype(logits.dtype)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("label_dtype", ["int64", "int8", "uint8"])
def test_cross_entropy_with_labels_is_minus_the_logarithm_at_the_label(dtype, label_dtype, known):
    logits = np.array(ROWS, dtype)
    labels = np.array([0, 1, 2, 0, 2, 2, 0, 1], label_dtype)
    expected = expected_entropy(logits, np.eye(3, dtype=dtype)[labels.astype(int)])
    inputs = inputs_for(logits, labels, known=known)
    assert_same(so.cross_entropy(*inputs), expected, inputs, ulps=8)


def test_cross_entropy_of_a_hopeless_row_is_infinite_and_of_nan_is_nan():
    x, labels = so.matrix("x"), so.vector("labels", dtype="int64")
    given = {x: [[-INF, 0.0], [0.0, NAN], [-1000.0, 1000.0]], labels: [0, 0, 0]}
    np.testing.assert_array_equal(so.cross_entropy(x, labels).eval(given), [INF, NAN, 2000.0])


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("dtype", FLOATS)
def test_cross_entropy_with_probabilities_is_their_mean(dtype, known):
    logits = np.array(ROWS[:-1], dtype)
    p = np.array([[0.2, 0.3, 0.5], [1, 0, 0], [0, 0, 1], [1, 0, 0], [0, 0.5, 0.5], [0, 0, 1], [0.5, 0, 0.5]], dtype)
    assert_agrees(so.cross_entropy, expected_entropy, logits, p, known=known, ulps=8)


def test_cross_entropy_takes_several_leading_axes_and_none():
    logits, labels = sample("float64", (2, 3, 4)), np.array([[0, 1, 2], [3, 0, 1]])
    expected = expected_entropy(logits, np.eye(4)[labels])
    inputs = inputs_for(logits, labels)
    assert_same(so.cross_entropy(*inputs), expected, inputs, ulps=16)
    inputs = inputs_for(logits[0, 0], labels[0, 0])
    assert_same(so.cross_entropy(*inputs), expected[0, 0], inputs, ulps=16)
    (node,) = inputs_for(logits[0, 0])
    assert_same(so.cross_entropy(node, 0), expected[0, 0], {node: logits[0, 0]}, ulps=16)
    inputs = inputs_for(logits, np.eye(4)[labels].astype(bool))
    assert_same(so.cross_entropy(*inputs), expected, inputs, ulps=16)


def test_a_label_that_is_no_class_gives_zero():
    x = so.input("x", ("n", 3))
    assert so.cross_entropy(x, np.array([-1, 3])).eval({x: np.ones((2, 3))}).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("logits", "labels", "dtype"),
    [
        ((4, 3), (3,), "int64"),
        ((4, 3), (1,), "int64"),
        ((4, 3), (4, 3), "int64"),
        ((3,), (3,), "int64"),
        ((4, 3), (4, 2), "float64"),
        ((4, 3), (3,), "float64"),
        ((4, 3), (1, 3), "float64"),
    ],
)
def test_labels_of_another_shape_are_an_error_that_names_both(logits, labels, dtype):
    with pytest.raises(ShapeError, match="logits") as caught:
        so.cross_entropy(so.input("scores", logits), so.input("labels", labels, dtype))
    assert "scores" in str(caught.value)
    assert "labels" in str(caught.value)


def test_logits_need_an_axis_of_classes():
    with pytest.raises(ShapeError, match="axis of classes"):
        so.cross_entropy(so.scalar("x"), 0)
