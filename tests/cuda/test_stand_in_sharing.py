"""What the stand-in for CuPy has for arrays that are shared and gathered: indices, and another library's tensors."""

from __future__ import annotations

import numpy as np
import pytest

from symopt.graph.devices import lives_on_device, to_host
from tests.cuda import stand_in as xp
from tests.cuda.arrays import DeviceTensor, OnDevice, address_of
from tests.cuda.counting import needs_stand_in

pytestmark = needs_stand_in
HOST = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize("rows", [np.array([3, 0, 3]), [3, 0, 3], xp.asarray(np.array([3, 0, 3]))])
def test_indices_gather_rows_in_memory_of_their_own(rows):
    array = xp.asarray(HOST)
    for found, expected in ((array[rows], HOST[[3, 0, 3]]), (array[:2, [2, 0]], HOST[:2, [2, 0]])):
        assert isinstance(found, OnDevice)
        assert address_of(found)
        assert found.memory is not array.memory
        assert np.array_equal(found.get(), expected)


def test_indices_cannot_be_captured():
    array, stream = xp.asarray(HOST), xp.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        with pytest.raises(RuntimeError, match="sending indices is not possible while a stream is captured"):
            array[np.array([0])]
        with pytest.raises(RuntimeError, match="the capture has failed"):
            stream.end_capture()


def test_a_tensor_has_what_pytorchs_have():
    array = xp.asarray(HOST)
    tensor = DeviceTensor(array, requires_grad=True)
    assert (len(tensor), tensor.ndim, tensor.shape) == (4, 2, (4, 3))
    assert lives_on_device(tensor[1:])
    assert np.array_equal(to_host(tensor[np.array([2, 1])]), HOST[[2, 1]])
    with pytest.raises(BufferError, match="require gradient"):
        xp.from_dlpack(tensor)
    assert address_of(xp.from_dlpack(tensor.detach())) == address_of(array)
