"""Muon: steps that are orthogonal matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import symopt.tensor as so
from symopt.errors import ShapeError
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.averages import average
from symopt.optimizers.base import Optimizer, RuleSteps
from symopt.optimizers.hyperparameters import Number, decay, hyper

#: The polynomial a x + b x^3 + c x^5, which drives singular values between 0 and 1 to about 1 in five steps.
COEFFICIENTS = (3.4445, -4.775, 2.0315)


def orthogonalized(
    matrix: Node, tall: bool, epsilon: Number, steps: int = 5, coefficients: tuple[float, float, float] = COEFFICIENTS
) -> Node:
    """About U V of the singular value decomposition U S V of ``matrix``, by Newton-Schulz steps.

    ``tall``: it has more rows than columns, and is transposed meanwhile, for smaller products.
    """
    a, b, c = coefficients
    x = matrix.T if tall else matrix
    x = x / (so.sqrt(so.sum(so.square(x))) + epsilon)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.T if tall else x


@dataclass(frozen=True, kw_only=True)
class Muon(Optimizer):
    r"""Muon: momentum, made orthogonal by Newton-Schulz steps. For matrices only.

    .. math::
        m' &= \beta m + (1 - \beta) g, \qquad u = \beta m' + (1 - \beta) g \\
        X_0 &= u / (\|u\| + \epsilon), \qquad
        X_{k+1} = a X_k + (b X_k X_k^T + c (X_k X_k^T)^2) X_k, \qquad k < 5 \\
        \theta' &= \theta - \alpha \left(\sqrt{\max(1, \text{rows} / \text{columns})}\, X_5 + \lambda \theta\right)

    with a, b, c = 3.4445, -4.775, 2.0315, in the dtype of the parameter. Train biases and embeddings by another rule.

    Parameters
    ----------
    learning_rate : :math:`\alpha`, from 0; 2e-2 by default.
    beta : how much of the momentum is kept in a step, from 0 to 1; 0.95 where neither is given.
    beta_halflife : after this many steps a gradient counts half in the momentum, instead of ``beta``.
    nesterov : look ahead along the momentum; without it :math:`u = m'`. True by default.
    epsilon : :math:`\epsilon`, from 0; 1e-7 by default.
    weight_decay : :math:`\lambda`, decoupled, from 0; 0 by default.

    Source: Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024. The scale of m has no effect
    but beside :math:`\epsilon`. PyTorch orthogonalizes in bfloat16, and has a rate of 1e-3 and a weight decay of 0.1.
    """

    learning_rate: Number = hyper(2e-2, low=0)
    beta: Number | None = hyper(None, low=0, high=1, unless=("beta_halflife", 0.95))
    beta_halflife: Number | None = hyper(None, above=0)
    nesterov: bool = True
    epsilon: Number = hyper(1e-7, above=0)

    decoupled: ClassVar[bool] = True

    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The momentum, and the orthogonal matrix nearest to it."""
        shape = param.storage.shape
        if len(shape) != 2:
            raise ShapeError(
                f"Muon trains matrices only, and parameter {param.name!r} has shape {shape}: train it by another rule",
                param.origin,
            )
        beta = decay(self.beta_halflife, self.beta)
        moment = yield from average(param, "moment", beta, grad)
        ahead = beta * moment + (1 - beta) * grad if self.nesterov else moment
        rows, columns = shape
        scale = max(1.0, rows / columns) ** 0.5
        return self.learning_rate * scale * orthogonalized(ahead, rows > columns, self.epsilon)
