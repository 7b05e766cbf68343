"""What gradient and hessian_vector promise besides right numbers."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import sympy

import symopt as so
from symopt import autodiff
from symopt.graph.traversal import topological


def test_hessian_vector_product_agrees_with_sympys_hessian():
    a, b, c = sympy.symbols("a b c", real=True)
    expression = sympy.exp(a * b) + sympy.sin(b * c) ** 2 + a * c**3
    point, vector = np.array([0.3, -0.7, 1.2]), np.array([1.0, -2.0, 0.5])
    w = so.parameter(point, name="w")
    loss = so.from_sympy(expression, {a: w[0], b: w[1], c: w[2]})
    exact = sympy.hessian(expression, (a, b, c)).subs(dict(zip((a, b, c), point, strict=True)))
    expected = np.array(exact.evalf(), float) @ vector
    np.testing.assert_allclose(so.hessian_vector(loss, [w], [vector])[0].eval(), expected, rtol=1e-12)


def test_hessian_vector_product_over_several_tensors_is_symmetric():
    rng = np.random.default_rng(0)
    u, v = so.parameter(rng.standard_normal((2, 3)), name="u"), so.parameter(rng.standard_normal(3), name="v")
    loss = so.square(so.tanh(u @ v)).sum() + so.exp(v).sum()
    p = [rng.standard_normal((2, 3)), rng.standard_normal(3)]
    q = [rng.standard_normal((2, 3)), rng.standard_normal(3)]
    product_p = [h.eval() for h in so.hessian_vector(loss, [u, v], p)]
    product_q = [h.eval() for h in so.hessian_vector(loss, [u, v], q)]
    left = sum((a * b).sum() for a, b in zip(q, product_p, strict=True))
    right = sum((a * b).sum() for a, b in zip(p, product_q, strict=True))
    assert left == pytest.approx(right, rel=1e-12)


def test_hessian_of_a_linear_loss_is_zero():
    u = so.parameter([1.0, 2.0], name="u")
    assert so.hessian_vector((3 * u).sum(), [u], [np.ones(2)])[0].eval().tolist() == [0.0, 0.0]


def test_hessian_vector_refuses_vectors_that_do_not_fit():
    u = so.parameter([1.0, 2.0], name="u")
    with pytest.raises(so.ShapeError, match="one vector for each tensor"):
        so.hessian_vector(u.sum(), [u], [])
    with pytest.raises(so.ShapeError, match=r"needs the shape \(2,\)"):
        so.hessian_vector(u.sum(), [u], [np.ones(3)])


def test_third_derivative_of_a_power():
    x = so.parameter(2.0, name="x")
    first = so.gradient(x**5, [x])[0]
    second = so.gradient(first, [x])[0]
    assert so.gradient(second, [x])[0].eval() == pytest.approx(60 * 2.0**2)


def test_a_tensor_that_the_loss_does_not_depend_on_has_gradient_zeros():
    u, v = so.parameter([1.0, 2.0], name="u"), so.parameter(np.ones((2, 2), "float32"), name="v")
    gradient = so.gradient(u.sum(), [u, v])[1]
    assert gradient.dtype == np.float32
    assert gradient.eval().tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_gradient_with_respect_to_inputs_and_inner_nodes():
    x = so.vector("x")
    inner = so.exp(x)
    loss = so.log(1 + inner).sum()
    data = np.array([0.0, 1.0])
    by_inner, by_x = (g.eval({x: data}) for g in so.gradient(loss, [inner, x]))
    np.testing.assert_allclose(by_inner, 1 / (1 + np.exp(data)))
    np.testing.assert_allclose(by_x, np.exp(data) / (1 + np.exp(data)))


def test_stop_gradient_stops_it():
    u = so.parameter(3.0, name="u")
    assert so.gradient(so.stop_gradient(u) * u, [u])[0].eval() == 3.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_keeps_the_dtype_of_its_tensor(dtype):
    u = so.parameter(np.ones(3), name="u", dtype=dtype)
    v = so.parameter(np.ones(3), name="v")
    assert so.gradient((u * v).sum(), [u])[0].dtype == dtype


def test_a_chain_of_ten_thousand_operations_needs_no_recursion():
    x = so.parameter(0.5, name="x")
    y = x
    for _ in range(10_000):
        y = so.sin(y)
    (gradient,) = so.gradient(y, [x])
    assert 0 < gradient.eval() < 1


def test_nodes_of_a_gradient_carry_the_line_of_what_they_differentiate():
    u = so.parameter([1.0, 2.0], name="u")
    line = inspect.currentframe().f_lineno + 1
    product = so.tanh(u) * 3.0
    loss = product.sum()
    forward = set(topological([loss]))
    (gradient,) = so.gradient(loss, [u])
    lines = {node.origin.line for node in topological([gradient]) if node not in forward and node.ndim}
    assert line in lines
    assert max(lines) <= line + 1


def test_a_loss_of_several_numbers_is_refused():
    u = so.parameter([1.0, 2.0], name="u")
    with pytest.raises(so.ShapeError, match=r"take its mean\(\) or sum\(\)"):
        so.gradient(u * 2, [u])


def test_a_single_tensor_in_place_of_a_list_is_refused():
    u = so.parameter([1.0, 2.0], name="u")
    with pytest.raises(so.ShapeError, match=r"gradient\(loss, \[u\]\)"):
        so.gradient(u.sum(), u)


def test_integers_have_no_gradient():
    counts = so.state(np.arange(3), name="counts")
    u = so.parameter(1.0, name="u")
    with pytest.raises(so.NotDifferentiable, match="only floats have gradients"):
        so.gradient(counts.sum(), [u])
    with pytest.raises(so.NotDifferentiable, match="only floats have gradients"):
        so.gradient((u * counts).sum(), [counts])


def test_a_kind_without_a_pullback_is_named_with_the_path_to_it(monkeypatch):
    monkeypatch.delitem(autodiff.PULLBACKS, type(so.cumsum(so.constant([1.0]), 0)))
    u = so.parameter([1.0, 2.0], name="u")
    with pytest.raises(so.NotDifferentiable, match=r"Cumulate.*-> .*parameter u"):
        so.gradient(so.cumsum(so.exp(u), 0).sum(), [u])
