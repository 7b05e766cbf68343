"""The golden fixture, in a run of its own on toy tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TESTS

TOY = """
import pytest

def test_text(golden):
    golden("one\\ntwo\\n{change}")

@pytest.mark.parametrize("name", ["a/b"])
def test_parts(golden, name):
    golden("kernel", ext="c", part="kernel")
    golden("host", ext="py", part="host")

@pytest.mark.gpu
def test_gpu():
    pass
"""


class Project:
    """A folder with a copy of our conftest and one toy test module; what the copy imports, it finds where it is."""

    def __init__(self, root: Path) -> None:
        self.tests = root / "tests"
        self.golden = self.tests / "golden" / "toys" / "test_toy"
        (self.tests / "toys").mkdir(parents=True)
        shutil.copy(TESTS / "conftest.py", self.tests)
        (root / "pytest.ini").write_text("[pytest]\nmarkers = gpu\naddopts = -ra\nnorecursedirs = golden\n")

    def run(self, *arguments: str, change: str = "") -> str:
        (self.tests / "toys" / "test_toy.py").write_text(TOY.format(change=change))
        command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(self.tests.parent), str(TESTS.parent)])}
        done = subprocess.run(
            command, cwd=self.tests.parent, env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_missing_golden_file_fails_and_says_how_to_make_it(project: Project) -> None:
    report = project.run("-k", "text")
    assert "1 failed" in report
    assert "tests/golden/toys/test_toy/test_text.txt is missing." in report
    assert "--update-golden" in report


def test_update_writes_files_that_the_next_run_accepts(project: Project) -> None:
    assert "2 passed" in project.run("--update-golden", "-k", "not gpu")
    assert (project.golden / "test_text.txt").read_text() == "one\ntwo\n"
    names = sorted(path.name for path in project.golden.iterdir())
    assert names == ["test_parts-a-b.host.py", "test_parts-a-b.kernel.c", "test_text.txt"]
    assert "2 passed" in project.run("-k", "not gpu")


def test_changed_text_fails_with_a_difference(project: Project) -> None:
    project.run("--update-golden", "-k", "text")
    report = project.run("-k", "text", change="three")
    assert "1 failed" in report
    assert "+three" in report
    assert " two" in report


def test_gpu_test_without_cupy_is_skipped_and_the_summary_says_why(project: Project) -> None:
    # A plugin, as it is loaded before the conftest; with None there, Python finds no module of that name.
    (project.tests.parent / "without_cupy.py").write_text('import sys\n\nsys.modules["cupy"] = None\n')
    report = project.run("-p", "without_cupy", "-k", "gpu")
    assert "SKIPPED" in report
    assert "CuPy is not installed" in report
