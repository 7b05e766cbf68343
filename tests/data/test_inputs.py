"""What a Dataset is made from, when it is in memory; and what it says of what it does not take."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symopt.data import Batch, Dataset
from symopt.errors import DataError


def whole(data: Dataset) -> tuple[np.ndarray, ...]:
    """Return all rows, in the stored order."""
    batches = list(data.batches(None))
    return tuple(np.concatenate(arrays, axis=data.axis) for arrays in zip(*(b.arrays for b in batches), strict=True))


def test_one_array_is_one_input():
    data = Dataset(np.ones((5, 2)))
    assert data.length == 5
    assert data.names is None
    assert [array.shape for array in next(data.batches(0)).arrays] == [(5, 2)]


def test_list_and_tuple_are_several_inputs_in_their_order():
    for kind in (list, tuple):
        x, y = whole(Dataset(kind([np.zeros((5, 2)), np.arange(5)])))
        assert x.shape == (5, 2)
        assert y.tolist() == [0, 1, 2, 3, 4]


def test_dict_keeps_its_order_and_its_names():
    data = Dataset({"z": np.zeros(3), "a": np.ones(3)})
    assert data.names == ("z", "a")
    batch = next(data.batches(0))
    assert batch.names == ("z", "a")
    assert [array[0] for array in batch.arrays] == [0, 1]


def test_keys_of_a_dict_need_not_be_text():
    key = object()
    assert Dataset({key: np.zeros(3)}).names == (key,)


def test_lists_within_a_list_are_arrays():
    x, y = whole(Dataset([[[1, 2], [3, 4]], [0.5, 1.5]]))
    assert x.tolist() == [[1, 2], [3, 4]]
    assert y.dtype == np.float64


def test_dtype_is_kept():
    for dtype in ("bool", "int8", "uint16", "int64", "float32", "float64"):
        assert whole(Dataset(np.ones(3, dtype)))[0].dtype == dtype


def test_batches_are_in_native_byte_order_aligned_and_contiguous():
    packed = np.zeros(6, dtype=[("flag", "i1"), ("x", ">f8")])["x"]
    for source in (packed, np.asfortranarray(np.ones((6, 3))), np.ones((12, 3))[::2]):
        for epoch in (None, 0):
            for batch in Dataset(source, batch_size=4).batches(epoch):
                assert batch.arrays[0].flags.c_contiguous
                assert batch.arrays[0].flags.aligned
                assert batch.arrays[0].dtype.isnative


def test_contiguous_array_is_not_copied():
    x = np.zeros((4, 2))
    arrays = Dataset([x]).in_memory
    assert arrays is not None
    assert arrays[0] is x


def test_read_only_arrays_are_taken():
    x = np.arange(6.0)
    x.flags.writeable = False
    assert [batch.size for batch in Dataset(x, batch_size=4).batches(0)] == [4, 2]


@given(st.integers(0, 2), st.booleans(), st.none() | st.integers(0, 3))
def test_rows_may_be_along_any_axis(axis, negative, epoch):
    x = np.arange(5 * 5 * 5, dtype=np.float64).reshape(5, 5, 5)
    data = Dataset(x, axis=axis - 3 if negative else axis, batch_size=2)
    order = data.order(epoch)
    expected = x if order is None else np.take(x, order, axis=axis)
    batches = list(data.batches(epoch))
    np.testing.assert_array_equal(np.concatenate([batch.arrays[0] for batch in batches], axis=axis), expected)
    assert [batch.size for batch in batches] == [2, 2, 1]
    assert all(batch.arrays[0].flags.c_contiguous for batch in batches)
    assert (data.in_memory is not None) == (axis == 0)


def test_memory_map_is_read_batch_by_batch(tmp_path: Path):
    x = np.arange(20.0, dtype=np.float32).reshape(10, 2)
    np.save(tmp_path / "x.npy", x)
    data = Dataset(np.load(tmp_path / "x.npy", mmap_mode="r"), batch_size=4)
    assert data.in_memory is None
    np.testing.assert_array_equal(whole(data)[0], x)
    shuffled = [batch.arrays[0] for batch in data.batches(1)]
    assert all(type(array) is np.ndarray for array in shuffled)
    np.testing.assert_array_equal(np.concatenate(shuffled), x[data.order(1)])


def test_archive_of_numpy_is_a_dict(tmp_path: Path):
    np.savez(tmp_path / "xy.npz", x=np.zeros((3, 2)), y=np.ones(3))
    with np.load(tmp_path / "xy.npz") as archive:
        data = Dataset(archive)
    assert data.names == ("x", "y")


def test_what_knows_how_to_become_an_array_is_taken():
    class Own:
        def __array__(self, dtype=None, copy=None):
            return np.arange(3.0)

        def __call__(self):
            raise AssertionError

    assert whole(Dataset(Own()))[0].tolist() == [0, 1, 2]


def test_of_returns_a_dataset_as_it_is():
    data = Dataset(np.zeros(3), batch_size=2)
    assert Dataset.of(data, batch_size=1) is data
    assert Dataset.of(np.zeros(3), batch_size=1).batch_size == 1


def test_repr_says_what_it_is():
    assert repr(Dataset(np.zeros(3), name="valid", rng=4)) == (
        "Dataset('valid', 1 input, length=3, batch_size=3, iteration_size=1, seed=4)"
    )
    assert repr(Dataset(lambda: np.zeros(3), iteration_size=5)) == "Dataset(a callable, iteration_size=5)"


def test_batch_is_frozen():
    batch = Batch((np.zeros(2),), 2)
    with pytest.raises(AttributeError):
        batch.size = 3  # type: ignore[misc]


def test_import_loads_no_optional_library():
    code = "import sys, symopt.data; print(*{'pandas', 'polars', 'h5py', 'zarr'} & set(sys.modules))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


x = np.zeros(3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": [x, np.zeros(4)]}, r"different lengths along axis 0: input 0 has 3, input 1 has 4"),
        ({"inputs": {"x": x, "y": np.zeros(2)}}, r"input 'x' has 3, input 'y' has 2"),
        ({"inputs": {"x": x, "y": np.zeros(2)}, "name": "train"}, r"^dataset 'train'"),
        ({"inputs": []}, "empty list; give at least one input"),
        ({"inputs": {}}, "empty dict"),
        ({"inputs": np.zeros((0, 3))}, r"shape \(0, 3\), which is empty along axis 0"),
        ({"inputs": [1.0, 2.0]}, r"input 0 is a single value.*give np.array of it"),
        ({"inputs": 3.0}, "the input is a single value"),
        ({"inputs": x, "axis": 1}, r"shape \(3,\), which has no axis 1"),
        ({"inputs": x, "axis": -2}, "no axis -2"),
        ({"inputs": x, "axis": 0.0}, "axis is 0.0, but an int is expected"),
        (
            {"inputs": x, "batch_size": -1},
            "batch_size is -1, but an int of at least 0.*everything in one batch",
        ),
        ({"inputs": x, "batch_size": 2.0}, "batch_size is 2.0"),
        ({"inputs": x, "batch_size": True}, "batch_size is True"),
        ({"inputs": x, "batch_size": None}, "batch_size is None"),
        ({"inputs": x, "iteration_size": 0}, "iteration_size is 0, but an int of at least 1"),
        ({"inputs": x, "iteration_size": -3}, "iteration_size is -3"),
        ({"inputs": x, "iteration_size": "all"}, "iteration_size is 'all'"),
        ({"inputs": x, "rng": -1}, "rng is -1, but an int that is not negative or a NumPy Generator"),
        ({"inputs": x, "rng": 0.5}, "rng is 0.5"),
        ({"inputs": x, "rng": np.random.RandomState(0)}, "a NumPy Generator is expected"),
        ({"inputs": "data.csv"}, "is 'data.csv', but numbers are expected; if it is a file, load it first"),
        ({"inputs": Path("data.csv")}, "load it first"),
        ({"inputs": [b"abc", x]}, "input 0 is b'abc'"),
        ({"inputs": [[[1, 2], [3]], [0, 1]]}, "input 0 is a list that is not rectangular"),
        ({"inputs": np.array([1, None])}, "has dtype object, but bool, int, unsigned int or float"),
        ({"inputs": np.array(["a"])}, "has dtype <U1"),
        ({"inputs": np.zeros(2, "datetime64[s]")}, "has dtype datetime64"),
        ({"inputs": np.zeros(2, complex)}, "has dtype complex128"),
        ({"inputs": np.zeros(2, [("a", "f8")])}, "has dtype"),
        ({"inputs": None}, "has dtype object"),
        ({"inputs": (row for row in x)}, "is an iterator .generator., which runs dry"),
        ({"inputs": [x, lambda: x]}, "input 1 is a callable among several inputs"),
        ({"inputs": np.ma.masked_equal([1, 2], 2)}, "masked"),
        ({"inputs": lambda: x}, "does not tell how many batches make an epoch; give iteration_size="),
    ],
)
def test_message_says_what_is_wrong(arguments, message):
    with pytest.raises(DataError, match=message):
        Dataset(**arguments)


def test_masked_array_without_masked_values_is_taken():
    assert whole(Dataset(np.ma.array([1.0, 2.0])))[0].tolist() == [1, 2]


def test_what_fails_to_become_an_array_is_an_error_with_its_reason():
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("the values are on the moon")

    with pytest.raises(DataError, match=r"Broken that NumPy does not convert.*on the moon"):
        Dataset(Broken())
