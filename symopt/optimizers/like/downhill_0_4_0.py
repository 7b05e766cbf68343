"""The optimizers of downhill 0.4.0."""

from __future__ import annotations

from symopt.optimizers.like import downhill
from symopt.optimizers.like.pieces import Maker

#: The algorithms, by their names.
OPTIMIZERS: dict[str, Maker] = {
    "sgd": downhill.SGD,
    "nag": downhill.NAG,
    "rprop": downhill.RProp,
    "rmsprop": downhill.RMSProp,
    "adagrad": downhill.AdaGrad,
    "adadelta": downhill.AdaDelta,
    "esgd": downhill.ESGD,
    "adam": downhill.Adam,
}
