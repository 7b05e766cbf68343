"""MXNet: recorded steps of its raw operators, its two versions, and of MXNet.jl."""

import pytest

from tests.available import BACKENDS
from tests.like.harness import Case, assert_agrees, cases

SYSTEMS = ("mxnet_ops", "mxnet_1_9", "mxnet_2_0", "mxnet_jl")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", [case for system in SYSTEMS for case in cases(system)], ids=str)
def test_steps_are_those_of_mxnet(case: Case, backend: str) -> None:
    assert_agrees(case, backend)
