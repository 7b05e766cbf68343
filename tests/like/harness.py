"""Recorded steps of other systems, and the same steps made by `so.like`.

The gradients come from outside: the loss is the sum of parameter times input, so that the gradient of each parameter
is its input, bit by bit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

import symopt as so
from symopt.optimizers.base import UpdateRule

ORACLES = Path(__file__).resolve().parents[1] / "oracles"

Arrays = dict[str, np.ndarray]


@cache
def oracle(name: str) -> dict[str, Any]:
    """An oracle file."""
    loaded: dict[str, Any] = json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


@dataclass(frozen=True)
class Case:
    """One optimizer object, stepped over some parameters with recorded gradients."""

    record: Mapping[str, Any]
    problem: Mapping[str, Any]
    system: str

    def __str__(self) -> str:
        return str(self.record["id"])

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.problem[self.record["params"][0]]["grads"])

    def array(self, param: str, values: Any) -> np.ndarray:
        """An array of the shape of a parameter, in the dtype of the case."""
        return np.asarray(values, self.record["dtype"]).reshape(self.problem[param]["shape"])

    def rule(self) -> UpdateRule:
        """The optimizer that the case names."""
        return so.like(self.system, self.record["optimizer"], **self.record["hyper"])

    def tolerance(self) -> dict[str, Any]:
        """How near a number has to be."""
        return {"rtol": self.record["rtol"], "atol": self.record["atol"]}


def cases(name: str, system: str | None = None) -> list[Case]:
    """All cases of an oracle file of kind "steps"."""
    data = oracle(name)
    return [Case(record, data["problems"][record["problem"]], system or name) for record in data["cases"]]


@dataclass(frozen=True)
class Step:
    """Weights, and states by parameter and by their name without it, after a step."""

    weights: Arrays
    states: Mapping[str, Arrays] = field(default_factory=dict)


def replay(case: Case, backend: str, rule: UpdateRule | None = None) -> Iterator[Step]:
    """What `so.like` reaches after each step with the recorded gradients."""
    names = case.record["params"]
    params = [so.parameter(case.array(name, case.problem[name]["w0"]), name=name) for name in names]
    grads = [so.input(f"g_{param.name}", shape=param.shape, dtype=param.dtype.name) for param in params]
    loss = reduce(add, [(param * grad).sum() for param, grad in zip(params, grads, strict=True)])
    updates = (rule or case.rule()).get_updates(loss, params)
    step = so.function(grads, [], updates=updates, backend=backend)
    for index in range(case.steps):
        step(*[case.array(name, case.problem[name]["grads"][index]) for name in names])
        values = {name: node.value for name, node in updates.states.items()}
        yield Step(
            {param.name: param.value for param in params},
            {
                name: {key[len(name) + 1 :]: v for key, v in values.items() if key.startswith(f"{name}_")}
                for name in names
            },
        )


def assert_agrees(
    case: Case,
    backend: str,
    *,
    unused: Collection[tuple[str, str]] = (),
    state_of: Callable[[str], str] = str,
    state_tolerance: Mapping[str, Any] | None = None,
) -> None:
    """Weights and states are the recorded ones after every step.

    ``state_of`` translates the recorded name of a state; ``unused`` are recorded states that have no counterpart, as
    pairs of a parameter and a name; ``state_tolerance`` holds for states, if it isn't that of the case.
    """
    record, tolerance = case.record, case.tolerance()
    near = tolerance if state_tolerance is None else state_tolerance
    for index, step in enumerate(replay(case, backend)):
        for name in record["params"]:
            label = f"{case} on {backend}: {name} after step {index + 1}"
            weight = step.weights[name]
            assert weight.dtype == record["dtype"], label
            np.testing.assert_allclose(weight, case.array(name, record["w"][name][index]), **tolerance, err_msg=label)
            for state, values in record.get("state", {}).get(name, {}).items():
                if (name, state) not in unused:
                    found = step.states[name][state_of(state)].ravel()
                    np.testing.assert_allclose(found, values[index], **near, err_msg=f"{label}: {state}")
