"""Compiled objects on disk, shared by all processes of a user.

A file is named by the hash of all that it depends on, so it never changes: it is made under another name and moved,
and whoever comes second has made the same. What cannot be read is made anew; where nothing can be written, a folder of
this process serves.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from symopt.backends.c.compiler import Compiler
from symopt.backends.threads import waiting_briefly
from symopt.errors import CompileError

#: Bytes that the cache may grow to: when it is larger, files that were not used for longest go.
LIMIT = 256 * 1024 * 1024
#: Bytes of the hash that a file ends with.
_HASH = hashlib.sha256().digest_size

Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class CacheInfo:
    """Where compiled objects are kept, how many there are, and their bytes."""

    folder: str
    files: int
    size: int


def load(source: str, compiler: Compiler) -> ctypes.CDLL:
    """The compiled object of a source: from the cache, or compiled now."""
    with waiting_briefly():
        return compiled(source, compiler, lambda path: ctypes.CDLL(str(path)))


def compiled(source: str, compiler: Compiler, opened: Callable[[Path], Loaded]) -> Loaded:
    """What ``opened`` makes of the file of a compiled source; it raises OSError where it cannot."""
    name = f"{_key(source, compiler)}.so"
    problems = []
    for folder in folders():
        path = folder / name
        try:
            if _is_whole(path):
                with contextlib.suppress(OSError, ImportError):
                    return _used(path, opened)
            path.unlink(missing_ok=True)  # damaged: a full disk, a killed process
            _make(source, compiler, path)
            return _used(path, opened)
        except (OSError, ImportError) as error:  # a full disk, a mount that runs nothing
            problems.append(f"{folder}: {error}")
        except CompileError as error:
            if folder == _folder_of_this_process():
                raise
            problems.append(f"{folder}: {error.args[0].splitlines()[0]}")  # a disk that is full for the compiler
    why = "; ".join(problems) or "none can be written that is yours alone; name one in SYMOPT_CACHE"
    raise CompileError(f"there is no folder that compiled code can be loaded from: {why}")


def _is_whole(path: Path) -> bool:
    """Whether a file is there and ends with the hash of the rest: a part of one ends the process that loads it."""
    try:
        made = path.read_bytes()
    except OSError:
        return False
    return hashlib.sha256(made[:-_HASH]).digest() == made[-_HASH:]


def _used(path: Path, opened: Callable[[Path], Loaded]) -> Loaded:
    loaded = opened(path)
    with contextlib.suppress(OSError):
        os.utime(path)  # files that were not used for longest go first
    return loaded


def _make(source: str, compiler: Compiler, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="making-", dir=path.parent) as folder:
        made = Path(folder) / path.name
        compiler.compile(source, made)
        with made.open("ab") as file:
            file.write(hashlib.sha256(made.read_bytes()).digest())
        os.replace(made, path)
    _shrink(path.parent, path)


def _key(source: str, compiler: Compiler) -> str:
    parts = [source, *compiler.command, *compiler.flags, *compiler.libraries, compiler.version, machine()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


@cache
def machine() -> str:
    """What "native" means here: another processor behind the same home folder must not find our files."""
    facts = [platform.machine(), *platform.libc_ver()]
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        facts += sorted({line for line in lines if line.startswith(("flags", "model name", "Features", "CPU part"))})
    return "\n".join(facts)


# ------------------------------------------------------------------------------------------------------------- folders


def folders() -> Iterator[Path]:
    """Folders to try, the best first: ours alone, as what lies there is run."""
    with contextlib.suppress(OSError, RuntimeError):  # there may be no home
        folder = _chosen_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _is_ours(folder):
            yield folder
    own = _folder_of_this_process()
    if own is not None:
        yield own


def _chosen_folder() -> Path:
    chosen = os.environ.get("SYMOPT_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()).absolute() / "symopt"


def _is_ours(folder: Path) -> bool:
    facts = folder.stat()
    ours = not hasattr(os, "getuid") or (facts.st_uid == os.getuid() and not facts.st_mode & 0o022)
    return ours and os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _folder_of_this_process() -> Path | None:
    return _folder_of(os.getpid())


@cache
def _folder_of(process: int) -> Path | None:
    """Made when it is needed; a forked child has its own."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="symopt-"))
    except OSError:
        return None
    atexit.register(_remove, folder, process)
    return folder


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def _objects(folder: Path) -> list[tuple[float, int, Path]]:
    found = []
    for path in folder.glob("*.so"):
        with contextlib.suppress(OSError):
            facts = path.stat()
            found.append((facts.st_mtime, facts.st_size, path))
    return sorted(found)


def _shrink(folder: Path, newest: Path) -> None:
    objects = _objects(folder)
    size = sum(bytes_each for _, bytes_each, _ in objects)
    for _, bytes_each, path in objects:
        if size <= LIMIT:
            return
        if path != newest:
            with contextlib.suppress(OSError):
                path.unlink()
                size -= bytes_each


def cache_info() -> CacheInfo:
    """Where compiled objects are kept on this machine, how many, and how large they are together."""
    folder = next(folders(), None)
    objects = [] if folder is None else _objects(folder)
    return CacheInfo(str(folder or ""), len(objects), sum(size for _, size, _ in objects))


def clear_cache() -> int:
    """Delete the compiled objects, and what is known of compilers; how many objects there were.

    What is loaded goes on running.
    """
    folder = next(folders(), None)
    objects = [] if folder is None else _objects(folder)
    known = [] if folder is None else list(folder.glob("*.json"))
    for path in [*(path for _, _, path in objects), *known]:
        path.unlink(missing_ok=True)
    return len(objects)
