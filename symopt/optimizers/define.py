"""Rules of one's own, from equations or from a function."""

from __future__ import annotations

import dataclasses
import inspect
import keyword
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from types import GeneratorType
from typing import Any, ClassVar

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.base import UpdateRule
from symopt.optimizers.keywords import check_keywords
from symopt.optimizers.like.pieces import Foreign, Moves, required, t
from symopt.optimizers.preparation import Pair
from symopt.optimizers.reading import FUNCTIONS, Definition, EquationError, from_sympy, nearest, parse
from symopt.optimizers.states import state

#: What the names that are given by themselves mean.
GIVEN = {"w": "the parameter", "g": "its gradient", "t": "the step, from 1"}

#: What moves a parameter, given its gradient and the hyperparameters.
Program = Callable[[Shared, Node, dict[str, Any]], Moves]


@dataclass(frozen=True, kw_only=True)
class Defined(Foreign):
    """A rule that :func:`define` made; its hyperparameters are fields of a subclass."""

    source: ClassVar[Any]
    program: ClassVar[Program]

    def rule(self, param: Shared, grad: Node) -> Moves:
        """What the equations say."""
        return type(self).program(param, grad, self.hyperparameters())

    def hyperparameters(self) -> dict[str, Any]:
        """The hyperparameters by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def __reduce__(self) -> Any:
        return partial(define, self.source, **self.hyperparameters()), ()


def define(equations: Any, /, **hyperparameters: Any) -> UpdateRule:
    """A rule from equations, as a paper writes them, or from a function.

    Parameters
    ----------
    equations : a text, whose equations ``;`` or line ends part; a list of SymPy's ``Eq(symbol, formula)``; or a
        function ``(param, grad, state, **hyperparameters)``, which may yield pairs (state, next value), and returns
        the step (positive downhill). Equations are read in order: a name used after its equation is its new value.
        ``w`` is the parameter, ``g`` its gradient, ``t`` the step from 1. Any other name with an equation is a state
        from 0, or a temporary where its equation comes before its use.
    hyperparameters : the other names: numbers, schedules, or expressions in ``so.iteration``. To change one does not
        compile anew.

    >>> import symopt as so
    >>> rule = so.define("v = rho*v + (1-rho)*g**2; w = w - lr*g/(sqrt(v)+eps)", rho=0.9, lr=1e-3, eps=1e-8)
    >>> w = so.parameter([1.0, 2.0], name="w")
    >>> print(rule.get_updates((w**2).sum()))
    w_v       <- 0.9 * w_v + 0.1 * grad(w)**2
    w         <- w - 0.001 * grad(w) / (sqrt(w_v') + 1e-08)
    iteration <- iteration + 1
    """
    names = list(hyperparameters)
    if isinstance(equations, str):
        return _made(equations, _from_equations(parse(equations), names), hyperparameters)
    if callable(equations):
        return _made(equations, _from_function(equations), _with_defaults(equations, hyperparameters))
    if isinstance(equations, Sequence):
        return _made(tuple(equations), _from_equations(from_sympy(equations), names), hyperparameters)
    raise TypeError(f"define takes a text, a list of SymPy equations or a function, not {equations!r}")


def _made(source: Any, program: Program, hyperparameters: dict[str, Any]) -> UpdateRule:
    """A rule of a kind of its own, whose fields are the hyperparameters."""
    for name in hyperparameters:
        if hasattr(Defined, name) or name in ("source", "program") or keyword.iskeyword(name):
            raise TypeError(f"a hyperparameter cannot be called {name!r}: choose another name")
    fields = {
        "source": staticmethod(source) if callable(source) else source,
        "program": staticmethod(program),
        "__doc__": "A rule that so.define made.",
        "__module__": __name__,
    }
    kind = dataclasses.make_dataclass(
        "Defined",
        [(name, Any, required()) for name in hyperparameters],
        bases=(Defined,),
        namespace=fields,
        frozen=True,
        kw_only=True,
    )
    rule: UpdateRule = kind(**hyperparameters)
    return rule


def _from_equations(equations: list[Definition], hyperparameters: list[str]) -> Program:
    """What the equations do, once they are found to be right."""
    states = _check(equations, hyperparameters)

    def program(param: Shared, grad: Node, values: dict[str, Any]) -> Moves:
        old = {name: state(param, name) for name in states}
        names = {**values, "w": param, "g": grad, "t": t, **old}
        for equation in equations:
            names[equation.name] = equation.compute(names)
        for name, variable in old.items():
            yield variable, _fitted(names[name], variable)
        return _fitted(names["w"], param)

    return program


def _fitted(value: Any, variable: Shared) -> Node:
    """A next value, which has the shape and dtype of its variable."""
    node = so.as_tensor(value)
    if node.shape != variable.shape:
        node = so.broadcast_to(node, variable.shape)
    return node if node.dtype == variable.dtype else so.cast(node, variable.dtype)


def _check(equations: list[Definition], hyperparameters: list[str]) -> list[str]:
    """The names of states, in the order of their equations."""
    for name in hyperparameters:
        if name in GIVEN:
            raise TypeError(f"{name!r} is {GIVEN[name]}: call the hyperparameter otherwise")
    assigned = list(dict.fromkeys(equation.name for equation in equations))
    known = [*GIVEN, *hyperparameters, *assigned]
    seen: set[str] = set()
    states: list[str] = []
    for equation in equations:
        if equation.name == "t" or equation.name in hyperparameters:
            what = GIVEN.get(equation.name, "a hyperparameter")
            raise equation.error(f"{equation.name!r} is {what}: it has no equation", None)
        for name in equation.reads:
            if name not in known:
                raise equation.error(_unknown(name, known), name)
            if name in assigned and name not in seen and name not in GIVEN and name not in states:
                states.append(name)
        seen.add(equation.name)
    if "w" not in assigned:
        raise EquationError(f"no equation is for w, the parameter: add 'w = w - ...'; there are {', '.join(assigned)}")
    used = {name for equation in equations for name in equation.reads}
    for name in hyperparameters:
        if name not in used:
            raise TypeError(f"no equation uses {name!r}{nearest(name, used)}")
    return [name for name in assigned if name in states]


def _unknown(name: str, known: list[str]) -> str:
    if name in FUNCTIONS:
        return f"{name!r} is a function: write {name}(...)"
    return f"unknown name {name!r}{nearest(name, known)}: give its value as a keyword, or an equation"


def _from_function(function: Callable[..., Any]) -> Program:
    def program(param: Shared, grad: Node, values: dict[str, Any]) -> Generator[Pair, None, Any]:
        step = function(param, grad, partial(_state, param), **values)
        if isinstance(step, GeneratorType):
            step = yield from step
        if step is None:
            raise ValueError("the function of a rule returned None: it must return the step, positive downhill")
        return _fitted(param - step, param)

    return program


def _state(param: Shared, name: str, initial: Any = 0.0, shape: tuple[int, ...] | None = None) -> Shared:
    return state(param, name, initial, shape)


def _with_defaults(function: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """The hyperparameters of a function: those given, and its own defaults."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[3:]
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        check_keywords(getattr(function, "__name__", "the function"), given, [p.name for p in parameters])
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    values = {**defaults, **given}
    try:
        signature.bind("param", "grad", "state", **values)
    except TypeError as error:
        raise TypeError(f"the function of a rule takes (param, grad, state, **hyperparameters): {error}") from None
    return values
