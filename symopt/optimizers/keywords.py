"""Keywords: which there are, and what to say of those that are not."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Sequence
from typing import Any


def keywords_of(kind: Any) -> list[str]:
    """The hyperparameters of a kind of optimizer."""
    return [field.name for field in dataclasses.fields(kind) if field.init]


def nearest(name: str, known: Sequence[str], otherwise: str) -> str:
    """A hint: the nearest known name, or all of them."""
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"{otherwise} {', '.join(known)}"


def known_name(what: str, name: Any, known: Iterable[str]) -> str:
    """``name`` in lower case, if it is known; else a ValueError that names the nearest."""
    names = list(known)
    if isinstance(name, str) and name.lower() in names:
        return name.lower()
    raise ValueError(f"there is no {what} {name!r}; {nearest(str(name).lower(), names, 'there are')}")


def check_keywords(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse unknown keywords, with the nearest known one."""
    known = list(known)
    for name in given:
        if name not in known:
            raise TypeError(f"{owner} has no keyword {name!r}; {nearest(name, known, 'it knows')}")
