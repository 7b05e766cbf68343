"""Groups: parameters that are trained with other hyperparameters, by patterns on their names; and frozen ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from symopt.errors import DataError
from symopt.graph.construct import make_shared
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.accumulation import Bound, Window, window
from symopt.optimizers.hyperparameters import bound_value, in_group, is_formula, numeric_fields, of_group
from symopt.optimizers.keywords import check_keywords, keywords_of
from symopt.optimizers.preparation import Pair, prepare

#: What belongs to the optimizer as a whole.
NOT_IN_GROUPS = ("max_global_norm", "accumulate", "groups", "freeze")


def check_groups(optimizer: Any) -> None:
    """Every group names hyperparameters that there are, with values that are right by themselves."""
    for pattern, changes in (optimizer.groups or {}).items():
        excluded = (*NOT_IN_GROUPS, *optimizer.common)
        known = [name for name in keywords_of(type(optimizer)) if name not in excluded]
        check_keywords(f"{type(optimizer).__name__}: group {pattern!r}", changes, known)
        _changed(optimizer, changes)


def _changed(optimizer: Any, changes: Mapping[str, Any]) -> Any:
    """The optimizer with the changes of a group, and without what they exclude."""
    replaced = dict.fromkeys(_excluded(optimizer, changes))
    return dataclasses.replace(optimizer, groups=None, freeze=(), **replaced, **changes)


def _excluded(optimizer: Any, changes: Mapping[str, Any]) -> list[str]:
    """Fields that cannot be given beside those that a group gives: its halflife excludes the decay."""
    pairs = [(f.name, f.metadata["unless"][0]) for f in numeric_fields(optimizer) if f.metadata["unless"]]
    both = pairs + [(b, a) for a, b in pairs]
    return [other for name, other in both if name in changes and other not in changes]


def resolve(optimizer: Any, params: Sequence[Shared]) -> dict[Shared, dict[str, tuple[str, Any]] | None]:
    """For every parameter what its groups change (name: (pattern, value); later patterns win); None if it is frozen."""
    groups: Mapping[str, Mapping[str, Any]] = optimizer.groups or {}
    names = [param.name for param in params]
    for pattern in (*groups, *optimizer.freeze):
        if not any(fnmatchcase(name, pattern) for name in names):
            raise DataError(f"the pattern {pattern!r} matches no parameter; there are {', '.join(names)}")
    found: dict[Shared, dict[str, tuple[str, Any]] | None] = {}
    for param in params:
        changes: dict[str, tuple[str, Any]] = {}
        for pattern, settings in groups.items():
            if fnmatchcase(param.name, pattern):
                for name in _excluded(optimizer, settings):
                    changes.pop(name, None)
                changes.update({name: (pattern, value) for name, value in settings.items()})
        found[param] = None if any(fnmatchcase(param.name, pattern) for pattern in optimizer.freeze) else changes
    if all(changes is None for changes in found.values()):
        raise DataError(f"freeze={list(optimizer.freeze)!r} leaves no parameter to train")
    return found


class Grouped:
    """A bound optimizer in which each parameter has its own variant."""

    def __init__(self, main: Bound, variants: Mapping[Shared, Bound], formulas: Mapping[str, Node]) -> None:
        self._main = main
        self._variants = variants
        self._formulas = formulas

    def formulas_of_numbers(self) -> dict[str, Node]:
        """Those of the optimizer, and those of its groups."""
        return {**self._main.formulas_of_numbers(), **self._formulas}

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """As one optimizer would, each parameter by its own settings; the global norm is common to all."""
        return prepare(self._main, [self._variants[param] for param in params], params, grads)

    def window_of(self, params: Sequence[Shared], raw: Sequence[Node]) -> Window | None:
        """One for all; each parameter's gradient is rescaled by its own settings."""
        return window(self._main, [self._variants[param] for param in params], params, raw)

    def averages_of(self, params: Sequence[Shared]) -> dict[Shared, Shared]:
        """Those that the variants keep."""
        return {param: kept for one in params for param, kept in self._variants[one].averages_of([one]).items()}

    def pairs_of(
        self, params: Sequence[Shared], raw: Sequence[Node], prepared: Sequence[Node]
    ) -> Generator[Pair, None, None]:
        """The pairs of each variant's parameters, variant by variant."""
        observed = self._main.observe(params, raw)
        for variant in dict.fromkeys(map(id, self._variants.values())):
            chosen = [i for i, param in enumerate(params) if id(self._variants[param]) == variant]
            first = self._variants[params[chosen[0]]]
            yield from first.pairs_given(*([values[i] for i in chosen] for values in (params, observed, prepared)))


def group(
    optimizer: Any, main: Bound, found: Mapping[Shared, Mapping[str, tuple[str, Any]] | None]
) -> tuple[Grouped, dict[str, Shared]]:
    """The bound optimizer with its variants, and the scalars of their own, named like ``learning_rate[b*]``.

    What a group does not change it shares with the optimizer, also when that is changed later.
    """
    shared: dict[str, Shared] = {}
    formulas: dict[str, Node] = {}
    made: dict[tuple[Any, ...], Bound] = {}
    variants: dict[Shared, Bound] = {}
    for param, changes in found.items():
        if changes is None:
            continue
        key = tuple((name, pattern) for name, (pattern, _) in changes.items())
        if key not in made:
            made[key] = _variant(optimizer, main, changes, shared, formulas)
        variants[param] = made[key]
    return Grouped(main, variants, formulas), shared


def _variant(
    optimizer: Any,
    main: Bound,
    changes: Mapping[str, tuple[str, Any]],
    shared: dict[str, Shared],
    formulas: dict[str, Node],
) -> Bound:
    if not changes:
        return main
    values = {name: value for name, (_, value) in changes.items()}
    bound: dict[str, Any] = {**dict.fromkeys(_excluded(optimizer, values)), **values}

    def share(name: str, number: float) -> Shared:
        return shared.setdefault(name, make_shared(number, name, "hyperparameter"))

    for name, value in of_group(optimizer, values).items():
        full_name = in_group(name, changes[name][0])
        bound[name] = bound_value(value, full_name, share)
        if is_formula(bound[name]):
            formulas[full_name] = bound[name]
    return dataclasses.replace(main, groups=None, freeze=(), **bound)


def table(found: Mapping[Shared, Mapping[str, tuple[str, Any]] | None]) -> str:
    """One line for every parameter: its shape, and frozen or what its groups have changed."""
    rows = []
    for param, changes in found.items():
        differs = "frozen" if changes is None else ", ".join(f"{n} = {v} ({p})" for n, (p, v) in changes.items())
        rows.append((param.name, str(param.storage.shape), differs))
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return "\n".join(f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {text}".rstrip() for name, shape, text in rows)
