"""Schedules: numbers that change with the iteration or the epoch, as symbolic expressions."""

from symopt.optimizers.counts import epoch
from symopt.optimizers.schedules.base import Curve, Fixed, Product, Schedule, Sum
from symopt.optimizers.schedules.composition import Chain, Warmup, sequence, with_warmup
from symopt.optimizers.schedules.cosines import Cosine, CosineRestarts, Cyclic, OneCycle, WarmupCosine
from symopt.optimizers.schedules.curves import Exp, Inv, MultiStep, NadamScheduler, Piecewise, Polynomial, Step
from symopt.optimizers.schedules.plateau import ReduceOnPlateau

__all__ = [
    "Chain",
    "Cosine",
    "CosineRestarts",
    "Curve",
    "Cyclic",
    "Exp",
    "Fixed",
    "Inv",
    "MultiStep",
    "NadamScheduler",
    "OneCycle",
    "Piecewise",
    "Polynomial",
    "Product",
    "ReduceOnPlateau",
    "Schedule",
    "Step",
    "Sum",
    "Warmup",
    "WarmupCosine",
    "epoch",
    "sequence",
    "with_warmup",
]
