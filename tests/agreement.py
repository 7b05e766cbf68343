"""How far two backends may differ: the one place that says so.

Each operation rounds once, the functions of different libraries differ by a few units in the last place, and a sum of n
terms that is added up in another order differs by about the square root of n of them: so the tolerance follows from
dtype and length alone. What a formula then makes of such differences is its own: tests.backends.uncertainty measures
it, and hands it over as ``spread``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: Units in the last place by which a chain of a few operations may differ, whatever its length.
ULPS = 16


def tolerance(dtype: Any, length: int = 1) -> float:
    """The relative difference that is allowed after a reduction over ``length`` elements; 0 for what is exact."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        return 0.0
    return float(np.finfo(dtype).eps) * (ULPS + 2 * float(np.sqrt(length)))


def allowed(expected: np.ndarray, length: int = 1) -> np.ndarray:
    """The difference that is allowed at every element of ``expected``.

    The terms of a reduction may cancel, so there the yardstick is the largest result, not each one's own size.
    """
    if expected.dtype.kind != "f":
        return np.zeros(expected.shape)
    size = np.abs(np.where(np.isfinite(expected), expected, 0).astype(np.float64))
    if length > 1 and size.size:
        size = np.maximum(size, size.max())
    # Below the smallest normal number a result may be flushed to zero.
    return np.asarray(tolerance(expected.dtype, length) * size + float(np.finfo(expected.dtype).tiny))


def disagreement(expected: np.ndarray, actual: np.ndarray, length: int = 1, spread: Any = 0.0) -> np.ndarray:
    """Where two arrays of one dtype and shape differ by more than is allowed; a spread of infinity allows anything."""
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
        near = distance <= allowed(expected, length) + spread
    same = (actual == expected) | ((actual != actual) & (expected != expected))
    return np.asarray(~(same | (near & np.isfinite(expected)) | np.isposinf(spread)))


def assert_agree(expected: Any, actual: Any, length: int = 1, spread: Any = 0.0, what: str = "the result") -> None:
    """``actual`` is ``expected``: dtype, shape, the places of NaN and of either infinity, and the values.

    Parameters
    ----------
    expected, actual : arrays.
    length : how many elements the longest reduction on the way has added up.
    spread : by how much more each element may differ.
    what : the subject of the message.
    """
    __tracebackhide__ = True
    assert isinstance(actual, np.ndarray), f"{what} is a {type(actual).__name__}, not an array"
    expected = np.asarray(expected)
    assert actual.dtype == expected.dtype, f"{what} is {actual.dtype}, not {expected.dtype}"
    assert actual.shape == expected.shape, f"{what} has shape {actual.shape}, not {expected.shape}"
    differs = disagreement(expected, actual, length, spread)
    if differs.any():
        place = np.unravel_index(np.argmax(differs), differs.shape)
        raise AssertionError(
            f"{what} differs at {int(differs.sum())} of {differs.size} places, first at {tuple(map(int, place))}: "
            f"{actual[place]!r} instead of {expected[place]!r}\nall of it: {actual!r}\ninstead of: {expected!r}"
        )
