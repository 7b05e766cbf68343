"""The optimizers of PyTorch, by its own names; :mod:`.base` says what they share."""

from symopt.optimizers.like.pieces import Maker, spread
from symopt.optimizers.like.torch.adam import Adam, Adamax, AdamW, NAdam, RAdam
from symopt.optimizers.like.torch.plain import ASGD, SGD, Muon, Rprop
from symopt.optimizers.like.torch.scaled import Adadelta, Adafactor, Adagrad, RMSprop

BETAS = ("beta1", "beta2")

OPTIMIZERS: dict[str, Maker] = {
    "sgd": SGD,
    "adam": spread(Adam, betas=BETAS),
    "adamw": spread(AdamW, betas=BETAS),
    "nadam": spread(NAdam, betas=BETAS),
    "radam": spread(RAdam, betas=BETAS),
    "adamax": spread(Adamax, betas=BETAS),
    "adadelta": Adadelta,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "rprop": spread(Rprop, etas=("eta_minus", "eta_plus"), step_sizes=("smallest", "largest")),
    "asgd": ASGD,
    "adafactor": spread(Adafactor, eps=("eps1", "eps2")),
    "muon": spread(Muon, ns_coefficients=("ns1", "ns2", "ns3")),
}
