"""Random tensors: how they are distributed, and what they depend on."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

import symopt.tensor as so
from symopt.errors import DTypeError, ShapeError
from symopt.graph.evaluate import evaluate

COUNT = 20_000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_numbers_are_uniform_in_the_open_interval(dtype):
    drawn = so.random.uniform((COUNT,), seed=1, dtype=dtype).eval()
    assert drawn.dtype == dtype
    assert 0 < drawn.min() < 1e-3
    assert 1 - 1e-3 < drawn.max() < 1
    assert scipy.stats.kstest(drawn, "uniform").pvalue > 1e-3
    shifted = so.random.uniform((COUNT,), seed=1, low=-2, high=3, dtype=dtype).eval()
    assert shifted.dtype == dtype
    assert scipy.stats.kstest(shifted, "uniform", (-2, 5)).pvalue > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_numbers_are_normal(dtype):
    drawn = so.random.normal((COUNT,), seed=2, dtype=dtype).eval()
    assert drawn.dtype == dtype
    assert np.isfinite(drawn).all()
    assert scipy.stats.kstest(drawn, "norm").pvalue > 1e-3
    shifted = so.random.normal((COUNT,), seed=2, mean=5, std=0.5, dtype=dtype).eval()
    assert abs(shifted.mean() - 5) < 0.02
    assert abs(shifted.std() - 0.5) < 0.02


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("dtype", ["float32", "bool", "int8"])
def test_bernoulli_numbers_are_one_with_probability_p(p, dtype):
    drawn = so.random.bernoulli((COUNT,), seed=3, p=p, dtype=dtype).eval()
    assert drawn.dtype == dtype
    assert set(drawn.tolist()) <= {0, 1}
    assert abs(drawn.mean() - p) < 0.02


def test_two_draws_are_independent_even_with_one_seed():
    x, y = so.random.normal((COUNT,), seed=4), so.random.normal((COUNT,), seed=4)
    first, second = evaluate([x, y], {})
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.03


def test_draws_depend_on_seed_place_and_iteration_alone():
    def draw(seed, iteration, before=0):
        node = so.random.uniform((5,), seed=seed)
        return evaluate([*(so.random.uniform((2,)) for _ in range(before)), node], {}, iteration)[-1].tolist()

    assert draw(1, 0) == draw(1, 0)
    cases = [(1, 0), (2, 0), (1, 1), (2**40 + 1, 0), (-1, 0), (1, 0, 1), (1, 0, 2)]
    assert len({tuple(draw(*case)) for case in cases}) == len(cases)


def test_a_longer_draw_begins_as_a_shorter_one():
    for dtype in ("float32", "float64"):
        short = so.random.uniform((7,), seed=5, dtype=dtype).eval()
        assert so.random.uniform((3, 5), seed=5, dtype=dtype).eval().ravel()[:7].tolist() == short.tolist()


def test_the_shape_may_hold_run_time_sizes():
    x = so.input("x", ("n", 3))
    drawn = so.random.normal((x.shape[0], 3)) + x
    assert drawn.shape == x.shape
    assert drawn.eval({x: np.zeros((4, 3))}).shape == (4, 3)
    assert so.random.uniform("n").eval({x: np.zeros((4, 3))}).shape == (4,)
    assert so.random.uniform().eval().shape == ()
    assert so.random.uniform((0,)).eval().shape == (0,)


def test_random_parameters_may_be_tensors():
    p = so.parameter(np.array([0.0, 1.0]), name="p")
    assert so.random.bernoulli((2,), p=p).eval().tolist() == [0, 1]
    assert so.random.normal((2,), mean=p, std=0.0).eval().tolist() == [0, 1]
    assert so.random.uniform((2,), low=p, high=p).eval().tolist() == [0, 1]


@pytest.mark.parametrize("draw", [so.random.uniform, so.random.normal])
def test_what_cannot_be_drawn_is_an_error(draw):
    with pytest.raises(DTypeError, match="draw floats and cast them"):
        draw((3,), dtype="int64")
    with pytest.raises(DTypeError, match="a seed is an int"):
        draw((3,), seed=1.5)
    with pytest.raises(ShapeError, match="int >= 0"):
        draw((-3,))
