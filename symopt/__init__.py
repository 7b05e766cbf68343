"""symopt: a symbolic tensor-graph compiler for optimization.

>>> import symopt as so
>>> x = so.vector("x")
>>> w = so.parameter([1.0, 2.0], name="w")
>>> loss = ((w - 3) ** 2).sum()
>>> print(so.SGD(learning_rate=0.1).get_updates(loss))
w         <- w - 0.1 * grad(w)
iteration <- iteration + 1
"""

from symopt import errors, tensor
from symopt.autodiff import gradient, hessian_vector
from symopt.backends import backends
from symopt.data import Dataset
from symopt.errors import (
    CheckpointError,
    CompileError,
    DataError,
    DTypeError,
    NotDifferentiable,
    NumericalError,
    ShapeError,
    SymoptError,
    Unsupported,
)
from symopt.function import Function, emit, function
from symopt.graph.nodes import Node as Tensor
from symopt.optimizers import NAG, OPTIMIZERS, SGD, Optimizer, RMSProp, Updates, iteration
from symopt.tensor import *  # noqa: F403  (the user's functions, listed in symopt.tensor.__all__)
from symopt.training import Result, Trainer, build, minimize
