"""Every node knows the user's line that built it."""

from __future__ import annotations

import functools
import linecache
import sys

import numpy as np
import pytest

import symopt.tensor as so
from symopt.errors import ShapeError
from symopt.graph.provenance import BuiltFor, Location, here
from symopt.graph.traversal import substitute, topological
from tests.graph import somebodys_library


def this_line() -> int:
    """The number of the line that calls."""
    return sys._getframe(1).f_lineno


X = so.input("x", (3, 3))

# Each is called in the test below, so its own line is where the node is built. A constant makes each a new node.
BUILDERS = {
    "an operator": lambda: X + 1.0625,
    "a reflected operator": lambda: 1.0625 - X,
    "a function": lambda: so.exp(X * 1.125),
    "a method": lambda: (X * 1.1875).sum(axis=0),
    "a ufunc of NumPy": lambda: np.tanh(X * 1.25),
    "a function of NumPy": lambda: np.sum(X * 1.3125, axis=1),
    "a compiled function of NumPy": lambda: np.concatenate([X, X * 1.375]),
    "np.linalg.norm": lambda: np.linalg.norm(X * 1.4375),
    "np.where": lambda: np.where(X > 1.5, X, 0),
    "an array on the left": lambda: np.full((3, 3), 1.5625) @ X,
    "indexing": lambda: X[1:, [0, 2]] * 1.625,
    "a transpose": lambda: (X * 1.6875).T,
    "softmax": lambda: so.softmax(X * 1.75),
    "an input": lambda: so.vector("v"),
    "a parameter": lambda: so.parameter([1.0], name="u"),
    "a random draw": lambda: so.random.normal((3,)),
    "abs": lambda: abs(X * 1.8125),
    "iteration": lambda: list(X * 1.875)[1],
    "functools.reduce": lambda: functools.reduce(lambda a, b: a * b, [X, X, 1.9375]),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_the_origin_of_a_node_is_the_line_of_the_user(name):
    build = BUILDERS[name]
    node = build()
    for one in topological([node]):
        if one is not X and not one.describe().startswith(("Constant", "Iota")):
            assert one.origin == Location(__file__, build.__code__.co_firstlineno), one


def test_through_a_helper_the_origin_is_the_line_of_the_helper():
    node = somebodys_library.logistic(X)
    assert node.origin.file == somebodys_library.__file__
    assert linecache.getline(*node.origin).strip() == "return 1 / (1 + so.exp(-x))"


def test_a_node_keeps_the_line_that_built_it_first():
    first, line = X + 7.03125, this_line()
    again = X + 7.03125
    assert again is first
    assert first.origin == (__file__, line)


def test_an_error_names_the_line_of_the_user():
    with pytest.raises(ShapeError) as caught:
        X + np.ones(4)
    assert str(caught.value).endswith(f"\n  at {__file__}:{this_line() - 1}")
    assert caught.value.where == Location(__file__, this_line() - 2)


def test_nodes_built_for_another_carry_its_line():
    node = X * 7.0625
    with BuiltFor(node.origin):
        inner = so.exp(node)
        with BuiltFor(Location("elsewhere.py", 3)):
            assert so.sin(node).origin == ("elsewhere.py", 3)
        assert here() == node.origin
    assert inner.origin == node.origin
    assert so.cos(node).origin == (__file__, this_line())
    with BuiltFor(None):
        assert so.tan(node).origin == (__file__, this_line())


def test_the_line_is_restored_after_an_error():
    with pytest.raises(KeyError), BuiltFor(Location("elsewhere.py", 3)):
        raise KeyError
    assert here() == (__file__, this_line())


def test_a_rewritten_graph_keeps_its_lines():
    node = so.exp(X * 7.09375)
    (changed,) = substitute([node], {X: so.input("y", (3, 3))})
    assert changed is not node
    assert changed.origin == node.origin


def test_a_location_is_written_as_editors_read_it():
    assert str(Location("model.py", 12)) == "model.py:12"
