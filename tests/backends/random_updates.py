"""Random updates: variables that read each other, in every way that makes writing them in place hard."""

from __future__ import annotations

import symopt as so
from symopt.graph import construct
from symopt.graph.nodes import Node, Shared
from tests.backends.random_graphs import Growth, broadcasts

Pair = tuple[Shared, Node]


def random_updates(g: Growth) -> list[Pair]:
    """New values for some of the variables."""
    pairs: dict[Shared, Node] = {}
    variables = g.rng.sample(g.variables, len(g.variables))
    if g.often(0.2):
        return []
    for variable in variables:
        if variable in pairs or g.often(0.2):
            continue
        for written, value in _PATTERNS[g.rng.randrange(len(_PATTERNS))](g, variable):
            pairs.setdefault(written, value)
    return list(pairs.items())


def _alike(g: Growth, variable: Shared) -> list[Shared]:
    return [other for other in g.variables if other.shape == variable.shape and other.dtype == variable.dtype]


def _known(g: Growth, variable: Shared) -> Node:
    """A tensor that fits into ``variable``: one of its own shape if there is one, or the mean of something."""
    fits = [
        node
        for node in g.pool
        if node.dtype.kind == "f"
        and node.ndim <= variable.ndim
        and broadcasts(node.shape, variable.shape)
        and all(dim in (1, have) for dim, have in zip(node.shape[::-1], variable.shape[::-1], strict=False))
    ]
    if fits and g.often(0.8):
        return g.rng.choice(fits)
    return so.mean(g.pick())


def _fresh(g: Growth, variable: Shared) -> list[Pair]:
    return [(variable, so.broadcast_to(_known(g, variable).astype(variable.dtype), variable.shape))]


def _step(g: Growth, variable: Shared) -> list[Pair]:
    return [(variable, (0.9 * variable + 0.1 * so.tanh(_known(g, variable))).astype(variable.dtype))]


def _swap(g: Growth, variable: Shared) -> list[Pair]:
    other = g.rng.choice(_alike(g, variable))
    return [(variable, other), (other, variable)] if other is not variable else [(variable, -variable)]


def _cycle(g: Growth, variable: Shared) -> list[Pair]:
    """Each becomes a function of the next."""
    ring = _alike(g, variable)
    functions = [lambda x: x, so.tanh, lambda x: x * 0.5, lambda x: x - so.mean(x), lambda x: so.where(x > 0, x, 0)]
    return [(one, g.rng.choice(functions)(ring[(i + 1) % len(ring)])) for i, one in enumerate(ring)]


def _shifted(g: Growth, variable: Shared) -> list[Pair]:
    if not variable.ndim:
        return [(variable, variable + 1)]
    zeros = (0,) * (variable.ndim - 1)
    made = [
        lambda: so.concatenate([variable[1:], variable[:1]]),
        lambda: variable[::-1],
        lambda: 0.5 * (variable + variable[::-1]),
        lambda: so.reshape(so.transpose(variable), variable.shape),
        lambda: construct.embed(variable[1:], variable.shape, (0, *zeros), (1, *(1 for _ in zeros))),
        lambda: variable - construct.cumulate(variable, 0),
        lambda: so.take(variable, so.constant([0] * int(variable.shape[0])), 0),
    ]
    return [(variable, g.rng.choice(made)())]


def _whole(g: Growth, variable: Shared) -> list[Pair]:
    other = g.rng.choice(_alike(g, variable))
    made = [
        lambda: variable / (1 + so.sum(so.abs(other))),
        lambda: variable - so.mean(variable),
        lambda: so.where(variable > so.mean(other), variable, other),
        lambda: so.softmax(variable) if variable.ndim else variable,
    ]
    return [(variable, g.rng.choice(made)())]


def _idle(g: Growth, variable: Shared) -> list[Pair]:
    number = g.rng.choice([0.0, 1.5])
    return [(variable, g.rng.choice([variable, so.broadcast_to(so.constant(number, variable.dtype), variable.shape)]))]


_PATTERNS = [_fresh, _fresh, _step, _step, _swap, _cycle, _shifted, _whole, _idle]
