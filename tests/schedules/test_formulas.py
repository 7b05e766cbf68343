"""Each schedule against its formula in plain Python, how it prints, composes and plots."""

from __future__ import annotations

import math

import numpy as np
import pytest

import symopt as so
from symopt.optimizers.schedules import Schedule
from symopt.optimizers.schedules.base import Sum

S = so.schedules


def cosine(share: float) -> float:
    return (1 + math.cos(math.pi * share)) / 2


def one_cycle(i: int) -> float:
    if i < 6:
        return 0.1 + 0.9 * (1 - cosine(i / 6))
    return 0.025 + 0.975 * cosine(min((i - 6) / 14, 1))


def restarts(i: int) -> float:
    begin, length = 0, 3
    while begin + length <= i:
        begin, length = begin + length, length * 2
    return 0.1 + 0.9 * cosine((i - begin) / length)


def triangle(i: int) -> float:
    cycle, position = divmod(i, 5)
    share = position / 2 if position <= 2 else (5 - position) / 3
    return 0.1 + 0.9 * share * 0.99**i * 0.5**cycle


ROWS = [
    (S.Fixed(0.1), lambda i: 0.1),
    (S.Exp(0.1), lambda i: 0.1 * 0.9**i),
    (S.Exp(0.1, gamma=0.5), lambda i: 0.1 * 0.5**i),
    (S.Inv(0.1), lambda i: 0.1 * (1 + 0.9 * i) ** -0.5),
    (S.Inv(0.1, gamma=0.2, p=2), lambda i: 0.1 * (1 + 0.2 * i) ** -2),
    (S.Step(0.1, 4), lambda i: 0.1 * 0.1 ** (i // 4)),
    (S.Step(0.1, 4, gamma=0.5, floor=0.02), lambda i: max(0.1 * 0.5 ** (i // 4), 0.02)),
    (S.MultiStep(0.1, [3, 7, 12], gamma=0.5), lambda i: 0.1 * 0.5 ** sum(i >= m for m in (3, 7, 12))),
    (S.Piecewise([0.1, 0.3, 0.2], [5, 8]), lambda i: 0.1 if i < 5 else 0.3 if i < 8 else 0.2),
    (S.Piecewise([0.1, 0.3], [5], "linear"), lambda i: 0.1 + 0.2 * min(i / 5, 1)),
    (S.Piecewise([0.1, 0.3], [5], "cosine"), lambda i: 0.1 + 0.2 * (1 - cosine(min(i / 5, 1)))),
    (S.Polynomial(0.1, 10), lambda i: 0.1 * (1 - min(i / 10, 1))),
    (S.Polynomial(0.1, 10, end=0.02, power=3), lambda i: 0.02 + 0.08 * (1 - min(i / 10, 1)) ** 3),
    (S.Cosine(0.1, 10), lambda i: 0.1 * cosine(min(i / 10, 1))),
    (S.Cosine(0.1, 10, 0.01, power=2), lambda i: 0.01 + 0.09 * cosine(min(i / 10, 1)) ** 2),
    (S.Cosine(0.1, 10, periodic=True), lambda i: 0.1 * cosine(i / 10)),
    (S.CosineRestarts(1, 3, growth=2, end=0.1), restarts),
    (S.WarmupCosine(1, 4, 12, 0.2), lambda i: 0.2 + 0.8 * i / 4 if i < 4 else cosine(min((i - 4) / 8, 1))),
    (S.OneCycle(1, 20, divisor=10, final_divisor=4), one_cycle),
    (S.Cyclic(0.1, 1, up=2, down=3, shrink=0.5, gamma=0.99), triangle),
    (S.NadamScheduler(), lambda i: 0.99 * (1 - 0.5 * 0.96 ** (0.004 * i))),
    (S.ReduceOnPlateau(0.1), lambda i: 0.1),
    (S.Exp(0.1) + 0.5, lambda i: 0.1 * 0.9**i + 0.5),
    (2 * S.Exp(0.1) * S.Inv(3), lambda i: 2 * 0.1 * 0.9**i * 3 * (1 + 0.9 * i) ** -0.5),
    (1 + S.Exp(0.1) * 2, lambda i: 1 + 0.2 * 0.9**i),
    (S.sequence([0.3, S.Exp(0.1), S.Inv(2)], [4, 9]), lambda i: 0.3 if i < 4 else late(i)),
    (S.with_warmup(S.Exp(0.1), 5, start=0.02), lambda i: 0.02 + 0.08 * i / 5 if i < 5 else 0.1 * 0.9 ** (i - 5)),
]


def late(i: int) -> float:
    return 0.1 * 0.9 ** (i - 4) if i < 9 else 2 * (1 + 0.9 * (i - 9)) ** -0.5


@pytest.mark.parametrize(("schedule", "formula"), ROWS, ids=[str(row[0]) for row in ROWS])
def test_value_is_that_of_the_formula(schedule, formula):
    for i in range(26):
        assert schedule.at(i) == pytest.approx(formula(i), rel=1e-13, abs=1e-16)


def test_every_schedule_of_the_namespace_is_in_the_table():
    def kinds(schedule):
        nested = [value for value in vars(schedule).values() if isinstance(value, Schedule)]
        return {type(schedule)}.union(*map(kinds, nested))

    tested = set().union(*(kinds(schedule) for schedule, _ in ROWS))
    public = {getattr(S, name) for name in S.__all__ if isinstance(getattr(S, name), type)}
    assert public - tested == {S.Schedule, S.Curve}


def test_schedules_print_as_formulas():
    assert str(S.Exp(0.1)) == "0.1 * 0.9**iteration"
    assert str(S.Exp(0.1, every="epoch") + 0.5) == "0.1 * 0.9**epoch + 0.5"
    assert str(S.Inv(0.1)) == "0.1 * (1 + 0.9 * iteration)**(-0.5)"
    assert str(S.MultiStep(0.1, [3])) == "where(iteration < 3, 0.1, 0.01)"
    assert S.Exp(0.1).latex() == r"0.1 \, 0.9^{\mathrm{iteration}}"
    assert repr(S.Exp(0.1)) == "Exp(every='iteration', rate=0.1, gamma=0.9)"


def test_schedules_print_what_is_known_worked_out():
    assert str(S.Fixed(1.0) * S.Exp(1.0) + 0) == "0.9**iteration"
    assert str(S.WarmupCosine(0.5, 2, 4)) == (
        "where(iteration < 2, 0.5 * iteration / 2, 0.5 * (1 + cos(pi * minimum((iteration - 2) / 2, 1))) / 2)"
    )
    assert str(S.OneCycle(0.5, 10, kind="linear")) == (
        "where(iteration < 3, 0.02 + 0.48 * iteration / 3, "
        "where(iteration < 10, 0.5 + -0.5 * (iteration - 3) / 7, 2e-06))"
    )
    assert str(S.Cyclic(0.1, 0.5, 2, 3)).endswith(", (5 - (iteration - floor(iteration / 5) * 5)) / 3)")
    assert r"\left(\pi \, " in S.Cosine(0.1, 5).latex()


def test_a_sum_counts_epochs_and_iterations_apart():
    schedule = S.Exp(1.0, gamma=0.5) + S.Exp(10.0, gamma=0.1, every="epoch")
    assert schedule.at(3, epoch=1) == 0.125 + 1
    assert schedule.at(1) == 0.5 + 1


def test_numbers_may_be_expressions_in_the_iteration():
    schedule = S.Exp(1 / (so.iteration + 1), gamma=0.5)
    assert schedule.at(3) == 1 / 4 / 8
    assert str(schedule) == "1 / (iteration + 1) * 0.5**iteration"


def test_numbers_may_be_those_of_numpy():
    schedule = np.float64(2) * S.MultiStep(np.float32(0.5), np.array([1, 2]), gamma=np.int64(3))
    assert schedule == 2.0 * S.MultiStep(0.5, [1, 2], gamma=3)
    assert [schedule.at(i) for i in range(3)] == [1, 3, 9]
    assert schedule.node().weak


def test_schedules_are_values():
    assert S.Exp(0.1) == S.Exp(0.1, 0.9)
    assert S.Exp(0.1) != S.Exp(0.1, every="epoch")
    assert hash(S.MultiStep(0.1, [3, 4])) == hash(S.MultiStep(0.1, (3, 4)))
    assert isinstance(S.Exp(0.1) + 1, Sum)


REFUSED = [
    (lambda: S.Exp(0.1, gamma=-1), ValueError, "Exp(gamma=-1): expected a number from 0 to inf"),
    (lambda: S.Exp("0.1"), TypeError, "Exp(rate='0.1'): expected a number"),
    (lambda: S.Exp(True), TypeError, "Exp(rate=True): expected a number"),
    (lambda: S.Exp(so.scalar("x")), TypeError, "an expression in so.iteration and numbers"),
    (lambda: S.Exp(0.1, every="batch"), ValueError, "counts every 'iteration' or every 'epoch'"),
    (lambda: S.Step(0.1, 0), ValueError, "Step(size=0): expected a number from 1e-300"),
    (lambda: S.MultiStep(0.1, [3, 3]), ValueError, "MultiStep(milestones=[3, 3]): expected numbers in ascending order"),
    (lambda: S.MultiStep(0.1, 3), TypeError, "MultiStep(milestones=3): expected a list of numbers"),
    (lambda: S.Piecewise([1, 2], [3, 4]), ValueError, "expected one more than boundaries"),
    (lambda: S.Piecewise([1, 2], [0], "linear"), ValueError, "no way to a value at index 0"),
    (lambda: S.Piecewise([1, 2], [3], "cubic"), ValueError, "expected 'constant', 'linear' or 'cosine'"),
    (lambda: S.CosineRestarts(1, 3, growth=0.5), ValueError, "CosineRestarts(growth=0.5)"),
    (lambda: S.WarmupCosine(1, 5, 5), ValueError, "WarmupCosine(steps=5): expected more than warmup=5"),
    (lambda: S.OneCycle(1, 5, kind="sine"), ValueError, "expected 'linear' or 'cosine'"),
    (lambda: S.ReduceOnPlateau(1, mode="least"), ValueError, "expected 'min' or 'max'"),
    (lambda: S.sequence([1, 2], []), ValueError, "one boundary less"),
    (lambda: S.sequence([], []), ValueError, "one boundary less"),
    (lambda: S.sequence([1, 2, 3], [5, 4]), ValueError, "ascending order"),
    (lambda: S.with_warmup(1, 0), ValueError, "Warmup(steps=0)"),
    (lambda: S.Exp(0.1) + "1", TypeError, "unsupported operand"),
]


@pytest.mark.parametrize(("make", "error", "words"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_makes_no_sense_is_refused(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert words in str(caught.value)


def test_plot_draws_the_first_values():
    from matplotlib import pyplot

    axes = S.Exp(1.0, gamma=0.5).plot(4)
    [drawn] = axes.lines
    assert list(drawn.get_xdata()) == [0, 1, 2, 3]
    assert list(drawn.get_ydata()) == [1, 0.5, 0.25, 0.125]
    assert drawn.get_label() == "0.5**iteration"
    late = so.like_schedule("mxnet_1_9", "FactorScheduler", step=1, factor=0.5, base_lr=1.0).plot(2, axes)
    assert late is axes
    assert [list(axes.lines[1].get_xdata()), list(axes.lines[1].get_ydata())] == [[1, 2], [1, 0.5]]
    pyplot.close(axes.figure)


def test_halving_has_a_halflife():
    assert S.Exp(1.0, gamma=0.5 ** (1 / 7)).at(7) == pytest.approx(0.5)
