"""Generated C in golden files: they show what a change of the compiler does, and compile without a warning."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import symopt as so
from symopt.backends.c.compiler import FLAGS
from symopt.backends.c.scope import WORDS
from symopt.backends.cfamily.spelling import WIDTH
from tests.backends.kept_steps import STEPS, Step, emitted, every_step

WARNINGS = ("-Wall", "-Wextra", "-Werror")
#: This machine with all it has, and one with nothing: no threads, no vector library, short registers.
TARGETS = {"all": ["-march=native", "-fopenmp", "-DSYMOPT_VECTOR_MATH"], "nothing": ["-fopenmp-simd"]}


@every_step
def test_source_is_as_kept(make: Callable[[], Step], golden: Callable[..., None]) -> None:
    golden(emitted(make, "c"), ext="c")


@every_step
def test_source_is_the_same_for_the_same_step_and_no_line_is_long(make: Callable[[], Step]) -> None:
    source = emitted(make, "c")
    assert emitted(make, "c") == source
    code = [line for line in source.splitlines() if not line.lstrip().startswith("/*")]
    assert max(map(len, code)) <= WIDTH
    assert not [line for line in source.splitlines() if line != line.rstrip()]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not there")
@pytest.mark.parametrize("target", TARGETS)
@every_step
def test_source_compiles_without_a_warning(make: Callable[[], Step], target: str, tmp_path: Path) -> None:
    (tmp_path / "step.c").write_text(emitted(make, "c"), encoding="utf-8")
    command = ["gcc", *FLAGS, *TARGETS[target], *WARNINGS, "step.c", "-o", "step.so"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_kept_steps_have_what_there_is_in_generated_files() -> None:
    everything = "\n".join(emitted(make, "c") for make in STEPS)
    wanted = ["product_f32(", "product_f64(", "combine", "take_", "scatter_", "draw_float32(", "BARRIER", "order ?"]
    wanted += [f"{name}_f32(" for name in ("transpose", "narrow", "deep", "dots", "outer", "combine")]
    wanted += ["cos_of[i - from]"]
    assert not [text for text in wanted if text not in everything]


def test_no_memory_is_called_as_a_macro_or_a_function_that_kernels_call() -> None:
    everything = "\n".join(emitted(make, "c") for make in STEPS)
    macros = set(re.findall(r"#define (\w+)", everything))
    called = set(re.findall(r"\b(transpose|product|narrow|deep|dots|outer|combine)(_f\d\d)\(", everything))
    assert len(macros) > 6
    assert len(called) > 3
    assert macros | {"".join(one) for one in called} <= WORDS


def test_a_product_over_many_rows_leaves_few_parts() -> None:
    x, y = so.input("x", ("n", 30), "float32"), so.input("y", ("n",), "float32")
    for rows, block in ((64, 32), (100_000, 6272)):  # 16 parts of usual sizes, of whole tiles
        assert f"share((n + {block - 1}) / {block}, me, team)" in so.emit(
            [x, y], x.T @ y, backend="c", sizes={"n": rows}
        )
