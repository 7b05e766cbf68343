"""Tables of other systems, each loaded when it is asked for: there are many, and few are used at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any


class OnDemand(Mapping[str, Any]):
    """A dict from the name of a module to one of its attributes, which imports the module at the first look.

    Parameters
    ----------
    package : where the modules are.
    attribute : what is taken of each.
    names : the modules.
    """

    def __init__(self, package: str, attribute: str, names: tuple[str, ...]) -> None:
        self._package, self._attribute, self._names = package, attribute, names

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return getattr(import_module(f"{self._package}.{name}"), self._attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
