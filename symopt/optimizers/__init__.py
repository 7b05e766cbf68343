"""Optimizers: rules that turn a loss into update expressions. They know neither functions nor backends."""

from __future__ import annotations

from typing import Any

from symopt.optimizers.adam import AdaBelief, Adam, AdaMax, AdamW, AMSGrad, Nadam, RAdam, Yogi
from symopt.optimizers.adaptive import ESGD, AdaDelta, AdaGrad
from symopt.optimizers.averaging import ASGD
from symopt.optimizers.base import Optimizer, UpdateRule
from symopt.optimizers.factored import SM3, Adafactor
from symopt.optimizers.hyperparameters import iteration
from symopt.optimizers.keywords import known_name
from symopt.optimizers.layerwise import LAMB, LARS, Fromage, NovoGrad
from symopt.optimizers.muon import Muon
from symopt.optimizers.proximal import FTML, FTRL
from symopt.optimizers.rmsprop import RMSProp
from symopt.optimizers.sgd import NAG, SGD
from symopt.optimizers.sign import Lion, RProp, Signum
from symopt.optimizers.updates import Updates

KINDS: tuple[type[Optimizer], ...] = (
    *(SGD, NAG, RProp, RMSProp, AdaGrad, AdaDelta, ESGD),
    *(Adam, AdamW, AMSGrad, AdaMax, Nadam, RAdam, AdaBelief, Yogi),
    *(Lion, Signum, LAMB, LARS, NovoGrad, Fromage, Adafactor, SM3, FTRL, FTML, ASGD, Muon),
)

#: Every optimizer by its name in lower case.
OPTIMIZERS: dict[str, type[Optimizer]] = {kind.__name__.lower(): kind for kind in KINDS}


def kind_of(algo: Any) -> type[UpdateRule]:
    """The kind of an optimizer, or the kind of this name (upper or lower case)."""
    if isinstance(algo, UpdateRule):
        return type(algo)
    return OPTIMIZERS[known_name("optimizer", algo, OPTIMIZERS)]


def make(algo: Any, hyperparameters: dict[str, Any]) -> UpdateRule:
    """An optimizer by its name, or as it is given."""
    kind = kind_of(algo)
    if not isinstance(algo, UpdateRule):
        return kind(**hyperparameters)
    if hyperparameters:
        raise TypeError(f"{algo!r} has its hyperparameters already: {', '.join(hyperparameters)} cannot be given too")
    return algo


__all__ = [
    "AMSGrad",
    "ASGD",
    "AdaBelief",
    "AdaDelta",
    "AdaGrad",
    "AdaMax",
    "Adafactor",
    "Adam",
    "AdamW",
    "ESGD",
    "FTML",
    "FTRL",
    "Fromage",
    "LAMB",
    "LARS",
    "Lion",
    "Muon",
    "NAG",
    "Nadam",
    "NovoGrad",
    "OPTIMIZERS",
    "Optimizer",
    "RAdam",
    "RMSProp",
    "RProp",
    "SGD",
    "SM3",
    "Signum",
    "Yogi",
    "UpdateRule",
    "Updates",
    "iteration",
    "kind_of",
    "make",
]
