"""Compiled functions: what they compute, what they check, and what they leave alone."""

from __future__ import annotations

import pickle
import sys
import threading
import tracemalloc

import numpy as np
import pytest

import symopt as so
from symopt.backends.numexpr.build import NumexprBackend

BACKENDS = [name for name, record in so.backends().items() if record.available]
everywhere = pytest.mark.parametrize("backend", BACKENDS)


@everywhere
def test_outputs_and_updates_read_the_old_values(backend):
    a, b = so.parameter(1.0, name="a"), so.parameter(2.0, name="b")
    f = so.function([], [a + b, a], updates=[(a, b), (b, a + b)], backend=backend)
    assert [float(value) for value in f()] == [3.0, 1.0]
    assert (a.value, b.value) == (2.0, 3.0)
    f()
    assert (a.value, b.value) == (3.0, 5.0)


@everywhere
def test_a_single_output_comes_without_a_list(backend):
    x = so.vector("x")
    assert so.function([x], x * 2, backend=backend)([1, 2]).tolist() == [2.0, 4.0]
    assert [v.tolist() for v in so.function([x], [x * 2], backend=backend)([1, 2])] == [[2.0, 4.0]]


@everywhere
def test_outputs_are_the_callers_own(backend):
    x, u = so.vector("x"), so.parameter([1.0, 2.0], name="u")
    f = so.function([x], [x, u, u * x], backend=backend)
    first = f(np.array([3.0, 4.0]))
    for value in first:
        value[...] = -1
    assert [value.tolist() for value in f(np.array([3.0, 4.0]))] == [[3.0, 4.0], [1.0, 2.0], [3.0, 8.0]]


@everywhere
def test_givens_replace_tensors(backend):
    x, y = so.vector("x"), so.vector("y")
    f = so.function([y], (x + 1).sum(), givens={x: y * 2}, backend=backend)
    assert f([1.0, 2.0]) == 8.0
    g = so.function([], (x + 1).sum(), givens={x: np.array([1.0, 2.0])}, backend=backend)
    assert g() == 5.0


@everywhere
@pytest.mark.parametrize("layout", ["fortran", "strided", "reversed", "read-only", "list", "wider", "int"])
def test_inputs_of_any_layout(backend, layout):
    x = so.input("x", ("n", 3), dtype="float32")
    plain = np.arange(12, dtype="float32").reshape(4, 3)
    given = {
        "fortran": np.asfortranarray(plain),
        "strided": np.repeat(plain, 2, axis=1)[:, ::2],
        "reversed": plain[::-1].copy()[::-1],
        "read-only": plain.copy(),
        "list": plain.tolist(),
        "wider": plain.astype("float64"),
        "int": plain.astype("int64"),
    }[layout]
    if layout == "read-only":
        given.flags.writeable = False
    f = so.function([x], [x.sum(0), x * 2], backend=backend)
    for _ in range(2):
        sums, twice = f(given)
        assert sums.tolist() == plain.sum(0).tolist()
        assert twice.tolist() == (plain * 2).tolist()
    assert np.asarray(given).tolist() == plain.tolist()


@everywhere
def test_wrong_inputs_are_refused_before_anything_has_moved(backend):
    x, y = so.input("x", ("n", 2)), so.input("y", ("n",))
    w = so.parameter(np.zeros(2), name="w")
    f = so.function([x, y], [], updates=[(w, w + (x * y[:, None]).sum(0))], backend=backend)
    good = (np.ones((3, 2)), np.ones(3))
    for bad, message in [
        ((good[0],), r"expected 2 arrays \(x, y\), was given 1"),
        ((good[0], np.ones(4)), r"input 'y'.*length 4, expected 3, as in input 'x'"),
        ((np.ones((3, 3)), good[1]), r"input 'x'.*axis 1 has length 3, expected 2"),
        ((np.ones(3), good[1]), r"input 'x' has 2 dimensions"),
        ((good[0] * 1j, good[1]), r"input 'x' has dtype float64; it was given complex128"),
    ]:
        with pytest.raises(so.DataError, match=message):
            f(*bad)
    assert w.value.tolist() == [0.0, 0.0]
    f(*good)
    with pytest.raises(so.DataError):
        f(good[0], np.ones(4))
    assert w.value.tolist() == [3.0, 3.0]


@everywhere
def test_sizes_without_a_name_that_must_agree_are_checked_at_each_size(backend):
    x, y = so.vector("x"), so.vector("y")
    f = so.function([x, y], (x * y).sum(), backend=backend)
    assert f(np.ones(3), np.ones(3)) == 3.0
    with pytest.raises(so.DataError):
        f(np.ones(3), np.ones(4))
    assert f(np.ones(5), np.ones(5)) == 5.0


@everywhere
def test_an_index_out_of_range_is_an_error(backend):
    x, i = so.vector("x"), so.input("i", ("k",), "int64")
    f = so.function([x, i], so.take(x, i), backend=backend)
    assert f(np.arange(3.0), np.array([2, -3])).tolist() == [2.0, 0.0]
    with pytest.raises(so.DataError, match="index 3 is out of range"):
        f(np.arange(3.0), np.array([3, 0]))


@everywhere
def test_epoch_is_a_loop_over_batches_with_lengths_as_weights(backend):
    x = so.input("x", ("n",))
    seen = so.state(0.0, name="seen")
    f = so.function([x], [x.mean(), x.max()], updates=[(seen, seen + 1)], backend=backend)
    data = np.arange(10.0)
    mean, largest = f.epoch([data], batch_size=4)
    assert mean == pytest.approx(data.mean())
    assert largest == pytest.approx((4 * 3 + 4 * 7 + 2 * 9) / 10)
    assert seen.value == 3
    order = np.array([9, 0, 5])
    assert f.epoch([data], batch_size=2, order=order)[0] == pytest.approx(data[order].mean())
    assert f.epoch([data], batch_size=0)[1] == 9


@everywhere
def test_repeat_gives_the_outputs_of_the_last_step(backend):
    n = so.state(1.0, name="n")
    f = so.function([], n, updates=[(n, n * 2)], backend=backend)
    assert f.repeat(5) == 16.0
    assert n.value == 32.0
    with pytest.raises(so.DataError):
        f.repeat(0)


def test_random_numbers_are_new_at_each_call_and_the_same_in_every_backend():
    def draws(backend):
        f = so.function([], [so.random.normal((4,), seed=7), so.random.uniform((4,), seed=7)], backend=backend)
        return [np.concatenate(f()).tolist() for _ in range(3)]

    runs = [draws(backend) for backend in BACKENDS]
    np.testing.assert_allclose(runs[0], runs[-1], rtol=1e-12)
    assert len({tuple(run) for run in runs[0]}) == 3


def test_check_nan_names_the_first_node_its_formula_and_the_range_of_its_operands():
    x = so.vector("x")
    w = so.parameter(1.0, name="w")
    bad = so.log(w * x - 3)  # the line that is named
    f = so.function([x], [so.exp(bad).sum()], updates=[(w, w * 2)], check="nan")
    assert f([4.0, 5.0])[0] == pytest.approx(3.0)
    assert w.value == 2.0
    with pytest.raises(so.NumericalError, match=r"log\(w \* x - 3\)") as caught:
        f([1.0, 5.0])
    assert "in [-1, 7]" in str(caught.value)
    assert f"{__file__}:" in str(caught.value)
    assert w.value == 2.0
    with pytest.raises(so.Unsupported):
        so.function([x], x, check="infinity")


def test_the_message_about_a_nan_stays_short_where_the_formula_would_be_enormous():
    y = so.parameter(3.0, name="y")
    z = y
    for _ in range(40):
        z = z * z - z
    with pytest.raises(so.NumericalError) as caught:
        so.function([], z, check="nan")()
    assert "..." in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_functions_pickle_as_graph_and_options():
    x = so.input("x", ("n",))
    u = so.parameter([1.0, 2.0], name="u")
    f = so.function([x], (u * 2).sum() * x, updates=[(u, u + 1)])
    f([1.0])
    g = pickle.loads(pickle.dumps(f))
    assert g([1.0]).tolist() == [10.0]
    assert g([1.0]).tolist() == [14.0]
    assert u.value.tolist() == [2.0, 3.0]


def test_functions_of_deep_graphs_pickle():
    y = so.parameter(0.5, name="y")
    z = y
    for _ in range(3_000):
        z = so.sin(z)
    g = pickle.loads(pickle.dumps(so.function([], z)))
    assert g() == pytest.approx(float(so.function([], z)()))


def test_calls_from_many_threads_run_one_at_a_time():
    total = so.state(np.zeros(200_000), name="total")
    f = so.function([], [], updates=[(total, total + 1)])
    threads = [threading.Thread(target=lambda: [f() for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (total.value == 80).all()


def test_a_second_call_does_not_compile_and_a_new_size_only_prepares(monkeypatch):
    built = []
    build = NumexprBackend.build
    monkeypatch.setattr(NumexprBackend, "build", lambda self, *a: built.append(build(self, *a)) or built[-1])
    x = so.input("x", ("n",))
    f = so.function([x], so.exp(x).sum(), backend="numexpr")
    for n in (4, 4, 3, 3, 4):
        f(np.ones(n))
    (runner,) = built
    assert len(runner._steps) == 2


def network(dtype="float32"):
    rng = np.random.default_rng(0)
    x, y = so.input("x", ("n", 64), dtype), so.input("y", ("n",), "int64")
    w = so.parameter(rng.standard_normal((64, 32)).astype(dtype) / 8, name="w")
    b = so.parameter(np.zeros(32, dtype), name="b")
    v = so.parameter(rng.standard_normal((32, 10)).astype(dtype) / 8, name="v")
    loss = so.cross_entropy(so.tanh(x @ w + b) @ v, y).mean()
    updates = so.RMSProp(learning_rate=1e-3).get_updates(loss)
    step = so.function([x, y], [loss], updates=updates, backend="numexpr")
    return step, (rng.standard_normal((32, 64)).astype(dtype), rng.integers(0, 10, 32))


def rosenbrock():
    u = so.parameter([-1.2, 1.0], name="u")
    loss = (100 * (u[1:] - u[:-1] ** 2) ** 2 + (1 - u[:-1]) ** 2).sum()
    return so.function([], [loss], updates=so.RMSProp().get_updates(loss), backend="numexpr"), ()


def largest_line(step, data):
    """The most that any one line of the generated step has allocated while it ran, in bytes."""
    worst, before = 0, None

    def line(frame, event, argument):
        nonlocal worst, before
        if before is not None:
            worst = max(worst, tracemalloc.get_traced_memory()[1] - before)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        return line

    def call(frame, event, argument):
        return line if frame.f_code.co_filename.startswith("<symopt") else None

    tracemalloc.start()
    previous = sys.gettrace()
    try:
        for _ in range(3):
            before = None
            sys.settrace(call)
            step(*data)
            sys.settrace(previous)
    finally:
        sys.settrace(previous)
        tracemalloc.stop()
    return worst


@pytest.mark.parametrize("make", [network, rosenbrock])
def test_no_line_of_a_step_allocates_more_than_a_kilobyte(make):
    step, data = make()
    for _ in range(5):
        step(*data)
    assert 0 < largest_line(step, data) <= 1024


@pytest.mark.parametrize(
    ("updates", "message"),
    [
        (lambda u, x: [(u, u + 1), (u, u - 1)], "updated twice"),
        (lambda u, x: [(x, x + 1)], "only parameters and states are updated"),
        (lambda u, x: [(u, x)], "cannot take the new value"),
        (lambda u, x: [(u, so.constant(np.zeros(3)))], "cannot be broadcast"),
    ],
)
def test_updates_that_make_no_sense_are_refused(updates, message):
    u, x = so.parameter(np.zeros(2), name="u"), so.matrix("x")
    with pytest.raises(so.SymoptError, match=message):
        so.function([x], [], updates=updates(u, x))


def test_an_input_that_is_not_listed_is_named():
    x, y = so.vector("x"), so.vector("y")
    with pytest.raises(so.DataError, match="not in the list: y"):
        so.function([x], x.sum() + y.sum())


def test_an_unknown_backend_is_refused_with_those_that_there_are():
    with pytest.raises(so.Unsupported, match="there is no backend 'fortran': use one of auto, c, numexpr"):
        so.function([], so.constant(1.0), backend="fortran")
