"""Applying rules to a graph until none fires."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from symopt.graph.nodes import Elementwise, Node
from symopt.graph.provenance import BuiltFor
from symopt.graph.traversal import topological, with_operands

#: A rule is one identity: it gives the node that may stand in the given one's place, or None where it does not apply.
Rule = Callable[[Any], Node | None]
RuleSet = dict[str, list[Rule]]


def subject(node: Node) -> str:
    """What rules are filed under: the operation of an elementwise node, the kind of any other."""
    return node.op.name if isinstance(node, Elementwise) else type(node).__name__


class Rules:
    """A set of rules, filed by the subject at whose nodes they may fire; ``"*"`` is every elementwise node."""

    def __init__(self) -> None:
        self.by_subject: RuleSet = {}

    def __call__(self, *subjects: str) -> Callable[[Rule], Rule]:
        """A decorator that files a rule."""

        def file(rule: Rule) -> Rule:
            for one in subjects:
                self.by_subject.setdefault(one, []).append(rule)
            return rule

        return file

    def __iter__(self) -> Iterator[Rule]:
        return iter(dict.fromkeys(rule for rules in self.by_subject.values() for rule in rules))

    def at(self, node: Node) -> list[Rule]:
        """The rules that may fire at ``node``."""
        found = self.by_subject.get(subject(node), [])
        return found + self.by_subject.get("*", []) if isinstance(node, Elementwise) else found


def rewrite(outputs: Sequence[Node], *sets: Rules) -> list[Node]:
    """``outputs`` rewritten from the leaves up, until no rule of any set fires."""
    final: dict[Node, Node] = {}
    for output in outputs:
        _settle(output, sets, final)
    return [final[output] for output in outputs]


def _settle(root: Node, sets: Sequence[Rules], final: dict[Node, Node]) -> None:
    # ``final`` only grows, and holds every node below the ones in it, so the walk stops at what is settled.
    for node in topological([root], stop=final.keys()):  # type: ignore[arg-type]
        if node in final:
            continue
        current = with_operands(node, tuple(final[operand] for operand in node.operands))
        if current not in final:
            replacement = _first(current, sets)
            if replacement is None:
                final[current] = current
            else:
                # Each rule makes its node simpler, so this recursion is as deep as rules fire at one place.
                _settle(replacement, sets, final)
                final[current] = final[replacement]
        final[node] = final[current]


def _first(node: Node, sets: Sequence[Rules]) -> Node | None:
    """What the first rule that fires puts in the place of ``node``."""
    with BuiltFor(node.origin):
        for rules in sets:
            for rule in rules.at(node):
                replacement = rule(node)
                # Numbers that are weak meet without a cast: 1 * 2.0 is 1.0, and not the integer 1.
                if replacement is not None and replacement is not node and replacement.dtype == node.dtype:
                    return replacement
    return None
