"""Equal expressions are one object; what has an identity of its own never is."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import symopt.tensor as so
from symopt.graph import construct
from symopt.graph.evaluate import evaluate
from symopt.graph.nodes import Interned
from tests.graph.examples import EXAMPLES, X

NOT_INTERNED = ("Input", "Shared", "Random")
INTERNED = [kind for kind in EXAMPLES if kind.__name__ not in NOT_INTERNED]


@pytest.mark.parametrize("kind", INTERNED, ids=lambda kind: kind.__name__)
def test_the_same_expression_is_the_same_object(kind):
    node = EXAMPLES[kind].make()
    assert EXAMPLES[kind].make() is node


def test_common_subexpressions_cost_nothing():
    x, y = so.vector("x"), so.vector("y")
    assert (x + y) * 2 is (x + y) * 2
    assert so.exp(x).sum() is so.sum(so.exp(x))
    assert x - y is not y - x
    assert x * 2 is not x * 2.5
    assert so.matrix("m").T is not so.matrix("m").T


@pytest.mark.parametrize(
    "make",
    [
        lambda: so.vector("x"),
        lambda: so.parameter([1.0], name="u"),
        lambda: so.state([1.0], name="v"),
        lambda: so.random.uniform((3,), seed=1),
        lambda: so.constant(np.zeros(1000)),
    ],
)
def test_what_has_an_identity_of_its_own_is_never_interned(make):
    first, second = make(), make()
    assert first is not second
    assert first + 1 is not second + 1


def test_small_constants_are_interned_by_value_and_dtype():
    assert so.constant([1, 2]) is so.constant(np.array([1, 2]))
    assert so.constant([1, 2]) is not so.constant([1.0, 2.0])
    assert so.constant([[1, 2]]) is not so.constant([1, 2])
    assert so.constant(0.0) is not so.constant(-0.0)
    assert so.constant(np.nan) is so.constant(np.nan)
    assert so.as_tensor(1.0) is not so.constant(1.0), "a Python number is weak"
    assert so.as_tensor(1) is not so.as_tensor(True)


def test_a_large_constant_is_cast_and_reused_as_one_node():
    c = so.constant(np.arange(100))
    x = so.input("x", (100,))
    assert c + x is c + x
    assert (c + x).operands[0].operands == (c,)


def test_nodes_that_are_no_operation_are_the_operand_itself():
    x = so.matrix("x")
    assert x[:] is x
    assert x.reshape(x.shape) is x
    assert x.transpose(0, 1) is x
    assert so.broadcast_to(x, x.shape) is x
    assert x.astype("float64") is x
    assert so.concatenate([x]) is x
    assert x.sum(axis=()) is x


@pytest.mark.filterwarnings("error")
def test_a_number_that_is_too_large_for_a_dtype_is_infinite_as_it_is_at_run_time():
    x = so.input("x", shape=(2,), dtype="float32")
    values = evaluate([so.cast(so.constant(-1e60), "float32"), x * -1e60], {x: np.ones(2, np.float32)})
    assert [np.unique(value).tolist() for value in values] == [[-np.inf], [-np.inf]]


def test_a_cast_is_one_node_however_it_is_asked_for():
    x = so.vector("x", dtype="int64")
    assert x.astype("float64") is construct.elementwise("to_float64", x)
    assert x.astype("float64") is (x + 0.5).operands[0]


def test_nodes_that_nobody_holds_are_freed():
    x = so.vector("x")
    node = so.exp(x) * 3.0625 + so.constant([1.0, 2.0, 4.75])
    reference, table = weakref.ref(node), len(Interned._nodes)
    del node
    gc.collect()
    assert reference() is None
    assert len(Interned._nodes) < table


def test_equality_is_identity_and_nodes_are_keys():
    x, y = so.vector("x"), so.vector("x")
    assert x == x
    assert x != y
    assert {x: 1, y: 2}[x] == 1
    assert (so.exp(x) == so.exp(x)) is True
    assert X in {X}


def test_operands_of_a_broadcast_comparison_are_shared():
    x = so.vector("x")
    assert so.equal(x, 0) is so.equal(x, 0)
    assert so.equal(x, 0) is not so.not_equal(x, 0)
