"""A golden file belongs to a test that exists."""

import re

from tests.architecture.source import ROOT
from tests.conftest import GOLDEN, TESTS


def test_every_golden_file_has_its_test() -> None:
    orphans = []
    for path in sorted(GOLDEN.rglob("*")):
        if not path.is_file():
            continue
        module = TESTS / path.parent.relative_to(GOLDEN).with_suffix(".py")
        tests = re.findall(r"def (test_\w+)", module.read_text(encoding="utf-8")) if module.is_file() else []
        name = re.sub(r"^Test\w*\.", "", path.name)
        if not any(re.match(rf"{test}[-.]", name) for test in tests):
            orphans.append(str(path.relative_to(ROOT)))
    assert not orphans, "no test uses these golden files; remove them:\n" + "\n".join(orphans)
