"""Dimensions: canonical arithmetic, held against integers."""

from __future__ import annotations

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symopt.errors import DataError, ShapeError
from symopt.graph.dimensions import (
    exact_quotient,
    names_in,
    product,
    rename,
    replace,
    resolve,
    resolve_shape,
    size,
    spell,
    symbol,
)

n, m, k = size("n"), size("m"), size("k")
SIZES = {"n": 7, "m": 3, "k": 10}
sizes = st.fixed_dictionaries({name: st.integers(0, 50) for name in SIZES})


@st.composite
def expressions(draw, depth=4):
    """A pair: a dimension, and the function of sizes that computes it with plain integers."""
    if depth == 0 or draw(st.booleans()):
        if draw(st.booleans()):
            name = draw(st.sampled_from(sorted(SIZES)))
            return size(name), lambda sizes: sizes[name]
        number = draw(st.integers(-5, 5))
        return number, lambda sizes: number
    left, compute_left = draw(expressions(depth - 1))
    operation = draw(st.sampled_from("+-*/_"))
    if operation == "/":
        divisor = draw(st.integers(-4, 4).filter(bool))
        return left // divisor, lambda sizes: compute_left(sizes) // divisor
    if operation == "_":
        return -left, lambda sizes: -compute_left(sizes)
    right, compute_right = draw(expressions(depth - 1))
    if operation == "+":
        return left + right, lambda sizes: compute_left(sizes) + compute_right(sizes)
    if operation == "-":
        return left - right, lambda sizes: compute_left(sizes) - compute_right(sizes)
    return left * right, lambda sizes: compute_left(sizes) * compute_right(sizes)


@given(expressions(), sizes)
def test_arithmetic_is_that_of_integers(expression, sizes):
    dim, compute = expression
    assert resolve(dim, sizes) == compute(sizes)


@given(expressions(), expressions(), expressions())
def test_equal_expressions_are_equal_objects(a, b, c):
    a, b, c = a[0], b[0], c[0]
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) + c == a + (b + c)
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - b == -(b - a)
    assert a - a == 0
    assert (a + b) - b == a
    assert a + a == 2 * a
    assert hash(a + b) == hash(b + a)


@given(expressions(), st.integers(1, 6))
def test_quotients_have_one_form(expression, divisor):
    dim = expression[0]
    assert (dim * divisor) // divisor == dim
    assert (dim + divisor) // divisor == dim // divisor + 1
    assert (dim * divisor + (divisor - 1)) // divisor == dim
    assert dim // -divisor == -dim // divisor


@given(expressions(), expressions())
def test_an_exact_quotient_times_the_divisor_is_the_dividend(dividend, divisor):
    dividend, divisor = dividend[0], divisor[0]
    if divisor == 0:
        return
    quotient = exact_quotient(dividend, divisor)
    assert quotient is None or quotient * divisor == dividend
    assert exact_quotient(dividend * divisor, divisor) in (dividend, None)
    if isinstance(divisor, int):
        assert exact_quotient(dividend * divisor, divisor) == dividend


@given(expressions(), sizes)
def test_the_text_of_a_dimension_is_a_formula_of_its_value(expression, sizes):
    dim, compute = expression
    assert eval(str(dim), {}, dict(sizes)) == compute(sizes)


@given(expressions(), sizes)
def test_a_dimension_survives_renaming_and_pickling(expression, sizes):
    dim, compute = expression
    assert pickle.loads(pickle.dumps(dim)) == dim
    renamed = rename(dim, {"n": "rows", "m": "n"})
    assert resolve(renamed, {"rows": sizes["n"], "n": sizes["m"], "k": sizes["k"]}) == compute(sizes)
    assert set(names_in(renamed)) == {{"n": "rows", "m": "n"}.get(name, name) for name in names_in(dim)}


@given(expressions(), expressions(), sizes)
def test_a_dimension_in_the_place_of_a_name(expression, other, sizes):
    dim, compute = expression
    replaced = replace(dim, {"n": other[0]})
    assert resolve(replaced, sizes) == compute({**sizes, "n": other[1](sizes)})
    assert replace(dim, {}) == dim


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (n - 1, "n-1"),
        (1 - n, "1-n"),
        (n + m - n, "m"),
        (3 * n, "3*n"),
        (n * m + n - 1, "n*m+n-1"),
        (-n, "-n"),
        ((2 * n + 2) // 2, "n+1"),
        ((n + 1) // 2, "((n+1)//2)"),
        (n - m, "n-m"),
        (m - n, "m-n"),
        (n * n, "n*n"),
    ],
    ids=str,
)
def test_dimensions_are_written_as_one_writes_them(dim, text):
    assert str(dim).replace("m*n", "n*m") == text
    assert repr(dim) == str(dim)


def test_a_dimension_without_sizes_is_an_int():
    for dim in (n - n, n - n + 3, 0 * n, (n - n) // 2, (n + 1) * 0, exact_quotient(2 * n, n)):
        assert isinstance(dim, int)


def test_a_name_is_one_size_and_none_is_a_fresh_one():
    assert size("n") == n
    assert size("n") != m
    assert size() != size()
    assert symbol(n) == "n"
    assert [symbol(dim) for dim in (3, n + 1, 2 * n, n * m, n // 2)] == [None] * 5


@pytest.mark.parametrize("name", ["", "a b", "2n", "n-1", "_n0", "é", "n\n"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ShapeError, match="not a name for a dimension"):
        size(name)


def test_dimensions_are_divided_where_it_comes_out_even():
    assert (n * m) // m == n
    assert (2 * n * m + 4 * m) // (2 * m) == n + 2
    assert (n + 1) // (n + 1) == 1
    assert exact_quotient(n, 2) is None
    assert exact_quotient(12, 4) == 3
    assert exact_quotient(12, 5) is None
    assert exact_quotient(n + 1, m) is None
    with pytest.raises(ShapeError, match="cannot be divided"):
        n // m
    with pytest.raises(ZeroDivisionError):
        n // 0


@pytest.mark.parametrize("other", [0.5, "a", None, 1j])
def test_a_dimension_does_not_mix_with_what_is_no_integer(other):
    for operation in ("__add__", "__sub__", "__rsub__", "__mul__", "__floordiv__"):
        assert getattr(n, operation)(other) is NotImplemented
    with pytest.raises(TypeError):
        n * other
    assert n != other


def test_shapes_have_a_size_and_a_value():
    assert product(()) == 1
    assert product((n, 2, m)) == 2 * n * m
    assert product((n, 0)) == 0
    assert resolve_shape((n, 2, n * m - 1), SIZES) == (7, 2, 20)
    assert math.prod(resolve_shape((n, 2, m), SIZES)) == resolve(product((n, 2, m)), SIZES)
    assert [spell(shape) for shape in [(), (n,), (n, 3)]] == ["()", "(n,)", "(n, 3)"]


def test_an_unknown_size_is_an_error_that_names_it():
    with pytest.raises(DataError, match=r"the size 'm' is not known.*known are \['n'\]"):
        resolve(n + m // 2, {"n": 1})
