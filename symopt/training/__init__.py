"""Training: the loop, monitors, patience, and the short ways to start it."""

from symopt.training.build import build, minimize
from symopt.training.result import Result
from symopt.training.row_sparse import RowSparse
from symopt.training.trainer import Trainer
from symopt.training.updater import Updater

__all__ = ["Result", "RowSparse", "Trainer", "Updater", "build", "minimize"]
