"""Random tensors, drawn anew at each step.

The numbers are a function of the seed, of the place of the draw in its function, and of the step: the same in every
backend.
"""

from __future__ import annotations

import math
from typing import Any

from symopt.errors import DTypeError
from symopt.graph.construct import cast, elementwise, make_random
from symopt.graph.nodes import Node
from symopt.graph.promotion import as_dtype
from symopt.graph.provenance import here
from symopt.tensor.shaping import as_shape


def uniform(shape: Any = (), seed: int = 0, low: Any = 0.0, high: Any = 1.0, dtype: Any = "float64") -> Node:
    """Uniform numbers between ``low`` and ``high``, both left out."""
    kind = as_dtype(dtype)
    if kind.kind != "f":
        raise DTypeError(f"random numbers are float32 or float64, not {kind.name}: draw floats and cast them", here())
    if not isinstance(seed, int):
        raise DTypeError(f"a seed is an int, not {seed!r}", here())
    drawn: Node = make_random(as_shape(shape), kind, seed)
    return drawn if (low, high) == (0.0, 1.0) else drawn * (high - low) + low


def normal(shape: Any = (), seed: int = 0, mean: Any = 0.0, std: Any = 1.0, dtype: Any = "float64") -> Node:
    """Normal numbers (Box and Muller, 1958)."""
    radius = elementwise("sqrt", elementwise("log", uniform(shape, seed, dtype=dtype)) * -2.0)
    drawn: Node = radius * elementwise("cos", uniform(shape, seed, dtype=dtype) * (2 * math.pi))
    return drawn if (mean, std) == (0.0, 1.0) else drawn * std + mean


def bernoulli(shape: Any = (), seed: int = 0, p: Any = 0.5, dtype: Any = "float64") -> Node:
    """Ones with probability ``p``, else zeros."""
    return cast(elementwise("less", uniform(shape, seed), p), as_dtype(dtype))
