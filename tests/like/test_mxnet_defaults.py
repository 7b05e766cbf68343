"""The defaults of MXNet and downhill are those that were read from the systems."""

from typing import Any

import pytest

import symopt as so
from symopt.optimizers import like
from tests.like.harness import oracle

SYSTEMS = ("mxnet_1_9", "mxnet_2_0", "mxnet_jl", "downhill_0_4_0", "downhill_0_5_0pre")

#: Settings of downhill's loop, not of its algorithms.
LOOP = {"patience", "validate_every", "min_improvement"}

DEFAULTS = [
    (system, optimizer, {**oracle(system)["defaults"].get("all", {}), **defaults})
    for system in SYSTEMS
    for optimizer, defaults in oracle(system)["defaults"].items()
    if optimizer != "all"
]


@pytest.mark.parametrize(("system", "optimizer", "defaults"), DEFAULTS)
def test_defaults(system: str, optimizer: str, defaults: dict[str, Any]) -> None:
    rule = so.like(system, optimizer)
    assert {name: getattr(rule, name) for name in defaults if name not in LOOP} == {
        name: value for name, value in defaults.items() if name not in LOOP
    }


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_optimizer_of_a_system_is_there(system: str) -> None:
    recorded = {name.lower() for name in oracle(system)["defaults"]} - {"all"}
    plain = {"sgd", "nag"} if system.startswith("downhill") else set()  # they have no arguments of their own
    assert set(like.SYSTEMS[system]) == recorded | plain
