"""The Python that the numexpr backend writes, in golden files: they show what a change of the compiler does."""

from __future__ import annotations

from collections.abc import Callable

from tests.backends.kept_steps import STEPS, Step, emitted, every_step


@every_step
def test_source_is_as_kept(make: Callable[[], Step], golden: Callable[..., None]) -> None:
    golden(emitted(make, "numexpr"), ext="py.txt")


@every_step
def test_source_compiles_and_is_the_same_for_the_same_step(make: Callable[[], Step]) -> None:
    source = emitted(make, "numexpr")
    compile(source, make.__name__, "exec")
    assert emitted(make, "numexpr") == source


def test_golden_steps_run_in_each_of_the_ways() -> None:
    sources = {make.__name__: emitted(make, "numexpr") for make in STEPS}
    assert "on_two_threads(kernel" in sources["update_in_blocks_on_two_threads"]
    assert "in blocks:" in sources["rows_in_blocks"]
    assert "NumExpr(" in sources["expression_for_numexpr"]
    assert "in blocks:" not in sources["network"]
    assert "NumExpr(" not in sources["network"]
