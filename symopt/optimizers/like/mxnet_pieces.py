"""What the optimizers of MXNet 1.9, of MXNet 2.0 and its raw operators have in common.

MXNet holds hyperparameters, and the rates that it derives from them, as float32; here they are float64. Give numbers
rounded to float32 (as the recorded data do) to get MXNet's last digits.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import symopt.tensor as so
from symopt.errors import DataError
from symopt.graph.nodes import Node, Shared
from symopt.optimizers.base import UpdateRule
from symopt.optimizers.hyperparameters import Number, hyper
from symopt.optimizers.like.pieces import Foreign, Maker, Moves, average, within_bounds
from symopt.optimizers.preparation import Pair
from symopt.optimizers.states import state

#: How ``clip_gradient`` is read: by a kernel that tests c >= 0, so that 0 zeroes the gradient; by a kernel that is told
#: of c only where it is true, so that 0 is off; by Python code that tests ``is not None``, where 0 zeroes the gradient
#: and a number below 0 has no meaning.
ClipTest = Literal["kernel", "truth", "python"]


@dataclass(frozen=True, kw_only=True)
class Kernel(Foreign):
    r"""What all kernels share: the gradient is rescaled and clipped, and decay is added to it.

    :math:`G = \mathrm{clip}(r g, c) + \lambda w`, or :math:`\mathrm{clip}(r g + \lambda w, c)` where decay enters
    before the clip, or :math:`\mathrm{clip}(r g, c)` where it enters elsewhere.

    Parameters
    ----------
    wd : :math:`\lambda`, the weight decay.
    rescale_grad : r, a factor on every gradient.
    clip_gradient : c, how far an element of the gradient may be from 0; below 0 is off.
    """

    wd: Number | None = hyper(0.0, off=0)
    rescale_grad: Number | None = hyper(1.0, off=1)
    clip_gradient: Number | None = hyper(None)

    #: Where weight decay enters the gradient.
    decay_enters: ClassVar[Literal["after clip", "before clip", "elsewhere"]] = "after clip"

    def __post_init__(self) -> None:
        super().__post_init__()
        switch_off(self, "clip_gradient", self.clip_test)

    @property
    def clip_test(self) -> ClipTest:
        """What switches ``clip_gradient`` off."""
        return "kernel"

    def own(self, index: int) -> Self:
        """The rule with the numbers of the parameter of this index."""
        return self

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """Each gradient as the rule for its parameter prepares it."""
        return [self.own(i).prepared(*pair) for i, pair in enumerate(zip(params, grads, strict=True))]

    def pairs(self, params: Sequence[Shared], grads: Sequence[Node]) -> Generator[Pair, None, None]:
        """The states of the rules, then the parameters."""
        values = []
        for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
            values.append((yield from self.own(i).rule(param, grad)))
        for param, value in zip(params, values, strict=True):
            yield param, within_bounds(param, value)

    def prepared(self, param: Shared, grad: Node) -> Node:
        """The gradient rescaled, clipped and with decay, in the order of this rule."""
        grad = self.rescaled(grad)
        if self.decay_enters == "before clip":
            return self.clipped(self.decayed(param, grad))
        grad = self.clipped(grad)
        return grad if self.decay_enters == "elsewhere" else self.decayed(param, grad)

    def rescaled(self, grad: Node) -> Node:
        """The gradient times ``rescale_grad``."""
        return grad if self.rescale_grad is None else grad * self.rescale_grad

    def clipped(self, grad: Node) -> Node:
        """The gradient, each element within ``clip_gradient`` of 0."""
        return clipped(grad, self.clip_gradient)

    def decayed(self, param: Node, value: Node) -> Node:
        """``value`` and the decay of a parameter."""
        return value if self.wd is None else value + self.wd * param


@dataclass(frozen=True, kw_only=True)
class MXNetRule(Kernel):
    """What the classes of MXNet's Python share: names of parameters, and multipliers by these names.

    Parameters
    ----------
    learning_rate, lr : the rate, by either name.
    param_names : MXNet's names of the parameters, in their order.
    lr_mult : factors on the rate, by these names or by index.
    wd_mult : factors on the decay, likewise.
    """

    learning_rate: Number = hyper(0.01)
    param_names: Sequence[str] | None = None
    lr_mult: Mapping[Any, float] | None = field(default=None, hash=False)
    wd_mult: Mapping[Any, float] | None = field(default=None, hash=False)

    #: Whether parameters named neither ..._weight nor ..._gamma do not decay if no multiplier says so.
    decays_by_name: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.param_names is not None:
            object.__setattr__(self, "param_names", tuple(self.param_names))

    @property
    def clip_test(self) -> ClipTest:
        """A kernel gets ``clip_gradient`` only where it is true."""
        return "truth"

    def name(self, index: int) -> str | None:
        """MXNet's name of a parameter."""
        return None if self.param_names is None else self.param_names[index]

    def part(self, indices: Sequence[Any], names: Sequence[str]) -> UpdateRule:
        """With the names and multipliers of these indices, which are 0, 1, ... from here."""
        if self.param_names is None and not self.lr_mult and not self.wd_mult:
            return self
        known = range(len(self.param_names or ()))
        missing = [index for index in indices if self.param_names is not None and index not in known]
        if missing:
            raise DataError(f"{len(known)} param_names, and none for index {missing[0]!r}")
        kept = None if self.param_names is None else tuple(self.param_names[index] for index in indices)
        factors = [
            None
            if given is None
            else {
                **{key: factor for key, factor in given.items() if isinstance(key, str)},
                **{i: given[index] for i, index in enumerate(indices) if index in given},
            }
            for given in (self.lr_mult, self.wd_mult)
        ]
        return dataclasses.replace(self, param_names=kept, lr_mult=factors[0], wd_mult=factors[1])

    def own(self, index: int) -> Self:
        """The rule with the rate and the decay of the parameter of this index."""
        name = self.name(index)
        decays = name is None or not self.decays_by_name or name.endswith(("_weight", "_gamma"))
        lr_mult = _factor(self.lr_mult, index, name, 1.0)
        wd_mult = _factor(self.wd_mult, index, name, 1.0 if decays else 0.0)
        rate = self.learning_rate if lr_mult == 1 else self.learning_rate * lr_mult
        wd = None if self.wd is None or wd_mult == 0 else self.wd if wd_mult == 1 else self.wd * wd_mult
        return dataclasses.replace(self, learning_rate=rate, wd=wd)

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """Each gradient as the rule for its parameter prepares it."""
        if self.param_names is not None and len(self.param_names) != len(params):
            raise ValueError(f"{len(self.param_names)} param_names for {len(params)} parameters")
        return super().prepare(params, grads)


def _factor(factors: Mapping[Any, float] | None, index: int, name: str | None, otherwise: float) -> float:
    factors = factors or {}
    return factors.get(index, factors.get(name, otherwise))


def switch_off(optimizer: Any, name: str, test: ClipTest) -> None:
    """Make the limit called ``name`` None where its test says that it is off."""
    limit = getattr(optimizer, name)
    if limit is None or isinstance(limit, Node):
        return
    if test == "python" and limit < 0:
        raise ValueError(f"{type(optimizer).__name__}({name}={limit!r}): MXNet's result has no meaning below 0")
    if limit < 0 or (limit == 0 and test == "truth"):
        object.__setattr__(optimizer, name, None)


def clipped(value: Node, limit: Any) -> Node:
    """``value``, each element within ``limit`` of 0; None is off."""
    return value if limit is None else so.clip(value, -limit, limit)


def centered(param: Shared, grad: Node, rate: Any, decays: tuple[Any, Any], epsilon: Any) -> Moves:
    """The centred RMSProp of ``rmspropalex_update``, in the literal form of the variance."""
    n, g, delta = state(param, "n"), state(param, "g"), state(param, "delta")
    n_next, g_next = average(decays[0], n, so.square(grad)), average(decays[0], g, grad)
    delta_next = decays[1] * delta - rate * grad / so.sqrt(n_next - so.square(g_next) + epsilon)
    yield n, n_next
    yield g, g_next
    yield delta, delta_next
    return param + delta_next


def plain(param: Shared, grad: Node, rate: Any, decay: Any, epsilon: Any) -> Moves:
    """The RMSProp of ``rmsprop_update``: epsilon inside the root, no momentum."""
    n = state(param, "n")
    n_next = average(decay, n, so.square(grad))
    yield n, n_next
    return param - rate * grad / so.sqrt(n_next + epsilon)


def makers(*kinds: type[UpdateRule], **aliases: str) -> dict[str, Maker]:
    """What makes each kind, by its name in lower case; ``aliases`` are other names of its arguments."""
    return {kind.__name__.lower(): _maker(kind, aliases) for kind in kinds}


def _maker(kind: type[UpdateRule], aliases: Mapping[str, str]) -> Maker:
    fields = {one.name for one in dataclasses.fields(kind)}
    aliases = {alias: name for alias, name in aliases.items() if name in fields and alias not in fields}

    def make(**arguments: Any) -> UpdateRule:
        renamed = {aliases.get(name, name): value for name, value in arguments.items()}
        if len(renamed) < len(arguments):
            twice = [f"{alias} and {name}" for alias, name in aliases.items() if {alias, name} <= set(arguments)]
            raise TypeError(f"{kind.__name__}: {', '.join(twice)} are the same argument; give one of them")
        return kind(**renamed)

    make.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in (*sorted(fields), *aliases)]
    )
    make.__name__, make.__doc__ = kind.__name__, kind.__doc__
    return make
