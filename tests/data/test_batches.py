"""How rows are cut into batches and shuffled."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symopt.data import Dataset
from symopt.errors import DataError

lengths = st.integers(1, 40)
batch_sizes = st.integers(0, 45)
epochs = st.integers(0, 6)
seeds = st.integers(0, 2**70)


def rows_of(data: Dataset, epoch: int | None) -> list[list[int]]:
    """Return the first input of each batch."""
    return [batch.arrays[0].tolist() for batch in data.batches(epoch)]


def flat(batches: list[list[int]]) -> list[int]:
    return [row for batch in batches for row in batch]


def test_short_last_batch_is_kept():
    data = Dataset(np.arange(10), batch_size=4)
    assert [batch.size for batch in data.batches(0)] == [4, 4, 2]
    assert [batch.size for batch in data.batches(None)] == [4, 4, 2]
    assert data.iteration_size == 3


def test_evaluation_is_in_the_stored_order():
    data = Dataset(np.arange(5), batch_size=2, rng=3)
    assert rows_of(data, None) == [[0, 1], [2, 3], [4]]


def test_batch_size_0_is_everything_in_one_batch_in_the_stored_order():
    data = Dataset(np.arange(50), batch_size=0)
    assert rows_of(data, 0) == rows_of(data, 1) == rows_of(data, None) == [list(range(50))]
    assert data.batch_size == 50
    assert data.order(3) is None


def test_batch_size_is_at_most_the_length():
    assert Dataset(np.arange(5)).batch_size == 5


@given(lengths, batch_sizes, epochs, seeds)
def test_every_row_appears_once_an_epoch(length, batch_size, epoch, seed):
    data = Dataset(np.arange(length), batch_size=batch_size, rng=seed)
    assert sorted(flat(rows_of(data, epoch))) == list(range(length))


@given(lengths, batch_sizes, st.none() | st.integers(1, 30), epochs, seeds)
def test_batches_are_a_function_of_seed_and_epoch(length, batch_size, iteration_size, epoch, seed):
    used, fresh = (
        Dataset(np.arange(length), batch_size=batch_size, iteration_size=iteration_size, rng=seed) for _ in range(2)
    )
    for earlier in range(epoch):
        rows_of(used, earlier)
    assert rows_of(used, epoch) == rows_of(fresh, epoch) == rows_of(used, epoch)


def test_epochs_and_seeds_differ():
    x = np.arange(100)
    orders = [flat(rows_of(Dataset(x, rng=seed), epoch)) for seed in range(3) for epoch in range(3)]
    assert len({tuple(order) for order in orders}) == 9


def test_first_epoch_is_not_the_permutation_that_the_seed_gives_a_user():
    data = Dataset(np.arange(100), rng=0)
    assert flat(rows_of(data, 0)) != np.random.default_rng(0).permutation(100).tolist()


def test_all_inputs_are_shuffled_alike():
    x = np.arange(50)
    data = Dataset([x, x[:, None] * [1.0, 2.0]], batch_size=7)
    for batch in data.batches(2):
        np.testing.assert_array_equal(batch.arrays[0][:, None] * [1, 2], batch.arrays[1])


@given(lengths, batch_sizes, st.none() | st.integers(1, 30), st.none() | epochs, seeds)
def test_order_and_bounds_describe_the_batches(length, batch_size, iteration_size, epoch, seed):
    data = Dataset(np.arange(length), batch_size=batch_size, iteration_size=iteration_size, rng=seed)
    order, bounds = data.order(epoch), data.bounds(epoch)
    assert bounds.dtype == np.int64
    assert order is None or order.dtype == np.int64
    rows = np.arange(length) if order is None else order
    batches = [rows[start:stop].tolist() for start, stop in pairwise(bounds)]
    assert batches == rows_of(data, epoch)


@given(lengths, batch_sizes, epochs, seeds)
def test_without_iteration_size_bounds_step_by_the_batch_size(length, batch_size, epoch, seed):
    data = Dataset(np.arange(length), batch_size=batch_size, rng=seed)
    assert data.batch_size is not None
    expected = np.minimum(np.arange(data.iteration_size + 1) * data.batch_size, length)
    np.testing.assert_array_equal(data.bounds(epoch), expected)


@given(lengths, batch_sizes, st.integers(1, 30), seeds)
def test_epochs_of_any_size_go_through_the_same_passes(length, batch_size, iteration_size, seed):
    x = np.arange(length)
    whole = Dataset(x, batch_size=batch_size, rng=seed)
    cut = Dataset(x, batch_size=batch_size, iteration_size=iteration_size, rng=seed)
    found = [batch for epoch in range(4) for batch in rows_of(cut, epoch)]
    expected = [batch for number in range(4 * iteration_size) for batch in rows_of(whole, number)]
    assert len(found) == 4 * iteration_size
    assert found == expected[: len(found)]


def test_iteration_size_of_one_pass_is_the_same_as_none():
    x = np.arange(10)
    given_size = Dataset(x, batch_size=4, iteration_size=3)
    assert rows_of(given_size, 5) == rows_of(Dataset(x, batch_size=4), 5)


def test_evaluation_is_one_pass_whatever_the_iteration_size():
    for size in (1, 9):
        data = Dataset(np.arange(6), batch_size=2, iteration_size=size)
        assert rows_of(data, None) == [[0, 1], [2, 3], [4, 5]]


def test_a_longer_epoch_holds_every_row_again_in_another_order():
    rows = rows_of(Dataset(np.arange(60), batch_size=20, iteration_size=6), 0)
    first, second = flat(rows[:3]), flat(rows[3:])
    assert sorted(first) == sorted(second) == list(range(60))
    assert first != second


def test_a_change_of_what_order_returned_changes_no_later_batch():
    data = Dataset(np.arange(20), batch_size=4)
    before = rows_of(data, 0)
    order = data.order(0)
    assert order is not None
    order[:] = 0
    assert rows_of(data, 0) == before


def test_generator_gives_one_seed_at_once():
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    data, same = Dataset(np.arange(40), rng=rng), Dataset(np.arange(40), rng=twin)
    rng.random(7)
    assert rows_of(data, 1) == rows_of(same, 1)
    assert Dataset(np.arange(40), rng=rng).seed != data.seed


def test_no_seed_is_seed_0():
    x = np.arange(40)
    assert rows_of(Dataset(x), 1) == rows_of(Dataset(x, rng=0), 1)
    assert Dataset(x, rng=np.int32(3)).seed == 3


def test_shuffled_batches_are_fresh_and_stored_ones_are_views():
    x = np.zeros((10, 2))
    data = Dataset(x, batch_size=4)
    assert not any(np.shares_memory(batch.arrays[0], x) for batch in data.batches(0))
    assert all(np.shares_memory(batch.arrays[0], x) for batch in data.batches(None))


def test_negative_epoch_is_an_error():
    data = Dataset(np.arange(4), batch_size=2)
    for call in (data.order, data.bounds, lambda epoch: list(data.batches(epoch))):
        with pytest.raises(DataError, match="epoch is -1"):
            call(-1)
