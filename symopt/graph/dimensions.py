"""Dimensions: integers, and canonical expressions of sizes that are known only at run time.

A dimension is an ``int`` where it is known and a :class:`Dimension` where it is not. A Dimension is a polynomial with
integer coefficients in *atoms* (names of sizes, and floor quotients of other dimensions), kept in one canonical form,
so that equal expressions are equal objects: ``(n - 1) + 1 == n`` and ``n + n == 2 * n``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral

from symopt.errors import DataError, ShapeError

_anonymous = itertools.count()
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Floor:
    """The atom ``floor(dividend / divisor)``, for a quotient that does not come out even."""

    dividend: Dimension
    divisor: int

    def __str__(self) -> str:
        return f"(({self.dividend})//{self.divisor})"


Atom = str | Floor
Terms = tuple[tuple[tuple[Atom, ...], int], ...]


class Dimension:
    """A run-time dimension: a sum of integer multiples of products of atoms.

    >>> n, m = size("n"), size("m")
    >>> print(n - 1, n + m - n, 3 * n, (2 * n + 2) // 2)
    n-1 m 3*n n+1
    """

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._hash = hash(terms)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dimension) and self.terms == other.terms

    def __reduce__(self) -> tuple[object, ...]:
        return Dimension, (self.terms,)

    # Anything but a dimension or an integer is left to the other side: a symbolic tensor knows what to do, and a float
    # cannot be part of a dimension.

    def __add__(self, other: Dim) -> Dim:
        if not _is_dim(other):
            return NotImplemented
        return _canonical(itertools.chain(self.terms, _terms(other)))

    def __sub__(self, other: Dim) -> Dim:
        return self + (-1) * other if _is_dim(other) else NotImplemented

    def __rsub__(self, other: int) -> Dim:
        return (-1) * self + other if _is_dim(other) else NotImplemented

    def __mul__(self, other: Dim) -> Dim:
        if not _is_dim(other):
            return NotImplemented
        products = (
            (tuple(sorted(a + b, key=str)), x * y) for (a, x), (b, y) in itertools.product(self.terms, _terms(other))
        )
        return _canonical(products)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Dim:
        return (-1) * self

    def __floordiv__(self, divisor: Dim) -> Dim:
        if not _is_dim(divisor):
            return NotImplemented
        divisor = divisor if isinstance(divisor, Dimension) else int(divisor)
        exact = exact_quotient(self, divisor)
        if exact is not None:
            return exact
        if isinstance(divisor, Dimension):
            raise ShapeError(f"the dimension {self} cannot be divided by {divisor}")
        if divisor < 0:
            return -self // -divisor
        # What comes out even is taken out; the rest has factors from 0 to divisor - 1: equal quotients have one form.
        whole = _canonical((atoms, factor // divisor) for atoms, factor in self.terms)
        rest = _canonical((atoms, factor % divisor) for atoms, factor in self.terms)
        return whole + (Dimension((((Floor(rest, divisor),), 1),)) if isinstance(rest, Dimension) else rest // divisor)

    def __str__(self) -> str:
        added_first = sorted(self.terms, key=lambda term: term[1] < 0)
        return "+".join(_spell(atoms, factor) for atoms, factor in added_first).replace("+-", "-")

    __repr__ = __str__


Dim = int | Dimension
Shape = tuple[Dim, ...]


def _is_dim(value: object) -> bool:
    return isinstance(value, (Dimension, int, Integral))


def _spell(atoms: tuple[Atom, ...], factor: int) -> str:
    product = "*".join(map(str, atoms))
    if not atoms:
        return str(factor)
    return {1: product, -1: f"-{product}"}.get(factor, f"{factor}*{product}")


def _terms(dim: Dim) -> Terms:
    return dim.terms if isinstance(dim, Dimension) else (((), int(dim)),)


def _canonical(terms: Iterable[tuple[tuple[Atom, ...], int]]) -> Dim:
    total: dict[tuple[Atom, ...], int] = {}
    for atoms, factor in terms:
        total[atoms] = total.get(atoms, 0) + factor
    # Longer products first and the plain number last: "n*m+n-1".
    kept = sorted(((a, x) for a, x in total.items() if x), key=lambda term: (-len(term[0]), tuple(map(str, term[0]))))
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    return Dimension(tuple(kept))


def size(name: str | None = None) -> Dimension:
    """The run-time size called ``name``, the same one wherever the name appears; a fresh one if ``name`` is None."""
    if name is None:
        name = f"_n{next(_anonymous)}"
    elif not _NAME.match(name):
        raise ShapeError(f"{name!r} is not a name for a dimension: use a letter, then letters, digits and underscores")
    return Dimension((((name,), 1),))


def exact_quotient(dividend: Dim, divisor: Dim) -> Dim | None:
    """``dividend / divisor`` where it comes out even whatever the sizes are, else None."""
    if not isinstance(divisor, Dimension):
        if any(factor % divisor for _, factor in _terms(dividend)):
            return None
        return _canonical((atoms, factor // divisor) for atoms, factor in _terms(dividend))
    if dividend == divisor:
        return 1
    if len(divisor.terms) != 1:
        return None
    ((atoms, factor),) = divisor.terms
    quotient = []
    for have, count in _terms(dividend):
        rest = list(have)
        for atom in atoms:
            if atom not in rest:
                return None
            rest.remove(atom)
        if count % factor:
            return None
        quotient.append((tuple(rest), count // factor))
    return _canonical(quotient)


def spell(shape: Shape) -> str:
    """A shape as a user writes it."""
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def product(shape: Shape) -> Dim:
    """The number of elements of ``shape``."""
    total: Dim = 1
    for dim in shape:
        total = total * dim
    return total


def names_in(dim: Dim) -> list[str]:
    """The names of the sizes that ``dim`` depends on, in order of appearance."""
    found: dict[str, None] = {}
    for atoms, _ in _terms(dim):
        for atom in atoms:
            found.update(dict.fromkeys([atom] if isinstance(atom, str) else names_in(atom.dividend)))
    return list(found)


def resolve(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The value of ``dim`` for given sizes."""
    if isinstance(dim, int):
        return dim
    total = 0
    for atoms, factor in dim.terms:
        for atom in atoms:
            factor *= _length(atom, sizes) if isinstance(atom, str) else resolve(atom.dividend, sizes) // atom.divisor
        total += factor
    return total


def _length(name: str, sizes: Mapping[str, int]) -> int:
    if name not in sizes:
        raise DataError(f"the size {name!r} is not known: it is a dimension of no input; known are {sorted(sizes)}")
    return sizes[name]


def resolve_shape(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape in numbers for given sizes."""
    return tuple(resolve(dim, sizes) for dim in shape)


def symbol(dim: Dim) -> str | None:
    """The name of a size that stands alone."""
    if isinstance(dim, Dimension) and len(dim.terms) == 1:
        atoms, factor = dim.terms[0]
        if factor == 1 and len(atoms) == 1 and isinstance(atoms[0], str):
            return atoms[0]
    return None


def replace(dim: Dim, known: Mapping[str, Dim]) -> Dim:
    """``dim`` with other dimensions in the place of named sizes."""
    if isinstance(dim, int) or known.keys().isdisjoint(names_in(dim)):
        return dim
    total: Dim = 0
    for atoms, factor in dim.terms:
        term: Dim = factor
        for atom in atoms:
            if isinstance(atom, str):
                term = term * known.get(atom, Dimension((((atom,), 1),)))
            else:
                term = term * (replace(atom.dividend, known) // atom.divisor)
        total = total + term
    return total


def rename(dim: Dim, names: Mapping[str, str]) -> Dim:
    """``dim`` with its sizes called by other names."""
    return replace(dim, {old: Dimension((((new,), 1),)) for old, new in names.items()})
