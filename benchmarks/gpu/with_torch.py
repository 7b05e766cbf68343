"""Peers in torch on the GPU: eager with fused optimizers, and torch.compile."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks import data
from benchmarks.data import B1, B2, BATCH, EPSILON, GAMMA, RATE
from benchmarks.gpu import given, timing
from benchmarks.gpu.contestant import Contestant
from benchmarks.gpu.works import COMPILED

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.set_float32_matmul_precision("highest")

DEVICE = "cuda"
clock = timing.by_events(lambda: torch.cuda.Event(enable_timing=True), lambda begin, end: begin.elapsed_time(end))


def make(name: str, kind: str, size: int, tensors: bool) -> Contestant:
    """The contestant called ``name`` at a work."""
    if kind.startswith("update_"):
        rule = kind.removeprefix("update_")
        return (compiled_update if name == COMPILED else update)(rule, size, tensors)
    return {"network": network, "curve": curve}[kind](name == COMPILED, size)


def forget() -> None:
    """Give memory of the device back."""
    torch.compiler.reset()
    torch.cuda.empty_cache()


def facts() -> dict[str, str]:
    """Its versions."""
    return {"torch": torch.__version__, "CUDA of torch": str(torch.version.cuda)}


def sent(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array, device=DEVICE)


def sampled(tensors: list[torch.Tensor]) -> Callable[[], list[list[float]]]:
    return lambda: [given.sample(tensor.detach().cpu().numpy()) for tensor in tensors]


def times(step: Callable[[], object]) -> Callable[[int], None]:
    def run(steps: int) -> None:
        for _ in range(steps):
            step()

    return run


def optimizer(rule: str, params: list[torch.Tensor]) -> tuple[torch.optim.Optimizer, str]:
    """The fused optimizer; where torch has none for this device, the one over lists of tensors."""
    if rule == "adam":
        return torch.optim.Adam(params, RATE, (B1, B2), EPSILON, fused=True), "fused"
    if rule == "rmsprop":
        return torch.optim.RMSprop(params, RATE, GAMMA, EPSILON, centered=True, foreach=True), "foreach"
    way = "fused" if has_fused_adagrad() else "foreach"
    return torch.optim.Adagrad(params, RATE, eps=EPSILON, **{way: True}), way


def has_fused_adagrad() -> bool:
    """Whether this torch has it for the device: some say so, and fail at the first step."""
    one = torch.zeros(8, device=DEVICE, requires_grad=True)
    one.grad = torch.ones_like(one)
    try:
        torch.optim.Adagrad([one], RATE, fused=True).step()
    except (RuntimeError, NotImplementedError):
        return False
    return True


def update(rule: str, size: int, tensors: bool) -> Contestant:
    params = []
    for start, gradient in given.update(size, tensors):
        params.append(sent(start).requires_grad_())
        params[-1].grad = sent(gradient)
    chosen, way = optimizer(rule, params)
    return Contestant(times(chosen.step), sampled(params), way=way, centred_by_difference=rule == "rmsprop")


def adam(p: Any, g: Any, m: Any, v: Any, t: Any) -> None:
    m.lerp_(g, 1 - B1)
    v.mul_(B2).addcmul_(g, g, value=1 - B2)
    p.sub_(RATE / (1 - B1**t) * m / (torch.sqrt(v / (1 - B2**t)) + EPSILON))


def rmsprop(p: Any, g: Any, m: Any, v: Any, t: Any) -> None:
    """Graves' own; torch.optim takes the variance as a difference that can be negative."""
    distance = g - m
    gain = (1 - GAMMA) * distance
    m.add_(gain)
    v.add_(gain * distance).mul_(GAMMA)
    p.sub_(RATE * g / torch.sqrt(v + EPSILON))


def adagrad(p: Any, g: Any, m: Any, v: Any, t: Any) -> None:
    v.addcmul_(g, g)
    p.sub_(RATE * g / (torch.sqrt(v) + EPSILON))


def compiled_update(rule: str, size: int, tensors: bool) -> Contestant:
    """The formula over all tensors, compiled; for small ones by CUDA graphs."""
    formula = {"adam": adam, "rmsprop": rmsprop, "adagrad": adagrad}[rule]
    sets = []
    for start, gradient in given.update(size, tensors):
        p = sent(start)
        sets.append((p, sent(gradient), torch.zeros_like(p), torch.zeros_like(p)))
    count = torch.zeros((), device=DEVICE)
    for tensor in (count, *itertools.chain(*sets)):
        torch._dynamo.mark_static_address(tensor)  # else a graph copies what it is given, or there is none

    def step() -> None:
        count.add_(1)
        for one in sets:
            formula(*one, count)

    mode = "default" if tensors else "reduce-overhead"
    return Contestant(times(torch.compile(step, mode=mode)), sampled([one[0] for one in sets]), way=mode)


def network(compiled: bool, rows: int) -> Contestant:
    start = data.network(rows)
    batches = list(zip(sent(start.x).split(BATCH), sent(start.labels).split(BATCH), strict=True))
    params = [sent(p).requires_grad_() for p in start.parameters]
    rule = torch.optim.Adam(params, start.rate, (B1, B2), EPSILON, fused=True)

    def loss(x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        for weights, bias in zip(params[:-2:2], params[1:-2:2], strict=True):
            x = torch.tanh(torch.addmm(bias, x, weights))
        return functional.cross_entropy(torch.addmm(params[-1], x, params[-2]), labels)

    chosen: Any = torch.compile(loss, dynamic=False) if compiled else loss
    turns = itertools.cycle(batches)

    def step() -> None:
        rule.zero_grad()
        chosen(*next(turns)).backward()
        rule.step()

    return Contestant(times(step), sampled(params), way="fused Adam")


def curve(compiled: bool, rows: int) -> Contestant:
    x_values, y_values, start = given.curve(rows)
    x, y = sent(x_values), sent(y_values)
    params = [torch.tensor(value, dtype=torch.float32, device=DEVICE, requires_grad=True) for value in start]
    rule = torch.optim.Adam(params, given.CURVE_RATE, (B1, B2), EPSILON, fused=True)

    def loss(a: Any, b: Any, c: Any, d: Any, e: Any) -> torch.Tensor:
        return torch.square(a * torch.exp(-b * x) * torch.cos(c * x + d) + e - y).mean()

    chosen: Any = torch.compile(loss) if compiled else loss

    def step() -> None:
        rule.zero_grad()
        chosen(*params).backward()
        rule.step()

    return Contestant(times(step), sampled(params), way="fused Adam")
