"""Functions that move elements about, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import symopt.tensor as so
from symopt.errors import DataError, DTypeError, ShapeError
from tests.tensor.compare import assert_agrees, assert_same, inputs_for, sample


@pytest.mark.parametrize("shape", [(24,), (4, 6), (2, 12), (1, 24, 1), (-1,), (4, -1), (-1, 6), (2, 3, 4), (2, -1, 2)])
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_reshape_is_that_of_numpy(shape, dtype):
    x = sample(dtype, (2, 3, 4))
    assert_agrees(lambda x: so.reshape(x, shape), lambda x: np.reshape(x, shape), x)


def test_reshape_of_and_to_a_single_number():
    assert_agrees(lambda x: x.reshape(-1), lambda x: x.reshape(-1), np.array(3.0))
    assert_agrees(lambda x: x.reshape(()), lambda x: x.reshape(()), np.array([[3.0]]))
    assert_agrees(lambda x: x.reshape(1, 1), lambda x: x.reshape(1, 1), np.array(3.0))


@pytest.mark.parametrize("shape", [(5,), (-1, 5), (-1, -1), (2, -3), (2.5,), (0, -1)])
def test_reshape_to_what_does_not_fit_is_an_error(shape):
    with pytest.raises(ShapeError):
        so.input("x", (2, 3)).reshape(shape)
    with pytest.raises(ShapeError, match="no whole value"):
        so.input("x", (0, 3)).reshape((0, -1))


def test_reshape_with_run_time_sizes():
    x = so.input("x", ("n", "m"))
    array = sample("float64", (3, 4))
    n, m = x.shape
    for shape in [(-1,), (m, n), (n * m,), (-1, m), (1, n, -1), (3, 4), (6, 2)]:
        numbers = [{n: 3, m: 4, n * m: 12}.get(dim, dim) for dim in shape]
        assert_same(x.reshape(shape), array.reshape(numbers), {x: array})
    assert x.reshape((-1, m)).shape == (n, m)


def test_minus_one_is_found_where_dimensions_are_expressions():
    x = so.input("x", ("n", 4))
    n = x.shape[0]
    assert x[1:].reshape((n - 1, -1)).shape == (n - 1, 4)
    assert x[1:].reshape((n - 1, 2, -1)).shape == (n - 1, 2, 2)
    assert x[1:].reshape((-1,)).shape == (4 * n - 4,)
    with pytest.raises(ShapeError, match="no whole value"):
        x.reshape((-1, 3))


def test_a_reshape_that_does_not_fit_at_run_time_is_an_error():
    x = so.input("x", ("n", 3))
    y = x.reshape((4, 3))
    assert_same(y, np.ones((4, 3)), {x: np.ones((4, 3))})
    with pytest.raises(DataError, match=r"a reshape needs 3\*n == 12; here n = 5"):
        y.eval({x: np.ones((5, 3))})


@pytest.mark.parametrize("axes", [None, (0, 1, 2), (2, 1, 0), (1, 2, 0), (-1, 0, 1)])
def test_transpose_is_that_of_numpy(axes):
    assert_agrees(lambda x: so.transpose(x, axes), lambda x: np.transpose(x, axes), sample("int64", (2, 3, 4)))


@pytest.mark.parametrize("axes", [(0, 1), (0, 0, 1), (0, 1, 3)])
def test_an_order_of_axes_that_is_none_is_an_error(axes):
    with pytest.raises(ShapeError):
        so.transpose(so.tensor3("x"), axes)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
def test_squeeze_is_that_of_numpy(axis):
    x = sample("float64", (1, 3, 1) if axis != -1 else (3, 1))
    assert_agrees(lambda x: so.squeeze(x, axis), lambda x: np.squeeze(x, axis), x)


def test_squeeze_takes_only_axes_that_are_known_to_be_one():
    x = so.input("x", ("n", 1))
    assert so.squeeze(x).shape == x.shape[:1]
    with pytest.raises(ShapeError, match="length 1"):
        so.squeeze(x, 0)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_expand_dims_is_that_of_numpy(axis):
    assert_agrees(lambda x: so.expand_dims(x, axis), lambda x: np.expand_dims(x, axis), sample("bool", (2, 3)))


@pytest.mark.parametrize(("source", "target"), [((), (2,)), ((3,), (2, 3)), ((2, 1), (2, 3)), ((1, 1), (4, 2, 3))])
def test_broadcast_to_is_that_of_numpy(source, target):
    assert_agrees(lambda x: so.broadcast_to(x, target), lambda x: np.broadcast_to(x, target), sample("float32", source))


@pytest.mark.parametrize(("source", "target"), [((3,), (2,)), ((2, 3), (3,)), ((3,), (3, 1)), ((3,), (-1,))])
def test_broadcast_to_what_does_not_fit_is_an_error(source, target):
    with pytest.raises(ShapeError):
        so.broadcast_to(so.input("x", source), target)


@pytest.mark.parametrize("axis", [0, 1, -1, None])
@pytest.mark.parametrize(
    "dtypes", [("float64", "float64"), ("float32", "int64"), ("bool", "int8"), ("int8", "float32")]
)
def test_concatenate_is_that_of_numpy(axis, dtypes):
    x, y = sample(dtypes[0], (2, 3), 1), sample(dtypes[1], (2, 3), 2)
    assert_agrees(lambda *t: so.concatenate(t, axis), lambda *t: np.concatenate(t, axis), x, y)
    assert_agrees(lambda *t: so.concatenate([*t, *t], axis), lambda *t: np.concatenate([*t, *t], axis), x, y)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_stack_is_that_of_numpy(axis):
    x, y = sample("float32", (2, 3), 1), sample("float32", (2, 3), 2)
    assert_agrees(lambda *t: so.stack(t, axis), lambda *t: np.stack(t, axis), x, y)
    assert_agrees(lambda x: so.stack([x], axis), lambda x: np.stack([x], axis), x)


def test_numbers_can_be_stacked():
    x = so.scalar("x")
    assert_same(so.stack([x, 1, 2.5]), np.array([4.0, 1, 2.5]), {x: 4.0})


def test_concatenate_of_run_time_sizes_adds_them_and_guards_the_others():
    x, y = so.input("x", ("n", "k")), so.input("y", ("m", "l"))
    joined = so.concatenate([x, y])
    assert joined.shape == (x.shape[0] + y.shape[0], x.shape[1])
    a, b = sample("float64", (2, 3)), sample("float64", (4, 3))
    assert_same(joined, np.concatenate([a, b]), {x: a, y: b})
    assert_same(joined, np.concatenate([a[:0], b]), {x: a[:0], y: b})
    assert_same(so.concatenate([x, b, y]), np.concatenate([a, b, b]), {x: a, y: b})
    assert so.concatenate([x, b]).shape == (x.shape[0] + 4, 3)
    with pytest.raises(DataError, match="l == k"):
        joined.eval({x: a, y: b[:, :2]})


def test_concatenate_of_what_does_not_fit_names_the_tensors():
    x, y = so.input("x", (2, 3)), so.input("y", (2, 4))
    with pytest.raises(ShapeError, match=r"\(2, 3\) of Input x, \(2, 4\) of Input y"):
        so.concatenate([x, y])
    with pytest.raises(ShapeError, match=r"\(2, 3\) of Input x, \(2,\) of sum"):
        so.concatenate([x, y.sum(1)])
    with pytest.raises(ShapeError, match="at least one"):
        so.concatenate([])
    with pytest.raises(ShapeError, match="axis 2 does not exist"):
        so.concatenate([x, x], axis=2)


TAKES = [
    (0, [1, 0, 1]),
    (1, [[0, -1], [2, 2]]),
    (-1, np.array([-4, 3], "int8")),
    (None, [5, -1, 0]),
    (2, 3),
    (0, np.zeros((0, 2), int)),
]


@pytest.mark.parametrize(("axis", "indices"), TAKES)
@pytest.mark.parametrize("known", [True, False])
def test_take_is_that_of_numpy(axis, indices, known):
    x = sample("float64", (2, 3, 4))
    assert_agrees(lambda x: so.take(x, indices, axis), lambda x: np.take(x, indices, axis), x, known=known)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint32", "int64"])
@pytest.mark.parametrize("known", [True, False])
def test_take_of_symbolic_indices_is_that_of_numpy(dtype, known):
    x, indices = sample("float64", (300, 2)), np.array([[0, 5], [127, 1]], dtype)
    assert_agrees(lambda x, i: so.take(x, i, 0), lambda x, i: np.take(x, i, 0), x, indices, known=known)
    if np.dtype(dtype).kind == "i":
        assert_agrees(lambda x, i: so.take(x, i, 0), lambda x, i: np.take(x, i, 0), x, ~indices, known=known)


@pytest.mark.parametrize("index", [3, -4])
def test_take_out_of_range_is_an_error_when_built_or_when_run(index):
    with pytest.raises(ShapeError, match=f"index {index} is out of range for axis 0 of <Input x"):
        so.take(so.input("x", (3,)), [0, index], 0)
    x, i = so.input("x", (3,)), so.input("i", (2,), "int64")
    with pytest.raises(DataError, match="out of range: Take along axis 0 indexes 3 entries"):
        so.take(x, i, 0).eval({x: np.ones(3), i: [0, index]})
    y = so.vector("y")
    with pytest.raises(DataError, match="out of range"):
        so.take(y, [0, index], 0).eval({y: np.ones(3)})


def test_take_with_indices_that_are_no_integers_is_an_error():
    with pytest.raises(DTypeError, match="indices are integers"):
        so.take(so.vector("x"), so.vector("i"), 0)
    with pytest.raises(DTypeError, match="indices are integers"):
        so.take(so.vector("x"), [True, False], 0)


ARANGES = [(5,), (0,), (-3,), (2, 7), (7, 2), (0, 10, 3), (1, 10, 3), (10, 0, -1), (10, 1, -4), (0, 10, -1)]


@pytest.mark.parametrize("bounds", ARANGES)
@pytest.mark.parametrize("dtype", ["int64", "int32", "float32"])
def test_arange_is_that_of_numpy(bounds, dtype):
    assert_same(so.arange(*bounds, dtype=dtype), np.arange(*bounds, dtype=dtype))


def test_arange_and_eye_of_run_time_sizes():
    x = so.input("x", ("n", "m"))
    n, m = x.shape
    given = {x: np.ones((3, 5))}
    assert_same(so.arange(n), np.arange(3), given)
    assert_same(so.arange(1, m), np.arange(1, 5), given)
    assert_same(so.arange(n, m), np.arange(3, 5), given)
    assert_same(so.arange(m, -1, -2), np.arange(5, -1, -2), given)
    assert_same(so.arange(0, m, 2), np.arange(0, 5, 2), given)
    assert_same(so.arange(n + m, dtype="float32"), np.arange(8, dtype="float32"), given)
    assert_same(so.eye(n), np.eye(3), given)
    assert_same(so.eye(n, m), np.eye(3, 5), given)
    assert_same(so.eye("n", 2, dtype="int32"), np.eye(3, 2, dtype="int32"), given)
    assert_same(so.zeros((n, "m", 2)), np.zeros((3, 5, 2)), given)
    with pytest.raises(DataError, match="n-m >= 0"):
        so.arange(m, n).eval(given)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0, 1, 0.5), (0, 1, 0)])
def test_arange_takes_integers_only(bounds):
    with pytest.raises((ShapeError, DTypeError), match="arange"):
        so.arange(*bounds)


def test_a_size_that_no_input_brings_is_an_error():
    with pytest.raises(DataError, match="the size 'k' is not known"):
        so.zeros(("k",)).eval()


@pytest.mark.parametrize("dtype", ["float32", "int8", "bool"])
def test_zeros_and_ones_are_those_of_numpy(dtype):
    assert_same(so.zeros((2, 3), dtype), np.zeros((2, 3), dtype))
    assert_same(so.ones(4, dtype), np.ones(4, dtype))
    assert_same(so.eye(3, dtype=dtype), np.eye(3, dtype=dtype))
    x = sample("float32", (2, 3))
    assert_agrees(so.zeros_like, np.zeros_like, x)
    assert_agrees(so.ones_like, np.ones_like, x, known=False)
    assert_agrees(lambda x: so.zeros_like(x, dtype), lambda x: np.zeros_like(x, dtype), x)
    with pytest.raises(ShapeError, match="int >= 0"):
        so.zeros(-1)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64"])
def test_one_hot_marks_the_label(dtype):
    labels = np.array([[0, 2], [1, 3]], dtype)
    expected = np.eye(4)[labels.astype(int)][..., :3]
    (node,) = inputs_for(labels)
    assert_same(so.one_hot(node, 3), expected, {node: labels})
    assert_same(so.one_hot(node, 3, dtype="float32"), expected.astype("float32"), {node: labels})
    assert_same(so.one_hot(node, 3, dtype=bool), expected.astype(bool), {node: labels})
    with pytest.raises(DTypeError, match="labels are integers"):
        so.one_hot(so.vector("x"), 3)


def test_one_hot_of_a_run_time_number_of_classes():
    labels, scores = so.vector("labels", dtype="int64"), so.matrix("scores")
    given = {labels: [1, 0, 2], scores: np.ones((3, 4))}
    assert_same(so.one_hot(labels, scores.shape[1]) * scores, np.eye(4)[[1, 0, 2]], given)
