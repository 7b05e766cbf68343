"""Names that are identifiers in every language that a backend emits, each used once."""

from __future__ import annotations

from collections.abc import Iterable


class Names:
    """Gives names out: a taken one gets the next number."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def fresh(self, name: str) -> str:
        """``name``, or the next one like it that nothing else has: t0, t1, t2; ones, ones_1, ones_2.

        >>> names = Names()
        >>> [names.fresh("t0"), names.fresh("t0"), names.fresh("ones"), names.fresh("ones"), names.fresh("2 w")]
        ['t0', 't1', 'ones', 'ones_1', 'v2_w']
        """
        name = _identifier(name)
        stem = name.rstrip("0123456789")
        if stem == name:
            stem = f"{name}_"
        chosen, number = name, self._next.get(stem, int(name[len(stem) :] or 0))
        while chosen in self._taken:
            number += 1
            chosen = f"{stem}{number}"
        self._next[stem] = number
        self._taken.add(chosen)
        return chosen


def _identifier(name: str) -> str:
    """``name`` with every other character as an underscore; the prefix ``_`` is the generated code's own."""
    clean = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name).lstrip("_") or "v"
    return f"v{clean}" if clean[0].isdigit() else clean
