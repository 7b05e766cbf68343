"""What the optimizers of several systems are made of."""

from __future__ import annotations

import dataclasses
import inspect
import math
from abc import abstractmethod
from collections.abc import Callable, Generator, Sequence
from typing import Any

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.base import UpdateRule
from symopt.optimizers.hyperparameters import hyper, iteration
from symopt.optimizers.preparation import Pair

#: What makes an optimizer from the arguments of its system.
Maker = Callable[..., UpdateRule]

#: A rule yields pairs (state, next value) and returns the next value of its parameter.
Moves = Generator[Pair, None, Any]

#: For :func:`~symopt.optimizers.hyperparameters.hyper`: off at None, and at no number.
NONE = math.nan

#: The number of this update, from 1.
t = iteration + 1


def required(*, low: float = -math.inf, high: float = math.inf) -> Any:
    """A numeric field without a default."""
    return dataclasses.field(metadata=hyper(None, low=low, high=high).metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Foreign(UpdateRule):
    """A rule for one parameter at a time, which shares nothing with the optimizers of symopt but the bounds."""

    @abstractmethod
    def rule(self, param: Shared, grad: Node) -> Moves:
        """The rule for one parameter: yield (state, next value), return the next value of the parameter."""

    def pairs(self, params: Sequence[Shared], grads: Sequence[Node]) -> Generator[Pair, None, None]:
        """The states of the rule, then the parameters."""
        values = []
        for param, grad in zip(params, grads, strict=True):
            values.append((yield from self.rule(param, grad)))
        for param, value in zip(params, values, strict=True):
            yield param, within_bounds(param, value)


def within_bounds(param: Shared, value: Node) -> Node:
    """A new value within the bounds of its parameter."""
    if param.lower is None and param.upper is None:
        return value
    return so.clip(value, param.lower, param.upper)


def spread(kind: type[UpdateRule], /, **several: tuple[str, ...]) -> Maker:
    """What makes a ``kind`` from arguments of which some hold several numbers: ``betas=("beta1", "beta2")``."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    apart = {name for names in several.values() for name in names}

    def make(**arguments: Any) -> UpdateRule:
        plain = {name: value for name, value in arguments.items() if name not in several}
        for name, parts in several.items():
            if name in arguments:
                values = arguments[name]
                if not isinstance(values, (tuple, list)) or len(values) != len(parts):
                    raise TypeError(f"{kind.__name__}({name}={values!r}): expected {len(parts)} numbers")
                plain.update(zip(parts, values, strict=True))
        return kind(**plain)

    names = [name for name in fields if name not in apart] + list(several)
    make.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
    )
    make.__name__, make.__doc__ = kind.__name__, kind.__doc__
    return make


def average(decay: Any, past: Node, present: Any) -> Any:
    """An exponential moving average: ``decay`` of the past, the rest of the present."""
    return decay * past + (1 - decay) * present


def norm(value: Node) -> Node:
    """The Euclidean norm of all elements."""
    return so.sqrt(so.sum(so.square(value)))


def rms(value: Node) -> Node:
    """The root of the mean square of all elements."""
    return so.sqrt(so.mean(so.square(value)))


def initially(value: Any, past: Node) -> Any:
    """A state, which in the first update has ``value`` in every element; None leaves it as it is."""
    return past if value is None else so.where(so.equal(iteration, 0), value, past)


def rectification(beta2: Any) -> tuple[Any, Any]:
    r"""RAdam's length of the average :math:`\rho_t`, and its factor :math:`r_t` (0 while it would be imaginary).

    .. math::
        \rho_\infty = \frac{2}{1 - \beta_2} - 1, \qquad \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t},
        \qquad r_t^2 = \frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}
    """
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * t * beta2**t / (1 - beta2**t)
    square = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return length, so.sqrt(so.maximum(square, 0))
