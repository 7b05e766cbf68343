"""What a symbolic tensor understands: operators, methods and NumPy's protocols.

The methods only name functions; the functions are those of :mod:`symopt.tensor`, which registers itself as ``functions``. So the
nodes below need to know nothing of what is built from them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from symopt.errors import Unsupported

_PYTHON_OPERATORS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
    "matmul": "matmul",
}
_COMPARISONS = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
_LOGIC = {"and": "logical_and", "or": "logical_or"}
_METHODS = (
    "sum",
    "mean",
    "max",
    "min",
    "prod",
    "var",
    "std",
    "argmax",
    "argmin",
    "any",
    "all",
    "cumsum",
    "dot",
)
_METHODS += ("squeeze", "take", "clip", "round")


class Operators:
    """Operators and methods of a symbolic tensor."""

    __slots__ = ()
    __array_priority__ = 1000

    functions: ClassVar[Any] = None

    def __neg__(self) -> Any:
        return self.functions.negative(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self.functions.absolute(self)

    def __invert__(self) -> Any:
        return self.functions.logical_not(self)

    def __getitem__(self, index: Any) -> Any:
        return self.functions.getitem(self, index)

    @property
    def T(self) -> Any:
        return self.functions.transpose(self)

    def reshape(self, *shape: Any) -> Any:
        return self.functions.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        return self.functions.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def astype(self, dtype: Any) -> Any:
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

    __int__ = __index__ = __float__  # type: ignore[assignment]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(
            f"{self!r} is symbolic and cannot become a NumPy array. Use symopt's functions on it "
            "(np.exp(x) works too), or .eval({input: array}) for its value"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        name = {"conjugate": "positive", "float_power": "power"}.get(ufunc.__name__, ufunc.__name__)
        function = getattr(self.functions, name, None)
        if function is None or method != "__call__" or options:
            raise Unsupported(
                f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method} with "
                f"{', '.join(options) or 'these operands'} has no symbolic meaning here; "
                "see the list of functions in the documentation of symopt"
            )
        return function(*operands)

    def __array_function__(self, function: Any, types: Any, operands: Any, options: Any) -> Any:
        owner = self.functions.linalg if function.__module__ == "numpy.linalg" else self.functions
        ours = getattr(owner, function.__name__, None)
        if ours is None:
            raise Unsupported(f"np.{function.__name__} has no symbolic meaning here; use one of symopt's functions")
        return ours(*operands, **options)


def _binary(name: str) -> tuple[Any, Any]:
    def forward(self: Any, other: Any) -> Any:
        return getattr(self.functions, name)(self, other)

    def reflected(self: Any, other: Any) -> Any:
        return getattr(self.functions, name)(other, self)

    return forward, reflected


def _method(name: str) -> Any:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        return getattr(self.functions, name)(self, *args, **options)

    method.__name__ = name
    method.__doc__ = f"The same as ``symopt.{name}(self, ...)``."
    return method


for _short, _name in {**_PYTHON_OPERATORS, **_LOGIC}.items():
    _forward, _reflected = _binary(_name)
    setattr(Operators, f"__{_short}__", _forward)
    setattr(Operators, f"__r{_short}__", _reflected)
for _short, _name in _COMPARISONS.items():
    setattr(Operators, f"__{_short}__", _binary(_name)[0])
for _name in _METHODS:
    setattr(Operators, _name, _method(_name))
