"""Pandas and polars objects as NumPy arrays.

Their columns must be numbers. Columns of different numeric dtypes get the dtype that NumPy gives to their
sum. A missing value of a float column is NaN; any other missing value is an error, for no number stands for
it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symopt.errors import DataError

NUMERIC_KINDS = "biuf"
"""Kinds of NumPy dtype that are data: bool, int, unsigned int and float."""


def is_pandas(value: object) -> bool:
    """Say whether a value is a frame, a series or an index of pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index))


def is_polars(value: object) -> bool:
    """Say whether a value is a frame, a lazy frame or a series of polars."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(value, (polars.DataFrame, polars.LazyFrame, polars.Series))


def pandas_array(value: Any, label: str) -> NDArray[Any]:
    """Return a pandas frame as an array ``(rows, columns)``, a series or an index as ``(rows,)``.

    Raises
    ------
    DataError : a column is not numeric, or a bool or int column has missing values; the message names the
        columns.
    """
    columns = _pandas_columns(value)
    dtypes = [_pandas_dtype(column.dtype) for _, column in columns]
    wrong = [(name, column.dtype) for (name, column), dtype in zip(columns, dtypes, strict=True) if dtype is None]
    _check_numeric(wrong, label)
    known = [dtype for dtype in dtypes if dtype is not None]
    # Only extension dtypes can miss a bool or an int; NaN in a float column is a value like any other.
    holes = [
        name
        for (name, column), dtype in zip(columns, known, strict=True)
        if dtype.kind != "f" and not isinstance(column.dtype, np.dtype) and column.isna().any()
    ]
    _check_no_holes(holes, label, ".fillna() or .dropna()")
    result = np.result_type(*known) if known else np.dtype(np.float64)
    if result.kind == "f":
        return np.asarray(value.to_numpy(dtype=result, na_value=np.nan))
    return np.asarray(value.to_numpy(dtype=result))


def polars_array(value: Any, label: str) -> NDArray[Any]:
    """Return a polars frame as an array ``(rows, columns)``, a series as ``(rows,)``.

    Raises
    ------
    DataError : a column is not numeric, or a bool or int column has missing values; the message names the
        columns. Or the frame is lazy.
    """
    if hasattr(value, "collect"):
        raise DataError(f"{label} is a polars LazyFrame, which holds no data yet; give .collect() of it")
    columns = value.get_columns() if hasattr(value, "get_columns") else [value]
    wrong = [(column.name, column.dtype) for column in columns if not _is_polars_number(column.dtype)]
    _check_numeric(wrong, label)
    holes = [column.name for column in columns if not column.dtype.is_float() and column.null_count()]
    _check_no_holes(holes, label, ".fill_null() or .drop_nulls()")
    if columns and columns[0] is value:
        return np.asarray(value.to_numpy())
    return np.asarray(value.to_numpy(order="c"))


def _pandas_columns(value: Any) -> list[tuple[object, Any]]:
    if value.ndim == 1:
        return [(value.name, value)]
    return list(value.items())


def _pandas_dtype(dtype: Any) -> np.dtype[Any] | None:
    """Return the NumPy dtype of a pandas dtype, None where it is no number."""
    if getattr(dtype, "kind", "O") not in NUMERIC_KINDS:
        return None
    if isinstance(dtype, np.dtype):
        return dtype
    # Nullable and Arrow dtypes have the one, sparse dtypes the other.
    found = getattr(dtype, "numpy_dtype", None) or getattr(dtype, "subtype", None)
    return found if isinstance(found, np.dtype) else None


def _is_polars_number(dtype: Any) -> bool:
    # A Decimal counts as numeric for polars, but becomes Python objects in NumPy.
    return bool(dtype.is_integer() or dtype.is_float() or dtype == sys.modules["polars"].Boolean)


def _check_numeric(wrong: Sequence[tuple[object, object]], label: str) -> None:
    if wrong:
        listed = ", ".join(f"{name!r} ({dtype})" for name, dtype in wrong)
        raise DataError(
            f"{label} has columns that are not numbers: {listed}; convert them to bool, int or float, or leave them out"
        )


def _check_no_holes(holes: Sequence[object], label: str, remedy: str) -> None:
    if holes:
        listed = ", ".join(repr(name) for name in holes)
        raise DataError(
            f"{label} misses values in columns that are not float: {listed}; use {remedy} first, "
            "or convert to float, where a missing value is NaN"
        )
