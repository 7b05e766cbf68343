"""The optimizers of downhill 0.5.0pre: those of 0.4.0 with another Adam."""

from __future__ import annotations

from symopt.optimizers.like import downhill, downhill_0_4_0
from symopt.optimizers.like.pieces import Maker

#: The algorithms, by their names.
OPTIMIZERS: dict[str, Maker] = downhill_0_4_0.OPTIMIZERS | {"adam": downhill.NewAdam}
