"""The tolerance between backends: what it lets pass, and what it does not."""

import numpy as np
import pytest

from tests.agreement import ULPS, assert_agree, tolerance

EPS32 = float(np.finfo(np.float32).eps)


def f32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_tolerance_is_nothing_for_what_is_exact_and_grows_with_the_length_of_a_reduction() -> None:
    assert tolerance("int64") == tolerance("bool", 1000) == 0
    assert tolerance("float32") > tolerance("float64") > 0
    assert tolerance("float64", 10_000) > tolerance("float64", 100) > tolerance("float64")


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (f32(1, 2), f32(1, 2).astype(np.float64)),
        (f32(1, 2), f32(1, 2).reshape(1, 2)),
        (f32(1, 2), f32(1, 2 * (1 + 3 * ULPS * EPS32))),
        (f32(np.nan, 2), f32(1, 2)),
        (f32(1, 2), f32(np.nan, 2)),
        (f32(np.inf), f32(-np.inf)),
        (f32(np.inf), f32(3e38)),
        (f32(3e38), f32(np.inf)),
        (np.array([1, 2]), np.array([1, 3])),
        (np.array([True]), np.array([False])),
    ],
)
def test_what_differs_in_dtype_shape_kind_or_value_does_not_agree(expected: np.ndarray, actual: np.ndarray) -> None:
    assert_agree(expected, expected)
    assert_agree(actual, actual)
    with pytest.raises(AssertionError, match="the result"):
        assert_agree(expected, actual)


def test_a_few_units_in_the_last_place_agree_and_more_do_where_the_formula_spreads_them() -> None:
    assert_agree(f32(1, 100), f32(1 + 4 * EPS32, 100 - 400 * EPS32))
    assert_agree(f32(1, 100), f32(1.5, 100), spread=np.array([0.6, 0.0]))
    assert_agree(f32(1, np.nan), f32(np.nan, np.inf), spread=np.inf)
    with pytest.raises(AssertionError, match="1 of 2 places, first at \\(1,\\)"):
        assert_agree(f32(1, 100), f32(1.5, 100.5), spread=np.array([0.6, 0.0]))


def test_terms_of_a_reduction_may_cancel_down_to_the_rounding_of_the_largest_result() -> None:
    assert_agree(f32(1000, 0), f32(1000, 1e-4), length=100)
    with pytest.raises(AssertionError):
        assert_agree(f32(1000, 0), f32(1000, 1e-4))
