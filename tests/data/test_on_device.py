"""Data that live on a device stay there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symopt.data import Dataset
from symopt.data.dataset import lies_on_device
from symopt.errors import DataError
from symopt.graph.devices import lives_on_device, to_host
from tests.cuda.arrays import DeviceTensor
from tests.cuda.counting import counting, needs_stand_in
from tests.cuda.here import needs_device, xp

pytestmark = needs_device

ROWS = np.arange(14.0).reshape(7, 2)
MAKERS: list[Callable[[Any], Any]] = [xp.asarray, lambda host: DeviceTensor(xp.asarray(host))]


@pytest.fixture(params=MAKERS, ids=["cupy", "torch"])
def make(request):
    return request.param


@needs_stand_in
def test_batches_stay_on_the_device(make):
    data, same = (Dataset([rows, np.arange(7)], batch_size=3, rng=1) for rows in (make(ROWS), ROWS))
    for epoch in (None, 0, 1):
        with counting() as counts:
            batches = list(data.batches(epoch))
        assert not counts.got
        for batch, expected in zip(batches, same.batches(epoch), strict=True):
            assert batch.size == expected.size
            assert lives_on_device(batch.arrays[0])
            assert not lives_on_device(batch.arrays[1])
            for array, wanted in zip(batch.arrays, expected.arrays, strict=True):
                assert np.array_equal(to_host(array), wanted)


def test_the_whole_is_the_array_itself(make):
    there = make(ROWS)
    data = Dataset({"x": there, "y": np.arange(7)}, batch_size=2)
    assert data.in_memory[0] is there
    assert (data.length, data.iteration_size, data.names) == (7, 4, ("x", "y"))
    assert "length=7" in repr(data)


def test_rows_along_a_later_axis_are_read_batch_by_batch():
    data, same = (Dataset(rows, axis=1, batch_size=1, rng=3) for rows in (xp.asarray(ROWS), ROWS))
    assert data.length == 2
    assert data.in_memory is None
    for epoch in (None, 0):
        for batch, expected in zip(data.batches(epoch), same.batches(epoch), strict=True):
            assert np.array_equal(to_host(batch.arrays[0]), expected.arrays[0])


@needs_stand_in
def test_a_callable_may_return_what_lives_on_the_device(make):
    data = Dataset(lambda: [make(ROWS), np.arange(7)], iteration_size=2)
    with counting() as counts:
        sizes = [(batch.size, lives_on_device(batch.arrays[0])) for batch in data.batches(0)]
    assert sizes == [(7, True), (7, True)]
    assert not counts.got
    assert not data.is_on_device


def test_where_data_live_is_told(make):
    there = make(ROWS)
    for source in (there, [np.zeros(7), there], {"x": there}):
        assert lies_on_device(source)
        assert Dataset(source).is_on_device
        assert lies_on_device(Dataset(source))
    for source in (ROWS, [ROWS, ROWS], None, {"x": [1.0, 2.0]}, Dataset(ROWS), lambda: there):
        assert not lies_on_device(source)


def test_lengths_and_axes_are_checked(make):
    with pytest.raises(DataError, match="input 0 has 7, input 1 has 6"):
        Dataset([make(ROWS), np.zeros(6)])
    with pytest.raises(DataError, match=r"has shape \(7, 2\), which has no axis 2"):
        Dataset(make(ROWS), axis=2)
    with pytest.raises(DataError, match="empty along axis 0"):
        Dataset(make(np.zeros((0, 2))))
