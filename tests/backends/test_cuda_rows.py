"""Sums along rows and columns of every length and dtype: one thread, parts of a warp, warps and blocks share them."""

from __future__ import annotations

import numpy as np
import pytest

import symopt as so
from symopt.backends.cuda.build import program_of
from symopt.backends.cuda.emit import emit
from symopt.backends.cuda.schedule import SHARED_MEMORY
from tests.cuda.compiled import PROBLEM

pytestmark = pytest.mark.skipif(PROBLEM is not None and not so.backends()["cuda"].available, reason=str(PROBLEM))

DTYPES = ("float32", "float64", "int8", "int16", "int64", "uint8", "uint16")
LENGTHS = (1, 3, 7, 10, 16, 20, 33, 100, 3000)


def values(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    rng = np.random.default_rng(sum(shape))
    return rng.integers(0, 100, shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", LENGTHS)
def test_rows_and_columns_are_numpys(length: int, dtype: str) -> None:
    x = so.input("x", ("n", length), dtype)
    chosen = so.where(so.greater(x, 3), x, 0)
    outputs = [f(one, axis) for one in (x, chosen) for f in (so.max, so.min) for axis in (0, 1, None)]
    f = so.function([x], [*outputs, chosen.sum(0), chosen.sum(1)], backend="cuda")
    array = values((37, length), dtype)
    kept = np.where(array > 3, array, 0)
    expected = [f(one, axis=axis) for one in (array, kept) for f in (np.max, np.min) for axis in (0, 1, None)]
    for found, wanted in zip(f(array), [*expected, kept.sum(0), kept.sum(1)], strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("shape", [(1, 20_000), (3, 20_000), (20_000, 3), (2, 9000, 3), (3, 5, 9000)])
def test_few_long_sums_are_shared_by_blocks(shape: tuple[int, ...]) -> None:
    x = so.input("x", shape, "float32")
    y = so.square(x)
    axes = [*range(len(shape)), None]
    f = so.function([x], [y, *(y.sum(axis) for axis in axes)], backend="cuda")
    array = values(shape, "float32") / np.float32(64)
    found = f(array)
    np.testing.assert_array_equal(found[0], array**2)
    for one, axis in zip(found[1:], axes, strict=True):
        np.testing.assert_allclose(one, (array.astype("float64") ** 2).sum(axis), rtol=1e-6)


@pytest.mark.parametrize("length", [3, 10, 16, 40, 3000])
def test_a_row_goes_through_a_softmax_and_its_loss(length: int) -> None:
    x, y = so.input("x", ("n", length), "float32"), so.input("y", ("n",), "int64")
    loss = so.cross_entropy(x, y)
    f = so.function([x, y], [so.softmax(x, 1), loss.mean(), so.gradient(loss.mean(), [x])[0]], backend="cuda")
    g = so.function([x, y], [so.softmax(x, 1), loss.mean(), so.gradient(loss.mean(), [x])[0]], backend="numpy")
    rng = np.random.default_rng(length)
    given = [rng.normal(size=(41, length)).astype("float32"), rng.integers(0, length, 41)]
    for found, wanted in zip(f(*given), g(*given), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-7)


def test_products_of_several_dtypes_are_launches_of_their_own_where_shared_memory_ends() -> None:
    a, b = (so.parameter(values((40, 40), dtype), dtype) for dtype in ("float64", "float32"))
    c = so.constant(values((40, 40), "int64"))
    f = so.function([], [a @ a, b @ b, c @ c], backend="cuda")
    for step in emit(program_of(f.task)).steps:
        jobs = [job for section in step.launch.sections for job in section]  # type: ignore[union-attr]
        assert sum(dict(pair for job in jobs for pair in job.shared).values()) <= SHARED_MEMORY
    for found, node in zip(f(), (a, b, c), strict=True):
        array = node.value if hasattr(node, "value") else np.asarray(node)
        np.testing.assert_array_equal(found, array @ array)
