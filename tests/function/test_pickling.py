"""Pickles of functions and of tensors: one of each within a pickle, interned outside, values of their own."""

from __future__ import annotations

import copy
import pickle
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symopt as so
from symopt.graph import construct
from symopt.graph.nodes import KINDS
from symopt.graph.traversal import topological
from tests.backends.random_nodes import MAKERS, Growth
from tests.backends.random_updates import random_updates

BACKENDS = [name for name, record in so.backends().items() if record.available]


def again(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_function_comes_back_with_its_options_and_the_number_of_its_calls(backend):
    x = so.input("x", ("n",))
    noise = so.random.uniform(x.shape, seed=3)
    f = so.function([x], x + noise, backend=backend, check="nan")
    f([0.0, 0.0])
    g = again(f)
    assert (g.backend, g.check, g.calls) == (backend, "nan", 1)
    assert g.task.title == f.task.title
    np.testing.assert_array_equal(f([1.0, 2.0]), g([1.0, 2.0]))


def test_within_one_pickle_inputs_and_shared_values_are_one():
    x, u = so.vector("x"), so.parameter([1.0, 2.0], name="u", lower=0.0)
    f = so.function([x], (u * x).sum(), updates=[(u, u + 1)])
    g = so.function([x], (u - x).sum())
    f2, g2, x2, u2, y2 = again((f, g, x, u, u * 2))
    assert f2.task.inputs[0] is g2.task.inputs[0] is x2
    assert (u2.name, u2.role, u2.lower, u2.upper) == ("u", "parameter", 0.0, None)
    f2([1.0, 1.0])
    assert u2.value.tolist() == [2.0, 3.0]
    assert g2([0.0, 0.0]) == 5.0
    assert y2 is u2 * 2
    assert y2.eval().tolist() == [4.0, 6.0]
    assert u.value.tolist() == [1.0, 2.0]


def test_what_is_interned_comes_back_as_the_node_that_there_is():
    n = so.vector("x").shape[0]
    constant = so.constant([1.0, 2.0])
    for node in (constant, constant * 2, so.arange(7), construct.make_size(n), so.eye(3), so.constant(1.5).T):
        assert again(node) is node
    large = so.constant(np.arange(100.0))
    assert again(large) is not large
    assert again(large).eval().tolist() == large.eval().tolist()


@pytest.mark.parametrize("seed", range(12))
def test_graphs_of_all_kinds_come_back_as_they_were(seed):
    growth = Growth(random.Random(seed), "float32")
    for name in MAKERS:
        MAKERS[name][1](growth)
    outputs = [*growth.pool, *growth.weak, *(value for _, value in random_updates(growth))]
    back = again(outputs)
    assert {type(node) for node in topological(back)} <= set(KINDS)
    before, after = topological(outputs), topological(back)
    assert [(type(node), node.shape, node.dtype, node.weak, node.origin) for node in after] == [
        (type(node), node.shape, node.dtype, node.weak, node.origin) for node in before
    ]
    assert [node.describe() for node in after] == [node.describe() for node in before]


def test_a_deep_tensor_pickles_without_recursion():
    y = so.parameter(0.5, name="y")
    for _ in range(20_000):
        y = so.sin(y)
    assert len(topological([again(y)])) == 20_001


def test_a_deep_copy_has_values_of_its_own():
    u = so.parameter([1.0], name="u")
    f = so.function([], u * 1, updates=[(u, u + 1)])
    g = copy.deepcopy(f)
    g()
    g()
    assert u.value.tolist() == [1.0]
    assert g().tolist() == [3.0]
    assert f().tolist() == [1.0]


def test_a_pickle_is_read_by_another_process(tmp_path: Path):
    x, u = so.input("x", ("n", 2)), so.parameter([1.0, 2.0], name="u")
    loss = so.square(x @ u).mean()
    f = so.function([x], loss, updates=so.RMSProp(learning_rate=0.1).get_updates(loss))
    (tmp_path / "f.pickle").write_bytes(pickle.dumps(f))
    code = "import pickle, sys; f = pickle.load(open(sys.argv[1], 'rb')); print(f([[1.0, 2.0]]), f([[1.0, 2.0]]))"
    command = [sys.executable, "-c", code, str(tmp_path / "f.pickle")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"{float(f([[1.0, 2.0]]))}", f"{float(f([[1.0, 2.0]]))}"]
