"""NumPy's functions and operators applied to symbolic tensors give symbolic tensors."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import symopt.tensor as so
from symopt.errors import Unsupported
from symopt.graph.nodes import Node
from tests.tensor.compare import assert_agrees, inputs_for, sample

UFUNCS = (
    *("exp", "log", "sqrt", "square", "sin", "tanh", "abs", "absolute", "sign", "floor", "isfinite", "negative"),
    *("positive", "reciprocal", "rint", "conjugate", "log1p", "arctan"),
)


@pytest.mark.parametrize("name", UFUNCS)
def test_a_ufunc_of_a_tensor_is_a_tensor(name):
    function = getattr(np, name)
    assert isinstance(function(so.vector("x")), Node)
    assert_agrees(function, function, sample("float64", (2, 3)))


@pytest.mark.parametrize("name", ["add", "multiply", "divide", "mod", "power", "maximum", "arctan2", "less", "equal"])
def test_a_ufunc_of_an_array_and_a_tensor_is_a_tensor(name):
    function = getattr(np, name)
    x, y = np.abs(sample("float64", (2, 3), 1)), sample("float64", (3,), 2)
    assert_agrees(lambda y: function(x, y), lambda y: function(x, y), y)
    assert_agrees(lambda x: function(x, y), lambda x: function(x, y), x)


FUNCTIONS = {
    "sum": lambda x: np.sum(x, axis=1),
    "sum keepdims": lambda x: np.sum(x, axis=(0, 2), keepdims=True),
    "mean": np.mean,
    "max": lambda x: np.max(x, axis=-1),
    "min": lambda x: np.min(x, 0),
    "prod": np.prod,
    "var": lambda x: np.var(x, axis=1, ddof=1),
    "std": np.std,
    "argmax": lambda x: np.argmax(x, axis=2),
    "argmin": np.argmin,
    "any": lambda x: np.any(x > 1, axis=0),
    "all": lambda x: np.all(x > -5),
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "round": lambda x: np.round(x, 1),
    "clip": lambda x: np.clip(x, -0.5, 0.5),
    "where": lambda x: np.where(x > 0, x, 0),
    "reshape": lambda x: np.reshape(x, (4, 6)),
    "transpose": lambda x: np.transpose(x, (2, 0, 1)),
    "squeeze": lambda x: np.squeeze(x[:1], axis=0),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 2, 3, 4)),
    "concatenate": lambda x: np.concatenate([x, x * 2], axis=1),
    "concatenate with an array": lambda x: np.concatenate([x, np.ones((2, 3, 1))], axis=-1),
    "stack": lambda x: np.stack([x, x + 1], axis=1),
    "take": lambda x: np.take(x, [0, -1], axis=2),
    "zeros_like": np.zeros_like,
    "ones_like": lambda x: np.ones_like(x, dtype="int64"),
    "dot": lambda x: np.dot(x, np.arange(4.0)),
    "matmul": lambda x: np.matmul(x, np.arange(4.0)),
    "operator @": lambda x: np.arange(6.0).reshape(2, 3) @ x,
    "tensordot": lambda x: np.tensordot(x, np.ones((3, 4)), axes=2),
    "outer": lambda x: np.outer(x, np.arange(2.0)),
    "einsum": lambda x: np.einsum("ijk,k->ij", x, np.arange(4.0)),
    "linalg.norm": lambda x: np.linalg.norm(x, axis=1),
    "scipy's ufuncs": lambda x: scipy.special.erf(x) + scipy.special.expit(x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_numpy_works_on_a_tensor_and_on_its_array(name):
    assert_agrees(FUNCTIONS[name], FUNCTIONS[name], sample("float64", (2, 3, 4)), ulps=8)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.cbrt(x),
        lambda x: np.add.reduce(x),
        lambda x: np.exp(x, where=np.array(True)),
        lambda x: np.add(x, 1, out=np.zeros(3)),
        lambda x: np.sort(x),
        lambda x: np.linalg.svd(x),
        lambda x: np.fft.fft(x),
        lambda x: np.divmod(x, 2),
    ],
)
def test_what_has_no_symbolic_meaning_is_an_error_that_names_it(call):
    with pytest.raises(Unsupported, match=r"np\.\w+.* has no symbolic meaning") as caught:
        call(so.vector("x"))
    assert __file__ in str(caught.value)


def test_an_array_on_the_left_does_not_swallow_the_tensor():
    (node,) = inputs_for(np.ones(3))
    for result in (
        np.ones(3) + node,
        np.ones(3) @ node,
        np.float64(2) * node,
        np.ones(3) < node,
        [1.0, 2.0, 3.0] * node,
    ):
        assert isinstance(result, Node)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "var", "std", "argmax", "argmin", "cumsum"])
def test_methods_are_the_functions(name):
    x = so.matrix("x")
    assert getattr(x, name)(axis=1) is getattr(so, name)(x, axis=1)
    assert_agrees(
        lambda x: getattr(x, name)(axis=1), lambda x: getattr(x, name)(axis=1), sample("float64", (3, 4)), ulps=8
    )


def test_other_methods_are_those_of_arrays():
    x = sample("float64", (3, 4))
    assert_agrees(lambda x: x.T, lambda x: x.T, x)
    assert_agrees(lambda x: x.reshape(2, 6), lambda x: x.reshape(2, 6), x)
    assert_agrees(lambda x: x.reshape((2, -1)), lambda x: x.reshape((2, -1)), x)
    assert_agrees(lambda x: x.transpose(), lambda x: x.transpose(), x)
    assert_agrees(lambda x: x.transpose(1, 0), lambda x: x.transpose(1, 0), x)
    assert_agrees(lambda x: x.transpose((0, 1)), lambda x: x.transpose((0, 1)), x)
    assert_agrees(lambda x: x.dot(np.ones(4)), lambda x: x.dot(np.ones(4)), x)
    assert_agrees(lambda x: x.take([1, 0], axis=1), lambda x: x.take([1, 0], axis=1), x)
    assert_agrees(lambda x: x[:1].squeeze(), lambda x: x[:1].squeeze(), x)
    assert_agrees(lambda x: (x > 0).any(axis=0), lambda x: (x > 0).any(axis=0), x)
    assert_agrees(lambda x: (x > 0).all(), lambda x: (x > 0).all(), x)


def test_iteration_and_length_follow_the_first_axis():
    x = so.input("x", (3, "n"))
    assert len(x) == 3
    rows = list(x)
    assert [row.shape for row in rows] == [(x.shape[1],)] * 3
    assert rows[1] is x[1]
    with pytest.raises(TypeError, match="no length"):
        len(so.vector("y"))
    with pytest.raises(TypeError, match="no length"):
        list(so.scalar("s"))
