"""The rules as functions: the next values of a weight and of its states, as expressions.

There is a function ``<name>_update`` for every optimizer of ``so.OPTIMIZERS``::

    rmsprop_update(weight, grad, mean, variance, *, iteration=None, **hyperparameters)

It takes the weight, its gradient, and the states in the order in which the rule updates them (or by name), and returns
the next value of each in this order, the weight first. Weight, gradient and states are tensors, hyperparameters numbers
or expressions of numbers. ``iteration``, from 0, is needed where the rule counts its updates.

>>> import symopt as so
>>> w, g, squares = so.vector("w"), so.vector("g"), so.vector("squares")
>>> next_w, next_squares = so.rules.adagrad_update(w, g, squares, learning_rate=0.5, rms_regularizer=0)
>>> so.function([w, g, squares], [next_w, next_squares], backend="numpy")([1.0, 2.0], [3.0, 4.0], [0.0, 9.0])
[array([0.5, 1.6]), array([ 9., 25.])]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import symopt.tensor as so
from symopt.errors import DataError
from symopt.graph.construct import make_elementwise, make_shared
from symopt.graph.nodes import Node, Shared
from symopt.graph.promotion import FLOAT64
from symopt.graph.storage import Storage
from symopt.graph.traversal import substitute, topological
from symopt.optimizers import OPTIMIZERS, counts
from symopt.optimizers.base import UpdateRule
from symopt.optimizers.hyperparameters import numeric_fields, resolved
from symopt.optimizers.keywords import check_keywords, keywords_of
from symopt.optimizers.like import like
from symopt.optimizers.schedules.base import Schedule, changed
from symopt.optimizers.states import fresh_states
from symopt.scalar import cast_to

#: What belongs to many parameters or batches together, and so to no function.
NOT_HERE = ("accumulate", "groups", "freeze")


def state_names(rule: UpdateRule, shape: tuple[int, ...]) -> list[str]:
    """The states that a rule keeps for a weight of this shape, in the order of its updates."""
    weight = make_shared(np.ones(shape), "weight", "parameter")
    updates = rule.get_updates(so.sum(so.square(weight)), [weight])
    changing = [variable.name for variable, _ in updates if variable not in (weight, updates.iteration)]
    return [name.removeprefix("weight_") for name in changing]


def next_values(
    rule: UpdateRule, weight: Any, grad: Any, states: Sequence[Any], named: Mapping[str, Any], iteration: Any = None
) -> tuple[Node, ...]:
    """The next values of a weight and of the states of a rule."""
    weight, grad = so.as_tensor(weight), so.as_tensor(grad)
    shape = tuple(dim if isinstance(dim, int) else 2 for dim in weight.shape)
    names = state_names(rule, shape)
    given = _given(names, states, named)
    param = weight if isinstance(weight, Shared) and weight.role == "parameter" else _stand_in(weight, shape)
    bound = _bound(rule)
    with fresh_states() as made:
        made.update({f"{param.name}_{name}": value for name, value in given.items()})  # type: ignore[misc]
        prepared = bound.prepare([param], [grad])
        pairs = list(bound.pairs_of([param], [grad], prepared))
    found = [value for variable, value in pairs if variable is param]
    values = found + [value for variable, value in pairs if variable is not param]
    return tuple(substitute(values, {param: weight, **_counted(values, iteration)}))


def _given(names: list[str], states: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Node]:
    """The states by name."""
    if len(states) > len(names):
        raise TypeError(f"there are {len(names)} states ({', '.join(names) or 'none'}), not {len(states)}")
    given = dict(zip(names, states, strict=False))
    for name, value in named.items():
        if name in given:
            raise TypeError(f"the state {name!r} is given twice")
        given[name] = value
    missing = [name for name in names if name not in given]
    if missing:
        raise TypeError(f"the states are {', '.join(names)}: {', '.join(missing)} is missing")
    return {name: so.as_tensor(given[name]) for name in names}


def _stand_in(weight: Node, shape: tuple[int, ...]) -> Shared:
    """A parameter in the place of a tensor, of its shape and dtype."""
    storage = Storage(np.zeros(shape, weight.dtype))
    return Shared((), weight.shape, weight.dtype, False, weight.origin, "weight", "parameter", storage)


def _bound(rule: UpdateRule) -> Any:
    """The rule with weak constants for its numbers, and None for what is off."""
    values = {}
    for field in numeric_fields(rule):
        value = changed(resolved(rule, field), field.name, lambda _, number: so.as_tensor(float(number)))
        values[field.name] = value.node() if isinstance(value, Schedule) else value
    return dataclasses.replace(rule, **values)


def _counted(values: list[Node], iteration: Any) -> dict[Node, Node]:
    """What stands for the count of updates."""
    order = topological(values)
    if counts.epoch in order:
        raise DataError("a schedule in epochs needs a Trainer: give its value instead")
    if iteration is None:
        if counts.iteration in order:
            raise TypeError("the rule counts its updates: give iteration=, 0 in the first update")
        return {}
    count = so.as_tensor(iteration)
    if count.shape:
        raise DataError(f"iteration is one number; {count!r} is more")
    if count.weak:
        return {counts.iteration: make_elementwise(cast_to(FLOAT64), (count,), FLOAT64, True)}
    return {counts.iteration: so.cast(count, "float64")}


def _functional(name: str) -> Callable[..., tuple[Node, ...]]:
    """The function of an optimizer."""
    kind = OPTIMIZERS[name]

    def update(weight: Any, grad: Any, /, *states: Any, iteration: Any = None, **keywords: Any) -> tuple[Node, ...]:
        fields = [field for field in keywords_of(kind) if field not in NOT_HERE]
        rule = kind(**{key: value for key, value in keywords.items() if key in fields})
        named = {key: value for key, value in keywords.items() if key not in fields}
        if named:
            shape = tuple(dim if isinstance(dim, int) else 2 for dim in so.as_tensor(weight).shape)
            check_keywords(f"{name}_update", named, [*state_names(rule, shape), "iteration", *fields])
        return next_values(rule, weight, grad, states, named, iteration)

    update.__name__ = update.__qualname__ = f"{name}_update"
    update.__doc__ = (
        f"The next values of weight and states by :class:`symopt.{kind.__name__}`, whose hyperparameters are keywords; "
        "see :mod:`symopt.rules`."
    )
    return update


def rmspropalex_update(
    weight: Any,
    grad: Any,
    n: Any,
    g: Any,
    delta: Any,
    lr: Any,
    gamma1: Any = 0.95,
    gamma2: Any = 0.9,
    epsilon: Any = 1e-8,
    wd: Any = 0,
    rescale_grad: Any = 1,
    clip_gradient: Any = -1,
    clip_weights: Any = -1,
) -> tuple[Node, ...]:
    """The next values of weight, n, g and delta by MXNet's raw operator of this name: Graves' centred RMSProp.

    Parameters
    ----------
    weight, grad : the weight and its gradient.
    n, g, delta : averages of squares and of gradients, and the last step.
    lr : the learning rate.
    gamma1, gamma2 : what the averages and the step keep.
    epsilon : inside the root.
    wd : times the weight, this is added to the rescaled gradient, before clipping.
    rescale_grad : a factor on the gradient.
    clip_gradient, clip_weights : limits to each element; off below 0, whereas 0 zeroes.
    """
    rule = like(
        "mxnet_ops", "rmspropalex_update", lr=lr, gamma1=gamma1, gamma2=gamma2, epsilon=epsilon, wd=wd,
        rescale_grad=rescale_grad, clip_gradient=clip_gradient, clip_weights=clip_weights,
    )  # fmt: skip
    return next_values(rule, weight, grad, (), {"n": n, "g": g, "delta": delta})


_UPDATES = {f"{name}_update": _functional(name) for name in OPTIMIZERS}


def __getattr__(name: str) -> Callable[..., tuple[Node, ...]]:
    if name in _UPDATES:
        return _UPDATES[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = ["rmspropalex_update"]
__all__ += _UPDATES
