"""Generated CUDA in golden files: they show what a change of the compiler does. (tests/cuda compiles them.)"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import symopt as so
from symopt.backends import cuda
from symopt.backends.cfamily.spelling import WIDTH
from symopt.backends.cuda.scope import WORDS
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


def test_no_memory_is_called_as_a_function_of_the_pieces_or_as_a_local_variable() -> None:
    folder = Path(cuda.__file__).parent
    pieces = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.cu"))
    functions = set(re.findall(r"__forceinline__ [\w<> *]+?(\w+)\(", pieces)) - {"of"}
    assert len(functions) > 10
    assert functions <= WORDS


@pytest.mark.parametrize(
    "name", sorted({"end", "row", "c", "s", "t", "r", "running_sum", "draw", "lanes_of", "aligned"})
)
def test_names_of_users_and_of_the_emitter_do_not_meet(name: str) -> None:
    x, i = so.input(name, ("n", 3, 5), "float32"), so.input("i", ("n",), "int64")
    table = so.parameter(np.zeros((4, 3, 5), "float32"), "w")
    noise = so.random.uniform(x.shape, seed=1, dtype="float32")
    taken = so.gradient((so.take(table, i, 0) * x).sum(), [table])
    outputs = [x.sum(0), x.sum(1), so.softmax(x[:, 0], 1), so.cumsum(x, 0), (x + noise).max(2), *taken]
    given = [np.ones((70, 3, 5), "float32"), np.arange(70) % 4]
    found, wanted = (so.function([x, i], outputs, backend=backend)(*given) for backend in ("cuda", "numpy"))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
