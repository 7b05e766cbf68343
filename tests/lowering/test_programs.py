"""Programs: what is fused, what is stored in place, what shares memory, and a verifier that sees what is wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import symopt as so
from symopt.graph.dimensions import product
from symopt.lowering import Library, Loop, lower
from symopt.lowering.explain import explain


def parameter(shape, name):
    return so.parameter(np.ones(shape), name=name)


def in_place(program):
    return {buffer.name for kernel in program.kernels for _, buffer in kernel.writes if buffer.role == "shared"}


def test_one_parameters_whole_update_is_one_kernel():
    w = parameter((4, 3), "w")
    g = so.input("g", (4, 3))
    updates = so.RMSProp(momentum=0.9).get_updates((w * g).sum())
    loops = [k for k in lower([g], [], updates).kernels if isinstance(k, Loop) and k.domain == (4, 3)]
    assert len(loops) == 1
    assert {buffer.name for _, buffer in loops[0].stores} == {"w", "w_mean", "w_variance", "w_velocity"}


def test_an_update_is_stored_in_place_where_it_is_read_at_its_own_place():
    w = parameter(3, "w")
    program = lower([], [], [(w, w * 2)])
    assert in_place(program) == {"w"}
    assert not program.copies


@pytest.mark.parametrize(
    "new",
    [lambda w: w[::-1] + 1, lambda w: w - so.cumsum(w), lambda w: w + w[[2, 0, 1]]],
    ids=["flip", "cumsum", "take"],
)
def test_an_update_that_reads_other_places_never_overwrites_what_it_still_reads(new):
    w = parameter(3, "w")
    w.value = np.array([1.0, 2.0, 4.0])
    expected = new(w).eval()
    so.function([], [], updates=[(w, new(w))], backend="numexpr")()
    assert w.value.tolist() == expected.tolist()


def test_variables_that_change_places_do_so_at_once():
    a, b = parameter(3, "a"), parameter(3, "b")
    b.value = np.full(3, 5.0)
    so.function([], [], updates=[(a, b), (b, a)], backend="numexpr")()
    assert a.value.tolist() == [5.0] * 3
    assert b.value.tolist() == [1.0] * 3


def test_variables_in_a_cycle_through_different_shapes_are_copied_last():
    u, s = parameter(3, "u"), parameter((), "s")
    program = lower([], [], [(u, u * s), (s, s + u.sum())])
    assert len(in_place(program)) + len(program.copies) == 2
    so.function([], [], updates=[(u, u * s), (s, s + u.sum())], backend="numexpr")()
    assert u.value.tolist() == [1.0] * 3
    assert s.value == 4.0


def test_rosenbrock_needs_few_kernels():
    u = parameter(100, "u")
    loss = (100 * (u[1:] - u[:-1] ** 2) ** 2 + (1 - u[:-1]) ** 2).sum()
    program = lower([], [loss], so.SGD().get_updates(loss))
    assert len([k for k in program.kernels if k.writes[0][1].shape != ()]) == 2
    assert "u" in in_place(program)


def test_equal_sizes_without_a_name_are_one_space():
    x, y = so.vector("x"), so.vector("y")
    loops = [k for k in lower([x, y], [(so.exp(x) * y).sum()], []).kernels if isinstance(k, Loop)]
    assert len(loops) == 1


def test_a_stack_of_layers_shares_few_temporaries():
    x = so.input("x", ("n", 8))
    h = x
    for i in range(30):
        h = so.tanh(h @ parameter((8, 8), f"w{i}"))
    program = lower([x], [h.sum()], [])
    assert len({buffer.slot for buffer in program.temporaries()}) <= 4


def test_temporaries_that_share_memory_have_one_size_and_dtype():
    x = so.input("x", ("n", 8), "float32")
    w = so.parameter(np.ones((8, 8), "float32"), name="w")
    loss = so.cross_entropy(so.tanh(x @ w), so.input("y", ("n",), "int64")).mean()
    program = lower([], [loss, *so.gradient(loss, [w])], [])
    slots = {}
    for buffer in program.temporaries():
        slots.setdefault(buffer.slot, set()).add((buffer.dtype, product(buffer.shape)))
    assert all(len(kinds) == 1 for kinds in slots.values())
    assert len(slots) < len(program.temporaries())


@pytest.mark.parametrize(
    "spec", ["ij,jk->ik", "ij,kj->ki", "ijk,ikl->ijl", "ij,ij->i", "ijk,jl->lki", "i,j->ji", "ij,ij->"]
)
def test_any_product_becomes_one_that_backends_know(spec):
    sizes = {"i": 2, "j": 3, "k": 4, "l": 5}
    left, right = ([sizes[c] for c in term] for term in spec.split("->")[0].split(","))
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(left), rng.standard_normal(right)
    x, y = so.input("x", left), so.input("y", right)
    f = so.function([x, y], so.einsum(spec, x, y), backend="numexpr")
    np.testing.assert_allclose(f(a, b), np.einsum(spec, a, b), rtol=1e-12)


def corrupted(program, **changes):
    return dataclasses.replace(program, **changes)


def example():
    x, w = so.input("x", ("n", 3)), parameter((3, 3), "w")
    loss = so.square(so.tanh(x @ w) @ w).mean()
    return lower([x], [loss], so.SGD().get_updates(loss))


def test_a_sound_program_passes():
    example().verify()


@pytest.mark.parametrize("swap", range(3))
def test_kernels_in_the_wrong_order_are_caught(swap):
    program = example()
    kernels = list(program.kernels)
    products = [i for i, kernel in enumerate(kernels) if isinstance(kernel, Library)]
    i = products[swap]
    kernels.append(kernels.pop(i))
    with pytest.raises(so.ShapeError, match="a defect of symopt"):
        corrupted(program, kernels=tuple(kernels)).verify()


def test_a_missing_kernel_is_caught():
    program = example()
    with pytest.raises(so.ShapeError, match="a defect of symopt"):
        corrupted(program, kernels=program.kernels[1:]).verify()


def test_memory_that_is_taken_over_too_early_is_caught():
    program = example()
    clash = [k for k in program.kernels if isinstance(k, Library)]
    first, second = clash[0], clash[1]
    stolen = dataclasses.replace(second.buffer, slot=first.buffer.slot)
    kernels = tuple(dataclasses.replace(k, buffer=stolen) if k is second else k for k in program.kernels)
    with pytest.raises(so.ShapeError, match="a defect of symopt"):
        corrupted(program, kernels=kernels, buffers={**program.buffers, second.node: stolen}).verify()


def test_explanation_has_formulas_in_the_sizes():
    text = explain(example())
    assert "Contract ab,bc->ac, (n, 3)" in text
    assert "bytes moved" in text
    assert "*n" in text
    assert "in place: w" in text
