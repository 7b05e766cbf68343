"""Schedules exactly as other systems compute them, by their own names and arguments; one module a system."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from symopt.optimizers.keywords import check_keywords, known_name
from symopt.optimizers.like_schedules.table import Table
from symopt.optimizers.on_demand import OnDemand
from symopt.optimizers.schedules import Schedule

SYSTEMS: Mapping[str, Table] = OnDemand(__name__, "SCHEDULES", ("mxnet_1_9", "mxnet_jl", "optax", "sorix", "torch"))


def like_schedule(system: str, name: str, **arguments: Any) -> Schedule:
    """A schedule exactly as another system computes it.

    Parameters
    ----------
    system : ``mxnet_1_9``, ``mxnet_jl``, ``optax``, ``sorix`` or ``torch``, in upper or lower case.
    name : the name of the schedule there, likewise.
    arguments : the system's own. For PyTorch and Sorix also the learning rate of the optimizer that the schedule is
        attached to there, as ``optimizer_lr`` and ``base_lr``.

    Returns
    -------
    A schedule, whose ``.at(i)`` is the value at the system's own index: MXNet's first one is 1, that of all others 0.
    As a hyperparameter it begins at its first index.

    >>> import symopt as so
    >>> schedule = so.like_schedule("torch", "StepLR", step_size=3, gamma=0.5, optimizer_lr=0.1)
    >>> [schedule.at(i) for i in (0, 2, 3, 6)]
    [0.1, 0.1, 0.05, 0.025]
    """
    schedules = SYSTEMS[known_name("system", system, SYSTEMS)]
    maker = schedules[known_name(f"schedule of {system}", name, schedules)]
    signature = inspect.signature(maker)
    check_keywords(f"{system}'s {name}", arguments, signature.parameters)
    needed = [p.name for p in signature.parameters.values() if p.default is p.empty and p.name not in arguments]
    if needed:
        raise TypeError(f"{system}'s {name} also needs {', '.join(needed)}")
    return maker(**arguments)
