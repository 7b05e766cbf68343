"""What every test can use: golden files, Hypothesis profiles, a GPU or the reason why there is none."""

import difflib
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.cuda import on_cpu

TESTS = Path(__file__).resolve().parent
GOLDEN = TESTS / "golden"

os.environ.setdefault("MPLBACKEND", "Agg")
# Before any test asks which backends there are.
if on_cpu.ON_CPU:
    on_cpu.use()

# ------------------------------------------------------------------------------------------------- Hypothesis

_slow_examples = (HealthCheck.too_slow, HealthCheck.data_too_large)
# `make test`: the same examples in every run.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=60,
    database=None,
    print_blob=True,
    suppress_health_check=_slow_examples,
)
# At the desk: new examples in every run; failures are remembered in .hypothesis/.
settings.register_profile("dev", deadline=None, max_examples=30, suppress_health_check=_slow_examples)
# Before a release, or after work on the rewriting or the lowering.
settings.register_profile("thorough", deadline=None, max_examples=2000, suppress_health_check=_slow_examples)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


# ----------------------------------------------------------------------------------------------- golden files


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the files under tests/golden/ instead of comparing with them",
    )


def _file_name(text: str) -> str:
    """The name of a test, parameters included, as a file name."""
    return re.sub(r"[^\w.+=-]+", "-", text).strip("-")


class Golden:
    """Compares text with a file kept in the repository, or writes the file under ``--update-golden``.

    ``golden(text)`` compares with ``tests/golden/<test module>/<test name>.txt``. ``ext`` changes the ending.
    A test that compares several texts names each by ``part``.
    """

    def __init__(self, folder: Path, test: str, update: bool) -> None:
        self.folder = folder
        self.test = test
        self.update = update
        self._used: set[Path] = set()

    def __call__(self, text: str, *, ext: str = "txt", part: str | None = None) -> None:
        __tracebackhide__ = True
        stem = _file_name(self.test) if part is None else f"{_file_name(self.test)}.{_file_name(part)}"
        path = self.folder / f"{stem}.{ext}"
        if path in self._used:
            raise ValueError(f"golden file {path.name} was already used by this test: name the second by part=")
        self._used.add(path)
        text = text if text.endswith("\n") else text + "\n"
        if self.update:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        shown = path.relative_to(TESTS.parent)
        if not path.exists():
            pytest.fail(f"{shown} is missing. Run the test with --update-golden, read the file, commit it.", False)
        expected = path.read_bytes().decode("utf-8")
        if text != expected:
            pytest.fail(f"{_difference(expected, text, str(shown))}\n{_HOW_TO_UPDATE}", False)


_HOW_TO_UPDATE = "If the change is meant, run the test with --update-golden and commit the file."


def _difference(expected: str, text: str, name: str) -> str:
    lines = difflib.unified_diff(
        expected.splitlines(), text.splitlines(), f"{name} (golden)", f"{name} (now)", lineterm=""
    )
    return "\n".join(lines) or f"{name}: only the ends of lines differ"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """A function that compares text with this test's golden file: see Golden."""
    module = request.path.relative_to(TESTS).with_suffix("")
    test = request.node.name if request.cls is None else f"{request.cls.__name__}.{request.node.name}"
    return Golden(GOLDEN / module, test, request.config.getoption("--update-golden"))


# -------------------------------------------------------------------------------------------------------- GPU


@cache
def gpu_problem() -> str | None:
    """Why tests marked ``gpu`` cannot run here; None where they can."""
    try:
        from cupy.cuda import runtime
    except ImportError:
        return "CuPy is not installed (extra cuda12 or cuda13)"
    try:
        return None if runtime.getDeviceCount() else "no GPU"
    except runtime.CUDARuntimeError as error:
        return f"no usable GPU: {error}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("gpu") and (problem := gpu_problem()):
            item.add_marker(pytest.mark.skip(reason=problem))
