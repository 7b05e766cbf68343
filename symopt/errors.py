"""The errors that symopt raises: what was given, what was expected, what to do, and the user's own line."""

from __future__ import annotations


class SymoptError(Exception):
    """Any error that symopt raises on purpose.

    Parameters
    ----------
    message : what was given, what was expected and what to do.
    where : the user's line that built the offending expression, as ``"file.py:12"``, if it is known.
    """

    def __init__(self, message: str, where: object = None) -> None:
        self.where = where
        super().__init__(message if where is None else f"{message}\n  at {where}")


class ShapeError(SymoptError, ValueError):
    """Shapes that do not fit together."""


class DTypeError(SymoptError, TypeError):
    """A dtype that an operation does not take."""


class NotDifferentiable(SymoptError):
    """A gradient was asked for through something that has none."""


class Unsupported(SymoptError):
    """A backend or a conversion cannot do what was asked; the message says what to use instead."""


class CompileError(SymoptError):
    """Generated source did not compile; the message has the command, the compiler's words and the numbered source."""


class DataError(SymoptError, ValueError):
    """Data that does not fit the inputs of a function or of a data set."""


class CheckpointError(SymoptError):
    """A checkpoint that cannot be read, or that belongs to another trainer."""


class NumericalError(SymoptError, ArithmeticError):
    """A value went bad (NaN) during a checked call."""
