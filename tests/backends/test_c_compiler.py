"""Machines without a compiler, or with one that can less; what a compiler says when it fails."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import symopt as so
from symopt.backends.c import build, compiler, remembered
from symopt.backends.c.build import CBackend
from symopt.backends.c.compiler import FLAGS, Compiler, find_compiler
from symopt.errors import CompileError

SCALAR = "no vector library for exp, tanh and the like"
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not there")


@pytest.fixture(autouse=True)
def no_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What was found out about compilers is found out again, before and after."""
    monkeypatch.setenv("SYMOPT_CACHE", str(tmp_path / "cache"))
    compiler._find.cache_clear()
    remembered._remembered.cache_clear()
    yield
    compiler._find.cache_clear()
    remembered._remembered.cache_clear()


def script(folder: Path, text: str, name: str = "some-cc") -> str:
    """A program that stands in for a compiler."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def gcc_without(folder: Path, *flags: str) -> str:
    """A gcc that does not know some flags."""
    cases = "\n".join(f'  {flag}) echo "some-cc: error: unrecognized option {flag}" >&2; exit 1;;' for flag in flags)
    return script(folder, f'for flag in "$@"; do case "$flag" in\n{cases}\nesac; done\nexec gcc "$@"')


def trained() -> list[float]:
    """What a step gives that has all of it: a loop, tanh, a product, shared rows."""
    x, w = so.input("x", ("n", 3)), so.parameter(np.ones((3, 3)), "w")
    loss = so.square(so.tanh(x @ w)).mean()
    f = so.function([x], loss, [(w, w - so.gradient(loss, [w])[0])], backend="c")
    return [float(f(np.linspace(-1, 1, 3000).reshape(1000, 3))) for _ in range(3)]


# ------------------------------------------------------------------------------------------------------------ which one


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ("/nowhere/cc", "/nowhere/cc is not there"),
        ("no-such-compiler -O1", "no-such-compiler is not there"),
        ("false", "false fails: no reason given"),
    ],
)
def test_a_compiler_that_does_not_work_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, chosen: str, reason: str
) -> None:
    monkeypatch.setenv("SYMOPT_CC", chosen)
    record = so.backends()["c"]
    assert not record.available
    assert reason in record.reason
    assert "SYMOPT_CC" in record.reason


def test_what_is_no_program_at_all_is_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("not a program", encoding="utf-8")
    path.chmod(0o700)
    monkeypatch.setenv("SYMOPT_CC", str(path))
    assert "Exec format error" in so.backends()["c"].reason


def test_without_a_compiler_auto_is_the_next_backend_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SYMOPT_CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    reason = so.backends()["c"].reason
    assert all(f"{name} is not there" in reason for name in ("cc", "gcc", "clang"))
    x = so.vector("x")
    f = so.function([x], x * 2)
    assert f.backend == "numexpr"
    assert f([1.0, 2.0]).tolist() == [2.0, 4.0]
    assert capfd.readouterr() == ("", "")


def test_to_ask_for_c_without_a_compiler_is_an_error_that_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SYMOPT_CC", "/nowhere/cc")
    x = so.vector("x")
    f = so.function([x], x * 2, backend="c")
    with pytest.raises(so.Unsupported, match="/nowhere/cc is not there"):
        f([1.0])
    assert "typedef" in f.source  # needs none


@needs_gcc
def test_the_first_that_works_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SYMOPT_CC", raising=False)
    gcc = shutil.which("gcc")
    script(tmp_path, "exit 1", "cc")
    script(tmp_path, f'PATH=/usr/bin:/bin exec {gcc} "$@"', "gcc")
    monkeypatch.setenv("PATH", f"{tmp_path}")
    found, _ = find_compiler()
    assert found is not None
    assert found.command == ("gcc",)


@needs_gcc
def test_spaces_around_nothing_choose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMOPT_CC", "  ")
    assert so.backends()["c"].available


# ---------------------------------------------------------------------------------------------------------- what it can


@needs_gcc
@pytest.mark.parametrize(
    ("missing", "lack"),
    [
        (["-fopenmp"], "no OpenMP: one thread"),
        (["-lmvec"], SCALAR),
        (["-fopenmp", "-lmvec", "-march=native", "-mprefer-vector-width=512"], f"no OpenMP: one thread; {SCALAR}"),
    ],
)
def test_a_compiler_that_can_less_gives_the_same_numbers_and_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: list[str], lack: str
) -> None:
    monkeypatch.setenv("SYMOPT_THREADS", "2")
    monkeypatch.setattr(build, "SHARED_WORK", 0)
    monkeypatch.setenv("SYMOPT_CC", "gcc")
    expected = trained()
    monkeypatch.setenv("SYMOPT_CC", gcc_without(tmp_path, *missing))
    record = so.backends()["c"]
    assert record.available
    version = record.reason.removesuffix(f" ({lack})")
    assert record.reason == (f"{version} ({lack})" if lack else version)
    assert version.startswith("C by ")
    assert "no " not in version
    np.testing.assert_allclose(trained(), expected, rtol=1e-13)


@needs_gcc
def test_flags_of_ones_own_come_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMOPT_CC", "gcc -pipe")
    monkeypatch.setenv("SYMOPT_CFLAGS", "-O1 '-DTEXT=a b'")
    found, _ = find_compiler()
    assert found is not None
    assert found.command == ("gcc", "-pipe")
    assert found.flags[-2:] == ("-O1", "-DTEXT=a b")
    assert found.flags[: len(FLAGS)] == tuple(FLAGS)


# --------------------------------------------------------------------------------------------------------- what it says


@needs_gcc
def test_an_error_has_the_command_the_compilers_words_and_the_numbered_source(tmp_path: Path) -> None:
    gcc = Compiler(("gcc",), ("-shared", "-fPIC"), ("-lm",), "gcc", False)
    with pytest.raises(CompileError) as caught:
        gcc.compile("int one;\nint two = nothing;\n", tmp_path / "made.so")
    message = str(caught.value)
    assert f"gcc -shared -fPIC -o {tmp_path}/made.so {tmp_path}/made.c -lm" in message
    assert "‘nothing’ undeclared" in message.replace("'nothing'", "‘nothing’")
    assert "   2  int two = nothing;" in message
    assert not (tmp_path / "made.so").exists()


@needs_gcc
def test_a_wrong_flag_is_shown_when_a_function_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMOPT_CC", "gcc")
    monkeypatch.setenv("SYMOPT_CFLAGS", "--no-such-flag")
    x = so.vector("x")
    with pytest.raises(CompileError, match="--no-such-flag"):
        so.function([x], x * 2, backend="c")([1.0])


@needs_gcc
def test_compiled_code_leaves_the_small_numbers_of_numpy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """-ffast-math at the link would set them to zero in the whole process."""
    monkeypatch.setenv("SYMOPT_CC", "gcc")
    trained()
    assert (np.float32(1e-40) * np.float32(1)) != 0
    assert CBackend().status()[0]
    x = so.vector("x", "float32")
    tiny = np.full(40, 1e-40, "float32")
    np.testing.assert_array_equal(so.function([x], x * 1.5, backend="c")(tiny), tiny * np.float32(1.5))


def test_a_compiler_is_asked_once_and_remembered_by_later_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = remembered.compiler_here()
    asked: list[object] = []
    monkeypatch.setattr(compiler, "_run", lambda command: asked.append(command))
    for clear in (compiler._find.cache_clear, remembered._remembered.cache_clear):  # as in a process of its own
        clear()
    assert remembered.compiler_here() == first
    assert not asked


def test_a_damaged_memory_of_a_compiler_is_made_anew(tmp_path: Path) -> None:
    first = remembered.compiler_here()
    (known,) = (tmp_path / "cache").glob("*.json")
    known.write_text(known.read_text(encoding="utf-8")[:40], encoding="utf-8")
    compiler._find.cache_clear()
    remembered._remembered.cache_clear()
    assert remembered.compiler_here() == first
    assert known.read_text(encoding="utf-8").endswith("}")
