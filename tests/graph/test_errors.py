"""Messages of mistakes: what was given, what was expected, what to do, and the user's own line."""

from __future__ import annotations

import re

import numpy as np
import pytest

import symopt.tensor as so
from symopt import errors
from symopt.errors import DTypeError, ShapeError, SymoptError, Unsupported
from symopt.graph import construct

X, Y = so.input("x", (2, 3)), so.input("y", (4,))
U = so.parameter(np.zeros((5, 3)), name="u")
MASK = so.input("mask", (3,), "bool")

MISTAKES = {
    "shapes of a sum": (lambda: X + Y, ShapeError, ["(2, 3) of Input x", "(4,) of Input y", "4 against 3"]),
    "shapes with a parameter": (lambda: X * U, ShapeError, ["(2, 3) of Input x", "(5, 3) of parameter u"]),
    "shapes with an array": (lambda: X - np.ones(2), ShapeError, ["(2, 3) of Input x", "(2,) of Constant"]),
    "shapes of an operation": (lambda: so.exp(X) + Y, ShapeError, ["(2, 3) of exp", "(4,) of Input y"]),
    "three shapes": (lambda: so.where(MASK, X, Y), ShapeError, ["(3,) of Input mask", "of Input x", "(4,) of Input y"]),
    "a product": (lambda: X @ Y, ShapeError, ["(2, 3) of Input x", "(4,) of Input y", "3 against 4"]),
    "a reshape": (lambda: X.reshape(4, 2), ShapeError, ["<Input x: float64 (2, 3)>", "6 elements", "(4, 2)", "(8)"]),
    "a broadcast": (lambda: so.broadcast_to(Y, (3,)), ShapeError, ["<Input y: float64 (4,)>", "(3,)"]),
    "an axis": (lambda: X.sum(axis=2), ShapeError, ["axis 2", "2 dimensions"]),
    "an index": (lambda: X[2], ShapeError, ["index 2", "axis 0", "<Input x: float64 (2, 3)>"]),
    "too many indices": (lambda: Y[0, 0], ShapeError, ["too many indices: 2", "Input y"]),
    "a mask": (lambda: Y[Y > 0], Unsupported, ["boolean mask", "so.where"]),
    "booleans": (lambda: -MASK, DTypeError, ["negative of booleans", "logical_and/or/not"]),
    "a dtype": (lambda: X.astype("complex64"), DTypeError, ["complex64", "float32, float64"]),
    "an object": (lambda: X + "one", DTypeError, ["str cannot stand in an expression"]),
    "labels": (lambda: so.one_hot(Y, 3), DTypeError, ["labels are integers", "Input y"]),
    "a function of NumPy": (lambda: np.sort(Y), Unsupported, ["np.sort"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_an_error_at_the_line_of_the_user(name):
    build, error, words = MISTAKES[name]
    with pytest.raises(error) as caught:
        build()
    message = str(caught.value)
    for word in words:
        assert word in message
    if name != "a dtype":  # which the table of scalar operations raises, and that knows no lines
        assert re.search(rf"{re.escape(__file__)}:{build.__code__.co_firstlineno}$", message)


@pytest.mark.parametrize(
    "use",
    [bool, lambda x: not x, lambda x: x and x, lambda x: 0 < x < 1, lambda x: 1 if x else 0, lambda x: any([x])],
)
def test_a_symbolic_tensor_has_no_truth_value(use):
    with pytest.raises(TypeError, match=r"has no truth value yet\. Use so\.where"):
        use(so.scalar("s") > 0)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (float, "has no value yet"),
        (int, "has no value yet"),
        (lambda x: [1, 2][x], "has no value yet"),
        (range, "has no value yet"),
        (np.asarray, "cannot become a NumPy array"),
        (len, "has no length"),
        (lambda x: np.array([x, x]), "cannot become a NumPy array"),
        (lambda x: np.array(x, "float32"), "NumPy array"),
    ],
)
def test_a_symbolic_tensor_is_no_number_and_no_array(use, words):
    with pytest.raises(TypeError, match=words):
        use(so.scalar("s"))


def test_writing_into_a_tensor_is_no_operation():
    with pytest.raises(TypeError, match="does not support item assignment"):
        Y[0] = 1


def test_all_errors_are_those_of_symopt_and_of_python():
    for error, base in [
        *((ShapeError, ValueError), (DTypeError, TypeError), (errors.DataError, ValueError)),
        (errors.NumericalError, ArithmeticError),
    ]:
        assert issubclass(error, base)
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) == 9
    assert all(issubclass(kind, SymoptError) for kind in kinds)
    assert str(SymoptError("what to do", "model.py:3")) == "what to do\n  at model.py:3"
    assert SymoptError("what to do").where is None


def test_a_malformed_call_of_a_constructor_is_an_error():
    with pytest.raises(ShapeError, match="not an order"):
        construct.transpose(X, (0, 0))
    with pytest.raises(ShapeError, match="over no elements"):
        construct.reduce("max", so.input("empty", (0,)), (0,))
