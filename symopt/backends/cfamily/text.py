"""Functions and pieces of C as text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from symopt.backends.cfamily.spelling import WIDTH


@cache
def piece(beside: str, name: str) -> str:
    """A piece of source that lies beside a module: ``beside`` is the module's ``__file__``."""
    return (Path(beside).parent / name).read_text(encoding="utf-8").strip()


def philox(inline: str) -> str:
    """The generator of random words, as a function that begins with ``inline``."""
    return piece(__file__, "philox.c").replace("INLINE", inline)


def indented(lines: Sequence[str], depth: int = 1) -> list[str]:
    """Lines one level deeper; a pragma at the left stays there."""
    return [f"{'    ' * depth}{line}" if line and not line.startswith("#") else line for line in lines]


def block(lines: Sequence[str], head: str = "") -> list[str]:
    """Lines in braces, after the head of a loop or a condition."""
    return [f"{head} {{".lstrip(), *indented(lines), "}"]


def wrapped(head: str, texts: Sequence[str], tail: str, width: int = WIDTH) -> list[str]:
    """``head(texts)tail`` on one line, or with the texts on as many as it takes."""
    whole = f"{head}({', '.join(texts)}){tail}"
    if len(whole) <= width:
        return [whole]
    lines = [""]
    for text in texts:
        if lines[-1] and len(lines[-1]) + len(text) > width - 12:
            lines.append("")
        lines[-1] += f"{text}, "
    lines[-1] = f"{lines[-1].removesuffix(', ')}){tail}"
    return [f"{head}(", *(f"    {line.rstrip()}" for line in lines)]


def function(head: str, arguments: Sequence[str], lines: Sequence[str]) -> str:
    """A whole function."""
    first = wrapped(head, list(arguments) or ["void"], "")
    return "\n".join([*first, "{", *indented(lines), "}"])
