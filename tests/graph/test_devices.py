"""Arrays that live on a device become values, and are refused as inputs of what runs on the host."""

from __future__ import annotations

import numpy as np
import pytest

import symopt as so
from symopt.errors import DataError, ShapeError
from symopt.graph.construct import make_shared
from symopt.graph.devices import lives_on_device, to_host
from tests.available import BACKENDS

HOST, GPU, PINNED, MANAGED = 1, 2, 3, 13


class OnDevice:
    """An array that says where it lives, and that NumPy cannot read."""

    def __init__(self, value: object, device: int = GPU) -> None:
        self.inside = np.array(value)
        self.device = device

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise TypeError("implicit conversion to NumPy is not allowed")


class LikeCuPy(OnDevice):
    def get(self) -> np.ndarray:
        return self.inside.copy()


class LikeTorch(OnDevice):
    """A tensor that is trained: NumPy takes it once it is detached and on the host."""

    is_trained = True

    def detach(self) -> LikeTorch:
        made = LikeTorch(self.inside, self.device)
        made.is_trained = False
        return made

    def cpu(self) -> LikeTorch:
        made = LikeTorch(self.inside, HOST)
        made.is_trained = self.is_trained
        return made

    def numpy(self) -> np.ndarray:
        if self.is_trained or self.device != HOST:
            raise TypeError("use detach and cpu")
        return self.inside


class LikePaddle(OnDevice):
    """It can be copied to the host, but has neither get nor detach."""

    def cpu(self) -> OnHost:
        return OnHost(self.inside)


class OnHost(OnDevice):
    """A tensor of another library in memory that NumPy reads."""

    def __init__(self, value: object, device: int = HOST) -> None:
        super().__init__(value, device)

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.inside

    def numpy(self) -> np.ndarray:
        return self.inside


class WithAnotherGet(LikeTorch):
    def get(self) -> str:
        return "something else"


KINDS = [LikeCuPy, LikeTorch, LikePaddle, WithAnotherGet]


def test_what_lives_on_a_device_says_so():
    assert lives_on_device(OnDevice([1.0]))
    assert lives_on_device(OnDevice([1.0], MANAGED))


@pytest.mark.parametrize("value", [np.ones(2), np.float32(1), 1.5, [1, 2], OnHost([1.0]), OnHost([1.0], PINNED), "x"])
def test_other_things_live_on_the_host(value):
    assert not lives_on_device(value)


@pytest.mark.parametrize("kind", KINDS)
def test_an_array_on_a_device_is_copied_to_the_host(kind):
    found = to_host(kind([[1.0, 2.0]]))
    assert type(found) is np.ndarray
    assert found.tolist() == [[1, 2]]


def test_an_array_of_the_host_stays_as_it_is():
    array = np.ones(2)
    assert to_host(array) is array
    assert to_host([1, 2]).tolist() == [1, 2]
    assert to_host(OnHost([1.0], PINNED)).tolist() == [1]


def test_an_array_that_cannot_be_copied_is_refused():
    with pytest.raises(DataError, match=r"test_devices\.OnDevice lives on a device.*copy it to the host first"):
        to_host(OnDevice([1.0]))


# ---------------------------------------------------------------------------------------------------- shared values


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [so.parameter, so.state])
def test_a_value_from_a_device_is_one_of_the_host_that_prefers_the_device(make, kind):
    w = make(kind([1.0, 2.0]), name="w")
    assert w.value.tolist() == [1, 2]
    assert w.storage.prefers_device
    assert w.storage.is_on_device
    assert make(kind([1.0, 2.0]), name="w", dtype="float32").dtype == np.float32
    assert make(kind([1.0, 2.0]), name="w", dtype="float32").storage.prefers_device


@pytest.mark.parametrize("role", ["parameter", "state", "hyperparameter"])
def test_so_is_one_that_is_made_below_the_public_names(role):
    assert make_shared(LikeCuPy(1.0), "w", role).storage.prefers_device
    assert not make_shared(1.0, "w", role).storage.prefers_device


def test_a_value_from_the_host_prefers_it():
    for value in (np.ones(2), [1.0, 2.0], OnHost([1.0, 2.0])):
        assert not so.parameter(value, name="w").storage.is_on_device


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_from_a_device_is_written_and_prefers_nothing(kind):
    w = so.parameter([1.0, 2.0], name="w")
    w.value = kind([3.0, 4.0])
    assert w.value.tolist() == [3, 4]
    assert not w.storage.prefers_device
    with pytest.raises(ShapeError):
        w.value = kind([3.0])


def test_a_constant_is_made_from_a_device():
    assert so.constant(LikeCuPy([1.0, 2.0])).eval().tolist() == [1, 2]


# ------------------------------------------------------------------------------------------------------------ inputs

REFUSED = r"input 'x' was given an array that lives on a GPU: use backend=\"cuda\", or copy it to the host first"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "cuda"])
def test_an_input_on_a_device_is_refused(backend, kind):
    x = so.vector("x")
    f = so.function([x], so.sum(x), backend=backend)
    for _ in range(2):  # the second call goes the fast way, which leads back
        with pytest.raises(DataError, match=REFUSED):
            f(kind([1.0, 2.0]))
        assert f(np.ones(2)) == 2


def test_an_input_of_eval_on_a_device_is_refused():
    x = so.vector("x")
    with pytest.raises(DataError, match=REFUSED):
        so.sum(x).eval({x: LikeCuPy([1.0])})


def test_an_input_of_another_library_on_the_host_is_taken():
    x = so.vector("x")
    for device in (HOST, PINNED):
        assert so.sum(x).eval({x: OnHost([1.0, 2.0], device)}) == 3
