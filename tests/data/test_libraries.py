"""Data that other libraries hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symopt.data import Dataset
from symopt.errors import DataError

X = np.arange(42, dtype=np.float32).reshape(14, 3)


def library(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed")


def check_batches(data: Dataset, expected: np.ndarray) -> None:
    """Check the batches of evaluation and of two epochs."""
    for epoch in (None, 0, 1):
        batches = [batch.arrays[0] for batch in data.batches(epoch)]
        order = data.order(epoch)
        wanted = expected if order is None else np.take(expected, order, axis=data.axis)
        found = np.concatenate(batches, axis=data.axis)
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == expected.dtype
        assert all(type(array) is np.ndarray and array.flags.c_contiguous for array in batches)


# ---------------------------------------------------------------------------------------------------- frames


def test_pandas_frame_and_series_become_arrays():
    pd = library("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    check_batches(Dataset(frame, batch_size=4), X)
    check_batches(Dataset(frame["b"], batch_size=4), X[:, 1])
    assert Dataset([frame, frame["b"]]).in_memory is not None


def test_pandas_columns_of_several_numeric_dtypes_get_their_common_dtype():
    pd = library("pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": [True, False]})
    check_batches(Dataset(frame), np.array([[1, 0.5, 1], [2, np.nan, 0]]))
    check_batches(Dataset(frame[["a", "c"]]), np.array([[1, 1], [2, 0]]))
    assert next(Dataset(frame[["c"]]).batches(0)).arrays[0].dtype == bool


def test_pandas_nullable_columns_are_taken():
    pd = library("pandas")
    frame = pd.DataFrame({"a": pd.array([1, 2], dtype="Int32"), "b": pd.array([1.5, None], dtype="Float64")})
    check_batches(Dataset(frame), np.array([[1, 1.5], [2, np.nan]]))
    check_batches(Dataset(frame["a"]), np.array([1, 2], dtype=np.int32))


def test_pandas_columns_that_are_no_numbers_are_named():
    pd = library("pandas")
    frame = pd.DataFrame({"a": [1.0], "b": ["x"], "c": [1], "d": [pd.Timestamp(0)], "e": [None]})
    frame["f"] = frame["c"].astype("category")
    with pytest.raises(DataError, match=r"not numbers: 'b' \(.*\), 'd' \(.*\), 'e' \(object\), 'f' \(category\)"):
        Dataset({"x": frame})
    with pytest.raises(DataError, match="'b'"):
        Dataset(frame["b"])


def test_pandas_missing_ints_are_named():
    pd = library("pandas")
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [0.5, 1.5]})
    with pytest.raises(DataError, match=r"misses values in columns that are not float: 'a'; use \.fillna"):
        Dataset(frame)


def test_polars_frame_and_series_become_arrays():
    pl = library("polars")
    frame = pl.DataFrame(X, schema=["a", "b", "c"])
    check_batches(Dataset(frame, batch_size=4), X)
    check_batches(Dataset(frame["b"], batch_size=4), X[:, 1])


def test_polars_columns_of_several_numeric_dtypes_get_their_common_dtype():
    pl = library("polars")
    frame = pl.DataFrame({"a": [1, 2], "b": [0.5, None], "c": [True, False]})
    check_batches(Dataset(frame), np.array([[1, 0.5, 1], [2, np.nan, 0]]))
    check_batches(Dataset(frame["c"]), np.array([True, False]))


def test_polars_columns_that_are_no_numbers_are_named():
    pl = library("polars")
    frame = pl.DataFrame({"a": [1.0], "b": ["x"], "c": [[1]]})
    with pytest.raises(DataError, match=r"not numbers: 'b' \(String\), 'c' \(List"):
        Dataset(frame)
    with pytest.raises(DataError, match=r"misses values in columns that are not float: 'a'; use \.fill_null"):
        Dataset(pl.DataFrame({"a": [1, None]}))
    with pytest.raises(DataError, match=r"LazyFrame.*\.collect\(\)"):
        Dataset(frame.lazy())


# ---------------------------------------------------------------------------------------------------- sparse


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "coo_array", "lil_array", "csr_matrix", "dia_matrix"])
@pytest.mark.parametrize("axis", [0, 1])
def test_sparse_rows_are_made_dense_batch_by_batch(kind, axis):
    sparse = library("scipy.sparse")
    x = np.where(X % 3 == 0, X, 0)
    data = Dataset(getattr(sparse, kind)(x), batch_size=4, axis=axis)
    assert data.in_memory is None
    check_batches(data, x)


def test_sparse_vector_is_taken():
    sparse = library("scipy.sparse")
    check_batches(Dataset(sparse.coo_array(X[:, 1]), batch_size=4), X[:, 1])


def test_sparse_batch_of_a_callable_is_made_dense():
    sparse = library("scipy.sparse")
    (batch,) = Dataset(lambda: sparse.csr_array(X), iteration_size=1).batches(0)
    np.testing.assert_array_equal(batch.arrays[0], X)


# --------------------------------------------------------------------------------------------------- on disk


@given(st.permutations(range(14)), st.integers(1, 14), st.sampled_from([0, 1]))
def test_hdf5_rows_are_read_in_any_order(tmp_path_factory, rows, size, axis):
    h5py = library("h5py")
    from symopt.data.adapters import adapt

    x = X if axis == 0 else np.ascontiguousarray(X.T)
    selection = np.array(rows[:size])
    with h5py.File(tmp_path_factory.mktemp("data") / "x.h5", "w") as file:
        source = adapt(file.create_dataset("x", data=x), axis, "x")
        np.testing.assert_array_equal(source.read(selection), np.take(x, selection, axis=axis))
        repeated = np.concatenate([selection, selection[:2]])
        np.testing.assert_array_equal(source.read(repeated), np.take(x, repeated, axis=axis))


def test_hdf5_array_is_read_batch_by_batch(tmp_path: Path):
    h5py = library("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = Dataset(file.create_dataset("x", data=X, dtype=">f4"), batch_size=4)
        assert data.in_memory is None
        check_batches(data, X)
        check_batches(Dataset(file["x"], batch_size=2, axis=1), X)


def test_hdf5_file_is_a_dict_of_inputs(tmp_path: Path):
    h5py = library("h5py")
    with h5py.File(tmp_path / "xy.h5", "w") as file:
        file["x"], file["y"] = X, X[:, 0]
        data = Dataset(file, batch_size=4)
        assert data.names == ("x", "y")
        assert [array.shape for array in next(data.batches(0)).arrays] == [(4, 3), (4,)]


def test_hdf5_messages_say_what_is_wrong(tmp_path: Path):
    h5py = library("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        x, inner = file.create_dataset("x", data=X), file.create_group("inner")
        text, scalar, nothing = file["text"], file["scalar"], file["nothing"] = (
            file.create_dataset("t", data=["a", "b"]),
            file.create_dataset("s", data=1.0),
            file.create_dataset("n", data=h5py.Empty("f4")),
        )
        with pytest.raises(DataError, match="a group of arrays"):
            Dataset([inner])
        with pytest.raises(DataError, match="has dtype object"):
            Dataset(text)
        for single in (scalar, nothing):
            with pytest.raises(DataError, match="a single value"):
                Dataset(single)
        data = Dataset(x, batch_size=4)
    with pytest.raises(DataError, match="file was closed while"):
        next(data.batches(0))
    with pytest.raises(DataError, match="an HDF5 file that is closed"):
        Dataset(x)


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_array_is_read_batch_by_batch(tmp_path: Path, version):
    zarr = library("zarr")
    array = zarr.create_array(tmp_path / "x.zarr", data=X, chunks=(5, 2), zarr_format=version)
    data = Dataset(array, batch_size=4)
    assert data.in_memory is None
    check_batches(data, X)
    check_batches(Dataset(array, batch_size=2, axis=1), X)
    check_batches(Dataset({"x": array, "y": X[:, 0]}, batch_size=4), X)


def test_zarr_group_is_an_error(tmp_path: Path):
    zarr = library("zarr")
    with pytest.raises(DataError, match=r"group of arrays.*give group\['name'\]"):
        Dataset(zarr.open_group(tmp_path / "g.zarr", mode="w"))
