"""Data for training and evaluation: anything array-like, cut into mini-batches."""

from __future__ import annotations

from symopt.data.batch import Batch
from symopt.data.dataset import Dataset

__all__ = ["Batch", "Dataset"]
