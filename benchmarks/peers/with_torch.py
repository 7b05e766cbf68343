"""Peers in torch: eager with fused optimizers, and torch.compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks import data, settings
from benchmarks.contest import Contestant, calls
from benchmarks.data import B1, B2, BATCH, EPSILON, GAMMA, MOMENTUM, RATE

torch.set_num_threads(settings.THREADS)


def parameter(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array).requires_grad_()


def arrays(tensors: list[torch.Tensor]) -> list[np.ndarray]:
    return [tensor.detach().numpy() for tensor in tensors]


def update(rule_name: str, n: int) -> Contestant:
    start, gradient = data.update(n)
    p = parameter(start)
    p.grad = torch.tensor(gradient)
    if rule_name == "rmsprop":
        return compiled_rmsprop(p.detach(), p.grad)
    rule: torch.optim.Optimizer
    if rule_name == "adam":
        rule = torch.optim.Adam([p], RATE, (B1, B2), EPSILON, fused=True)
        states = ["exp_avg", "exp_avg_sq"]
    else:
        rule = torch.optim.Adagrad([p], RATE, eps=EPSILON, fused=True)
        states = ["sum"]
    return Contestant(calls(rule.step), lambda: arrays([p, *(rule.state[p][name] for name in states)]))


def compiled_rmsprop(p: torch.Tensor, g: torch.Tensor) -> Contestant:
    """torch.optim's is fused for no CPU, and takes the variance as a difference that can be negative."""
    m, v = torch.zeros_like(p), torch.zeros_like(p)

    @torch.compile
    def step(p: torch.Tensor, g: torch.Tensor, m: torch.Tensor, v: torch.Tensor) -> None:
        graves(p, m, v, g)

    return Contestant(calls(lambda: step(p, g, m, v)), lambda: arrays([p, m, v]))


def graves(x: torch.Tensor, m: torch.Tensor, v: torch.Tensor, g: torch.Tensor) -> None:
    """Centred RMSProp, in place."""
    distance = g - m
    gain = (1 - GAMMA) * distance
    m.add_(gain)
    v.add_(gain * distance).mul_(GAMMA)
    x.sub_(RATE * g / torch.sqrt(v + EPSILON))


def rosenbrock(compiled: bool, n: int) -> Contestant:
    def loss(x: torch.Tensor) -> torch.Tensor:
        return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()

    x = torch.tensor(data.rosenbrock(n))
    m, v = torch.zeros_like(x), torch.zeros_like(x)

    @torch.compile
    def whole(x: torch.Tensor, m: torch.Tensor, v: torch.Tensor) -> None:
        graves(x, m, v, torch.func.grad(loss)(x))

    def eager() -> None:
        leaf = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(leaf), [leaf])
        graves(x, m, v, gradient)

    return Contestant(calls((lambda: whole(x, m, v)) if compiled else eager), lambda: arrays([x]))


def trained(loss: Callable[[], torch.Tensor], rule: torch.optim.Optimizer) -> Callable[[], torch.Tensor]:
    """A step as everybody writes it."""

    def step() -> torch.Tensor:
        rule.zero_grad()
        value = loss()
        value.backward()
        rule.step()
        return value.detach()

    return step


def factorization(compiled: bool, rows: int) -> Contestant:
    given = data.factorization(rows)
    x, u, v = torch.tensor(given.x), parameter(given.u), parameter(given.v)

    def loss(x: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return torch.square(u @ v - x).mean()

    chosen = torch.compile(loss) if compiled else loss
    rule = torch.optim.SGD([u, v], given.rate, momentum=MOMENTUM, fused=True)
    return Contestant(calls(trained(lambda: chosen(x, u, v), rule)), lambda: arrays([u, v]))


def network(name: str, compiled: bool, rows: int) -> Contestant:
    """A step is an epoch."""
    given = data.logistic(rows) if name == "logistic" else data.network(rows)
    batches = list(zip(torch.tensor(given.x).split(BATCH), torch.tensor(given.labels).split(BATCH), strict=True))
    parameters = [parameter(p) for p in given.parameters]
    rule = torch.optim.Adam(parameters, given.rate, (B1, B2), EPSILON, fused=True)

    def loss(x: torch.Tensor, labels: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        for weights, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            x = torch.tanh(torch.addmm(bias, x, weights))
        return functional.cross_entropy(torch.addmm(parameters[-1], x, parameters[-2]), labels)

    chosen = torch.compile(loss, dynamic=False) if compiled else loss
    mean = torch.zeros(())

    def epoch() -> None:
        total = torch.zeros(())
        for x, labels in batches:
            rule.zero_grad()
            value = chosen(x, labels, *parameters)
            value.backward()
            rule.step()
            total += value.detach() * len(labels)
        mean.copy_(total / rows)

    return Contestant(calls(epoch), lambda: arrays([mean, *parameters]))


def curve(compiled: bool, rows: int) -> Contestant:
    points = data.curve(rows)
    x, y = torch.tensor(points.x), torch.tensor(points.y)
    numbers = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in points.start]

    def loss(x: torch.Tensor, y: torch.Tensor, *numbers: torch.Tensor) -> torch.Tensor:
        a, b, c, d, e = numbers
        return torch.square(a * torch.exp(-b * x) * torch.cos(c * x + d) + e - y).mean()

    chosen: Any = torch.compile(loss) if compiled else loss
    rule = torch.optim.Adam(numbers, RATE, (B1, B2), EPSILON, fused=True)
    return Contestant(calls(trained(lambda: chosen(x, y, *numbers), rule)), lambda: arrays(numbers))
