"""The optimizers of optax, by its own names; :mod:`.base` says what they share."""

from symopt.optimizers.like.optax.adam import (
    Adabelief,
    Adam,
    Adamax,
    AdamaxW,
    AdamW,
    Adan,
    Amsgrad,
    NAdam,
    NAdamW,
    Novograd,
    Radam,
    Yogi,
)
from symopt.optimizers.like.optax.plain import SGD, Lion, OptimisticGradientDescent, Rprop, SignSGD
from symopt.optimizers.like.optax.scaled import SM3, Adadelta, Adafactor, Adagrad, RMSprop
from symopt.optimizers.like.optax.trust import Fromage, Lamb, Lars
from symopt.optimizers.like.pieces import Maker

OPTIMIZERS: dict[str, Maker] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": NAdam,
    "nadamw": NAdamW,
    "lion": Lion,
    "adabelief": Adabelief,
    "yogi": Yogi,
    "lamb": Lamb,
    "novograd": Novograd,
    "adafactor": Adafactor,
    "amsgrad": Amsgrad,
    "sm3": SM3,
    "fromage": Fromage,
    "rmsprop": RMSprop,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "adamax": Adamax,
    "adamaxw": AdamaxW,
    "radam": Radam,
    "rprop": Rprop,
    "sign_sgd": SignSGD,
    "lars": Lars,
    "adan": Adan,
    "optimistic_gradient_descent": OptimisticGradientDescent,
}
