"""The table of all optimizers: what symopt computes beside a reference loop. A new optimizer is a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import symopt as so
from tests.optimizers.reference import (
    Loop,
    bounded,
    decay_of,
    descend,
    graves,
    hinton,
    kingma,
    preparation,
    sgd,
)
from tests.optimizers.rows_catalogue import CATALOGUE


@dataclass(frozen=True)
class Row:
    """An optimizer, the loop that it must follow, and bounds (lower, upper) of parameters by name."""

    optimizer: so.UpdateRule
    loop: Loop
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)


def _rates() -> tuple[so.Tensor, Callable[[int], float]]:
    """A rate that falls with the iteration, as an expression and as a function."""
    return 0.1 / (1 + 0.2 * so.iteration), lambda i: 0.1 / (1 + 0.2 * i)


_EVERYTHING = {"rescale": 3.0, "elem": 0.9, "norm": 0.8, "global_norm": 0.85, "weight_decay": 0.2}


def everything(**without: float | None) -> Loop:
    """All preparation at once, or without some of it."""
    prepared = preparation(**{**_EVERYTHING, **without})
    return descend(graves(0.02, decay_of(14), 1e-8), 0.5, True, prepared, bounded(every=(-0.6, 0.6), b=(-0.3, 0.6)))


ROWS: dict[str, Row] = {
    # The rules themselves.
    "sgd": Row(so.SGD(learning_rate=0.1), descend(sgd(0.1))),
    "sgd, rate 0": Row(so.SGD(learning_rate=0), descend(sgd(0))),
    "sgd, momentum": Row(so.SGD(learning_rate=0.05, momentum=0.8), descend(sgd(0.05), 0.8)),
    "sgd, nesterov": Row(so.SGD(learning_rate=0.05, momentum=0.8, nesterov=True), descend(sgd(0.05), 0.8, True)),
    "sgd, nesterov without momentum": Row(so.SGD(learning_rate=0.1, nesterov=True), descend(sgd(0.1))),
    "sgd, falling rate": Row(so.SGD(learning_rate=_rates()[0]), descend(sgd(_rates()[1]))),
    "nag": Row(so.NAG(learning_rate=0.05), descend(sgd(0.05), 0.9, True)),
    "nag, momentum 0": Row(so.NAG(learning_rate=0.05, momentum=0), descend(sgd(0.05))),
    "rmsprop": Row(so.RMSProp(learning_rate=0.02), descend(graves(0.02, decay_of(14), 1e-8))),
    "rmsprop, halflife": Row(so.RMSProp(learning_rate=0.02, rms_halflife=5), descend(graves(0.02, decay_of(5), 1e-8))),
    "rmsprop, decay": Row(
        so.RMSProp(learning_rate=0.02, rms_decay=0.9, rms_regularizer=1e-3), descend(graves(0.02, 0.9, 1e-3))
    ),
    "rmsprop, momentum": Row(
        so.RMSProp(learning_rate=0.01, momentum=0.7), descend(graves(0.01, decay_of(14), 1e-8), 0.7)
    ),
    "rmsprop, nesterov": Row(
        so.RMSProp(learning_rate=0.01, momentum=0.7, nesterov=True),
        descend(graves(0.01, decay_of(14), 1e-8), 0.7, True),
    ),
    "rmsprop, plain": Row(
        so.RMSProp(learning_rate=0.02, centered=False, rms_decay=0.95), descend(hinton(0.02, 0.95, 1e-8))
    ),
    "rmsprop, plain, nesterov": Row(
        so.RMSProp(learning_rate=0.01, centered=False, rms_halflife=3, momentum=0.7, nesterov=True),
        descend(hinton(0.01, decay_of(3), 1e-8), 0.7, True),
    ),
    "adam": Row(so.Adam(learning_rate=0.02), descend(kingma(0.02, 0.9, 0.999, 1e-8))),
    "adam, betas": Row(
        so.Adam(learning_rate=0.02, beta1=0.7, beta2=0.9, epsilon=1e-3), descend(kingma(0.02, 0.7, 0.9, 1e-3))
    ),
    "adam, halflives": Row(
        so.Adam(learning_rate=0.02, beta1_halflife=7, beta2_halflife=69),
        descend(kingma(0.02, decay_of(7), decay_of(69), 1e-8)),
    ),
    **{name: Row(optimizer, loop) for name, (optimizer, loop) in CATALOGUE.items()},
    # What is written once for all of them. The rows take each alone, then all of it together.
    "rescaled": Row(
        so.SGD(learning_rate=0.1, rescale_gradient=0.25), descend(sgd(0.1), prepared=preparation(rescale=0.25))
    ),
    "clipped by element": Row(
        so.SGD(learning_rate=0.1, max_gradient_elem=0.3), descend(sgd(0.1), prepared=preparation(elem=0.3))
    ),
    "clipped by norm": Row(
        so.SGD(learning_rate=0.1, max_gradient_norm=0.5), descend(sgd(0.1), prepared=preparation(norm=0.5))
    ),
    "clipped by global norm": Row(
        so.SGD(learning_rate=0.1, max_global_norm=0.7), descend(sgd(0.1), prepared=preparation(global_norm=0.7))
    ),
    "weight decay": Row(
        so.SGD(learning_rate=0.1, weight_decay=0.3), descend(sgd(0.1), prepared=preparation(weight_decay=0.3))
    ),
    "clipped weights": Row(
        so.SGD(learning_rate=0.1, clip_weights=0.4), descend(sgd(0.1), projected=bounded(every=(-0.4, 0.4)))
    ),
    "bounded parameters": Row(
        so.NAG(learning_rate=0.05),
        descend(sgd(0.05), 0.9, True, projected=bounded(w=(-0.2, 0.9), b=(0.1, 5.0))),
        {"w": (-0.2, 0.9), "b": (0.1, 5.0)},
    ),
    "all preparation at once": Row(
        so.RMSProp(
            learning_rate=0.02,
            momentum=0.5,
            nesterov=True,
            rescale_gradient=3.0,
            max_gradient_elem=0.9,
            max_gradient_norm=0.8,
            max_global_norm=0.85,
            weight_decay=0.2,
            clip_weights=0.6,
        ),
        everything(),
        {"b": (-0.3, 5.0)},
    ),
}
