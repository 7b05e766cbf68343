"""The public names of symopt: a new one, or one that goes, shows in a golden file."""

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import symopt


def test_public_names(golden: Callable[..., None]) -> None:
    golden("\n".join(sorted(symopt.__all__)))


def test_public_names_exist_and_are_named_once() -> None:
    assert [name for name in symopt.__all__ if not hasattr(symopt, name)] == []
    assert len(symopt.__all__) == len(set(symopt.__all__))


def test_dir_shows_every_public_name() -> None:
    assert set(symopt.__all__) <= set(dir(symopt))


def undocumented(name: str, value: Any) -> Iterator[str]:
    """What is public and says nothing of itself, at or below a name; an inherited description counts."""
    if isinstance(value, ModuleType):
        for inner in getattr(value, "__all__", ()):
            yield from undocumented(f"{name}.{inner}", getattr(value, inner))
    elif inspect.isclass(value) or inspect.isroutine(value):
        if not inspect.getdoc(value):
            yield name
        for inner, member in vars(value).items() if inspect.isclass(value) else ():
            is_public = not inner.startswith("_") and (callable(member) or isinstance(member, property))
            if is_public and not inspect.getdoc(getattr(value, inner)):
                yield f"{name}.{inner}"


def test_public_names_and_their_methods_are_documented() -> None:
    missing = [place for name in symopt.__all__ for place in undocumented(name, getattr(symopt, name))]
    assert not missing, "\n".join(missing)
