"""Rows of the table in rows.py: an optimizer and the loop that it must follow."""

from __future__ import annotations

import symopt as so
from tests.optimizers import references_adaptive as adaptive
from tests.optimizers import references_signs_and_norms as other
from tests.optimizers.reference import Loop, decay_of

CATALOGUE: dict[str, tuple[so.UpdateRule, Loop]] = {
    "adamw": (so.AdamW(learning_rate=0.02), adaptive.adamw(0.02, 0.9, 0.999, 1e-8, 0.01)),
    "adamw, halflives": (
        so.AdamW(learning_rate=0.02, beta1_halflife=3, beta2_halflife=20, weight_decay=0.3),
        adaptive.adamw(0.02, decay_of(3), decay_of(20), 1e-8, 0.3),
    ),
    "amsgrad": (so.AMSGrad(learning_rate=0.02, beta2=0.8), adaptive.amsgrad(0.02, 0.9, 0.8, 1e-8)),
    "adamax": (so.AdaMax(learning_rate=0.02, beta2=0.9), adaptive.adamax(0.02, 0.9, 0.9, 1e-8)),
    "adamax, defaults": (so.AdaMax(), adaptive.adamax(0.002, 0.9, 0.999, 1e-8)),
    "nadam": (so.Nadam(), adaptive.nadam(0.002, 0.9, 0.999, 1e-8, 0.004)),
    "nadam, fast": (
        so.Nadam(learning_rate=0.02, beta1=0.8, momentum_decay=0.5),
        adaptive.nadam(0.02, 0.8, 0.999, 1e-8, 0.5),
    ),
    "radam": (so.RAdam(), adaptive.radam(0.001, 0.9, 0.999, 1e-8)),
    "radam, soon": (so.RAdam(learning_rate=0.02, beta2=0.9), adaptive.radam(0.02, 0.9, 0.9, 1e-8)),
    "radam, never": (so.RAdam(learning_rate=0.02, beta2=0.5), adaptive.radam(0.02, 0.9, 0.5, 1e-8)),
    "adabelief": (so.AdaBelief(learning_rate=0.02), adaptive.adabelief(0.02, 0.9, 0.999, 1e-8)),
    "adabelief, epsilon": (so.AdaBelief(epsilon=1e-3), adaptive.adabelief(0.001, 0.9, 0.999, 1e-3)),
    "yogi": (so.Yogi(), adaptive.yogi(0.01, 0.9, 0.999, 1e-3, 1e-6)),
    "yogi, initial": (
        so.Yogi(beta2=0.9, epsilon=1e-8, initial_accumulator=0.5),
        adaptive.yogi(0.01, 0.9, 0.9, 1e-8, 0.5),
    ),
    "adagrad": (so.AdaGrad(learning_rate=0.05), adaptive.adagrad(0.05, 1e-8, 0)),
    "adagrad, initial": (
        so.AdaGrad(learning_rate=0.05, initial_accumulator=0.1, rms_regularizer=0.01),
        adaptive.adagrad(0.05, 0.01, 0.1),
    ),
    "adadelta": (so.AdaDelta(), adaptive.adadelta(1, 0.95, 1e-6)),
    "adadelta, halflife": (
        so.AdaDelta(learning_rate=0.5, rms_halflife=5, rms_regularizer=1e-4),
        adaptive.adadelta(0.5, decay_of(5), 1e-4),
    ),
    "adafactor": (so.Adafactor(), adaptive.adafactor(0.01, 0.8, 1, 1e-30, 1e-3)),
    "adafactor, all": (
        so.Adafactor(learning_rate=0.3, decay_power=0.5, clipping_threshold=0.7, epsilon2=0.5, weight_decay=0.05),
        adaptive.adafactor(0.3, 0.5, 0.7, 1e-30, 0.5, 0.05),
    ),
    "sm3": (so.SM3(learning_rate=0.05), adaptive.sm3(0.05)),
    "rprop": (so.RProp(learning_rate=0.02), other.rprop(0.02, 1.2, 0.5, 1e-6, 50)),
    "rprop, bounds": (
        so.RProp(learning_rate=0.02, rprop_increase=1.5, rprop_min_step=0.015, rprop_max_step=0.03),
        other.rprop(0.02, 1.5, 0.5, 0.015, 0.03),
    ),
    "lion": (so.Lion(learning_rate=0.01), other.lion(0.01, 0.9, 0.99, 0)),
    "lion, halflives": (
        so.Lion(learning_rate=0.01, beta1_halflife=2, beta2_halflife=5, weight_decay=0.1),
        other.lion(0.01, decay_of(2), decay_of(5), 0.1),
    ),
    "signum": (so.Signum(learning_rate=0.01), other.signum(0.01, 0.9)),
    "signum, halflife": (so.Signum(learning_rate=0.01, beta_halflife=3), other.signum(0.01, decay_of(3))),
    "lamb": (so.LAMB(learning_rate=0.01), other.lamb(0.01, 0.9, 0.999, 1e-6, 0)),
    "lamb, decay": (so.LAMB(learning_rate=0.01, weight_decay=0.5), other.lamb(0.01, 0.9, 0.999, 1e-6, 0.5)),
    "lars": (so.LARS(), other.lars(0.1, 1e-3, 0.9, 0)),
    "lars, decay": (
        so.LARS(trust_coefficient=0.1, momentum=0.5, weight_decay=0.5),
        other.lars(0.1, 0.1, 0.5, 0.5),
    ),
    "novograd": (so.NovoGrad(), other.novograd(0.01, 0.95, 0.98, 1e-8, 0)),
    "novograd, decay": (
        so.NovoGrad(beta1_halflife=3, beta2=0.25, weight_decay=0.1),
        other.novograd(0.01, decay_of(3), 0.25, 1e-8, 0.1),
    ),
    "fromage": (so.Fromage(), other.fromage(0.01)),
    "ftrl": (so.FTRL(), other.ftrl(0.1, 1, 0, 0)),
    "ftrl, regularized": (so.FTRL(learning_rate=0.3, beta=0.5, l1=0.1, l2=0.2), other.ftrl(0.3, 0.5, 0.1, 0.2)),
    "ftml": (so.FTML(), other.ftml(0.0025, 0.6, 0.999, 1e-8)),
    "ftml, halflives": (
        so.FTML(learning_rate=0.02, beta1_halflife=2, beta2_halflife=9),
        other.ftml(0.02, decay_of(2), decay_of(9), 1e-8),
    ),
    "asgd": (so.ASGD(learning_rate=0.05), other.asgd(0.05, 1e-4, 0.75)),
    "asgd, falling": (so.ASGD(learning_rate=0.1, l2=0.5, power=0.5), other.asgd(0.1, 0.5, 0.5)),
}
