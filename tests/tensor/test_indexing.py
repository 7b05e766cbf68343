"""Indexing against NumPy: with known shapes, and with run-time sizes where the bounds lie inside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symopt.tensor as so
from symopt.errors import DataError, DTypeError, ShapeError, Unsupported
from tests.tensor.compare import assert_agrees, assert_same, inputs_for

shapes = st.lists(st.integers(0, 5), max_size=4).map(tuple)
# Any two of these stretch to one another.
index_shapes = st.sampled_from([(), (1,), (2,), (3, 1), (3, 2), (1, 2)])


def numbered(shape):
    return np.arange(np.prod(shape, dtype=int)).reshape(shape)


def any_slice(n):
    bounds = st.none() | st.integers(-n - 2, n + 2)
    steps = st.none() | st.integers(-3, 3).filter(bool)
    return st.builds(slice, bounds, bounds, steps)


@st.composite
def inner_slice(draw, n):
    """A slice whose bounds lie inside an axis, each counted from the front or from the end."""
    step = draw(st.none() | st.integers(-3, 3).filter(bool))
    if (step or 1) > 0:
        first, past = sorted((draw(st.integers(0, n)), draw(st.integers(0, n))))
        bounds = [None if first == 0 else first, None if past == n else past]
    else:
        first, past = (draw(st.integers(0, n - 1)), draw(st.integers(0, n - 1))) if n else (None, None)
        bounds = [max(first, past), min(first, past)] if n else [None, None]
    from_end = [draw(st.booleans()) and bound not in (None, n) for bound in bounds]
    return slice(*(bound - n if back else bound for bound, back in zip(bounds, from_end, strict=True)), step)


@st.composite
def index_array(draw, n):
    shape = draw(index_shapes)
    values = draw(st.lists(st.integers(-n, n - 1), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return np.array(values, draw(st.sampled_from(["int64", "int8", "int32"]))).reshape(shape)


@st.composite
def indexed(draw, slices, arrays):
    """A shape and an index for it."""
    shape = draw(shapes)
    index = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        kinds = [slices(n)] + ([st.integers(-n, n - 1)] if n else []) + ([index_array(n)] * 2 if arrays and n else [])
        index.append(draw(st.one_of(kinds)))
    if draw(st.booleans()):
        # What follows the Ellipsis indexes the last axes.
        split = draw(st.integers(0, len(index)))
        head, tail = index[:split], []
        for n in shape[len(shape) - draw(st.integers(0, len(shape) - split)) :]:
            tail.append(draw(slices(n)))
        index = [*head, Ellipsis, *tail]
    for _ in range(draw(st.integers(0, 2))):
        index.insert(draw(st.integers(0, len(index))), None)
    return shape, tuple(index) if len(index) != 1 or draw(st.booleans()) else index[0]


@given(indexed(any_slice, arrays=False))
def test_basic_indexing_of_known_shapes_is_that_of_numpy(case):
    shape, index = case
    assert_agrees(lambda x: x[index], lambda x: x[index], numbered(shape))


@given(indexed(inner_slice, arrays=False))
def test_basic_indexing_of_run_time_sizes_is_that_of_numpy(case):
    shape, index = case
    assert_agrees(lambda x: x[index], lambda x: x[index], numbered(shape), known=False)


@given(indexed(any_slice, arrays=True))
def test_indexing_by_arrays_is_that_of_numpy(case):
    shape, index = case
    assert_agrees(lambda x: x[index], lambda x: x[index], numbered(shape))


@given(indexed(inner_slice, arrays=True))
def test_indexing_of_run_time_sizes_by_arrays_is_that_of_numpy(case):
    shape, index = case
    assert_agrees(lambda x: x[index], lambda x: x[index], numbered(shape), known=False)


@given(indexed(inner_slice, arrays=True), st.booleans())
def test_indexing_by_symbolic_arrays_is_that_of_numpy(case, known):
    shape, index = case
    index = index if isinstance(index, tuple) else (index,)
    arrays = [item for item in index if isinstance(item, np.ndarray)]

    def take(x, *given):
        given = iter(given)
        return x[tuple(next(given) if isinstance(item, np.ndarray) else item for item in index)]

    inputs = inputs_for(numbered(shape), known=known)
    inputs |= {so.input("i", array.shape, array.dtype): array for array in arrays}
    assert_same(take(*inputs), numbered(shape)[index], inputs)


INDICES = {
    "an array before a slice": np.s_[[1, 0], 1:3],
    "an array after a slice": np.s_[:, [0, 2]],
    "two adjacent arrays": np.s_[:, [0, 2], [1, -1]],
    "two arrays around a slice": np.s_[[0, 1], :, [1, -1]],
    "two arrays around None": np.s_[[0, 1], None, [1, -1]],
    "an int and an array, adjacent": np.s_[1, [0, 2]],
    "an int and an array around a slice": np.s_[1, :, [0, 2]],
    "an array, a slice and an int": np.s_[[0, 1], :, 2],
    "arrays that stretch": np.s_[[[0], [1]], [[0, 2, 1]]],
    "three arrays": np.s_[[0, 1], [1, 2], [-1, -4]],
    "nested lists": np.s_[[[0, 1], [1, 0]]],
    "no index at all": np.s_[[]],
    "a NumPy integer": np.int32(1),
    "an array of no dimensions": np.array(1),
    "a tuple in a tuple": np.s_[(0, 1), :],
    "the empty tuple": (),
    "None alone": None,
    "Ellipsis alone": ...,
    "reversed": np.s_[::-1, ::-2, ::-3],
    "negative steps with bounds": np.s_[:, 2:0:-1, -1:-4:-2],
    "ints only": np.s_[1, 2, 3],
}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", INDICES)
def test_indexing_by(name, known):
    index = INDICES[name]
    assert_agrees(lambda x: x[index], lambda x: x[index], numbered((2, 3, 4)), known=known)


@pytest.mark.parametrize("index", [np.s_[2], np.s_[-3], np.s_[0, 3], np.s_[..., -5], np.s_[[0, 2]], np.s_[:, [-4]]])
def test_an_index_that_is_known_to_be_out_of_range_is_an_error(index):
    with pytest.raises(ShapeError, match=r"out of range for axis \d of <Input x"):
        so.input("x", (2, 3, 4))[index]


@pytest.mark.parametrize(
    "index", [np.s_[[0], [3], [0]], np.s_[[0], [0], [-5]], np.s_[[2], [0], [0]], np.s_[:, [0], [4]]]
)
def test_each_of_several_arrays_must_be_in_range(index):
    x = so.input("x", (2, 3, 4))
    with pytest.raises(ShapeError, match="out of range"):
        x[index]
    unknown = so.tensor3("unknown")
    with pytest.raises(DataError, match="out of range"):
        unknown[index].eval({unknown: numbered((2, 3, 4))})
    nodes = {so.input("i", (1,), "int64"): item for item in index if isinstance(item, list)}
    symbolic = iter(nodes)
    taken = x[tuple(next(symbolic) if isinstance(item, list) else item for item in index)]
    with pytest.raises(DataError, match="out of range"):
        taken.eval({x: numbered((2, 3, 4)), **nodes})


OUTSIDE = [
    np.s_[3],
    np.s_[-4],
    np.s_[1:5],
    np.s_[-5:],
    np.s_[:5],
    np.s_[2:1:-1, 5],
    np.s_[4:],
    np.s_[5::-1],
    np.s_[2:-2],
]


@pytest.mark.parametrize("index", OUTSIDE, ids=str)
def test_bounds_outside_a_run_time_size_are_an_error_that_names_it(index):
    x = so.input("x", ("n", "m"))
    with pytest.raises(DataError, match=r"a slice needs .* >= .*; here n = 3, m = 3"):
        x[index].eval({x: np.ones((3, 3))})


def test_dimensions_are_bounds_and_places():
    x, y = so.input("x", ("n", 4)), so.input("y", (6,))
    n = x.shape[0]
    given = {x: numbered((5, 4)), y: numbered(6)}
    assert_same(x[1 : n - 1], 1.0 * numbered((5, 4))[1:4], given)
    assert_same(x[n - 1], 1.0 * numbered((5, 4))[4], given)
    assert_same(y[:n], 1.0 * numbered(6)[:5], given)
    assert_same(y[n:0:-2], 1.0 * numbered(6)[5:0:-2], given)
    assert_same(y[n], np.array(5.0), given)
    assert_same(x[n - 1, [1, 2]], np.array([17.0, 18.0]), given)
    with pytest.raises(DataError, match="needs 6 >= n"):
        y[:n].eval({x: numbered((7, 4)), y: numbered(6)})


def test_a_boolean_mask_says_what_to_use_instead():
    x = so.vector("x")
    for mask in (x > 0, np.array([True, False]), [True, False]):
        with pytest.raises(Unsupported, match=r"boolean mask.*so\.where"):
            x[mask]


@pytest.mark.parametrize("index", ["a", 1.5, True, np.s_[1.5:], np.s_["a":]], ids=str)
def test_what_is_no_index_is_an_error(index):
    with pytest.raises(Unsupported, match=r"use ints|not ints"):
        so.vector("x")[index]


@pytest.mark.parametrize("index", [np.s_[0, 0, 0], np.s_[..., ...], np.s_[::0], np.s_[::1.5]], ids=str)
def test_an_index_that_does_not_fit_is_an_error(index):
    with pytest.raises(ShapeError):
        so.matrix("x")[index]


def test_indices_that_are_floats_are_an_error():
    with pytest.raises(DTypeError, match="indices are integers"):
        so.vector("x")[so.vector("i")]
    with pytest.raises(DTypeError, match="indices are integers"):
        so.vector("x")[[0.5]]


def test_arrays_of_indices_that_do_not_fit_together_are_an_error():
    with pytest.raises(ShapeError, match="shapes do not fit together"):
        so.matrix("x")[[0, 1], [0, 1, 2]]


def test_a_slice_of_everything_is_the_tensor_itself():
    x = so.tensor3("x")
    for same in (x[:], x[...], x[:, :, :], x[0:], x[::1], x[()]):
        assert same is x
