"""symopt: a symbolic tensor-graph compiler for optimization."""

from symopt.autodiff import gradient, hessian_vector
from symopt.backends import backends
from symopt.function import Function, emit, function
from symopt.tensor import *  # noqa: F403
