"""One table over all kinds of node: each has a grammar, a rule of the reference, and can be rebuilt."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import symopt.tensor as so
from symopt.errors import ShapeError
from symopt.graph import nodes
from symopt.graph.evaluate import RULES
from symopt.graph.traversal import substitute, topological, with_operands
from symopt.graph.verify import GRAMMAR, is_well_formed, verify
from tests.graph.examples import EXAMPLES, VALUES

kinds = pytest.mark.parametrize("kind", nodes.KINDS, ids=lambda kind: kind.__name__)


def subclasses(kind):
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_kind_is_listed_and_has_an_example():
    # A dataclass with slots is made twice; the first of the two is nothing but a leftover.
    assert {kind.__name__ for kind in subclasses(nodes.Node)} == {kind.__name__ for kind in nodes.KINDS}
    assert len(set(nodes.KINDS)) == len(nodes.KINDS)
    assert set(EXAMPLES) == set(nodes.KINDS)
    assert set(GRAMMAR) == set(nodes.KINDS)
    assert set(RULES) == set(nodes.KINDS) - {nodes.Input, nodes.Random}, "these two are handled apart"


@kinds
def test_kinds_are_frozen_and_compared_by_identity(kind):
    assert kind.__dataclass_params__.frozen
    assert not kind.__dataclass_params__.eq
    assert not kind.__subclasses__()
    node = EXAMPLES[kind].make()
    with pytest.raises(dataclasses.FrozenInstanceError):
        node.shape = ()
    assert not hasattr(node, "__dict__")


@kinds
def test_the_example_is_accepted_by_the_grammar(kind):
    node = EXAMPLES[kind].make()
    assert type(node) is kind
    assert is_well_formed(node)
    verify(topological([node]))


@kinds
def test_the_example_has_its_value_in_the_reference(kind):
    example = EXAMPLES[kind]
    node = example.make()
    value = node.eval(VALUES)
    assert value.dtype == node.dtype
    if kind is nodes.Random:
        assert value.shape == (2,)
    else:
        np.testing.assert_array_equal(value, example.value)


@kinds
def test_each_wrong_attribute_is_refused(kind):
    node = EXAMPLES[kind].make()
    for name, wrong in EXAMPLES[kind].wrong.items():
        malformed = dataclasses.replace(node, **{name: wrong})
        assert not is_well_formed(malformed), name
        with pytest.raises(ShapeError, match=r"malformed node .*this is a defect of symopt"):
            verify(topological([malformed]))


@kinds
def test_a_node_rebuilt_over_its_own_operands_is_itself(kind):
    node = EXAMPLES[kind].make()
    assert with_operands(node, node.operands) is node


@kinds
def test_a_node_is_rebuilt_over_other_operands(kind):
    node = EXAMPLES[kind].make()
    if not node.operands:
        return
    others = tuple(so.stop_gradient(operand) for operand in node.operands)
    rebuilt = with_operands(node, others)
    verify(topological([rebuilt]))
    assert type(rebuilt) is kind
    assert rebuilt.operands == others
    assert (rebuilt.shape, rebuilt.dtype, rebuilt.origin) == (node.shape, node.dtype, node.origin)
    np.testing.assert_array_equal(rebuilt.eval(VALUES), EXAMPLES[kind].value)


@kinds
def test_a_node_describes_itself(kind):
    node = EXAMPLES[kind].make()
    assert node.describe() in repr(node)
    assert node.dtype.name in repr(node)


def test_an_operand_that_comes_after_its_user_is_refused():
    x = so.vector("x")
    with pytest.raises(ShapeError, match="comes before its operands"):
        verify([so.exp(x), x])


def test_a_kind_that_nobody_knows_is_refused():
    node = nodes.Node((), (), np.dtype("float64"), False, None)
    with pytest.raises(ShapeError, match="malformed"):
        verify([node])


def test_topological_lists_operands_first_and_each_node_once():
    x = so.vector("x")
    y = so.exp(x)
    z = y * y + x
    order = topological([z, y])
    assert len(order) == len(set(order)) == 4
    verify(order)
    assert topological([z], stop={y}) == [y, y * y, x, z]
    assert topological([]) == []


def test_substitute_replaces_and_keeps_what_does_not_change():
    x, y = so.vector("x"), so.vector("y")
    kept = so.exp(y)
    loss = (x * x).sum() + kept.sum()
    (changed, same) = substitute([loss, kept], {x: kept})
    assert same is kept
    assert changed is (kept * kept).sum() + kept.sum()
    assert substitute([loss], {loss: x}) == [x]
    assert substitute([loss], {}) == [loss]
