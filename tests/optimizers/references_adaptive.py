"""More optimizers as plain NumPy loops: the Adam family, and rules that divide by what gradients were.

A *mover* is for one parameter: it takes its value and gradient, and gives its next value. All is in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tests.optimizers.reference import Array, Gradient, Loop, Values

Mover = Callable[[Array, Array], Array]


def follow(start: Callable[[Array], Mover]) -> Loop:
    """A loop in which each parameter has a mover of its own, made from its first value."""

    def loop(values: Values, gradient: Gradient) -> Iterator[Values]:
        params = {name: value.astype(np.float64) for name, value in values.items()}
        movers = {name: start(value) for name, value in params.items()}
        while True:
            grads = gradient(params)
            params = {name: movers[name](value, grads[name]) for name, value in params.items()}
            yield params

    return loop


# ------------------------------------------------------------------------------------------------------ the Adam family


def adamw(rate: float, b1: float, b2: float, eps: float, decay: float) -> Loop:
    """Loshchilov and Hutter (2019), algorithm 2, with one rate for both parts."""

    def start(w: Array) -> Mover:
        m, v, t = 0 * w, 0 * w, 0

        def move(w: Array, g: Array) -> Array:
            nonlocal m, v, t
            t += 1
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g**2
            m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
            return w - rate * (m_hat / (np.sqrt(v_hat) + eps) + decay * w)

        return move

    return follow(start)


def amsgrad(rate: float, b1: float, b2: float, eps: float) -> Loop:
    """Reddi et al. (2018), algorithm 2, with Adam's corrections."""

    def start(w: Array) -> Mover:
        m, v, largest, t = 0 * w, 0 * w, 0 * w, 0

        def move(w: Array, g: Array) -> Array:
            nonlocal m, v, largest, t
            t += 1
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g**2
            largest = np.where(v > largest, v, largest)
            return w - rate * (m / (1 - b1**t)) / (np.sqrt(largest / (1 - b2**t)) + eps)

        return move

    return follow(start)


def adamax(rate: float, b1: float, b2: float, eps: float) -> Loop:
    """Kingma and Ba (2015), algorithm 2, and an epsilon."""

    def start(w: Array) -> Mover:
        m, u, t = 0 * w, 0 * w, 0

        def move(w: Array, g: Array) -> Array:
            nonlocal m, u, t
            t += 1
            m = b1 * m + (1 - b1) * g
            u = np.maximum(b2 * u, np.abs(g))
            return w - rate / (1 - b1**t) * m / (u + eps)

        return move

    return follow(start)


def nadam(rate: float, b1: float, b2: float, eps: float, psi: float) -> Loop:
    """Dozat (2016), algorithm 2; the product of momenta is computed anew in each step."""

    def start(w: Array) -> Mover:
        m, n, t = 0 * w, 0 * w, 0

        def mu(i: int) -> float:
            return b1 * (1 - 0.5 * 0.96 ** (i * psi))

        def move(w: Array, g: Array) -> Array:
            nonlocal m, n, t
            t += 1
            m = mu(t) * m + (1 - mu(t)) * g
            n = b2 * n + (1 - b2) * g**2
            until = [np.prod([mu(i) for i in range(1, last + 1)]) for last in (t, t + 1)]
            m_hat = mu(t + 1) * m / (1 - until[1]) + (1 - mu(t)) * g / (1 - until[0])
            return w - rate * m_hat / (np.sqrt(n / (1 - b2**t)) + eps)

        return move

    return follow(start)


def radam(rate: float, b1: float, b2: float, eps: float) -> Loop:
    """Liu et al. (2020), algorithm 2."""

    def start(w: Array) -> Mover:
        m, v, t = 0 * w, 0 * w, 0
        rho_inf = 2 / (1 - b2) - 1

        def move(w: Array, g: Array) -> Array:
            nonlocal m, v, t
            t += 1
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g**2
            m_hat = m / (1 - b1**t)
            rho = rho_inf - 2 * t * b2**t / (1 - b2**t)
            if rho <= 4:
                return w - rate * m_hat
            r = np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
            return w - rate * m_hat * r / (np.sqrt(v / (1 - b2**t)) + eps)

        return move

    return follow(start)


def adabelief(rate: float, b1: float, b2: float, eps: float) -> Loop:
    """Zhuang et al. (2020), algorithm 2."""

    def start(w: Array) -> Mover:
        m, s, t = 0 * w, 0 * w, 0

        def move(w: Array, g: Array) -> Array:
            nonlocal m, s, t
            t += 1
            m = b1 * m + (1 - b1) * g
            s = b2 * s + (1 - b2) * (g - m) ** 2 + eps
            return w - rate * (m / (1 - b1**t)) / (np.sqrt(s / (1 - b2**t)) + eps)

        return move

    return follow(start)


def yogi(rate: float, b1: float, b2: float, eps: float, initial: float) -> Loop:
    """Zaheer et al. (2018), algorithm 2."""

    def start(w: Array) -> Mover:
        m, v = 0 * w, 0 * w + initial

        def move(w: Array, g: Array) -> Array:
            nonlocal m, v
            m = b1 * m + (1 - b1) * g
            v = v - (1 - b2) * np.sign(v - g**2) * g**2
            return w - rate * m / (np.sqrt(v) + eps)

        return move

    return follow(start)


# --------------------------------------------------------------------------------------- divided by what gradients were


def adagrad(rate: float, eps: float, initial: float) -> Loop:
    """Duchi et al. (2011): all squares are kept."""

    def start(w: Array) -> Mover:
        seen = [0 * w + initial]

        def move(w: Array, g: Array) -> Array:
            seen.append(g**2)
            return w - rate * g / (np.sqrt(sum(seen)) + eps)

        return move

    return follow(start)


def adadelta(rate: float, rho: float, eps: float) -> Loop:
    """Zeiler (2012), algorithm 1, with a rate."""

    def start(w: Array) -> Mover:
        grads, steps = 0 * w, 0 * w

        def move(w: Array, g: Array) -> Array:
            nonlocal grads, steps
            grads = rho * grads + (1 - rho) * g**2
            step = -np.sqrt(steps + eps) / np.sqrt(grads + eps) * g
            steps = rho * steps + (1 - rho) * step**2
            return w + rate * step

        return move

    return follow(start)


def adafactor(rate: float, power: float, threshold: float, eps1: float, eps2: float, decay: float = 0.0) -> Loop:
    """Shazeer and Stern (2018), algorithms 4 and 5 with the numbers of algorithm 6: sums, as the paper has them."""

    def start(w: Array) -> Mover:
        R, C, V, t = 0.0, 0.0, 0.0, 0

        def rms(x: Array) -> float:
            return float(np.sqrt(np.mean(x**2)))

        def move(w: Array, g: Array) -> Array:
            nonlocal R, C, V, t
            t += 1
            alpha = max(eps2, rms(w)) * min(rate, 1 / np.sqrt(t))
            b2 = 1 - t ** (-power)
            square = g**2 + eps1
            if w.ndim == 2:
                R = b2 * R + (1 - b2) * square.sum(1)
                C = b2 * C + (1 - b2) * square.sum(0)
                V_hat = np.outer(R, C) / np.sum(R)
            else:
                V = b2 * V + (1 - b2) * square
                V_hat = V
            U = g / np.sqrt(V_hat)
            return w - alpha * U / max(1, rms(U) / threshold) - rate * decay * w

        return move

    return follow(start)


def sm3(rate: float) -> Loop:
    """Anil et al. (2019), algorithm SM3-II, element by element."""

    def start(w: Array) -> Mover:
        mu = [np.zeros(n) for n in w.shape]

        def move(w: Array, g: Array) -> Array:
            nonlocal mu
            mu_next = [np.zeros(n) for n in w.shape]
            moved = w.copy()
            for place in np.ndindex(*w.shape):
                nu = min(mu[axis][i] for axis, i in enumerate(place)) + g[place] ** 2
                if nu > 0:
                    moved[place] -= rate * g[place] / np.sqrt(nu)
                for axis, i in enumerate(place):
                    mu_next[axis][i] = max(mu_next[axis][i], nu)
            mu = mu_next
            return moved

        return move

    return follow(start)
