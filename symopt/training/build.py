"""The short ways to train: build a trainer, or minimize in one call."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import symopt.tensor as so
from symopt.backends import automatic
from symopt.data import Dataset
from symopt.data.dataset import lies_on_device
from symopt.errors import DataError
from symopt.graph.nodes import Input, Node, Shared
from symopt.optimizers import UpdateRule, kind_of, make
from symopt.optimizers.keywords import check_keywords, keywords_of
from symopt.training.result import Result
from symopt.training.trainer import LOOP_SETTINGS, Trainer

#: What a trainer is built with, besides the optimizer and the loss.
TRAINER_SETTINGS = ("params", "inputs", "updates", "monitors", "monitor_gradients", "backend", "check")


def build(
    algo: str | UpdateRule,
    loss: Node,
    params: Sequence[Shared] | None = None,
    inputs: Sequence[Input] | None = None,
    updates: Sequence[tuple[Shared, Any]] = (),
    monitors: Mapping[str, Any] | Sequence[tuple[str, Any]] = (),
    monitor_gradients: bool = False,
    backend: str = "auto",
    check: str | None = None,
    **hyperparameters: Any,
) -> Trainer:
    """A trainer of ``loss``.

    Parameters
    ----------
    algo : the name of an optimizer, in upper or lower case, or an optimizer.
    loss : the tensor of one number to be minimized.
    params : what is trained; all parameters of the loss, if None.
    inputs : the order in which data are passed; that of the inputs' creation, if None.
    updates : further pairs (state, next value), applied with every update.
    monitors : tensors of one number, by name, to be averaged over each epoch.
    monitor_gradients : also monitor ``grad(<name>)``, the Euclidean norm of each raw gradient.
    backend, check : as for :func:`symopt.function`. What data will come is not known: ``"auto"`` is ``"cuda"`` only
        where a parameter lives on a device, so that data that live there need ``backend="cuda"``.
    hyperparameters : those of the optimizer.

    >>> import symopt as so
    >>> u = so.parameter([3.0, -2.0], name="u")
    >>> trainer = so.build("sgd", (u**2).sum(), learning_rate=0.1)
    >>> train, valid = trainer.minimize(max_updates=100)
    >>> bool(valid["loss"] < 1e-6)
    True
    """
    check_keywords("build", hyperparameters, (*TRAINER_SETTINGS, *keywords_of(kind_of(algo))))
    optimizer = make(algo, hyperparameters)
    return Trainer(optimizer, loss, params, inputs, updates, monitors, monitor_gradients, backend, check)


def minimize(
    loss: Any,
    train: Any = None,
    valid: Any = None,
    algo: str | UpdateRule = "rmsprop",
    batch_size: int = 32,
    **settings: Any,
) -> Result:
    """Minimize ``loss`` over data in one call.

    Parameters
    ----------
    loss : a tensor of one number; or a SymPy expression, one value for each row of the data, which is averaged.
    train, valid : data sets, or anything that :class:`symopt.Dataset` takes; cut into batches of ``batch_size``. Where
        they live on a device, the backend ``"auto"`` is ``"cuda"``.
    algo : the name of an optimizer, or an optimizer.
    settings : keywords of :func:`build`, of :meth:`Trainer.iterate`, and hyperparameters. For a SymPy expression
        ``params`` is a dict of symbols and their first values, and the keys of ``train`` are the other symbols.

    >>> import symopt as so
    >>> import numpy as np
    >>> x, y = so.vector("x"), so.vector("y")
    >>> a = so.parameter(0.0, name="a")
    >>> xs = np.linspace(0, 1, 64)
    >>> result = so.minimize(((a * x - y) ** 2).mean(), [xs, 3 * xs], algo="sgd", learning_rate=0.5, max_epochs=50)
    >>> print(round(float(result.params["a"]), 3))
    3.0
    """
    known = ("train", "valid", "algo", "batch_size", *TRAINER_SETTINGS, *LOOP_SETTINGS, *keywords_of(kind_of(algo)))
    check_keywords("minimize", settings, known)
    symbols: dict[Any, Shared] = {}
    if not isinstance(loss, Node):
        loss, symbols, inputs = _from_symbols(loss, settings.pop("params", None), train)
        settings.setdefault("inputs", inputs)
        settings["params"] = list(symbols.values())
    of_loop = _taken(settings, LOOP_SETTINGS)
    trainer = build(algo, loss, **_for_data(settings, train, valid))
    batches = [None if data is None else Dataset.of(data, batch_size=batch_size) for data in (train, valid)]
    result = trainer.minimize(*batches, **of_loop)
    if not symbols:
        return result
    return dataclasses.replace(result, params={symbol: param.value for symbol, param in symbols.items()})


def _from_symbols(
    expression: Any, params: Mapping[Any, Any] | None, train: Any
) -> tuple[Node, dict[Any, Shared], list[Input]]:
    """A SymPy expression over rows as a loss, its parameters and its inputs."""
    if not hasattr(expression, "free_symbols"):
        raise DataError(f"the loss is {expression!r}: expected a tensor or a SymPy expression")
    if not isinstance(params, Mapping) or not params:
        raise DataError("with a SymPy expression, params is a dict of symbols and their first values: {a: 1.0}")
    symbols = {symbol: so.parameter(value, name=str(symbol), dtype="float64") for symbol, value in params.items()}
    data = train if isinstance(train, Mapping) else {}
    names = {str(key): key for key in data}
    free = sorted((s for s in expression.free_symbols if s not in symbols), key=str)
    missing = [str(symbol) for symbol in free if str(symbol) not in names]
    if missing:
        raise DataError(
            f"the expression has the symbols {', '.join(missing)}: give them first values in params, or data in train"
        )
    inputs = [so.input(str(symbol), ("rows",)) for symbol in free]
    rows = so.from_sympy(expression, {**symbols, **dict(zip(free, inputs, strict=True))})
    return rows.mean(), symbols, inputs


def _taken(settings: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The settings of these names, which are no longer in ``settings``."""
    return {name: settings.pop(name) for name in names if name in settings}


def _for_data(settings: dict[str, Any], *data: Any) -> dict[str, Any]:
    """The settings, with the backend for data that live on a device in the place of ``auto``."""
    if settings.get("backend", "auto") == "auto" and any(map(lies_on_device, data)):
        return settings | {"backend": automatic(on_device=True)}
    return settings


def train_with(optimizer: UpdateRule, loss: Node, settings: dict[str, Any], train: Any, valid: Any) -> Trainer:
    """A trainer for ``optimizer.minimize`` and ``.iterate``, which leaves the loop's settings in ``settings``."""
    known = ("train", "valid", *TRAINER_SETTINGS, *LOOP_SETTINGS, *keywords_of(type(optimizer)))
    check_keywords(type(optimizer).__name__, settings, known)
    return Trainer(optimizer, loss, **_for_data(_taken(settings, TRAINER_SETTINGS), train, valid))


# Optimizers lie below and do not know this layer.
UpdateRule.trainer = staticmethod(train_with)
