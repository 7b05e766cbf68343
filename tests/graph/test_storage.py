"""The value behind a shared node may lie elsewhere: it is brought where it is read, and left where it is written."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import symopt.tensor as so
from symopt.errors import ShapeError
from symopt.graph.nodes import Shared
from symopt.graph.storage import Storage


class Fake:
    """A device with a copy of the array, that counts what it is asked."""

    def __init__(self, storage: Storage, value: object) -> None:
        self.host = storage.array
        self.value = np.full_like(self.host, value)
        self.is_newer = True
        self.asked: list[str] = []
        storage.elsewhere = self

    def bring(self) -> None:
        self.asked.append("bring")
        if self.is_newer:
            self.host[...] = self.value
        self.is_newer = False

    def leave(self) -> None:
        self.bring()
        self.asked[-1] = "leave"


@pytest.fixture
def storage() -> Storage:
    return Storage(np.arange(6.0).reshape(2, 3))


@pytest.fixture
def shared() -> Shared:
    return so.state(np.arange(6.0).reshape(2, 3), name="u")


def test_a_value_that_lies_here_is_the_array_itself(storage):
    array = storage.array
    assert storage.read() is storage.hold() is storage.array is array
    assert not storage.is_on_device


def test_reading_brings_the_value_and_leaves_it_elsewhere(storage):
    fake = Fake(storage, 7)
    assert (storage.read() == 7).all()
    assert (storage.read() == 7).all()
    assert fake.asked == ["bring", "bring"]
    assert storage.elsewhere is fake
    assert not storage.is_held


def test_the_array_is_for_writing_so_that_the_device_must_leave_it(storage):
    fake = Fake(storage, 7)
    array = storage.array
    assert fake.asked == ["leave"]
    assert (array == 7).all()
    storage.array[0] = 1
    assert storage.read().tolist() == [[1, 1, 1], [7, 7, 7]]
    assert storage.elsewhere is fake
    assert not storage.is_held


def test_another_array_takes_the_place_of_both(storage):
    fake = Fake(storage, 7)
    other = np.ones((2, 3))
    storage.array = other
    assert storage.elsewhere is None
    assert storage.array is storage.read() is other
    assert fake.asked == ["leave"]  # so that it knows


def test_who_holds_the_array_has_its_newest_value_and_is_remembered(storage):
    fake = Fake(storage, 7)
    assert not storage.is_held
    array = storage.hold()
    assert (array == 7).all()
    assert fake.asked == ["leave"]
    assert storage.is_held
    storage.array = np.ones((2, 3))
    assert storage.is_held


def test_shape_dtype_and_size_bring_nothing(storage):
    fake = Fake(storage, 7)
    assert (storage.shape, storage.dtype, storage.size) == ((2, 3), np.float64, 6)
    assert fake.asked == []


def test_a_value_is_on_a_device_if_it_lies_there_or_was_made_from_one_that_does(storage):
    assert Storage(np.zeros(2), prefers_device=True).is_on_device
    Fake(storage, 7)
    assert storage.is_on_device
    assert not storage.prefers_device
    with pytest.raises(AttributeError):
        storage.is_on_device = False
    storage.array = np.ones((2, 3))
    assert not storage.is_on_device


@pytest.mark.parametrize("value", [np.ones((2, 3), "float32"), [[1, 2, 3], [4, 5, 6]], np.ones((3, 2)).T, 1.5, True])
def test_a_copy_is_the_own_one_in_the_dtype_of_the_value(value):
    made = Storage.copy_of(value)
    assert made.dtype == np.asarray(value).dtype
    assert made.array.flags.c_contiguous
    assert not made.prefers_device
    assert np.array_equal(made.array, value)
    assert not np.shares_memory(made.array, np.asarray(value))
    assert Storage.copy_of(value, np.dtype("float64")).dtype == np.float64


# ------------------------------------------------------------------------------------------------------ shared values


def test_the_value_of_a_shared_node_is_brought(shared):
    fake = Fake(shared.storage, 7)
    assert (shared.value == 7).all()
    assert fake.asked == ["bring"]
    assert shared.value is not shared.storage.read()


def test_the_value_of_an_expression_is_brought(shared):
    fake = Fake(shared.storage, 7)
    assert so.sum(shared).eval() == 42
    assert set(fake.asked) == {"bring"}


def test_assignment_makes_the_array_of_the_host_the_newest(shared):
    fake = Fake(shared.storage, 7)
    array = fake.host
    shared.value = np.ones((2, 3))
    assert fake.asked == ["leave"]
    assert shared.storage.array is array
    assert (shared.value == 1).all()
    assert shared.storage.written == 1


def test_a_refused_assignment_brings_nothing(shared):
    fake = Fake(shared.storage, 7)
    with pytest.raises(ShapeError):
        shared.value = np.ones(3)
    assert fake.asked == []
    assert (shared.value == 7).all()


def test_a_pickle_has_the_newest_value_and_lies_here(shared):
    shared.storage.prefers_device = True
    shared.value = np.ones((2, 3))
    shared.storage.hold()
    Fake(shared.storage, 7)
    for again in (pickle.loads(pickle.dumps(shared)), copy.deepcopy(shared)):
        assert again.storage.elsewhere is None
        assert (again.value == 7).all()
        assert again.storage.prefers_device
        assert again.storage.written == 1
        assert not again.storage.is_held
