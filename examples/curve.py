"""Fit a curve that is written in SymPy to measured data, and compare with certified values.

    python examples/curve.py [--short]

The data are monthly differences of air pressure between Easter Island and Darwin over 14 years. They have a period of a
year, and two longer ones that the fit has to find: the El Nino / Southern Oscillation. NIST publishes them with
parameters certified to eleven digits (Statistical Reference Datasets, nonlinear regression, "ENSO").
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import sympy

import symopt as so

# A row is a year.
PRESSURE = """
    12.9 11.3 10.6 11.2 10.9  7.5  7.7 11.7 12.9 14.3 10.9 13.7
    17.1 14.0 15.3  8.5  5.7  5.5  7.6  8.6  7.3  7.6 12.7 11.0
    12.7 12.9 13.0 10.9 10.4 10.2  8.0 10.9 13.6 10.5  9.2 12.4
    12.7 13.3 10.1  7.8  4.8  3.0  2.5  6.3  9.7 11.6  8.6 12.4
    10.5 13.3 10.4  8.1  3.7 10.7  5.1 10.4 10.9 11.7 11.4 13.7
    14.1 14.0 12.5  6.3  9.6 11.7  5.0 10.8 12.7 10.8 11.8 12.6
    15.7 12.6 14.8  7.8  7.1 11.2  8.1  6.4  5.2 12.0 10.2 12.7
    10.2 14.7 12.2  7.1  5.7  6.7  3.9  8.5  8.3 10.8 16.7 12.6
    12.5 12.5  9.8  7.2  4.1 10.6 10.1 10.1 11.9 13.6 16.3 17.6
    15.5 16.0 15.2 11.2 14.3 14.5  8.5 12.0 12.7 11.3 14.5 15.1
    10.4 11.5 13.4  7.5  0.6  0.3  5.5  5.0  4.6  8.2  9.9  9.2
    12.5 10.9  9.9  8.9  7.6  9.5  8.4 10.7 13.6 13.7 13.7 16.5
    16.8 17.1 15.4  9.5  6.1 10.1  9.3  5.3 11.2 16.6 15.6 12.0
    11.5  8.6 13.8  8.7  8.6  8.6  8.7 12.8 13.2 14.0 13.4 14.8
"""

# NIST's first starting values, and the certified ones.
PARAMETERS = {
    "mean": (11.0, 10.510749193),
    "year_cos": (3.0, 3.0762128085),
    "year_sin": (0.5, 0.53280138227),
    "long_period": (40.0, 44.311088700),
    "long_cos": (-0.7, -1.6231428586),
    "long_sin": (-1.3, 0.52554493756),
    "short_period": (25.0, 26.887614440),
    "short_cos": (-0.3, 0.21232288488),
    "short_sin": (1.4, 1.4966870418),
}
CERTIFIED_SUM_OF_SQUARES = 788.53978668


def formula() -> sympy.Expr:
    """A mean and three oscillations: one of a year, two of unknown periods."""

    def oscillation(name: str, period: Any) -> sympy.Expr:
        a, b, month = sympy.symbols(f"{name}_cos {name}_sin month")
        angle = 2 * sympy.pi * month / period
        return a * sympy.cos(angle) + b * sympy.sin(angle)

    mean, long_period, short_period = sympy.symbols("mean long_period short_period")
    return mean + oscillation("year", 12) + oscillation("long", long_period) + oscillation("short", short_period)


def fit(curve: sympy.Expr, months: np.ndarray, pressures: np.ndarray, max_updates: int) -> so.Result:
    """Least squares: the expression is for one row of the data; symopt takes its mean."""
    month, pressure = sympy.symbols("month pressure")
    return so.minimize(
        (curve - pressure) ** 2,
        params={sympy.Symbol(name): start for name, (start, _) in PARAMETERS.items()},
        train={month: months, pressure: pressures},
        batch_size=0,  # all months in one batch
        algo="nag",
        learning_rate=0.1,
        momentum=0.95,
        max_updates=max_updates,
        patience=20,
    )


def show_values(result: so.Result) -> None:
    print(f"{'parameter':<13}{'start':>8}{'fitted':>15}{'certified':>15}")
    for (name, (start, certified)), value in zip(PARAMETERS.items(), result.params.values(), strict=True):
        print(f"{name:<13}{start:8.1f}{float(value):15.8f}{certified:15.8f}")


def draw(curve: sympy.Expr, values: dict[sympy.Symbol, np.ndarray], pressures: np.ndarray, path: Path) -> None:
    """The data, the curve, and its slow part alone."""
    fitted = {symbol.name: float(value) for symbol, value in values.items()}
    slow = {**fitted, "year_cos": 0.0, "year_sin": 0.0}
    month = np.linspace(1, len(pressures), 1000)
    at = sympy.lambdify([*fitted, "month"], curve)
    figure, axes = plt.subplots(figsize=(11, 4), layout="constrained")
    axes.plot(np.arange(1, len(pressures) + 1) / 12, pressures, ".", color="0.45", label="measured")
    axes.plot(month / 12, at(**fitted, month=month), color="C0", linewidth=1.2, label="fitted curve")
    axes.plot(month / 12, at(**slow, month=month), color="C3", linewidth=2, label="without the yearly part")
    axes.set(xlabel="year", ylabel="difference of air pressure", title="Easter Island less Darwin, month by month")
    axes.set(xlim=(0, 14.1), ylim=(-1, 21))
    axes.legend(loc="upper center", ncols=3, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Fit a curve that is written in SymPy to measured data.")
    parser.add_argument("--short", action="store_true", help="fewer updates, and so fewer digits")
    options = parser.parse_args(argv)

    pressures = np.array(PRESSURE.split(), dtype=float)
    months = np.arange(1.0, len(pressures) + 1)
    curve = formula()
    print(f"{len(PARAMETERS)} parameters, {len(months)} months\n")
    print(textwrap.fill(f"pressure = {curve}", width=80, subsequent_indent=" " * 11))
    result = fit(curve, months, pressures, max_updates=300 if options.short else 3000)
    print()
    show_values(result)
    sum_of_squares = result.valid["loss"] * len(months)
    print(f"\nsum of squares {sum_of_squares:.8f}, certified {CERTIFIED_SUM_OF_SQUARES:.8f}")
    print(f"stopped after {result.trainer.updates_done} updates: {result.stopped}")

    out = Path("out")
    out.mkdir(exist_ok=True)
    draw(curve, result.params, pressures, out / "curve.png")
    print(f"picture: {out / 'curve.png'}")
    return 0 if sum_of_squares < 1.001 * CERTIFIED_SUM_OF_SQUARES else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
