"""More optimizers as plain NumPy loops: rules of signs, of norms, and those that choose the parameter anew."""

from __future__ import annotations

import numpy as np

from tests.optimizers.reference import Array, Loop
from tests.optimizers.references_adaptive import Mover, follow

# -------------------------------------------------------------------------------------------------------------- signs


def rprop(first: float, increase: float, decrease: float, least: float, most: float) -> Loop:
    """Igel and Hüsken (2003), iRprop-, element by element."""

    def start(w: Array) -> Mover:
        steps, before = 0 * w + first, 0 * w

        def move(w: Array, g: Array) -> Array:
            g, moved = g.copy(), w.copy()
            for place in np.ndindex(*w.shape):
                product = before[place] * g[place]
                if product > 0:
                    steps[place] = min(steps[place] * increase, most)
                elif product < 0:
                    steps[place] = max(steps[place] * decrease, least)
                    g[place] = 0
                moved[place] = w[place] - np.sign(g[place]) * steps[place]
                before[place] = g[place]
            return moved

        return move

    return follow(start)


def lion(rate: float, b1: float, b2: float, decay: float) -> Loop:
    """Chen et al. (2023), algorithm 2."""

    def start(w: Array) -> Mover:
        m = 0 * w

        def move(w: Array, g: Array) -> Array:
            nonlocal m
            c = b1 * m + (1 - b1) * g
            m = b2 * m + (1 - b2) * g
            return w - rate * (np.sign(c) + decay * w)

        return move

    return follow(start)


def signum(rate: float, beta: float) -> Loop:
    """Bernstein et al. (2018), algorithm 2."""

    def start(w: Array) -> Mover:
        m = 0 * w

        def move(w: Array, g: Array) -> Array:
            nonlocal m
            m = beta * m + (1 - beta) * g
            return w - rate * np.sign(m)

        return move

    return follow(start)


# -------------------------------------------------------------------------------------------------------------- norms


def length(x: Array) -> float:
    return float(np.sqrt((x**2).sum()))


def lamb(rate: float, b1: float, b2: float, eps: float, decay: float) -> Loop:
    """You et al. (2020), algorithm 2."""

    def start(w: Array) -> Mover:
        m, v, t = 0 * w, 0 * w, 0

        def move(w: Array, g: Array) -> Array:
            nonlocal m, v, t
            t += 1
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g**2
            r = (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
            return w - rate * length(w) / length(r + decay * w) * (r + decay * w)

        return move

    return follow(start)


def lars(rate: float, trust: float, momentum: float, decay: float) -> Loop:
    """You, Gitman and Ginsburg (2017), algorithm 1."""

    def start(w: Array) -> Mover:
        v = 0 * w

        def move(w: Array, g: Array) -> Array:
            nonlocal v
            local = trust * length(w) / (length(g) + decay * length(w))
            v = momentum * v + rate * local * (g + decay * w)
            return w - v

        return move

    return follow(start)


def novograd(rate: float, b1: float, b2: float, eps: float, decay: float) -> Loop:
    """Ginsburg et al. (2019), algorithm 1."""

    def start(w: Array) -> Mover:
        v = m = None

        def move(w: Array, g: Array) -> Array:
            nonlocal v, m
            v = length(g) ** 2 if v is None else b2 * v + (1 - b2) * length(g) ** 2
            part = g / (np.sqrt(v) + eps) + decay * w
            m = part if m is None else b1 * m + part
            return w - rate * m

        return move

    return follow(start)


def fromage(rate: float) -> Loop:
    """Bernstein et al. (2020), algorithm 1."""

    def start(w: Array) -> Mover:
        return lambda w, g: (w - rate * g * length(w) / length(g)) / np.sqrt(1 + rate**2)

    return follow(start)


def muon(rate: float, beta: float, nesterov: bool, eps: float, decay: float) -> Loop:
    """Jordan et al. (2024), with sums in the momentum as there: its scale has no effect but beside epsilon."""

    def newton_schulz(G: Array) -> Array:
        X = G.T if G.shape[0] > G.shape[1] else G
        X = X / (length(X) + eps)
        for _ in range(5):
            A = X @ X.T
            X = 3.4445 * X + (-4.775 * A + 2.0315 * A @ A) @ X
        return X.T if G.shape[0] > G.shape[1] else X

    def start(w: Array) -> Mover:
        buffer = 0 * w

        def move(w: Array, g: Array) -> Array:
            nonlocal buffer
            buffer = beta * buffer + (1 - beta) * g
            update = newton_schulz((1 - beta) * g + beta * buffer if nesterov else buffer)
            return w - rate * max(1, w.shape[0] / w.shape[1]) ** 0.5 * update - rate * decay * w

        return move

    return follow(start)


# ------------------------------------------------------------------------------------------------ the parameter anew


def ftrl(alpha: float, beta: float, l1: float, l2: float) -> Loop:
    """McMahan et al. (2013), algorithm 1, element by element."""

    def start(w: Array) -> Mover:
        z, n = 0 * w, 0 * w

        def move(w: Array, g: Array) -> Array:
            moved = 0 * w
            for i in np.ndindex(*w.shape):
                sigma = (np.sqrt(n[i] + g[i] ** 2) - np.sqrt(n[i])) / alpha
                z[i] += g[i] - sigma * w[i]
                n[i] += g[i] ** 2
                if abs(z[i]) > l1:
                    moved[i] = -(z[i] - np.sign(z[i]) * l1) / ((beta + np.sqrt(n[i])) / alpha + l2)
            return moved

        return move

    return follow(start)


def ftml(rate: float, b1: float, b2: float, eps: float) -> Loop:
    """Zheng and Kwok (2017), algorithm 1."""

    def start(w: Array) -> Mover:
        v, d, z, t = 0 * w, 0 * w, 0 * w, 0

        def move(w: Array, g: Array) -> Array:
            nonlocal v, d, z, t
            t += 1
            v = b2 * v + (1 - b2) * g**2
            d_next = (1 - b1**t) / rate * (np.sqrt(v / (1 - b2**t)) + eps)
            sigma, d = d_next - b1 * d, d_next
            z = b1 * z + (1 - b1) * g - sigma * w
            return -z / d

        return move

    return follow(start)


def asgd(rate: float, l2: float, power: float) -> Loop:
    """Xu (2011): the path itself; its average is tested apart."""

    def start(w: Array) -> Mover:
        t = 0

        def move(w: Array, g: Array) -> Array:
            nonlocal t
            eta = rate / (1 + l2 * rate * t) ** power
            t += 1
            return (1 - l2 * eta) * w - eta * g

        return move

    return follow(start)
