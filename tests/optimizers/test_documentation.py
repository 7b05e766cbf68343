"""The docstring of every optimizer: a summary, an equation, its fields and its sources."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

import symopt as so

KINDS = {kind.__name__: kind for kind in (so.Optimizer, *so.OPTIMIZERS.values())}


def documented(kind: type) -> list[str]:
    """The names in the section on parameters."""
    text = inspect.cleandoc(kind.__doc__ or "")
    section = re.search(r"\nParameters\n-+\n(.*?)(?:\n\n|\Z)", text, re.DOTALL)
    names = re.findall(r"^(\w+(?:, \w+)*) :", section[1], re.MULTILINE) if section else []
    return [name for group in names for name in group.split(", ")]


def declared(kind: type) -> list[str]:
    """The fields that a class has itself, anew or with another default."""
    own = vars(kind).get("__annotations__", {})
    return [field.name for field in dataclasses.fields(kind) if field.name in own]


@pytest.mark.parametrize("name", KINDS)
def test_every_field_of_a_class_is_documented_by_its_name(name):
    kind = KINDS[name]
    known = [field.name for field in dataclasses.fields(kind)]
    assert [field for field in declared(kind) if field not in documented(kind)] == []
    assert [field for field in documented(kind) if field not in known] == []
    assert len(documented(kind)) == len(set(documented(kind)))


@pytest.mark.parametrize("name", KINDS)
def test_every_field_is_documented_somewhere_above(name):
    kind = KINDS[name]
    above = {field for cls in kind.__mro__ if dataclasses.is_dataclass(cls) for field in documented(cls)}
    assert {field.name for field in dataclasses.fields(kind)} == above


@pytest.mark.parametrize("name", so.OPTIMIZERS)
def test_every_optimizer_has_a_summary_an_equation_and_sources(name):
    text = inspect.cleandoc(so.OPTIMIZERS[name].__doc__ or "")
    assert re.match(r"\S.*\.$", text.splitlines()[0])
    assert ".. math::" in text
    assert re.search(r"\nSources?: \S", text)


@pytest.mark.parametrize("name", so.OPTIMIZERS)
def test_every_optimizer_is_public_under_its_name(name):
    kind = so.OPTIMIZERS[name]
    assert name == kind.__name__.lower()
    assert getattr(so, kind.__name__) is kind
    assert kind.__name__ in so.__all__


@pytest.mark.parametrize("name", so.OPTIMIZERS)
def test_every_optimizer_has_defaults_that_work(name):
    u = so.parameter([[1.0, -2.0]], name="u")  # a matrix, for Muon
    trainer = so.build(name, so.square(u).sum())
    before = trainer.evaluate()["loss"]
    for _ in range(3):
        trainer.step()
    assert trainer.evaluate()["loss"] < before
