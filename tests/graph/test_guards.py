"""Conditions on run-time sizes: recorded where they cannot be decided, and checked before anything is computed."""

from __future__ import annotations

import numpy as np
import pytest

import symopt.tensor as so
from symopt.autodiff import gradient
from symopt.errors import DataError
from symopt.graph.evaluate import evaluate
from symopt.graph.traversal import topological
from symopt.graph.verify import guards_of

X, Y = so.input("x", ("n", "k")), so.input("y", ("m", "l"))
V = so.input("v", ("n",))


def guards(*nodes):
    found = [guard for node in topological(nodes) for guard in guards_of(node)]
    return [f"{guard.left}{guard.relation}{guard.right}" for guard in found]


def test_what_can_be_decided_needs_no_guard():
    a, b = so.input("a", (3, 4)), so.input("b", (4,))
    assert guards(a + b, a @ b, a[1:, ::-1], a.reshape(-1), a.max(0), so.concatenate([a, a])) == []
    assert guards(X + X * 2, X.T @ X, X.reshape(-1), X[::-1], X.sum(), V + V[::-1]) == []


def test_what_cannot_be_decided_is_a_guard():
    assert guards(X + Y) == ["m==n", "l==k"]
    assert guards(X @ Y) == ["m==k"]
    assert guards(X + np.ones((2, 3))) == ["n==2", "k==3"]
    assert guards(X.reshape(6)) == ["k*n==6"]
    assert guards(X.max(0)) == ["n>=1"]
    assert guards(V[2:]) == ["n-2>=0"]
    assert guards(V[5]) == ["n>=6"]
    assert guards(V[-3:]) == ["n-3>=0"]
    assert guards(so.concatenate([X, Y])) == ["l==k"]


MISMATCHES = {
    "a sum": (X + Y, r"tensors of equal size needs m == n; here n = 2, k = 3, m = 4, l = 3"),
    "a product": (X @ Y, r"tensors of equal size needs m == k"),
    "an array": (X * np.ones((5, 3)), r"tensors of equal size needs n == 5"),
    "a reshape": (X.reshape(7), r"a reshape needs k\*n == 7"),
    "a slice": (X[:, 5:], r"a slice needs k-5 >= 0"),
    "concatenate": (so.concatenate([X, Y], 1), r"tensors of equal size needs m == n"),
    "where": (so.where(X > 0, X, Y), r"tensors of equal size needs m == n"),
    "cross-entropy": (so.cross_entropy(X, Y[:, 0].astype("int64")), r"tensors of equal size needs n == m"),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_sizes_that_do_not_fit_are_an_error_with_their_names(name):
    node, message = MISMATCHES[name]
    with pytest.raises(DataError, match=message) as caught:
        node.eval({X: np.ones((2, 3)), Y: np.ones((4, 3))})
    assert __file__ in str(caught.value)


def test_an_unknown_size_of_one_does_not_stretch():
    with pytest.raises(DataError, match="m == n"):
        (X + Y).eval({X: np.ones((1, 3)), Y: np.ones((4, 3))})
    row = so.input("row", (1, "k"))
    assert (X + row).eval({X: np.ones((2, 3)), row: np.ones((1, 3))}).shape == (2, 3)


def test_guards_are_checked_before_anything_is_computed():
    seen = []
    with pytest.raises(DataError):
        evaluate([so.exp(X), X + Y], {X: np.ones((2, 3)), Y: np.ones((4, 3))}, watch=lambda *step: seen.append(step))
    assert seen == []


@pytest.mark.parametrize("loss", [X[2:5].sum(), X[:, -4:].sum(), X[4].sum(), (X[5::-2] ** 2).sum()], ids=range(4))
def test_the_gradient_of_a_slice_checks_what_the_slice_checks(loss):
    (grad,) = gradient(loss, [X])
    given = {X: np.ones((7, 4))}
    assert grad.eval(given).shape == (7, 4)
    with pytest.raises(DataError, match="a slice needs"):
        grad.eval({X: np.ones((3, 3))})


def test_a_size_that_would_be_negative_is_an_error():
    n = V.shape[0]
    for node in (so.arange(n - 3), so.zeros((n - 3,)), so.random.uniform((n - 3,))):
        assert node.eval({V: np.ones(3)}).shape == (0,)
        with pytest.raises(DataError, match="a shape needs n-3 >= 0; here n = 2"):
            node.eval({V: np.ones(2)})


def test_one_name_is_one_size_in_all_inputs():
    with pytest.raises(DataError, match=r"input 'v' .* length 5, expected 2, as in input 'x'"):
        (X.sum() + V.sum()).eval({X: np.ones((2, 3)), V: np.ones(5)})
