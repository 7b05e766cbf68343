"""Who imports whom: layers, cycles, imports inside functions, and what a bare `import symopt` loads."""

import graphlib
import subprocess
import sys

import grimp
import pytest
from importlinter.cli import lint_imports

from tests.architecture.source import PACKAGE, PYPROJECT, ROOT

CONTRACTS = [contract["id"] for contract in PYPROJECT["tool"]["importlinter"]["contracts"]]

# Loaded when they are used, never by `import symopt`.
HEAVY = PYPROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_contract_of_imports_is_kept(
    contract: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(limit_to_contracts=(contract,), no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out


def test_modules_import_each_other_in_one_direction() -> None:
    graph = grimp.build_graph("symopt", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        pytest.fail("a cycle of imports: " + " <- ".join(error.args[1]), pytrace=False)


def test_imports_inside_functions_are_listed() -> None:
    rules = "PLC0415,TID251,TID253"
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--ignore-noqa", "--select", rules]
    done = subprocess.run([*command, str(PACKAGE)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\nExceptions are listed in pyproject.toml, with a reason."


def test_bare_import_is_light() -> None:
    code = "import sys, symopt; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert sorted(loaded & set(HEAVY)) == [], "`import symopt` loads these"
