"""Peers in jax with optax: a jitted step that Python calls, or a jitted scan over the steps; all buffers donated."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
from jax import lax
from jax import numpy as jnp

from benchmarks import data
from benchmarks.contest import Contestant
from benchmarks.data import B1, B2, BATCH, EPSILON, GAMMA, MOMENTUM, RATE

Step = Callable[..., Any]


def stepped(step: Step, state: Any, results: Callable[[Any], list[Any]], scan: bool, *given: Any) -> Contestant:
    """Steps from state to state, with arguments that stay; ``run`` ends when the last one has."""

    @functools.partial(jax.jit, donate_argnums=0)
    def once(state: Any, *given: Any) -> Any:
        return step(state, *given)

    @functools.partial(jax.jit, donate_argnums=0, static_argnums=1)
    def many(state: Any, k: int, *given: Any) -> Any:
        return lax.scan(lambda carry, _: (step(carry, *given), None), state, length=k)[0]

    current = [jax.tree.map(jnp.array, state)]

    def run(k: int) -> None:
        now = current[0]
        if scan:
            now = many(now, k, *given)
        else:
            for _ in range(k):
                now = once(now, *given)
        current[0] = jax.block_until_ready(now)

    return Contestant(run, lambda: [np.asarray(array) for array in results(current[0])])


def graves(x: Any, m: Any, v: Any, g: Any) -> tuple[Any, Any, Any]:
    """Centred RMSProp; optax takes the variance as a difference of two averages, which can be negative."""
    distance = g - m
    gain = (1 - GAMMA) * distance
    v = GAMMA * (v + gain * distance)
    return x - RATE * g / jnp.sqrt(v + EPSILON), m + gain, v


def update(rule_name: str, n: int) -> Contestant:
    p, g = data.update(n)
    if rule_name == "rmsprop":
        state = p, np.zeros_like(p), np.zeros_like(p)
        return stepped(lambda s, g: graves(*s, g), state, list, False, jnp.array(g))
    if rule_name == "adam":
        rule = optax.adam(RATE, B1, B2, EPSILON)
    else:  # optax adds epsilon inside the root
        rule = optax.adagrad(RATE, initial_accumulator_value=0.0, eps=0.0)

    def step(state: Any, g: Any) -> Any:
        p, inner = state
        changes, inner = rule.update(g, inner, p)
        return optax.apply_updates(p, changes), inner

    def results(state: Any) -> list[Any]:
        p, (first, *_) = state
        return [p, first.mu, first.nu] if rule_name == "adam" else [p, first.sum_of_squares]

    return stepped(step, (p, rule.init(jnp.array(p))), results, False, jnp.array(g))


def rosenbrock(scan: bool, n: int) -> Contestant:
    def loss(x: Any) -> Any:
        return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()

    x = data.rosenbrock(n)
    state = x, np.zeros_like(x), np.zeros_like(x)
    return stepped(lambda s: graves(*s, jax.grad(loss)(s[0])), state, lambda s: [s[0]], scan)


def factorization(scan: bool, rows: int) -> Contestant:
    given = data.factorization(rows)
    rule = optax.sgd(given.rate, momentum=MOMENTUM)

    def loss(parameters: Any, x: Any) -> Any:
        u, v = parameters
        return jnp.square(u @ v - x).mean()

    def step(state: Any, x: Any) -> Any:
        parameters, inner = state
        changes, inner = rule.update(jax.grad(loss)(parameters, x), inner, parameters)
        return optax.apply_updates(parameters, changes), inner

    parameters = given.u, given.v
    return stepped(step, (parameters, rule.init(parameters)), lambda s: list(s[0]), scan, jnp.array(given.x))


def mean_loss(parameters: Any, x: Any, labels: Any) -> Any:
    for weights, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        x = jnp.tanh(x @ weights + bias)
    logits = x @ parameters[-2] + parameters[-1]
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def network(name: str, scan: bool, rows: int) -> Contestant:
    """A step is an epoch: a scan over the whole batches and a step for the rest, or a call for each batch."""
    given = data.logistic(rows) if name == "logistic" else data.network(rows)
    rule = optax.adam(given.rate, B1, B2, EPSILON)

    def batch_step(state: Any, x: Any, labels: Any) -> Any:
        parameters, inner, total = state
        loss, gradients = jax.value_and_grad(mean_loss)(parameters, x, labels)
        changes, inner = rule.update(gradients, inner, parameters)
        return optax.apply_updates(parameters, changes), inner, total + loss * len(labels)

    @functools.partial(jax.jit, donate_argnums=0)
    def epoch(state: Any, x: Any, labels: Any, last_x: Any, last_labels: Any) -> Any:
        state = lax.scan(lambda carry, batch: (batch_step(carry, *batch), None), state, (x, labels))[0]
        return batch_step(state, last_x, last_labels) if len(last_labels) else state

    jitted = jax.jit(batch_step, donate_argnums=0)
    whole = rows // BATCH * BATCH
    labels = given.labels.astype(np.int32)
    x_batches = jnp.array(given.x[:whole].reshape(-1, BATCH, given.x.shape[1]))
    label_batches = jnp.array(labels[:whole].reshape(-1, BATCH))
    last = jnp.array(given.x[whole:]), jnp.array(labels[whole:])
    batches = [] if scan else [*zip(list(x_batches), list(label_batches), strict=True), *([last] * (rows > whole))]
    parameters = [jnp.array(p) for p in given.parameters]
    current: list[Any] = [(parameters, rule.init(parameters), jnp.zeros(()))]

    def run(epochs: int) -> None:
        state = current[0]
        for _ in range(epochs):
            state = *state[:2], jnp.zeros(())
            if scan:
                state = epoch(state, x_batches, label_batches, *last)
            for batch in batches:
                state = jitted(state, *batch)
        current[0] = jax.block_until_ready(state)

    return Contestant(run, lambda: [np.asarray(a) for a in (current[0][2] / rows, *current[0][0])])


def curve(rows: int) -> Contestant:
    jax.config.update("jax_enable_x64", True)
    points = data.curve(rows)
    rule = optax.adam(RATE, B1, B2, EPSILON)

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        a, b, c, d, e = parameters
        return jnp.square(a * jnp.exp(-b * x) * jnp.cos(c * x + d) + e - y).mean()

    def step(state: Any, x: Any, y: Any) -> Any:
        parameters, inner = state
        changes, inner = rule.update(jax.grad(loss)(parameters, x, y), inner, parameters)
        return optax.apply_updates(parameters, changes), inner

    start = [jnp.array(value) for value in points.start]
    state = start, rule.init(start)
    return stepped(step, state, lambda s: [p.reshape(1) for p in s[0]], False, jnp.array(points.x), jnp.array(points.y))
