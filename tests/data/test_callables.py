"""Batches from a user's function."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from symopt.data import Dataset
from symopt.errors import DataError


def returning(*batches: object, iteration_size: int | None = None, **others) -> Dataset:
    """Return a Dataset of a callable that returns these in turn, over and over."""
    calls = count()
    size = len(batches) if iteration_size is None else iteration_size
    return Dataset(lambda: batches[next(calls) % len(batches)], iteration_size=size, **others)


def test_an_epoch_is_iteration_size_calls_in_training_and_in_evaluation():
    data = returning(np.zeros(3), np.ones(2), iteration_size=5)
    for epoch in (0, 1, None):
        assert len(list(data.batches(epoch))) == 5
    assert data.iteration_size == 5


def test_weight_of_a_batch_is_its_length_along_the_axis():
    assert [batch.size for batch in returning(np.zeros((3, 4)), np.ones((2, 4))).batches(0)] == [3, 2]
    assert [batch.size for batch in returning(np.zeros((3, 4)), axis=1).batches(0)] == [4]


def test_callable_has_no_rows_of_its_own():
    data = returning(np.zeros(3))
    assert data.length is data.batch_size is data.names is data.in_memory is None
    for method in (data.order, data.bounds):
        with pytest.raises(DataError, match="is a callable, whose rows have no order"):
            method(0)


def test_batches_may_be_lists_tuples_and_dicts():
    for kind in (list, tuple):
        (batch,) = returning(kind([np.zeros(2), [1, 2]])).batches(0)
        assert [array.tolist() for array in batch.arrays] == [[0, 0], [1, 2]]
        assert batch.names is None
    (batch,) = returning({"y": np.zeros(2), "x": np.ones(2)}).batches(0)
    assert batch.names == ("y", "x")


def test_dicts_keep_the_order_of_the_first():
    first, second = returning({"y": [0], "x": [1]}, {"x": [3], "y": [2]}).batches(0)
    assert first.names == second.names == ("y", "x")
    assert [array.tolist() for array in second.arrays] == [[2], [3]]


def test_batches_are_contiguous():
    (batch,) = returning(np.zeros((4, 3), order="F")).batches(0)
    assert batch.arrays[0].flags.c_contiguous


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([[np.zeros(2), np.zeros(2)], [np.zeros(2)]], "returned 1 array, but its first batch was 2 arrays"),
        ([{"x": [1]}, {"z": [1]}], "returned a dict of 'z', but its first batch was a dict of 'x'"),
        ([{"x": [1]}, [[1]]], "returned 1 array, but its first batch was a dict of 'x'"),
        ([[]], "returned no array"),
        (
            [[np.zeros(2), np.zeros(3)]],
            "arrays of a batch have different lengths.*input 0 has 2, input 1 has 3",
        ),
        ([np.float64(1)], "the input of a batch is a single value"),
        ([np.zeros((0, 2))], "the input of a batch has shape .0, 2., which is empty"),
        ([None], "the input of a batch has dtype object"),
        ([{"x": "abc"}], "input 'x' of a batch is 'abc'"),
    ],
)
def test_message_says_what_is_wrong_with_a_batch(batches, message):
    with pytest.raises(DataError, match=rf"^dataset 'stream'.*{message}"):
        list(returning(*batches, name="stream").batches(0))


def test_a_bad_first_batch_does_not_set_what_is_expected():
    data = returning([], [np.zeros(2)], iteration_size=1)
    with pytest.raises(DataError):
        list(data.batches(0))
    assert len(list(data.batches(0))) == 1


def test_callable_that_runs_dry_is_an_error():
    stream = iter([np.zeros(2)])
    data = Dataset(lambda: next(stream), iteration_size=3)
    with pytest.raises(DataError, match="raised StopIteration at batch 1 of 3"):
        list(data.batches(0))


def test_error_of_the_callable_itself_passes():
    data = Dataset(lambda: 1 // 0, iteration_size=3)
    with pytest.raises(ZeroDivisionError):
        list(data.batches(0))
