"""Update expressions as lines of equations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from symopt.graph.formula import LATEX, TEXT, Dialect, formula
from symopt.graph.nodes import Node
from symopt.graph.traversal import topological

#: Left side, whether it is a variable that changes, and right side.
Row = tuple[str, bool, str]

#: How something is called in a dialect.
Spelling = Callable[[Dialect], str]

#: What appears more than once gets a line and a name of its own where it is longer than this, in characters.
LONGEST = 72


@dataclass(frozen=True)
class Equation:
    """A line to be written: ``name`` spells the left side, ``known_as`` what later lines call it."""

    name: Spelling
    known_as: Spelling
    changes: bool
    value: Node


def spelled(pattern: str, name: str, latex: str | None = None) -> Spelling:
    """The symbol of ``name`` in the place of ``{}`` in a pattern; ``latex`` is another pattern for that dialect."""
    return lambda dialect: (latex if latex and dialect is LATEX else pattern).format(dialect.symbol(name))


def rows(
    equations: Sequence[Equation],
    given: Mapping[Node, Spelling],
    values: Mapping[Node, float],
    dialect: Dialect,
) -> list[Row]:
    """The equations, each after the parts that it shares with others or has several times.

    Parameters
    ----------
    equations : in the order in which they are read.
    given : nodes that have names already.
    values : nodes that are known numbers.
    """
    repeated = _repeated([equation.value for equation in equations], given)
    # What is long is decided in one dialect, so that all have the same lines.
    long: set[Node] = set()

    def is_long(part: Node, text: str) -> bool:
        if len(text) > LONGEST:
            long.add(part)
        return part in long

    in_text = _written(equations, given, values, TEXT, repeated, is_long)
    if dialect is TEXT:
        return in_text
    return _written(equations, given, values, dialect, repeated, lambda part, text: part in long)


def _repeated(outputs: Sequence[Node], given: Iterable[Node]) -> set[Node]:
    order = topological(outputs, stop=set(given))
    uses = Counter(operand for node in order for operand in node.operands)
    return {node for node, count in uses.items() if count > 1 and node.operands}


def _written(
    equations: Sequence[Equation],
    given: Mapping[Node, Spelling],
    values: Mapping[Node, float],
    dialect: Dialect,
    repeated: set[Node],
    gets_a_line: Callable[[Node, str], bool],
) -> list[Row]:
    names = {node: spell(dialect) for node, spell in given.items()}
    written: list[Row] = []
    parts = 0
    for equation in equations:
        for part in topological([equation.value], stop={*names, *values}):
            if part not in repeated or part in names or part in values or part is equation.value:
                continue
            text = formula(part, names, dialect, values)
            if gets_a_line(part, text):
                parts += 1
                names[part] = dialect.symbol(f"t_{parts}")
                written.append((names[part], False, text))
        text = formula(equation.value, names, dialect, values)
        written.append((equation.name(dialect), equation.changes, text))
        names.setdefault(equation.value, equation.known_as(dialect))
    return written
