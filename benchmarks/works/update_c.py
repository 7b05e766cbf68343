"""The two updates by hand in C: one fused loop, on two threads from 32 768 elements."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

import numpy as np

from benchmarks.arrays import aligned
from benchmarks.contest import Contestant
from benchmarks.works import hand_c
from benchmarks.works.update_data import B1, B2, EPSILON, GAMMA, RATE, Vectors, vectors

C_SOURCE = """
#include <math.h>
#include <omp.h>

static void span(long low, long high, float *restrict p, const float *restrict g, float *restrict m,
                 float *restrict v, float c1, float c2)
{
    for (long i = low; i < high; i++) {
        BODY
    }
}

void step(void **a, long n)
{
    double t = *(double *)a[4] += 1;
    float c1 = (float)(FIRST), c2 = (float)(SECOND);
    if (n < 32768) {
        span(0, n, a[0], a[1], a[2], a[3], c1, c2);
        return;
    }
    #pragma omp parallel num_threads(2)
    {
        long me = omp_get_thread_num(), of = omp_get_num_threads();
        span(n * me / of, n * (me + 1) / of, a[0], a[1], a[2], a[3], c1, c2);
    }
}
"""
C_ADAM = """
        m[i] = (float)B1 * m[i] + (float)(1 - B1) * g[i];
        v[i] = (float)B2 * v[i] + (float)(1 - B2) * (g[i] * g[i]);
        p[i] -= c1 * m[i] / (c2 * sqrtf(v[i]) + (float)EPSILON);
"""
C_RMSPROP = """
        float d = g[i] - m[i];
        float w = (float)GAMMA * (v[i] + (float)(1 - GAMMA) * d * d);
        v[i] = w;
        m[i] = (float)GAMMA * m[i] + (float)(1 - GAMMA) * g[i];
        p[i] -= (float)RATE * g[i] / sqrtf(w + (float)EPSILON);
"""


def c_update(body: str, c1: str, c2: str) -> Callable[[int], Contestant]:
    def make(n: int) -> Contestant:
        numbers = {"B1": B1, "B2": B2, "GAMMA": GAMMA, "RATE": RATE, "EPSILON": EPSILON}
        defines = "".join(f"#define {name} {value!r}\n" for name, value in numbers.items())
        source = C_SOURCE.replace("BODY", body).replace("FIRST", c1).replace("SECOND", c2)
        library = hand_c.load(defines + source)
        start = vectors(n)
        state = Vectors(*(on_cache_lines(x) for x in start[:3]), [on_cache_lines(g) for g in start.gradients])
        t = np.zeros(())
        tables = [hand_c.pointers([state.p, g, state.m, state.v, t]) for g in state.gradients]
        steps = tuple(functools.partial(library.step, table, ctypes.c_long(n)) for table in tables)
        return Contestant(steps, lambda: [state.p, state.m, state.v])

    return make


def on_cache_lines(array: np.ndarray) -> np.ndarray:
    copy = aligned(array.size, array.dtype)
    copy[:] = array
    return copy


adam = c_update(C_ADAM, "RATE / (1 - pow(B1, t))", "1 / sqrt(1 - pow(B2, t))")
rmsprop = c_update(C_RMSPROP, "0", "0")
