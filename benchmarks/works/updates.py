"""Adam's and RMSProp's updates alone, with gradients that come from outside, on float32 vectors."""

from __future__ import annotations

import functools

import numpy as np

from benchmarks.contest import OURS, Contestant, SteadyWork, Target
from benchmarks.works import update_c, update_numpy
from benchmarks.works.update_data import B1, B2, EPSILON, GAMMA, RATE, vectors


def symopt_adam(n: int) -> Contestant:
    import symopt as so

    start = vectors(n)
    g = so.input("g", shape=(n,), dtype="float32")
    p, m, v = so.parameter(start.p, name="p"), so.state(start.m, name="m"), so.state(start.v, name="v")
    t = so.state(np.zeros(()), name="t")
    t_next = t + 1.0
    c1 = (RATE / (1 - B1**t_next)).astype("float32")
    c2 = (1 / so.sqrt(1 - B2**t_next)).astype("float32")
    m_next = B1 * m + (1 - B1) * g
    v_next = B2 * v + (1 - B2) * so.square(g)
    p_next = p - c1 * m_next / (c2 * so.sqrt(v_next) + EPSILON)
    step = so.function([g], [], updates=[(m, m_next), (v, v_next), (p, p_next), (t, t_next)], backend="numexpr")
    steps = tuple(functools.partial(step, gradient) for gradient in start.gradients)
    return Contestant(steps, lambda: [p.value, m.value, v.value])


def symopt_rmsprop(n: int) -> Contestant:
    import symopt as so

    start = vectors(n)
    g = so.input("g", shape=(n,), dtype="float32")
    p, m, v = so.parameter(start.p, name="p"), so.state(start.m, name="m"), so.state(start.v, name="v")
    v_next = GAMMA * (v + (1 - GAMMA) * so.square(g - m))
    m_next = GAMMA * m + (1 - GAMMA) * g
    p_next = p - RATE * g / so.sqrt(v_next + EPSILON)
    step = so.function([g], [], updates=[(v, v_next), (m, m_next), (p, p_next)], backend="numexpr")
    steps = tuple(functools.partial(step, gradient) for gradient in start.gradients)
    return Contestant(steps, lambda: [p.value, m.value, v.value])


def targets(n: int) -> tuple[Target, ...]:
    fused = {1_000_000: 10.0, 10_000_000: 3.0}.get(n)
    return Target(1.1, ("numexpr", "numexpr x2", "ufuncs")), Target(fused, ("C",))


SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)

WORKS = (
    SteadyWork(
        name="update_adam",
        sizes=SIZES,
        contestants={
            OURS: symopt_adam,
            "numexpr": update_numpy.numexpr_adam(1),
            "numexpr x2": update_numpy.numexpr_adam(2),
            "ufuncs": update_numpy.ufuncs_adam,
            "C": update_c.adam,
        },
        targets=targets,
    ),
    SteadyWork(
        name="update_rmsprop",
        sizes=SIZES,
        contestants={
            OURS: symopt_rmsprop,
            "numexpr": update_numpy.numexpr_rmsprop(1),
            "numexpr x2": update_numpy.numexpr_rmsprop(2),
            "ufuncs": update_numpy.ufuncs_rmsprop,
            "C": update_c.rmsprop,
        },
        targets=targets,
    ),
)
