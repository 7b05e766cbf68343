"""The reference: it interprets a graph as it was built, and says what it does."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import symopt.tensor as so
from symopt.errors import DataError
from symopt.graph import construct
from symopt.graph.evaluate import bind_sizes, evaluate, region
from tests.tensor.compare import assert_same, sample


def test_several_outputs_share_what_they_have_in_common():
    x = so.vector("x")
    y = so.exp(x)
    seen = []
    values = evaluate([y + 1, y * 2], {x: np.zeros(2)}, watch=lambda node, operands, value: seen.append(node))
    assert [value.tolist() for value in values] == [[2, 2], [2, 2]]
    assert seen.count(y) == 1


def test_a_watcher_sees_every_node_with_its_operands():
    x = so.vector("x")
    steps = []
    evaluate([so.sqrt(x) * 3.0], {x: np.array([4.0])}, watch=lambda *step: steps.append(step))
    seen = {node: (operands, value) for node, operands, value in steps}
    operands, value = seen[so.sqrt(x)]
    assert operands[0].tolist() == [4]
    assert value.tolist() == [2]
    assert x not in seen, "what was given is not computed"


def test_inner_nodes_may_be_given():
    x = so.input("x", (2,))
    y = so.exp(x)
    (value,) = evaluate([y * 2], {y: np.array([1.0, 2.0])})
    assert value.tolist() == [2, 4]


def test_nothing_warns_whatever_the_numbers_are():
    x = so.vector("x")
    nodes = [so.log(x), 1 / x, so.sqrt(x), so.exp(x * 1e6), x % 0, x // 0]
    nodes += [x.astype("int64"), x.astype("float32") * 1e38]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate(nodes, {x: np.array([-1.0, 0.0, 1e300, np.inf, np.nan])})


@pytest.mark.parametrize("step", [1, 2, 3, -1, -2, -3])
@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_embed_writes_where_the_slice_reads(step, count):
    start = 0 if step > 0 else (count - 1) * -step if count else 0
    length = max(abs(step) * count, 1)
    x = so.input("x", (count,))
    array = sample("float64", (count,))
    whole = construct.embed(x, (length,), (start,), (step,))
    expected = np.zeros(length)
    for i in range(count):
        expected[start + i * step] = array[i]
    assert_same(whole, expected, {x: array})
    assert_same(construct.slice_(whole, (start,), (count,), (step,)), array, {x: array})


def test_a_region_that_reaches_the_first_element_backwards():
    assert region((4,), (5,), (-1,), {}) == (slice(4, None, -1),)
    assert region((4,), (3,), (-2,), {}) == (slice(4, None, -2),)
    assert region((4,), (2,), (-2,), {}) == (slice(4, 0, -2),)
    assert region((-1,), (0,), (-1,), {}) == (slice(0, 0, 1),)


@pytest.mark.parametrize("axis", [0, 1])
def test_scatter_add_sums_what_falls_on_one_place(axis):
    values = sample("float64", (4, 4))
    indices = np.array([1, 0, 1, 1])
    x, i = so.input("x", (4, 4)), so.input("i", (4,), "int64")
    expected = np.zeros((3, 4) if axis == 0 else (4, 3))
    np.add.at(expected, indices if axis == 0 else (slice(None), indices), values)
    assert_same(construct.scatter_add(x, i, axis, 3), expected, {x: values, i: indices})
    with pytest.raises(DataError, match="index 3 is out of range: ScatterAdd"):
        construct.scatter_add(x, i, axis, 3).eval({x: values, i: [0, 1, 2, 3]})


def test_scatter_add_of_indices_with_several_axes():
    values, indices = sample("float64", (2, 3, 5)), np.array([[0, 1, 1], [3, 0, 1]])
    x, i = so.input("x", (2, 3, 5)), so.input("i", (2, 3), "int64")
    expected = np.zeros((4, 5))
    np.add.at(expected, indices, values)
    assert_same(construct.scatter_add(x, i, 0, 4), expected, {x: values, i: indices}, ulps=4)


@pytest.mark.parametrize("axis", [0, 1])
def test_running_sums_from_the_end(axis):
    array = sample("int64", (3, 4))
    x = so.input("x", (3, 4), "int64")
    expected = np.flip(np.cumsum(np.flip(array, axis), axis), axis)
    assert_same(construct.cumulate(x, axis, reverse=True), expected, {x: array})


def test_sizes_come_from_the_arrays():
    x, y = so.input("x", ("n", 3)), so.input("y", ("m", "n"))
    assert bind_sizes([x, y], [np.ones((2, 3)), np.ones((5, 2))]) == {"n": 2, "m": 5}
