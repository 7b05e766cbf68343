"""Training: the loop, monitors, patience, and the short ways to start it."""

from symopt.training.build import build, minimize
from symopt.training.result import Result
from symopt.training.trainer import Trainer

__all__ = ["Result", "Trainer", "build", "minimize"]
