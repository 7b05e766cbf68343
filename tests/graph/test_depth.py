"""Nothing recurses on the depth of a graph, and nothing takes time that grows faster than the graph."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

import symopt.tensor as so
from symopt.graph.traversal import consumers, parameters_of, substitute, topological
from symopt.graph.verify import verify

DEPTH = 10_000


def chain(x, operations=DEPTH):
    for i in range(operations):
        x = x * 0.5 if i % 2 else x + 1.0
    return x


@pytest.fixture
def low_limit():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.usefixtures("low_limit")
def test_a_deep_chain_is_evaluated_verified_and_rewritten():
    x, y = so.scalar("x"), so.scalar("y")
    deep = chain(x)
    order = topological([deep])
    assert len(order) > DEPTH
    verify(order)
    assert deep.eval({x: 0.0}) == pytest.approx(1.0)
    (moved,) = substitute([deep], {x: y})
    assert moved is chain(y)
    assert len(consumers(order)) == len(order)
    assert parameters_of([deep]) == []


@pytest.mark.usefixtures("low_limit")
def test_a_deep_chain_is_freed():
    x = so.scalar("x")
    deep = chain(x)
    watched = weakref.ref(deep.operands[0]), weakref.ref(deep)
    del deep
    gc.collect()
    assert [reference() for reference in watched] == [None, None]


def test_a_very_deep_chain_is_freed_without_a_crash():
    lines = [
        "import symopt.tensor as so",
        "x = so.scalar('x')",
        "for _ in range(50_000): x = x + 1.0",
        "del x",
        "print(1)",
    ]
    result = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, timeout=300)
    assert (result.stdout, result.returncode) == ("1\n", 0), result.stderr


def test_a_graph_with_exponentially_many_paths_is_walked_once():
    x = so.scalar("x")
    node = x
    for _ in range(200):
        node = so.sin(node) + node
    assert len(topological([node])) == 401
    assert np.isfinite(node.eval({x: 0.1}))


def test_parameters_are_found_in_the_order_of_their_creation():
    first, second = so.parameter(1.0, name="b"), so.parameter(1.0, name="a")
    held = so.state(1.0, name="s")
    assert parameters_of([second * held + first, first]) == [first, second]
