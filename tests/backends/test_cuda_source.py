"""Generated CUDA in golden files: they show what a change of the compiler does. (tests/cuda compiles them.)"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from symopt.backends.cfamily.spelling import WIDTH
from tests.backends.kept_steps import STEPS, Step, emitted, every_step


@every_step
def test_source_is_as_kept(make: Callable[[], Step], golden: Callable[..., None]) -> None:
    golden(emitted(make, "cuda"), ext="cu")


@every_step
def test_source_is_the_same_for_the_same_step_and_no_line_is_long(make: Callable[[], Step]) -> None:
    source = emitted(make, "cuda")
    assert emitted(make, "cuda") == source
    code = [line for line in source.splitlines() if not line.lstrip().startswith("/*")]
    assert max(map(len, code)) <= WIDTH
    assert not [line for line in source.splitlines() if line != line.rstrip()]


@every_step
def test_source_includes_nothing(make: Callable[[], Step]) -> None:
    assert "#include" not in emitted(make, "cuda")


@every_step
def test_only_what_nobody_writes_is_promised_to_have_one_pointer(make: Callable[[], Step]) -> None:
    """Lanes read behind a barrier what another has written: a compiler that is promised more reads it before."""
    promised = re.findall(r"([\w ]+) \*__restrict__", emitted(make, "cuda"))
    assert all(kind.strip().startswith("const ") for kind in promised)


def test_kept_steps_have_what_there_is_in_generated_files() -> None:
    everything = "\n".join(emitted(make, "cuda") for make in STEPS)
    wanted = ["product(", "pack(", "lanes_reduce<", "reduce<", "combine<", "take_", "scatter_", "draw(", "row_of("]
    assert not [text for text in wanted if text not in everything]


def launches(make: Callable[[], Step]) -> int:
    """The kernels that a step launches."""
    return len(re.findall(r"__global__ .* launch_\d+\(", emitted(make, "cuda")))


@pytest.mark.parametrize(("name", "most"), [("network", 12), ("update_in_blocks_on_two_threads", 3), ("rosenbrock", 6)])
def test_steps_are_few_launches(name: str, most: int) -> None:
    (make,) = (make for make in STEPS if make.__name__ == name)
    assert launches(make) <= most
