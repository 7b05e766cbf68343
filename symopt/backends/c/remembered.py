"""The compiler of this machine, remembered from process to process: asking it takes a tenth of a second and more."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shlex
import shutil
import tempfile
from functools import cache
from pathlib import Path

from symopt.backends.c.cache import folders, machine
from symopt.backends.c.compiler import FLAGS, OPTIONAL, Compiler, find_compiler


def compiler_here() -> tuple[Compiler | None, str]:
    """The compiler, or None and why there is none."""
    return _remembered(*(os.environ.get(name, "") for name in ("SYMOPT_CC", "SYMOPT_CFLAGS", "PATH")))


@cache
def _remembered(chosen: str, extra: str, path: str) -> tuple[Compiler | None, str]:
    name = f"{_key(chosen, extra)}.json"
    for folder in folders():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # none yet, or damaged
            return _read(folder / name)
    found, reason = find_compiler()
    if found is not None:  # a compiler that is missing may be installed any time
        _write(name, found, reason)
    return found, reason


def _key(chosen: str, extra: str) -> str:
    """What the answer depends on: the programs themselves, among others."""
    commands = [shlex.split(chosen)[0]] if chosen.strip() else ["cc", "gcc", "clang"]
    facts = [chosen, extra, *FLAGS, *OPTIONAL, machine()]
    for command in commands:
        place = shutil.which(command)
        with contextlib.suppress(OSError):
            if place is not None:
                program = os.stat(os.path.realpath(place))
                facts += [place, str(program.st_mtime_ns), str(program.st_size)]
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:40]


def _read(path: Path) -> tuple[Compiler, str]:
    known = json.loads(path.read_text(encoding="utf-8"))
    lists = {name: tuple(known[name]) for name in ("command", "flags", "libraries")}
    return Compiler(**lists, version=known["version"], openmp=known["openmp"]), known["reason"]


def _write(name: str, compiler: Compiler, reason: str) -> None:
    text = json.dumps(dataclasses.asdict(compiler) | {"reason": reason}, indent=1)
    folder = next(folders(), None)
    if folder is None:
        return
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(prefix="making-", dir=folder) as own:
        made = Path(own) / name
        made.write_text(text, encoding="utf-8")
        os.replace(made, folder / name)
