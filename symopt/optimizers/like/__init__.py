"""Optimizers exactly as other systems compute them, by those systems' own names; one module a system.

A module of a system has ``OPTIMIZERS``: a dict from the name of an optimizer, in lower case, to what makes it, a
dataclass or a function, which takes the system's own arguments as keywords. ``SYSTEMS`` lists the modules.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping

from symopt.optimizers.base import UpdateRule
from symopt.optimizers.keywords import check_keywords, nearest
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

    >>> import symopt as so
    >>> w = so.parameter([1.0, 2.0], name="w")
    >>> print(so.like("torch", "Adagrad", lr=0.1).get_updates((w**2).sum()))
    w_sum     <- w_sum + grad(w)**2
    w         <- w - 0.1 * grad(w) / (sqrt(w_sum') + 1e-10)
    iteration <- iteration + 1
    """
    makers = SYSTEMS[_known("system", system, SYSTEMS)]
    name = _known(f"optimizer of {system}", optimizer, makers)
    maker = makers[name]
    check_keywords(f"{system}'s {optimizer}", arguments, inspect.signature(maker).parameters)
    return maker(**arguments)


def _known(what: str, name: str, known: Iterable[str]) -> str:
    """``name`` in lower case, if it is known."""
    known = list(known)
    if isinstance(name, str) and name.lower() in known:
        return name.lower()
    raise TypeError(f"there is no {what} {name!r}; {nearest(str(name).lower(), known, 'there are')}")


__all__ = ["SYSTEMS", "like"]
