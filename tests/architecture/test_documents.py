"""Documentation runs: every Python block of README.md and docs/ is executed, a page at a time.

The blocks of a page share one namespace and run in order, in an empty folder. With ``>>>`` it is a doctest.
A block that cannot run in a test says why: ```` ```python norun: needs a GPU ````.
"""

import doctest
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import PYPROJECT, ROOT, relative

_FENCE = re.compile(r"^(?P<indent> *)```python(?P<info>[^\n`]*)\n(?P<code>.*?)^(?P=indent)```[ ]*$", re.M | re.S)
_FLAGS = [getattr(doctest, name) for name in PYPROJECT["tool"]["pytest"]["ini_options"]["doctest_optionflags"]]


@dataclass(frozen=True)
class Block:
    """One fenced block of Python, and the line of the page on which its code begins."""

    code: str
    line: int
    info: str


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(text: str) -> list[Block]:
    """The Python blocks of a page, without their indentation."""
    found = []
    for match in _FENCE.finditer(text):
        code = re.sub(rf"^{match['indent']}", "", match["code"], flags=re.M)
        found.append(Block(code, text.count("\n", 0, match.start("code")) + 1, match["info"].strip()))
    return found


def execute(block: Block, page: str, namespace: dict[str, Any]) -> None:
    """Runs a block as if it were the page itself, so that tracebacks show the page's line."""
    if ">>>" not in block.code:
        exec(compile("\n" * (block.line - 1) + block.code, page, "exec"), namespace)
        return
    test = doctest.DocTestParser().get_doctest(block.code, namespace, page, page, block.line - 1)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=sum(_FLAGS))
    runner.run(test, out=report.append, clear_globs=False)
    namespace.update(test.globs)
    assert runner.failures == 0, "".join(report)


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_python_of_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.info.startswith("norun"):
            assert re.fullmatch(r"norun: \S.*", block.info), f"line {block.line}: say why, `norun: reason`"
            continue
        assert not block.info, f"line {block.line}: unknown word after ```python: {block.info}"
        execute(block, str(page), namespace)


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_links_of_page_lead_to_files(page: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_blocks_share_names_and_keep_their_lines() -> None:
    page = (
        "text\n```python\na = 1\n```\n"
        "- item\n  ```python\n  >>> a + 1\n  2\n  >>> b = a\n  ```\n"
        "```python norun: slow\n```\n"
    )
    first, second, third = blocks(page)
    assert (first.line, second.line, third.info) == (3, 7, "norun: slow")
    namespace: dict[str, Any] = {}
    execute(first, "page", namespace)
    execute(second, "page", namespace)
    assert namespace["b"] == 1
    with pytest.raises(AssertionError, match="line 9"):
        execute(Block(">>> 1 + 1\n3\n", 9, ""), "page.md", {})
