"""What plots have in common."""

from __future__ import annotations

from typing import Any


def axes_or_new(axes: Any) -> Any:
    """Axes of Matplotlib to draw on: ``axes``, or those of a new figure where it is None."""
    if axes is not None:
        return axes
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError("plots need Matplotlib: pip install 'symopt-compiler[plots]'") from error
    return matplotlib.pyplot.subplots(layout="constrained")[1]
