"""Groups: parameters that are trained with other hyperparameters, by patterns on their names; and frozen ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from symopt.errors import DataError
from symopt.graph.construct import make_shared
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.hyperparameters import numeric_fields, resolved
from symopt.optimizers.keywords import check_keywords, keywords_of
from symopt.optimizers.preparation import Bound, Pair, decayed, limited, shrunk_together

#: What belongs to the optimizer as a whole.
NOT_IN_GROUPS = ("max_global_norm", "groups", "freeze")


def check_groups(optimizer: Any) -> None:
    """Every group names hyperparameters that there are, with values that are right by themselves."""
    for pattern, changes in (optimizer.groups or {}).items():
        known = [name for name in keywords_of(type(optimizer)) if name not in NOT_IN_GROUPS]
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

    def __init__(self, main: Bound, variants: Mapping[Shared, Bound]) -> None:
        self._main = main
        self._variants = variants

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """As one optimizer would, each parameter by its own settings; the global norm is common to all."""
        variants = [self._variants[param] for param in params]
        grads = [limited(variant, grad) for variant, grad in zip(variants, grads, strict=True)]
        grads = shrunk_together(self._main, grads)
        return [decayed(v, param, grad) for v, param, grad in zip(variants, params, grads, strict=True)]

    def pairs_given_raw(
        self, params: Sequence[Shared], raw: Sequence[Node], prepared: Sequence[Node]
    ) -> Generator[Pair, None, None]:
        """The pairs of each variant's parameters, variant by variant."""
        for variant in dict.fromkeys(map(id, self._variants.values())):
            chosen = [i for i, param in enumerate(params) if id(self._variants[param]) == variant]
            first = self._variants[params[chosen[0]]]
            yield from first.pairs_given_raw(*([values[i] for i in chosen] for values in (params, raw, prepared)))


def group(
    optimizer: Any, main: Bound, found: Mapping[Shared, Mapping[str, tuple[str, Any]] | None]
) -> tuple[Grouped, dict[str, Shared]]:
    """The bound optimizer with its variants, and the scalars of their own, named like ``learning_rate[b*]``.

    What a group does not change it shares with the optimizer, also when that is changed later.
    """
    shared: dict[str, Shared] = {}
    made: dict[tuple[Any, ...], Bound] = {}
    variants: dict[Shared, Bound] = {}
    for param, changes in found.items():
        if changes is None:
            continue
        key = tuple((name, pattern) for name, (pattern, _) in changes.items())
        if key not in made:
            made[key] = _variant(optimizer, main, changes, shared)
        variants[param] = made[key]
    return Grouped(main, variants), shared


def _variant(optimizer: Any, main: Bound, changes: Mapping[str, tuple[str, Any]], shared: dict[str, Shared]) -> Bound:
    if not changes:
        return main
    values = {name: value for name, (_, value) in changes.items()}
    whole = _changed(optimizer, values)
    fields = {field.name: field for field in numeric_fields(whole)}
    bound: dict[str, Any] = dict.fromkeys(_excluded(optimizer, values))
    for name, (pattern, value) in changes.items():
        value = resolved(whole, fields[name]) if name in fields else value
        if name in fields and isinstance(value, (int, float)):
            label = f"{name}[{pattern}]"
            value = shared.setdefault(label, make_shared(float(value), label, "hyperparameter"))
        bound[name] = value
    return dataclasses.replace(main, groups=None, freeze=(), **bound)


def table(found: Mapping[Shared, Mapping[str, tuple[str, Any]] | None]) -> str:
    """One line for every parameter: its shape, and frozen or what its groups have changed."""
    rows = []
    for param, changes in found.items():
        differs = "frozen" if changes is None else ", ".join(f"{n} = {v} ({p})" for n, (p, v) in changes.items())
        rows.append((param.name, str(param.storage.array.shape), differs))
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return "\n".join(f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {text}".rstrip() for name, shape, text in rows)
