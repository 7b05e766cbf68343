"""Products against NumPy: every combination of ranks, stacks that stretch, and einsum."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symopt.tensor as so
from symopt.errors import DataError, DTypeError, ShapeError, Unsupported
from symopt.graph.nodes import Contract
from symopt.graph.traversal import topological
from tests.tensor.compare import assert_agrees, assert_same, inputs_for, sample


def whole(shape, seed=0):
    """Whole numbers as float64, whose sums are exact in any order."""
    return sample("int64", shape, seed).astype("float64")


STACKS = [(), (2,), (1,), (3, 2), (1, 2), (3, 1), (1, 1), (5, 3, 2), (5, 1, 1)]


@pytest.mark.parametrize(("left", "right"), list(itertools.product(STACKS, STACKS)), ids=str)
def test_matmul_of_stacks_of_matrices_is_that_of_numpy(left, right):
    x, y = whole((*left, 4, 6), 1), whole((*right, 6, 5), 2)
    assert_agrees(so.matmul, np.matmul, x, y)
    assert_agrees(lambda x: x @ y, lambda x: x @ y, x)
    assert_agrees(lambda y: x @ y, lambda y: x @ y, y)


@pytest.mark.parametrize("stack", STACKS)
def test_matmul_with_vectors_is_that_of_numpy(stack):
    x, vector = whole((*stack, 4, 6), 1), whole((6,), 2)
    assert_agrees(so.matmul, np.matmul, x, vector)
    assert_agrees(so.matmul, np.matmul, vector, np.swapaxes(x, -1, -2).copy())
    assert_agrees(so.matmul, np.matmul, vector, vector)


@pytest.mark.parametrize(
    "shapes", [((1, 1), (1, 1)), ((1, 4), (4, 1)), ((4, 1), (1, 4)), ((1,), (1,)), ((0, 3), (3, 2))]
)
def test_matmul_of_thin_and_empty_matrices_is_that_of_numpy(shapes):
    x, y = whole(shapes[0], 1), whole(shapes[1], 2)
    assert_agrees(so.matmul, np.matmul, x, y)


def test_matmul_over_nothing_is_zero():
    assert_agrees(so.matmul, np.matmul, np.ones((2, 0)), np.ones((0, 3)))
    assert_agrees(so.matmul, np.matmul, np.ones((2, 0)), np.ones((0, 3)), known=False)


@pytest.mark.parametrize("left", [(4, 6), (6,), (2, 4, 6)])
@pytest.mark.parametrize("right", [(6, 5), (6,), (2, 6, 5)])
def test_matmul_of_run_time_sizes_is_that_of_numpy(left, right):
    x, y = whole(left, 1), whole(right, 2)
    assert_agrees(so.matmul, np.matmul, x, y, known=False)


def test_a_stack_of_a_run_time_size_never_stretches():
    x, y = so.tensor3("x"), so.input("y", (2, 6, 5))
    with pytest.raises(DataError, match="equal size"):
        (x @ y).eval({x: np.ones((1, 4, 6)), y: np.ones((2, 6, 5))})


@pytest.mark.parametrize(("left", "right"), [("float32", "float32"), ("float32", "float64"), ("int32", "int32")])
@pytest.mark.parametrize("name", ["matmul", "dot", "outer", "tensordot"])
def test_products_have_the_dtype_of_numpy(name, left, right):
    x, y = whole((3, 3), 1).astype(left), whole((3, 3), 2).astype(right)
    if name == "tensordot":
        assert_agrees(lambda x, y: so.tensordot(x, y, 1), lambda x, y: np.tensordot(x, y, 1), x, y)
    else:
        assert_agrees(getattr(so, name), getattr(np, name), x, y)


def test_products_of_mixed_kinds():
    x, y = whole((3, 4), 1).astype("float32"), sample("int64", (4, 2), 2)
    assert_agrees(so.matmul, np.matmul, x, y)
    assert_agrees(so.matmul, np.matmul, x, y > 0)
    inputs = inputs_for(x, y)
    with pytest.raises(DTypeError, match="product of booleans"):
        so.matmul(*(node > 0 for node in inputs))


@pytest.mark.parametrize(("left", "right"), list(itertools.product([(), (3,), (2, 3), (4, 2, 3)], repeat=2)), ids=str)
def test_dot_of_any_ranks_is_that_of_numpy(left, right):
    right = right if len(right) < 2 else (*right[:-2], 3, 2)
    x, y = whole(left, 1), whole(right, 2)
    assert_agrees(so.dot, np.dot, x, y)


@pytest.mark.parametrize("shapes", [((3,), (4,)), ((2, 3), (4,)), ((), (2,)), ((1,), (1,)), ((0,), (2,))])
def test_outer_flattens_and_multiplies(shapes):
    assert_agrees(so.outer, np.outer, *(whole(shape, i) for i, shape in enumerate(shapes)))


TENSORDOTS = [0, 1, 2, (1, 0), ([1], [1]), ([1, 0], [1, 2]), ([-1, 0], [0, -1]), ([], []), ((2, 1, 0), (0, 1, 2))]


@pytest.mark.parametrize("axes", TENSORDOTS, ids=str)
def test_tensordot_is_that_of_numpy(axes):
    x, y = whole((4, 3, 3), 1), whole((3, 3, 4), 2)
    assert_agrees(lambda x, y: so.tensordot(x, y, axes), lambda x, y: np.tensordot(x, y, axes), x, y)


@pytest.mark.parametrize("axes", [3, -1, ([0, 1], [0]), ([0, 0], [0, 1]), ([0, 1], [1, 1]), ([5], [0]), (1, 1)])
def test_tensordot_over_axes_that_do_not_fit_is_an_error(axes):
    with pytest.raises(ShapeError):
        so.tensordot(so.input("x", (2, 3)), so.input("y", (2, 4)), axes)


EINSUMS = {
    "ij,jk->ik": [(2, 3), (3, 4)],
    "ij,jk": [(2, 3), (3, 4)],
    "ij,kj->ki": [(2, 3), (4, 3)],
    "bij,bjk->bik": [(5, 2, 3), (5, 3, 4)],
    "bij,bkj->kb": [(5, 2, 3), (5, 4, 3)],
    "i,i->": [(3,), (3,)],
    "i,i->i": [(3,), (3,)],
    "i,j->ji": [(3,), (2,)],
    "ij->ji": [(2, 3)],
    "ij->": [(2, 3)],
    "ij->j": [(2, 3)],
    "ba": [(2, 3)],
    "ii->i": [(3, 3)],
    "ii": [(3, 3)],
    "iji->j": [(3, 2, 3)],
    "iii->i": [(3, 3, 3)],
    "iijj->ij": [(2, 2, 3, 3)],
    "ii,ij->j": [(3, 3), (3, 4)],
    "ij,i->": [(2, 3), (2,)],
    "ij,k->ik": [(2, 3), (4,)],
    ",ij->ij": [(), (2, 3)],
    ",->": [(), ()],
    "ij,jk,kl->il": [(2, 3), (3, 4), (4, 5)],
    "ij,jk,kl,li->": [(2, 3), (3, 4), (4, 5), (5, 2)],
    "i,i,i->i": [(3,), (3,), (3,)],
    "ij,ij,j->i": [(2, 3), (2, 3), (3,)],
    "aB, Ba -> a": [(2, 3), (3, 2)],
    "i->i": [(3,)],
    "->": [()],
}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("subscripts", EINSUMS)
def test_einsum_is_that_of_numpy(subscripts, known):
    arrays = [whole(shape, i) for i, shape in enumerate(EINSUMS[subscripts])]
    assert_agrees(lambda *t: so.einsum(subscripts, *t), lambda *t: np.einsum(subscripts, *t), *arrays, known=known)


@st.composite
def einsums(draw):
    lengths = {letter: draw(st.integers(1, 4)) for letter in "abcd"}
    terms = draw(st.lists(st.lists(st.sampled_from("abcd"), max_size=3).map("".join), min_size=1, max_size=3))
    used = sorted(set("".join(terms)))
    output = "".join(draw(st.permutations(used))[: draw(st.integers(0, len(used)))])
    return f"{','.join(terms)}->{output}", [tuple(lengths[letter] for letter in term) for term in terms]


@given(einsums())
def test_any_einsum_is_that_of_numpy(case):
    subscripts, shapes = case
    arrays = [sample("int64", shape, i) for i, shape in enumerate(shapes)]
    assert_agrees(lambda *t: so.einsum(subscripts, *t), lambda *t: np.einsum(subscripts, *t), *arrays)


@pytest.mark.parametrize(
    ("subscripts", "shapes", "error"),
    [
        ("ij,jk", [(2, 3)], ShapeError),
        ("ij", [(2,)], ShapeError),
        ("ij->ii", [(2, 3)], ShapeError),
        ("ij->k", [(2, 3)], ShapeError),
        ("ij,jk", [(2, 3), (4, 5)], ShapeError),
        ("...i", [(2, 3)], Unsupported),
        ("ii", [(2, 3)], ShapeError),
        ("i1->i", [(2, 3)], Unsupported),
    ],
)
def test_an_einsum_that_makes_no_sense_is_an_error(subscripts, shapes, error):
    with pytest.raises(error):
        so.einsum(subscripts, *(so.input(f"x{i}", shape) for i, shape in enumerate(shapes)))


def test_a_diagonal_of_run_time_sizes_is_guarded():
    x, y = so.matrix("x"), so.input("y", ("n", 3))
    for node in (x, y):
        assert_same(so.einsum("ii->i", node), np.array([0.0, 4.0, 8.0]), {node: np.arange(9.0).reshape(3, 3)})
        with pytest.raises(DataError, match="equal size"):
            so.einsum("ii", node).eval({node: np.ones((2, 3))})


def test_products_that_do_not_fit_name_both_tensors():
    x, y = so.input("x", (2, 3)), so.input("y", (4, 5))
    with pytest.raises(ShapeError, match=r"\(2, 3\) of Input x against \(4, 5\) of Input y \(3 against 4\)"):
        x @ y
    with pytest.raises(ShapeError, match="at least one dimension"):
        x @ so.scalar("s")
    with pytest.raises(ShapeError, match="at least one dimension"):
        x @ 2.0


def test_lengths_that_differ_at_run_time_are_an_error_that_names_them():
    x, y = so.input("x", ("n", "k")), so.input("y", ("l", "m"))
    given = {x: np.ones((2, 3)), y: np.ones((4, 5))}
    with pytest.raises(DataError, match=r"needs l == k; here n = 2, k = 3, l = 4, m = 5"):
        (x @ y).eval(given)


def test_a_product_is_one_contraction():
    x, y = so.matrix("x"), so.matrix("y")
    for product in (x @ y, so.dot(x, y), so.tensordot(x, y, 1), so.einsum("ij,jk->ik", x, y)):
        kinds = [type(node) for node in topological([product])]
        assert kinds.count(Contract) == 1
    assert so.dot(x, y) is x @ y
    assert so.einsum("pq,qr->pr", x, y) is x @ y


def test_nothing_summed_is_a_multiplication():
    x, y = so.vector("x"), so.vector("y")
    kinds = {type(node) for node in topological([so.outer(x, y)])}
    assert Contract not in kinds
    assert_same(so.outer(x, y), np.outer([1.0, 2.0], [3.0]), {x: [1.0, 2.0], y: [3.0]})
