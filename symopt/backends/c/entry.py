"""The extension module by which a step is called, where Python's headers are there to build it."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from symopt.backends.c.cache import compiled
from symopt.backends.c.compiler import Compiler
from symopt.errors import CompileError


@cache
def entry_type(compiler: Compiler) -> Any | None:
    """The type ``Entry`` of call.c; None where it cannot be built, and calls go by ctypes."""
    folders = [sysconfig.get_paths()["include"], sysconfig.get_paths()["platinclude"], np.get_include()]
    if not any((Path(folder) / "Python.h").exists() for folder in folders):
        return None
    versions = f"/* {sys.implementation.cache_tag}, NumPy {np.__version__} */\n"
    source = versions + (Path(__file__).parent / "call.c").read_text(encoding="utf-8")
    flags = tuple(f"-I{folder}" for folder in dict.fromkeys(folders))
    try:
        return compiled(source, compiler.with_flags(flags), _load).Entry
    except CompileError:
        return None


def _load(path: Path) -> Any:
    loader = importlib.machinery.ExtensionFileLoader("symopt_call", str(path))
    spec = importlib.util.spec_from_file_location("symopt_call", path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
