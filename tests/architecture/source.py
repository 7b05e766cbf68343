"""The files of the project, as the tests of the architecture see them."""

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "symopt"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXCEPTIONS = Path(__file__).with_name("exceptions.toml")

_NOT_OURS = {"out", "build", "dist", "__pycache__"}


def relative(path: Path) -> str:
    """The path from the root of the repository, as the tables of exceptions write it."""
    return path.relative_to(ROOT).as_posix()


def python_files() -> list[Path]:
    """The modules of the package and the examples."""
    return sorted([*PACKAGE.rglob("*.py"), *(ROOT / "examples").rglob("*.py")])


def exceptions(table: str) -> dict[str, dict[str, Any]]:
    """One table of exceptions.toml: what is excepted, to how much it may grow, and why."""
    rows: dict[str, dict[str, Any]] = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8")).get(table, {})
    return rows


def own_files() -> list[Path]:
    """Every file of the repository: what git tracks or would track; without git, what is no cache."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]
    return [path for path in sorted(ROOT.rglob("*")) if path.is_file() and _is_own(path)]


def _is_own(path: Path) -> bool:
    folders = path.relative_to(ROOT).parts[:-1]
    return not any(part in _NOT_OURS or (part.startswith(".") and part != ".ci") for part in folders)
