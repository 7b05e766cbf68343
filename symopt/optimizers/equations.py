"""Update expressions as lines of equations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from symopt.graph.formula import LATEX, TEXT, Dialect, formula
from symopt.graph.nodes import Node
from symopt.graph.traversal import topological

#: Left side, kind and right side. A line is a "definition", a "change" of a variable, or a "condition" of those below.
Row = tuple[str, str, str]

#: How many blanks are before the lines below a condition.
INDENT = 2

#: How something is called in a dialect.
Spelling = Callable[[Dialect], str]

#: What appears more than once gets a line and a name of its own where it is longer than this, in characters.
LONGEST = 72


@dataclass(frozen=True)
class Equation:
    """A line to be written: ``name`` spells the left side, ``known_as`` what later lines call it.

    ``shown`` is written in the place of ``value``, if it is given.
    """

    name: Spelling
    known_as: Spelling
    kind: str
    value: Node
    shown: Node | None = None


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


def as_text(lines: Sequence[Row]) -> str:
    """Lines of text, with the arrows one below the other."""
    arrows = {"definition": " =", "change": "<-"}
    indent = ""
    width = max(len(left) for left, _, _ in lines)
    written = []
    for left, kind, right in lines:
        if kind == "condition":
            written.append(f"if {right}:")
            indent = " " * INDENT
        else:
            written.append(f"{indent}{left:<{width}} {arrows[kind]} {right}")
    return "\n".join(written)


def as_latex(lines: Sequence[Row]) -> str:
    """The body of an ``align`` environment."""
    written = {
        "definition": "{} &= {}",
        "change": r"{} &\leftarrow {}",
        "condition": r"{}&\mathrm{{if}} \; {}\mathrm{{:}}",
    }
    return " \\\\\n".join(written[kind].format(left, right) for left, kind, right in lines)


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
        shown = equation.value if equation.shown is None else equation.shown
        for part in topological([shown], stop={*names, *values}):
            if part not in repeated or part in names or part in values or part is equation.value:
                continue
            text = formula(part, names, dialect, values)
            if gets_a_line(part, text):
                parts += 1
                names[part] = dialect.symbol(f"t_{parts}")
                written.append((names[part], "definition", text))
        text = formula(shown, names, dialect, values)
        written.append((equation.name(dialect), equation.kind, text))
        if equation.kind != "condition":
            names.setdefault(equation.value, equation.known_as(dialect))
    return written
