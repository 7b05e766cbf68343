"""A module of somebody else's, between the user and symopt."""

import symopt.tensor as so


def logistic(x):
    """Return a formula that the line below builds."""
    return 1 / (1 + so.exp(-x))
