"""The one table of scalar operations: arity, dtypes, derivative and SymPy meaning. It knows no backend."""

from symopt.scalar.operations import OPERATIONS, ScalarOp, cast_to

__all__ = ["OPERATIONS", "ScalarOp", "cast_to"]
