"""How random graphs grow: one maker for each way to compose tensors.

A maker adds nodes to a Growth. Between them they reach every kind of node and every operation of the scalar table; a
test checks that they do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import symopt as so
from symopt.graph import construct
from symopt.graph.dimensions import Dim, exact_quotient, product
from symopt.graph.nodes import Node
from symopt.graph.traversal import parameters_of
from symopt.scalar import OPERATIONS
from symopt.scalar.operations import CAST_TARGETS
from tests.backends.random_graphs import KNOWN, LENGTHS, Case, Growth, broadcasts, make_case
from tests.backends.random_updates import random_updates

Maker = Callable[[Growth], None]
MAKERS: dict[str, tuple[int, Maker]] = {}


def maker(weight: int) -> Callable[[Maker], Maker]:
    """File a maker, to be chosen with this weight."""

    def register(function: Maker) -> Maker:
        MAKERS[function.__name__] = (weight, function)
        return function

    return register


def random_case(
    rng: random.Random,
    dtype: str,
    makers: Sequence[str] = (),
    known: tuple[int, ...] = KNOWN,
    max_ndim: int = 3,
    lengths: Sequence[int] = LENGTHS,
) -> Case | None:
    """A random function with calls; None where no sizes satisfy its guards."""
    growth = Growth(rng, dtype, known, max_ndim)
    names = list(makers or MAKERS)
    weights = [MAKERS[name][0] for name in names]
    for _ in range(rng.randint(2, 14)):
        MAKERS[rng.choices(names, weights)[0]][1](growth)
    outputs = rng.sample([*growth.pool, *growth.weak], min(rng.randint(1, 3), len(growth.pool)))
    outputs.append(growth.pool[-1])  # or the last steps would often be for nothing
    return make_case(growth, outputs, random_updates(growth), lengths)


# ----------------------------------------------------------------------------------------------------------- pointwise

_UNARY = [op.name for op in OPERATIONS.values() if op.arity == 1 and op.kind in ("arithmetic", "floating")]
_BINARY = [op.name for op in OPERATIONS.values() if op.arity == 2 and op.kind in ("arithmetic", "floating")]
_COMPARISONS = [op.name for op in OPERATIONS.values() if op.kind == "comparison"]

#: What brings an operand into the domain of an operation.
_INTO_DOMAIN: dict[str, Callable[[Node], Node]] = {
    **dict.fromkeys(["log", "log2", "log10"], lambda x: so.abs(x) + 0.5),
    **dict.fromkeys(["sqrt", "log1p"], so.abs),
    **dict.fromkeys(["arcsin", "arccos"], lambda x: 0.9 * so.tanh(x)),
    **dict.fromkeys(["exp", "expm1", "sinh", "cosh"], lambda x: so.clip(x, -4, 3)),
    "tan": lambda x: so.clip(x, -1, 1),
    "reciprocal": lambda x: so.abs(x) + 0.5,
}


@maker(12)
def unary(g: Growth) -> None:
    name, x = g.rng.choice(_UNARY), g.pick()
    if g.often():
        x = _INTO_DOMAIN.get(name, lambda x: x)(x)
    g.add(construct.elementwise(name, x))


@maker(14)
def binary(g: Growth) -> None:
    name, x = g.rng.choice([*_BINARY, "add", "multiply", "subtract"]), g.pick()
    y = g.partner(x)
    if name == "power":
        x, y = (so.abs(x) + 0.5, y) if g.often() else (x, g.rng.choice([-2, -1, 0, 0.5, 1, 2, 3, 4, 5.0, y]))
    elif name in ("divide", "floor_divide", "remainder") and g.often():
        y = abs(y) + 0.5
    g.add(construct.elementwise(name, *((x, y) if g.often() else (y, x))))


@maker(3)
def of_integers(g: Growth) -> None:
    name, x = (
        g.rng.choice(["add", "subtract", "multiply", "floor_divide", "remainder", "divide", "maximum"]),
        g.pick("i"),
    )
    y = g.partner(x)
    g.add(construct.elementwise(name, x, int(y) if isinstance(y, float) else y))
    g.add(construct.elementwise(g.rng.choice(["negative", "absolute", "sign", "square", "minimum"][:4]), x))


@maker(4)
def casts(g: Growth) -> None:
    x = g.pick("fib")
    if x.dtype.kind == "f":
        whole = so.floor(so.clip(so.where(so.isnan(x), 0, x), -100, 100))  # what else casts to is not defined
        g.add(whole.astype(g.rng.choice(["int64", "int32", "int8"])), so.abs(whole).astype(g.rng.choice(CAST_TARGETS)))
        g.add(x.astype("bool"))
    g.add(x.astype(g.rng.choice(["float32", "float64"])))


@maker(6)
def choices(g: Growth) -> None:
    x = g.pick()
    condition = construct.elementwise(g.rng.choice(_COMPARISONS), x, g.partner(x))
    if g.often(0.3):
        condition = so.logical_or(condition, so.isnan(x)) & so.logical_not(so.isfinite(x))
    y = g.pick(fits=lambda node: broadcasts(node.shape, condition.shape) and broadcasts(node.shape, x.shape))
    if broadcasts(x.shape, condition.shape):
        g.add(so.where(condition, y, x) if g.often() else so.where(condition, x, g.rng.choice([0.0, 1.0, y])))
    g.add(condition)


@maker(4)
def composed(g: Growth) -> None:
    x = g.pick()
    made = [so.relu(x), so.huber(x), so.round(x, 1), so.clip(x, -1, 1), so.sigmoid(x), so.softplus(x)]
    g.add(g.rng.choice(made))


@maker(4)
def formulas_that_have_stable_forms(g: Growth) -> None:
    x = g.pick(min_ndim=1)
    axis = g.rng.randrange(x.ndim)
    total = so.sum(so.exp(x), axis, keepdims=g.often())
    naive = [
        lambda: so.log(total),
        lambda: so.exp(x) / so.sum(so.exp(x), axis, keepdims=True),
        lambda: so.log(so.exp(x) / so.sum(so.exp(x), axis, keepdims=True)),
        lambda: so.log(1 + so.exp(x)),
        lambda: 1 / (1 + so.exp(-x)),
        lambda: so.exp(x) / (1 + so.exp(x)),
        lambda: so.log(1 / (1 + so.exp(-x))),
        lambda: so.log(1 - so.sigmoid(x)),
        lambda: so.exp(x) - 1,
        lambda: so.log(1 + x),
        lambda: (so.exp(x) - so.exp(-x)) / (so.exp(x) + so.exp(-x)),
        lambda: so.log(so.expand_dims(so.sum(so.exp(x), axis), 0)),
    ]
    g.add(g.rng.choice(naive)())


def _size(g: Growth) -> Node:
    """The length of some tensor, or the number of its elements."""
    shape = g.pick(min_ndim=1).shape
    return construct.make_size(g.rng.choice([*shape, product(shape)]))


@maker(4)
def numbers(g: Growth) -> None:
    """Weak numbers: hyperparameters, sizes, and what follows from them."""
    number = g.rng.choice(g.weak) if g.weak and g.often() else None
    if number is None or g.often(0.3):
        value = g.rng.choice([0.1, 0.9, 2.0, 1.0])
        number = construct.make_shared(value, f"h{len(g.weak)}", "hyperparameter")
    if g.often(0.3):
        number = construct.elementwise(g.rng.choice(["reciprocal", "exp", "square", "negative"]), _size(g))
    made = [
        lambda: 1 - number ** _size(g),
        lambda: so.sqrt(abs(number) + 1),
        lambda: construct.elementwise(g.rng.choice(_UNARY), number),
        lambda: construct.elementwise(g.rng.choice(_BINARY), number, g.rng.choice([3, _size(g)])),
        lambda: so.where(construct.elementwise("less", number, 0.5), number, 2),
    ]
    g.weak.append(g.rng.choice(made)())
    x = g.pick()
    g.add(construct.elementwise(g.rng.choice(["multiply", "add", "divide"]), x, g.rng.choice(g.weak)))


# ---------------------------------------------------------------------------------------------------------- reductions


def _axes(g: Growth, node: Node) -> tuple[int, ...]:
    return tuple(sorted(g.rng.sample(range(node.ndim), g.rng.randint(1, node.ndim))))


@maker(10)
def reductions(g: Growth) -> None:
    x = g.pick("fib" if g.often(0.2) else "f", min_ndim=1)
    names = ["sum", "sum", "mean", "max", "min", "prod", "var", "std", "any", "all"]
    g.add(getattr(so, g.rng.choice(names))(x, _axes(g, x), keepdims=g.often(0.4)))


@maker(2)
def extremes_and_norms(g: Growth) -> None:
    x = g.pick(min_ndim=1)
    axis = g.rng.choice([None, *range(x.ndim)])
    made = [
        lambda: so.argmax(x, axis),
        lambda: so.argmin(x, axis, keepdims=g.often()),
        lambda: so.linalg.norm(x, axis=axis),
    ]
    g.add(g.rng.choice(made)())


@maker(4)
def softmaxes(g: Growth) -> None:
    x = g.pick(min_ndim=1)
    axis = g.rng.randrange(x.ndim)
    labels = g.rng.choice([lambda: _indices(g, x.shape[:-1], x.shape[-1]), lambda: so.softmax(g.take(x.shape))])
    made = [
        lambda: so.softmax(x, axis),
        lambda: so.log_softmax(x, axis),
        lambda: so.logsumexp(x, axis, keepdims=g.often()),
        lambda: so.cross_entropy(x, labels()),
    ]
    g.add(g.rng.choice(made)())


@maker(3)
def running_sums(g: Growth) -> None:
    x = g.pick(min_ndim=1)
    g.add(construct.cumulate(x, g.rng.randrange(x.ndim), reverse=g.often(0.4)))


# ------------------------------------------------------------------------------------------------------------ products


@maker(8)
def products(g: Growth) -> None:
    """Any product of two tensors, as einsum: indices of stacks, rows, columns, sums and of one operand alone."""
    letters = "abcdef"[: g.rng.randint(1, 5)]
    dims: dict[str, Dim] = {letter: g.dim() for letter in letters}
    first = g.pick(min_ndim=1)
    left = g.rng.sample(letters, min(first.ndim, len(letters)))
    if len(left) == first.ndim:
        dims.update(zip(left, first.shape, strict=True))
    else:
        first = g.take(tuple(dims[letter] for letter in left))
    right = g.rng.sample(letters, g.rng.randint(1, min(3, len(letters))))
    output = [letter for letter in g.rng.sample(letters, len(letters)) if letter in {*left, *right} and g.often(0.6)]
    second = g.take(tuple(dims[letter] for letter in right))
    if g.often(0.2) and "a" in right:
        right.append("a")
        second = g.take((*second.shape, dims["a"]))
    g.add(so.einsum(f"{''.join(left)},{''.join(right)}->{''.join(output)}", first, second))


@maker(5)
def matrix_products(g: Growth) -> None:
    x = g.pick(min_ndim=1)
    rest = g.rng.choice([(), (g.dim(),), (g.rng.choice(KNOWN),)])
    y = g.take((x.shape[-1], *rest))
    if g.often(0.3) and x.ndim > 1:
        y = so.transpose(g.take((*rest, x.shape[-1])))
    g.add(x @ y)


# ------------------------------------------------------------------------------------------------- shapes and elements


@maker(8)
def views(g: Growth) -> None:
    x = g.pick("fib" if g.often(0.2) else "f", min_ndim=1)
    whole = product(x.shape)
    made = [
        lambda: so.transpose(x, g.rng.sample(range(x.ndim), x.ndim)),
        lambda: so.reshape(x, (whole,)),
        lambda: so.expand_dims(x, g.rng.randint(0, x.ndim)) if x.ndim < 4 else x,
        lambda: so.squeeze(x),
        lambda: so.broadcast_to(x, (g.dim(), *x.shape)) if x.ndim < 4 else x,
        lambda: so.reshape(x, x.shape[::-1]),
        lambda: so.reshape(x, (exact_quotient(whole, 2), 2)) if exact_quotient(whole, 2) is not None else x,
    ]
    g.add(g.rng.choice(made)())


@maker(8)
def slices(g: Growth) -> None:
    x = g.pick("fib" if g.often(0.2) else "f", min_ndim=1)
    bounds = [None, None, 0, 1, -1, -2, 2]
    index = []
    for dim in x.shape:
        if g.often(0.5):
            index.append(slice(g.rng.choice(bounds), g.rng.choice(bounds), g.rng.choice([None, 1, 2, -1, -2])))
            if isinstance(dim, int) and not range(dim)[index[-1]]:
                index[-1] = slice(None, None, -1)
        else:
            index.append(g.rng.choice([slice(None), slice(None, None, -1), 0, -1]))
    part = x[tuple(index)]
    g.add(x if 0 in part.shape else part)


@maker(3)
def embeddings(g: Growth) -> None:
    """The adjoint of a slice, as it comes: x at every other place, from the end, or shifted, among zeros."""
    x = g.pick(min_ndim=1)
    step, start = g.rng.choice([1, 2, -1, -2]), g.rng.choice([0, 1, 2])
    length = start + x.shape[0] * abs(step) + g.rng.choice([0, 1])
    first = start if step > 0 else length - 1 - start
    rest = (0,) * (x.ndim - 1)
    g.add(construct.embed(x, (length, *x.shape[1:]), (first, *rest), (step, *(1 for _ in rest))))
    if g.often(0.5):
        g.add(construct.embed(x, x.shape, (x.shape[0] - 1, *rest), (-1, *(1 for _ in rest))))


def _indices(g: Growth, shape: tuple[Dim, ...], length: Dim, negative: bool = False) -> Node:
    low = -1 * length if negative else 0
    return g.new_input(shape, g.rng.choice(["int64", "int32"]), low, length)


@maker(5)
def gathers(g: Growth) -> None:
    x = g.pick("fib" if g.often(0.2) else "f", min_ndim=1)
    axis = g.rng.randrange(x.ndim)
    shape = g.shape(g.rng.randint(0, 2))
    made = [
        lambda: so.take(x, _indices(g, shape, x.shape[axis], negative=g.often(0.5)), axis),
        lambda: so.take(x, _indices(g, shape, x.shape[axis]), axis),
        lambda: construct.scatter_add(x, _indices(g, (x.shape[axis],), 4), axis, 4),
        lambda: x[[0, 0]] if isinstance(x.shape[0], int) else x,
        lambda: x[so.argmax(x, 0)] if x.ndim == 1 else x,
    ]
    g.add(g.rng.choice(made)())


@maker(4)
def joins(g: Growth) -> None:
    x = g.pick("fib" if g.often(0.2) else "f", min_ndim=1)
    axis = g.rng.randrange(x.ndim)
    others = [
        y
        for y in g.pool
        if y.ndim == x.ndim and y.shape[:axis] + y.shape[axis + 1 :] == x.shape[:axis] + x.shape[axis + 1 :]
    ]
    same = [y for y in g.pool if y.shape == x.shape]
    made = [
        lambda: so.concatenate([x, *g.rng.sample(others, min(len(others), 2))], axis),
        lambda: so.stack([x, g.rng.choice(same)], axis),
        lambda: so.concatenate([x[1:], x[:1]]),
    ]
    g.add(g.rng.choice(made)())


@maker(3)
def leaves(g: Growth) -> None:
    made = [
        lambda: g.new_variable(g.known_shape()),
        lambda: g.new_input(g.shape(g.rng.randint(0, 3)), "float32"),
        lambda: g.new_input(g.shape(g.rng.randint(0, 3)), "float64"),
        lambda: g.new_input(g.shape(g.rng.randint(0, 2)), g.rng.choice(["int64", "int32", "uint8", "bool"])),
        lambda: g.new_variable(g.known_shape(), "float64"),
        lambda: so.constant(g.numbers.normal(size=g.known_shape()).astype(g.dtype)),
        lambda: so.constant(g.numbers.normal(size=(g.rng.choice(KNOWN), 20)).astype(g.dtype)),
        lambda: so.arange(g.dim(), dtype=g.rng.choice(["int64", g.dtype])),
        lambda: so.eye(g.dim(), dtype=g.dtype),
        lambda: so.one_hot(_indices(g, g.shape(1), 3), 3, dtype=g.dtype),
        lambda: so.random.uniform(g.shape(g.rng.randint(0, 2)), seed=g.rng.randint(0, 3), dtype=g.dtype),
        lambda: so.random.normal(g.shape(1), dtype=g.dtype),
    ]
    node = g.rng.choice(made)()
    if node not in g.pool:
        g.add(node)


# ------------------------------------------------------------------------------------------------------------ calculus


@maker(6)
def gradients(g: Growth) -> None:
    x = g.pick()
    loss = x if x.ndim == 0 else g.rng.choice([so.sum, so.mean])(x * g.partner(x) if g.often(0.3) else x)
    if loss.dtype.kind != "f" or loss.weak:
        return
    wrt: list[Node] = [*parameters_of([loss])] or [node for node in g.inputs if node.dtype.kind == "f"]
    g.add(*so.gradient(loss, g.rng.sample(wrt, min(len(wrt), 2))))
