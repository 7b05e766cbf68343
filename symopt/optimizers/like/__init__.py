"""Optimizers exactly as other systems compute them, by those systems' own names; one module a system.

A module of a system has ``OPTIMIZERS``: a dict from the name of an optimizer, in lower case, to what makes it, a
dataclass or a function, which takes the system's own arguments as keywords. ``SYSTEMS`` lists the modules.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from symopt.optimizers.base import UpdateRule
from symopt.optimizers.keywords import check_keywords, known_name
from symopt.optimizers.like.pieces import Maker
from symopt.optimizers.on_demand import OnDemand

#: What makes the optimizers of each system, by the names of both in lower case.
SYSTEMS: Mapping[str, Mapping[str, Maker]] = OnDemand(
    __name__,
    "OPTIMIZERS",
    (
        *("downhill_0_4_0", "downhill_0_5_0pre", "mxnet_1_9", "mxnet_2_0", "mxnet_jl", "mxnet_ops"),
        *("optax", "sorix", "torch"),
    ),
)


def like(system: str, optimizer: str, /, **arguments: object) -> UpdateRule:
    """The optimizer that ``system`` calls ``optimizer``, exactly as it computes it.

    Parameters
    ----------
    system : a key of ``SYSTEMS``; upper and lower case are the same.
    optimizer : the system's own name of an optimizer; upper and lower case are the same.
    arguments : the system's own arguments, by its own names; its own defaults hold for the others.

    Raises
    ------
    ValueError : there is no such system, or it has no such optimizer; the nearest name is in the message.
    TypeError : it has no such argument.

    >>> import symopt as so
    >>> w = so.parameter([1.0, 2.0], name="w")
    >>> print(so.like("torch", "Adagrad", lr=0.1).get_updates((w**2).sum()))
    w_sum     <- w_sum + grad(w)**2
    w         <- w - 0.1 * grad(w) / (sqrt(w_sum') + 1e-10)
    iteration <- iteration + 1
    """
    makers = SYSTEMS[known_name("system", system, SYSTEMS)]
    name = known_name(f"optimizer of {system}", optimizer, makers)
    maker = makers[name]
    check_keywords(f"{system}'s {optimizer}", arguments, inspect.signature(maker).parameters)
    return maker(**arguments)


__all__ = ["SYSTEMS", "like"]
