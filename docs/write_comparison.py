"""Write docs/comparison.md from the rules themselves; with --check, only say whether it is up to date."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import symopt as so

PAGE = Path(__file__).resolve().parent / "comparison.md"

HEAD = """# Which formula is it really?

This page is written by `docs/write_comparison.py` from the rules themselves. For each optimizer of symopt it has the
equations and the defaults, and then those of every system that has an optimizer of the same name, as that system really
computes it (`so.like`). `so.compare("rmsprop", ["torch", "mxnet_2_0"])` prints such a table.

The parameter is a 2 by 2 matrix `w`; a prime is a new value, `g(w)` the prepared gradient, and `t_1` a part that has a
name of its own. The numbers are the defaults, to four digits; where a system has none for the learning rate, it is
symopt's. What is off is left out. States are compared by their order, not by their names. A mark says what an equation
is:

- `=` as symopt's, or the same rearranged,
- `~` as symopt's, but for numbers,
- `!` another.

What is written otherwise counts as rearranged where it gives the same as symopt's, to nine digits of the step, for
random numbers that are large, small, negative and zero.
"""


def page() -> str:
    """The text of the page."""
    parts = [HEAD]
    for name, kind in so.OPTIMIZERS.items():
        summary = re.sub(r":class:`(\w+)`", r"\1", (kind.__doc__ or "").strip().split("\n\n")[0])
        parts.append(f"## {kind.__name__}\n\n{summary}\n\n```text\n{so.compare(name)}\n```\n")
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    """Write the page, or compare with it."""
    text = page()
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{PAGE.name} is out of date: run python docs/write_comparison.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
