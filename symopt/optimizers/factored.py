"""Rules that remember one number for a row or a column of a parameter, instead of one for each element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import symopt.tensor as so
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.averages import quotient
from symopt.optimizers.base import Optimizer, RuleSteps
from symopt.optimizers.hyperparameters import Number, hyper, iteration
from symopt.optimizers.states import state


def root_mean_square(x: Node) -> Node:
    """The root of the mean of squares."""
    return so.sqrt(so.mean(so.square(x)))


@dataclass(frozen=True, kw_only=True)
class Adafactor(Optimizer):
    r"""Adafactor: the mean square of gradients as a product of rows and columns, and steps relative to the parameter.

    .. math::
        \beta_t &= 1 - t^{-c}, \qquad s = g^2 + \epsilon_1 \\
        R' &= \beta_t R + (1 - \beta_t) \operatorname{mean}_{columns}(s), \qquad
        C' = \beta_t C + (1 - \beta_t) \operatorname{mean}_{rows}(s) \\
        u &= g \big/ \sqrt{R' C' / \operatorname{mean}(R')} \\
        \theta' &= \theta - \max(\epsilon_2, \operatorname{rms}(\theta)) \min(\alpha, 1 / \sqrt t)
            \frac{u}{\max(1, \operatorname{rms}(u) / d)}

    A parameter of no or one dimension has a mean square for each element, :math:`v' = \beta_t v + (1 - \beta_t) s`. Of
    more than two dimensions the last two are rows and columns.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, the largest relative step, from 0; 1e-2 by default.
    decay_power : c, from 0; 0.8 by default. There is no halflife, as the average grows longer with every step.
    clipping_threshold : d, above 0; 1 by default.
    epsilon1 : :math:`\epsilon_1`, added to squares, above 0; 1e-30 by default.
    epsilon2 : :math:`\epsilon_2`, from 0; 1e-3 by default.
    weight_decay : decoupled, times the learning rate; from 0; 0 by default.

    Source: Shazeer and Stern, arXiv:1804.04235, algorithms 4 to 6. PyTorch leaves :math:`\epsilon_1` out of the squares
    and bounds the mean square from below by its square; optax factors the two largest dimensions, if both are large.
    """

    learning_rate: Number = hyper(1e-2, low=0)
    decay_power: Number = hyper(0.8, low=0)
    clipping_threshold: Number = hyper(1.0, above=0)
    epsilon1: Number = hyper(1e-30, above=0)
    epsilon2: Number = hyper(1e-3, low=0)

    decoupled: ClassVar[bool] = True

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The gradient over the root of its mean square, clipped, relative to the parameter."""
        t = iteration + 1
        gain = t**-self.decay_power
        square = so.square(grad) + self.epsilon1
        shape = param.storage.shape
        if len(shape) < 2:
            whole = state(param, "square")
            whole_next = whole + gain * (square - whole)
            yield whole, whole_next
            root = so.sqrt(whole_next)
        else:
            rows = state(param, "rows", shape=(*shape[:-1], 1))
            columns = state(param, "columns", shape=(*shape[:-2], 1, shape[-1]))
            rows_next = rows + gain * (so.mean(square, -1, keepdims=True) - rows)
            columns_next = columns + gain * (so.mean(square, -2, keepdims=True) - columns)
            yield rows, rows_next
            yield columns, columns_next
            # Three roots, as a product or quotient of squares may be 0 in float32.
            root = so.sqrt(rows_next) / so.sqrt(so.mean(rows_next, -2, keepdims=True)) * so.sqrt(columns_next)
        unit = grad / root
        rate = so.minimum(self.learning_rate, 1 / so.sqrt(t)) * so.maximum(self.epsilon2, root_mean_square(param))
        return rate * unit / so.maximum(1, root_mean_square(unit) / self.clipping_threshold)


@dataclass(frozen=True, kw_only=True)
class SM3(Optimizer):
    r"""SM3: AdaGrad with one sum of squares for each row, column, ... of a parameter.

    .. math::
        \nu &= \min_r \mu_r + g^2 \\
        \theta' &= \theta - \alpha \frac{g}{\sqrt{\nu}}, \qquad 0 / 0 = 0 \\
        \mu_r' &= \max_{\text{all axes but } r} \nu

    Each axis r of the parameter has its :math:`\mu_r`, as long as the axis. A parameter of no or one dimension has the
    steps of AdaGrad.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 0.1 by default.

    Source: Anil et al., arXiv:1901.11150, algorithm SM3-II. The paper's experiments have a momentum of 0.9 in the form
    :math:`m' = 0.9 m + 0.1 g / \sqrt{\nu}`; so has optax, which adds 1e-8 to :math:`\nu`.
    """

    learning_rate: Number = hyper(0.1, low=0)

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The least of the sums that cover an element, and the gradient over its root."""
        shape = param.storage.shape
        kept = [tuple(n if axis == k else 1 for axis, n in enumerate(shape)) for k in range(len(shape))] or [()]
        covers = [state(param, f"cover_{k}", shape=one) for k, one in enumerate(kept)]
        least: Node = covers[0]
        for cover in covers[1:]:
            least = so.minimum(least, cover)
        sums = least + so.square(grad)
        for k, cover in enumerate(covers):
            others = tuple(axis for axis in range(len(shape)) if axis != k)
            yield cover, so.max(sums, others, keepdims=True) if others else sums
        return self.learning_rate * quotient(grad, so.sqrt(sums))
