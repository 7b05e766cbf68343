"""What the figures were measured on."""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def cpu_model() -> str:
    """The processor's name, as Linux gives it, or as Python does elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def gcc_version() -> str:
    try:
        return subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "none"


def libraries() -> dict[str, str]:
    """Those of the contestants' libraries that are installed."""
    found = {}
    for name in ("numpy", "numexpr", "scipy", "numba", "jax", "optax", "torch", "pytensor", "casadi"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def facts() -> dict[str, str]:
    """The head of the table."""
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_model(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "gcc": gcc_version(),
        **libraries(),
    }
