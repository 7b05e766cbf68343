"""Peers in jax with optax on the GPU: a jitted step, or a jitted scan over the steps; the state is donated."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import jax
import numpy as np
import optax
from jax import lax
from jax import numpy as jnp

from benchmarks import data
from benchmarks.data import B1, B2, BATCH, EPSILON, RATE
from benchmarks.gpu import given, timing
from benchmarks.gpu.contestant import Contestant
from benchmarks.gpu.works import SCAN
from benchmarks.peers.with_jax import graves, mean_loss

jax.config.update("jax_default_matmul_precision", "highest")

clock = timing.by_the_wall


def make(name: str, kind: str, size: int, tensors: bool) -> Contestant:
    """The contestant called ``name`` at a work."""
    if kind.startswith("update_"):
        return update(kind.removeprefix("update_"), size, tensors)
    if kind == "network":
        return network(size, name == SCAN)
    return curve(size)


def forget() -> None:
    """Give memory of the device back."""
    jax.clear_caches()


def facts() -> dict[str, str]:
    """Its versions, and where it runs."""
    return {"jax": jax.__version__, "optax": optax.__version__, "jax runs on": str(jax.devices()[0])}


def stepped(step: Any, state: Any, *always: Any, batches: Any = None) -> Contestant:
    """Steps from state to state; ``run`` ends when the last one is ready."""
    once = jax.jit(step, donate_argnums=0)
    turns = itertools.repeat(()) if batches is None else itertools.cycle(batches)
    current = [jax.block_until_ready(state)]

    def run(steps: int) -> None:
        now = current[0]
        for batch in itertools.islice(turns, steps):
            now = once(now, *always, *batch)
        current[0] = jax.block_until_ready(now)

    return Contestant(run, lambda: [given.sample(np.asarray(p)) for p in current[0][0]])


def adapted(rule: optax.GradientTransformation) -> Any:
    def step(state: Any, gradients: Any) -> Any:
        params, inner = state
        changes, inner = rule.update(gradients, inner, params)
        return optax.apply_updates(params, changes), inner

    return step


def update(rule_name: str, size: int, tensors: bool) -> Contestant:
    pairs = given.update(size, tensors)
    params, gradients = ([jnp.array(pair[k]) for pair in pairs] for k in (0, 1))
    if rule_name == "rmsprop":  # optax takes the variance as a difference, which can be negative

        def step(state: Any, gradients: Any) -> Any:
            new = [graves(*one, g) for one, g in zip(zip(*state, strict=True), gradients, strict=True)]
            return tuple(list(part) for part in zip(*new, strict=True))

        zeros = [[jnp.zeros_like(p) for p in params] for _ in range(2)]
        return stepped(step, (params, *zeros), gradients)
    if rule_name == "adam":
        rule = optax.adam(RATE, B1, B2, EPSILON)
    else:  # optax adds epsilon inside the root
        rule = optax.adagrad(RATE, initial_accumulator_value=0.0, eps=0.0)
    return stepped(adapted(rule), (params, rule.init(params)), gradients)


def network(rows: int, scan: bool) -> Contestant:
    start = data.network(rows)
    rule = optax.adam(start.rate, B1, B2, EPSILON)
    update_of = adapted(rule)

    def step(state: Any, x: Any, labels: Any) -> Any:
        return update_of(state, jax.grad(mean_loss)(state[0], x, labels))

    params = [jnp.array(p) for p in start.parameters]
    state = params, rule.init(params)
    x, labels = (
        jnp.array(array[: rows // BATCH * BATCH].reshape(-1, BATCH, *array.shape[1:]))
        for array in (start.x, start.labels.astype(np.int32))
    )
    if not scan:
        return stepped(step, state, batches=list(zip(list(x), list(labels), strict=True)))
    current, done = [state], [0]

    @functools.partial(jax.jit, donate_argnums=0, static_argnums=2)
    def many(state: Any, low: Any, count: int, x: Any, labels: Any) -> Any:
        def body(carry: Any, i: Any) -> Any:
            at = (low + i) % len(x)
            return step(carry, x[at], labels[at]), None

        return lax.scan(body, state, jnp.arange(count))[0]

    def run(steps: int) -> None:
        current[0] = jax.block_until_ready(many(current[0], done[0], steps, x, labels))
        done[0] += steps

    return Contestant(run, lambda: [given.sample(np.asarray(p)) for p in current[0][0]])


def curve(rows: int) -> Contestant:
    x_values, y_values, start = given.curve(rows)
    rule = optax.adam(given.CURVE_RATE, B1, B2, EPSILON)
    update_of = adapted(rule)

    def loss(params: Any, x: Any, y: Any) -> Any:
        a, b, c, d, e = params
        return jnp.square(a * jnp.exp(-b * x) * jnp.cos(c * x + d) + e - y).mean()

    def step(state: Any, x: Any, y: Any) -> Any:
        return update_of(state, jax.grad(loss)(state[0], x, y))

    params = [jnp.array(value, jnp.float32) for value in start]
    return stepped(step, (params, rule.init(params)), jnp.array(x_values), jnp.array(y_values))
