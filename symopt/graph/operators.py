"""What a symbolic tensor understands: operators, methods and NumPy's protocols.

The methods only name functions; the functions are those of :mod:`symopt.tensor`, which registers itself as
``functions``. So the nodes need to know nothing of what is built from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from symopt.errors import Unsupported
from symopt.graph.provenance import here

_Binary = Callable[[Any, Any], Any]


def _operator(name: str) -> tuple[_Binary, _Binary]:
    """An operator and its reflection, for a number or an array on the left."""

    def forward(self: Any, other: Any) -> Any:
        return getattr(self.functions, name)(self, other)

    def reflected(self: Any, other: Any) -> Any:
        return getattr(self.functions, name)(other, self)

    return forward, reflected


def _method(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        return getattr(self.functions, name)(self, *args, **options)

    method.__name__ = name
    method.__doc__ = f"The same as ``symopt.{name}(self, ...)``."
    return method


class Operators:
    """Operators and methods of a symbolic tensor."""

    __slots__ = ()
    __array_priority__ = 1000

    functions: ClassVar[Any] = None

    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("subtract")
    __mul__, __rmul__ = _operator("multiply")
    __truediv__, __rtruediv__ = _operator("divide")
    __floordiv__, __rfloordiv__ = _operator("floor_divide")
    __mod__, __rmod__ = _operator("remainder")
    __pow__, __rpow__ = _operator("power")
    __matmul__, __rmatmul__ = _operator("matmul")
    __and__, __rand__ = _operator("bitwise_and")
    __or__, __ror__ = _operator("bitwise_or")
    __lt__, __gt__ = _operator("less")[0], _operator("greater")[0]
    __le__, __ge__ = _operator("less_equal")[0], _operator("greater_equal")[0]

    sum, mean, max, min = map(_method, ("sum", "mean", "max", "min"))
    prod, var, std, cumsum = map(_method, ("prod", "var", "std", "cumsum"))
    argmax, argmin, any, all = map(_method, ("argmax", "argmin", "any", "all"))
    dot, squeeze, take, clip, round = map(_method, ("dot", "squeeze", "take", "clip", "round"))

    def __neg__(self) -> Any:
        return self.functions.negative(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self.functions.absolute(self)

    def __invert__(self) -> Any:
        return self.functions.invert(self)

    def __getitem__(self, index: Any) -> Any:
        return self.functions.getitem(self, index)

    @property
    def T(self) -> Any:
        """The same tensor with its axes in reverse order."""
        return self.functions.transpose(self)

    def reshape(self, *shape: Any) -> Any:
        """The same elements, in row-major order, under another shape; one dimension may be -1."""
        return self.functions.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        """Axes in another order, reversed if none is given."""
        return self.functions.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def astype(self, dtype: Any) -> Any:
        """The same values in another dtype."""
        return self.functions.cast(self, dtype)

    def eval(self, inputs: dict[Any, Any] | None = None) -> Any:
        """The value for given inputs (a dict from input to array), computed by the reference; for a quick look."""
        return self.functions.evaluate_one(self, inputs)

    def to_sympy(self) -> Any:
        """The same formula as a SymPy expression."""
        return self.functions.to_sympy(self)

    def __len__(self) -> int:
        shape: tuple[Any, ...] = self.shape  # type: ignore[attr-defined]
        if shape and isinstance(shape[0], int):
            return shape[0]
        raise TypeError(f"{self!r} has no length that is known before run time")

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self!r} is symbolic: it has no truth value yet. Use so.where(condition, a, b) for a choice, "
            "& | ~ or so.logical_and/or/not for logic, and one comparison at a time"
        )

    def __float__(self) -> float:
        raise TypeError(f"{self!r} is symbolic: it has no value yet. Use .eval({{input: array}}) or so.function")

    def __index__(self) -> int:
        raise TypeError(f"{self!r} is symbolic: it has no value yet. Use .eval({{input: array}}) or so.function")

    __int__ = __index__

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(
            f"{self!r} is symbolic and cannot become a NumPy array. Use symopt's functions on it "
            "(np.exp(x) works too), or .eval({input: array}) for its value"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        name = {"conjugate": "positive", "expit": "sigmoid"}.get(ufunc.__name__, ufunc.__name__)
        function = getattr(self.functions, name, None)
        if function is None or method != "__call__" or options:
            called = ufunc.__name__ + ("" if method == "__call__" else f".{method}")
            given = f" with {', '.join(options)}" if options else ""
            raise Unsupported(f"np.{called}{given} has no symbolic meaning here; use one of symopt's functions", here())
        return function(*operands)

    def __array_function__(self, function: Any, types: Any, operands: Any, options: Any) -> Any:
        owner = self.functions.linalg if function.__module__ == "numpy.linalg" else self.functions
        ours = getattr(owner, function.__name__, None)
        if ours is None:
            raise Unsupported(
                f"np.{function.__name__} has no symbolic meaning here; use one of symopt's functions", here()
            )
        return ours(*operands, **options)
