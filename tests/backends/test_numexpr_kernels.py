"""The hard cases of the numexpr backend, one by one: each has been wrong once, and a random graph has found it."""

from __future__ import annotations

import math

import numpy as np
import pytest

import symopt as so
from symopt.backends.numexpr import plan
from symopt.backends.numexpr.dialect import DIALECT
from symopt.backends.numexpr.segments import cut
from symopt.graph import construct
from symopt.graph.nodes import Input, Node
from symopt.lowering import Loop, lower
from tests.agreement import assert_agree
from tests.backends.ways import WAYS, forced

every_way = pytest.mark.parametrize("way", WAYS)


def assert_computes(way: str, inputs: list[Input], outputs: list[Node], *calls: tuple[object, ...]) -> None:
    """The numexpr backend, made to run kernels in one of its ways, gives what the reference does."""
    reference = so.function(inputs, outputs, backend="numpy")
    with forced(way):
        f = so.function(inputs, outputs, backend="numexpr")
        for arrays in calls:
            for i, (expected, actual) in enumerate(zip(reference(*arrays), f(*arrays), strict=True)):
                assert_agree(expected, actual, length=64, what=f"output {i}\n{f.source}")


@every_way
def test_scratch_memory_of_two_float_dtypes_is_apart_and_so_is_that_of_integers(way: str) -> None:
    x, y = so.input("x", (3, 5), "float32"), so.input("y", (3, 5))
    i, j = so.input("i", (3, 5), "int32"), so.input("j", (3, 5), "uint8")
    floats = so.tanh(x * 0.3 + 1).astype("float64") * so.tanh(y * 0.3 + 1) + so.sin(y + x)
    integers = (i * 2 + 1).astype("int64") * (j * j + j).astype("int64")
    rng = np.random.default_rng(0)
    arrays = (rng.normal(size=(3, 5)).astype("float32"), rng.normal(size=(3, 5)))
    indices = (rng.integers(-9, 9, (3, 5)).astype("int32"), rng.integers(0, 9, (3, 5)).astype("uint8"))
    assert_computes(way, [x, y, i, j], [floats, integers], arrays + indices)


@every_way
@pytest.mark.parametrize("shape", [(1, 11), (11, 1), (1, 1), (1, 1, 7), (2, 1, 9)])
def test_axes_of_length_one_are_stretched_reduced_and_cut_as_any_other(way: str, shape: tuple[int, ...]) -> None:
    x, s = so.input("x", shape), so.input("s", ())
    row, column = so.input("row", shape[-1:]), so.input("column", (shape[0], *(1 for _ in shape[1:])))
    y = so.exp(x * 0.1) + row * column - s
    outputs = [y, y.sum(0), y.max(-1), y.mean(), x - x.mean(keepdims=True), so.broadcast_to(row, shape).sum(0) * 2]
    arrays = [np.arange(math.prod(node.shape), dtype=float).reshape(node.shape) for node in (x, s, row, column)]
    assert_computes(way, [x, s, row, column], outputs, tuple(arrays))


@every_way
def test_a_size_may_be_zero_or_one_at_run_time(way: str) -> None:
    x, y = so.input("x", ("n", "m")), so.input("y", ("m",))
    z = so.tanh(x + y) * y
    outputs = [z, z.sum(), z.sum(0), z.sum(1), x @ y, so.any(x > 0, 1), so.all(x > 0), so.concatenate([x, x * 2])]
    sizes = [(4, 3), (0, 3), (4, 0), (0, 0), (1, 1), (1, 5)]
    assert_computes(way, [x, y], outputs, *((np.ones((n, m)), np.arange(float(m))) for n, m in sizes))


def test_the_stable_form_of_the_logarithm_of_a_sum_is_minus_infinity_for_nothing() -> None:
    x = so.input("x", ("n", 2))
    naive = so.log(so.exp(x).sum(0))
    f = so.function([x], [naive, so.log(so.exp(x[:0]).sum())], backend="numexpr")
    assert f(np.zeros((0, 2)))[0].tolist() == [-np.inf, -np.inf]
    assert f(np.full((3, 2), 1000.0))[0] == pytest.approx(1000 + np.log(3))
    assert f(np.zeros((3, 2)))[1] == -np.inf


@every_way
def test_slices_run_down_to_the_first_element_and_may_be_empty(way: str) -> None:
    x = so.input("x", ("n", 3))
    outputs = [x[::-1] * 2, x[-2::-1] * 2, x[:, 2::-2] * 2, x[1:][::-2] + 0.5, x[:, ::-1][:, 1::-2] * 3, x[-1:] - 1]
    assert_computes(way, [x], outputs, *((np.arange(3.0 * n).reshape(n, 3),) for n in (4, 1, 2, 5)))
    known = so.input("known", (5,))
    outputs = [known[3:0:-2] * 2, known[::-2][1:] * 2, known[1::-1] * 2, known[::-1][5:] * 2, known[::-2][::-1] * 2]
    assert_computes(way, [known], outputs, (np.arange(5.0),))


@pytest.mark.parametrize(
    "spec", ["abc,ac->ab", "ac,abc->ab", "ab,ab->a", "ab,b->a", "a,a->", "abc,abd->acd", "ba,ca->cb"]
)
@pytest.mark.parametrize("sizes", [(2, 3, 4), (1, 1, 1), (3, 1, 2)])
def test_products_of_stacks_without_rows_or_columns(spec: str, sizes: tuple[int, ...]) -> None:
    lengths = dict(zip("abcd", (*sizes, 2), strict=True))
    shapes = [tuple(lengths[index] for index in term) for term in spec.split("->")[0].split(",")]
    x, y = (so.input(name, shape) for name, shape in zip("xy", shapes, strict=True))
    rng = np.random.default_rng(1)
    assert_computes("chosen", [x, y], [so.einsum(spec, x, y)], tuple(rng.normal(size=shape) for shape in shapes))


def test_infinity_times_zero_is_not_a_number_in_products_of_any_size() -> None:
    x, y = so.input("x", ("n", "k")), so.input("y", ("k", "m"))
    outputs = [x @ y, x[:, 0] @ x[:, 0], y.T @ x.T, x @ y[:, 0]]
    calls = [(np.full((n, k), np.inf), np.zeros((k, m))) for n, k, m in [(1, 1, 1), (2, 1, 1), (1, 1, 3), (2, 3, 4)]]
    assert_computes("chosen", [x, y], outputs, *calls)


@every_way
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_in_formulas_keep_dtype_sign_and_precedence(way: str, dtype: str) -> None:
    x = so.input("x", (9,), dtype)
    negative_zero = so.constant(-0.0, dtype)
    outputs = [
        (-1.0) ** x,
        so.where(x > 0, 1.0, 0.0) * so.cast(1, dtype),
        so.where(so.where(x > 0, so.constant(1.0, dtype), so.constant(0.0, dtype)) <= 0, x, 2.0),
        1 / so.where(x > 1, negative_zero, x),
        so.maximum(x, 1) - so.minimum(-2, x) / 3 - (2 - x) * -4,
        so.arctan2(0.0, x) + 1e7 * x,
    ]
    values = np.array([-3, -2, -1, 0, 1, 2, 3, np.nan, np.inf], dtype)
    assert_computes(way, [x], outputs, (values,))


def test_expressions_for_numexpr_stay_short_however_often_they_use_a_value() -> None:
    x = so.input("x", (8,))
    y = x
    for _ in range(60):
        y = so.maximum(so.square(y) * 0.25, y + y)
    (loop,) = (k for k in lower([x], [y], [], DIALECT).kernels if isinstance(k, Loop))
    segments = cut(loop)
    assert 1 < len(segments) < len(loop.body)
    assert all(len(segment.inside) <= plan.NUMEXPR_NODES for segment in segments)
    assert_computes("numexpr", [x], [y], (np.linspace(-0.5, 0.5, 8),))


@every_way
def test_sizes_enter_formulas_of_numbers_as_what_they_are(way: str) -> None:
    x = so.input("x", ("n", "m"))
    n, m = (construct.make_size(dim) for dim in x.shape)
    rate = construct.make_shared(0.5, "rate", "hyperparameter")
    fewer = construct.make_size(x.shape[0] - 1)
    numbers = [rate * fewer, 1 / n, so.reciprocal(n) + so.exp(n > m), rate ** (n + m), so.where(n > m, n, rate)]
    numbers += [so.sqrt(fewer) / m, so.arctan2(n, m), so.square(fewer) - n * m, so.floor(n / 3)]
    assert_computes(way, [x], [*numbers, *(x * number for number in numbers)], (np.ones((4, 2)),), (np.ones((1, 3)),))


@every_way
def test_variables_that_wait_for_each_other_get_the_values_of_before(way: str) -> None:
    start = {name: np.arange(6.0) * (i + 1) for i, name in enumerate("abc")}
    a, b, c = (so.parameter(value, name) for name, value in start.items())
    updates = [(a, so.where(b > 3, a, c)), (b, so.where(a > 3, b, a[::-1])), (c, so.where(c > a.mean(), b, c))]
    with forced(way):
        so.function([], [], updates, backend="numexpr")()
    x, y, z = start.values()
    np.testing.assert_array_equal(a.value, np.where(y > 3, x, z))
    np.testing.assert_array_equal(b.value, np.where(x > 3, y, x[::-1]))
    np.testing.assert_array_equal(c.value, np.where(z > x.mean(), y, z))


def test_two_threads_are_used_only_where_there_are_blocks_for_both() -> None:
    x = so.input("x", ("n",))
    sources = {n: so.emit([x], [so.tanh(x) * so.exp(x)], backend="numexpr", sizes={"n": n}) for n in (60_000, 600_000)}
    assert "on_two_threads" not in sources[60_000]
    assert "on_two_threads" in sources[600_000]


@pytest.mark.parametrize(("dtype", "ulps"), [("float64", 4), ("float32", 4)])
def test_error_function_is_right_to_the_last_digits(dtype: str, ulps: int) -> None:
    x = so.vector("x", dtype)
    values = np.concatenate([np.linspace(-7, 7, 4001), [0.46875, 1e-300, -0.0, np.inf, -np.inf, np.nan]]).astype(dtype)
    actual = so.function([x], so.erf(x), backend="numexpr")(values)
    expected = np.array([math.erf(value) for value in values.tolist()])
    np.testing.assert_allclose(actual, expected, rtol=ulps * np.finfo(dtype).eps, atol=0)


NAMES = [
    "lambda",
    "exp",
    "np",
    "step",
    "prepare",
    "shared",
    "t0",
    "d0",
    "d0_",
    "d0_r",
    "b0",
    "x",
    "x_",
    "low",
    "thread",
]
NAMES += [
    "block",
    "blocks",
    "ü",
    "two words",
    "1",
    "",
    "e0",
    "n",
    "z0",
    "w0",
    "kernel_1",
    "blocks_1",
    "scratch_1",
    "call",
]
NAMES += ["NumExpr", "float", "abs", "constants", "c0", "h0", "ones", "copyto", "_x", "unused", "t1_parts", "x", "x"]


@every_way
def test_any_name_will_do_for_a_tensor(way: str) -> None:
    inputs = [so.input(name, ("n", 3)) for name in NAMES]
    params = [so.parameter(np.full(3, i / 10), name) for i, name in enumerate(NAMES)]
    total = so.exp(-inputs[0])
    for x, u in zip(inputs, params, strict=True):
        total += so.maximum(x, 0.5) * so.tanh(u) + so.sum(x[::-1], 0)
    arrays = tuple(np.full((2, 3), 0.1 * i) for i in range(len(inputs)))
    assert_computes(way, inputs, [total, total.sum(0)], arrays)
    before = [u.value for u in params]
    with forced(way):
        so.function(inputs, [], [(u, u + total.mean(0)) for u in params], backend="numexpr")(*arrays)
    moved = {round(float((u.value - old)[0]), 9) for u, old in zip(params, before, strict=True)}
    assert len(moved) == 1
    assert moved != {0.0}
