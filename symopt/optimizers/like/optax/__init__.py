"""Stub."""

from symopt.optimizers.like.pieces import Maker

OPTIMIZERS: dict[str, Maker] = {}
