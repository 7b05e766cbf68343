"""Compiled objects are made once, found again, and replaced or done without where something is wrong with them."""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import symopt as so
from symopt.backends.c import cache
from symopt.backends.c.compiler import Compiler, find_compiler
from symopt.errors import CompileError

pytestmark = pytest.mark.skipif(not so.backends()["c"].available, reason=so.backends()["c"].reason)

SOURCE = "int answer(void) { return 42; }\n"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty cache; what serves in its place, if it must, is under tmp_path too."""
    chosen = tmp_path / "cache"
    monkeypatch.setenv("SYMOPT_CACHE", str(chosen))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cache._folder_of.cache_clear()
    yield chosen
    cache._folder_of.cache_clear()


@pytest.fixture
def compiler() -> Compiler:
    found, _ = find_compiler()
    assert found is not None
    return found


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where the compiler has written to, once for each time it was called."""
    targets: list[Path] = []
    compile_ = Compiler.compile
    monkeypatch.setattr(Compiler, "compile", lambda self, *a: targets.append(a[1]) or compile_(self, *a))
    return targets


def answer(compiler: Compiler, source: str = SOURCE) -> int:
    return cache.load(source, compiler).answer()


def objects(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix != ".json")  # but for what is known of the compiler


def serves_instead(folder: Path) -> bool:
    """Whether a folder of this process holds what should lie in ``folder``."""
    own = cache._folder_of_this_process()
    return own is not None and len(objects(own)) == 1 and not (folder.is_dir() and list(folder.glob("*.so")))


# ------------------------------------------------------------------------------------------------------- cold and warm


def test_a_second_build_compiles_nothing(folder: Path, compiled: list[Path]) -> None:
    x = so.vector("x")
    counts = []
    for _ in range(2):
        f = so.function([x], (x * 2).sum(), backend="c")
        assert f(np.ones(4)) == 8.0
        assert f(np.ones(5)) == 10.0
        counts.append(len(compiled))
    assert 0 < counts[0] == counts[1] == len(objects(folder)) == so.cache_info().files


def test_another_process_finds_what_this_one_has_made(folder: Path, compiler: Compiler) -> None:
    answer(compiler)
    code = (
        "import sys\n"
        "from symopt.backends.c import cache\n"
        "from symopt.backends.c.compiler import Compiler, find_compiler\n"
        "compiler, _ = find_compiler()\n"
        "Compiler.compile = lambda self, *a: sys.exit('it compiled again')\n"
        f"print(cache.load({SOURCE!r}, compiler).answer())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("42\n", "")


def test_the_folder_is_for_this_user_alone_and_holds_nothing_but_objects(folder: Path, compiler: Compiler) -> None:
    answer(compiler)
    assert folder.stat().st_mode & 0o777 == 0o700
    (made,) = objects(folder)
    assert made.suffix == ".so"


@pytest.mark.parametrize(
    "change",
    [
        lambda one: dataclasses.replace(one, version="another 13.1"),
        lambda one: one.with_flags(("-O1",)),
        lambda one: dataclasses.replace(one, libraries=("-lm", "-lc")),
    ],
    ids=["version", "flags", "libraries"],
)
def test_another_compiler_is_another_object(
    folder: Path, compiler: Compiler, change: Callable[[Compiler], Compiler]
) -> None:
    assert cache._key(SOURCE, compiler) != cache._key(SOURCE, change(compiler))
    assert cache._key(SOURCE, compiler) != cache._key(SOURCE + " ", compiler)
    assert answer(compiler) == answer(change(compiler)) == 42
    assert len(objects(folder)) == 2


def test_another_processor_is_another_object(
    folder: Path, compiler: Compiler, compiled: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(compiler)
    facts = cache.machine()
    assert "flags" in facts or "Features" in facts or not Path("/proc/cpuinfo").exists()
    monkeypatch.setattr(cache, "machine", lambda: facts.replace("sse2", "sse1") + "another")
    answer(compiler)
    assert len(compiled) == 2


# -------------------------------------------------------------------------------------------------------------- damaged


@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.9, 0.999])
def test_a_part_of_a_file_is_made_anew(folder: Path, compiler: Compiler, share: float) -> None:
    """A process that loads one may not get an error but die."""
    source = f"int answer(void) {{ return 42; }}\nint share = {round(1000 * share)};\n"  # loaded once in this process
    path = folder / f"{cache._key(source, compiler)}.so"
    folder.mkdir(mode=0o700)
    cache._make(source, compiler, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert answer(compiler, source) == 42
    assert len(path.read_bytes()) == len(whole)


def test_garbage_is_made_anew(folder: Path, compiler: Compiler) -> None:
    source = "int answer(void) { return 43; }"
    path = folder / f"{cache._key(source, compiler)}.so"
    folder.mkdir(mode=0o700)
    cache._make(source, compiler, path)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle] ^= 1
    path.write_bytes(whole)
    assert answer(compiler, source) == 43
    assert path.read_bytes()[middle] == whole[middle] ^ 1


# --------------------------------------------------------------------------------------- folders that cannot be used


def test_a_file_in_the_place_of_the_folder(folder: Path, compiler: Compiler) -> None:
    folder.write_text("not a folder")
    assert answer(compiler) == 42
    assert serves_instead(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(folder: Path, compiler: Compiler) -> None:
    folder.mkdir(mode=0o500)
    assert answer(compiler) == 42
    assert serves_instead(folder)


def test_a_folder_on_a_mount_that_cannot_be_written(
    folder: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder and access(path, mode))
    assert answer(compiler) == 42
    assert serves_instead(folder)


@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_folder_that_others_may_write_is_not_used(folder: Path, compiler: Compiler, mode: int) -> None:
    """They could put code there that this user would run."""
    answer(compiler)
    (made,) = objects(folder)
    made.write_bytes(b"somebody else's")
    folder.chmod(mode)
    assert answer(compiler) == 42
    assert made.read_bytes() == b"somebody else's"
    assert so.cache_info().folder != str(folder)


def test_a_folder_of_somebody_else_is_not_used(
    folder: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert answer(compiler) == 42
    assert serves_instead(folder)


def test_no_home_at_all(folder: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYMOPT_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def expanduser(self: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", expanduser)
    assert answer(compiler) == 42
    assert serves_instead(folder)


def test_a_folder_named_from_where_one_is(
    folder: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYMOPT_CACHE", "cache")
    assert answer(compiler) == 42
    assert len(objects(folder)) == 1


def full_for_python(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).parent == folder:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)


def full_for_the_compiler(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    compile_ = Compiler.compile

    def full(self: Compiler, source: str, target: Path) -> None:
        if folder in target.parents:
            raise CompileError("the C compiler failed (1)\nfinal link failed: No space left on device")
        compile_(self, source, target)

    monkeypatch.setattr(Compiler, "compile", full)


def runs_nothing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    load = ctypes.CDLL

    def refuse(path: str, *arguments: object) -> ctypes.CDLL:
        if Path(path).parent == folder:
            raise OSError(f"{path}: failed to map segment from shared object")
        return load(path, *arguments)

    monkeypatch.setattr(ctypes, "CDLL", refuse)


@pytest.mark.parametrize("problem", [full_for_python, full_for_the_compiler, runs_nothing])
def test_a_full_disk_or_one_that_runs_nothing(
    folder: Path,
    compiler: Compiler,
    monkeypatch: pytest.MonkeyPatch,
    problem: Callable[[pytest.MonkeyPatch, Path], None],
) -> None:
    problem(monkeypatch, folder)
    for _ in range(2):
        assert answer(compiler) == 42
    own = cache._folder_of_this_process()
    assert own is not None
    assert len(objects(own)) == 1
    assert not list(folder.glob("making-*"))


def test_where_nothing_works_the_error_says_why(
    folder: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for each in (folder, cache._folder_of_this_process()):
        runs_nothing(monkeypatch, each)
    with pytest.raises(CompileError, match=r"(?s)no folder.*cache.*failed to map.*symopt-.*failed to map"):
        answer(compiler)
    cache._folder_of.cache_clear()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nothing" / "here"))
    folder.chmod(0o777)
    with pytest.raises(CompileError, match="name one in SYMOPT_CACHE"):
        answer(compiler)
    assert so.cache_info().files == so.clear_cache() == 0


def test_source_that_does_not_compile_is_shown_once(folder: Path, compiler: Compiler) -> None:
    with pytest.raises(CompileError) as caught:
        answer(compiler, "int answer(void) { return nothing; }\n")
    assert str(caught.value).count("   1  int answer(void) { return nothing; }") == 1
    assert not objects(folder)


# ------------------------------------------------------------------------------------------------- several processes

AT_ONCE = f"""
import sys, time
from symopt.backends.c import cache
from symopt.backends.c.compiler import Compiler, find_compiler

compiler, _ = find_compiler()
compile_ = Compiler.compile

def slow(self, source, target):
    compile_(self, source, target)
    time.sleep(0.5)
    print("compiled", flush=True)

Compiler.compile = slow
print("ready", flush=True)
sys.stdin.readline()
print(cache.load({SOURCE!r}, compiler).answer())
"""


def test_processes_that_compile_the_same_at_once_do_not_disturb_each_other(folder: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", AT_ONCE], **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60) for process in processes] == [("compiled\n42\n", "")] * 2
    assert len(objects(folder)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_leaves_the_folder_of_its_parent(folder: Path) -> None:
    code = (
        "import os, sys; from symopt.backends.c import cache\n"
        "own = cache._folder_of_this_process()\n"
        "child = os.fork()\n"
        "if not child: sys.exit(own == cache._folder_of_this_process())\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert own.is_dir()\n"
        "print(own)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).exists()


# ---------------------------------------------------------------------------------------------------- size and clearing


def test_what_was_not_used_for_longest_goes_first(
    folder: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [f"int answer(void) {{ return {number}; }}\n" for number in range(4)]
    for age, source in enumerate(sources[:3]):
        answer(compiler, source)
        path = folder / f"{cache._key(source, compiler)}.so"
        os.utime(path, (1000 + age, 1000 + age))
        each = path.stat().st_size
    assert answer(compiler, sources[0]) == 0  # used now
    monkeypatch.setattr(cache, "LIMIT", 3 * each)
    answer(compiler, sources[3])
    kept = {path.stem for path in objects(folder)}
    assert kept == {cache._key(sources[number], compiler) for number in (0, 2, 3)}


def test_the_newest_stays_even_if_it_is_too_large(
    folder: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LIMIT", 1)
    for number in range(3):
        assert answer(compiler, f"int answer(void) {{ return {number}; }}\n") == number
        assert len(objects(folder)) == 1


def test_info_and_clearing(folder: Path, compiler: Compiler) -> None:
    assert so.cache_info() == cache.CacheInfo(str(folder), 0, 0)
    library = cache.load(SOURCE, compiler)
    answer(compiler, SOURCE + "int more;\n")
    info = so.cache_info()
    assert (info.folder, info.files) == (str(folder), 2)
    assert info.size == sum(path.stat().st_size for path in objects(folder))
    assert so.clear_cache() == 2
    assert library.answer() == 42
    assert so.cache_info().files == so.clear_cache() == 0
