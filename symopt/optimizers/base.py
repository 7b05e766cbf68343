"""What an optimizer is: a frozen dataclass of hyperparameters, and one generator."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from symopt.autodiff import gradient
from symopt.errors import DataError, NotDifferentiable
from symopt.graph.construct import make_elementwise, make_shared
from symopt.graph.nodes import Node, Shared
from symopt.graph.promotion import FLOAT64
from symopt.graph.traversal import parameters_of, substitute
from symopt.optimizers import counts
from symopt.optimizers.accumulation import Window, window
from symopt.optimizers.groups import check_groups, group, resolve, table
from symopt.optimizers.hyperparameters import Number, bind, check, decay, hyper, is_formula, numeric_fields, resolved
from symopt.optimizers.keywords import check_keywords, keywords_of
from symopt.optimizers.preparation import average_of, averaged, prepare, project, with_momentum
from symopt.optimizers.states import Pair, fresh_states
from symopt.optimizers.updates import Updates
from symopt.scalar import cast_to

#: A rule yields pairs (state, next value) and returns the step, positive downhill.
RuleSteps = Generator[Pair, None, Any]


@dataclass(frozen=True, kw_only=True)
class UpdateRule(ABC):
    """Anything that turns gradients into updates: a frozen dataclass of hyperparameters, and one generator."""

    #: Makes a Trainer; set by symopt.training, which lies above.
    trainer: ClassVar[Callable[..., Any]]

    #: Whether the rule looks at how the loss bends, which gradients alone do not tell.
    needs_curvature: ClassVar[bool] = False
    #: The fields that must be off for a gradient of 0 to leave an element, and all that is known of it, as they are;
    #: None if it moves them in any case. It holds for a class itself, and not for those made from it.
    still_without: ClassVar[tuple[str, ...] | None] = None

    def __new__(cls, **keywords: Any) -> UpdateRule:
        """Refuse unknown keywords with the nearest known one."""
        check_keywords(cls.__name__, keywords, keywords_of(cls))
        return super().__new__(cls)

    def __post_init__(self) -> None:
        check(self)

    def skips_zero_gradients(self) -> bool:
        """Whether rows whose gradient is 0 need neither be read nor written: see :class:`symopt.RowSparse`."""
        names = vars(type(self)).get("still_without")
        fields = {field.name: field for field in numeric_fields(self)}
        return names is not None and all(resolved(self, fields[name]) is None for name in names)

    def part(self, indices: Sequence[Any], names: Sequence[str]) -> UpdateRule:
        """The rule for some parameters out of many, of which these are the indices and names."""
        return self

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """What :meth:`pairs` gets in the place of the raw gradients."""
        return list(grads)

    @abstractmethod
    def pairs(self, params: Sequence[Shared], grads: Sequence[Node]) -> Generator[Pair, None, None]:
        """All pairs (state or parameter, next value) of one update, given the prepared gradients."""

    def observe(self, params: Sequence[Shared], raw: Sequence[Node]) -> list[Node]:
        """What the rule learns, for each parameter, from the raw gradients of all; here these themselves."""
        return list(raw)

    def pairs_given(
        self, params: Sequence[Shared], observed: Sequence[Node], prepared: Sequence[Node]
    ) -> Generator[Pair, None, None]:
        """As :meth:`pairs`; a rule that needs what it observes overrides this one."""
        return self.pairs(params, prepared)

    def pairs_of(
        self, params: Sequence[Shared], raw: Sequence[Node], prepared: Sequence[Node]
    ) -> Generator[Pair, None, None]:
        """All pairs, given the raw and the prepared gradients of all parameters."""
        return self.pairs_given(params, self.observe(params, raw), prepared)

    def window_of(self, params: Sequence[Shared], raw: Sequence[Node]) -> Window | None:
        """The batches that make one step together; None where each is one."""
        return None

    def averages_of(self, params: Sequence[Shared]) -> dict[Shared, Shared]:
        """The states that hold averages of parameters, to be evaluated in their place."""
        return {}

    def formulas_of_numbers(self) -> dict[str, Node]:
        """The hyperparameters of a bound rule that are no plain numbers, by full name."""
        return {f.name: node for f in numeric_fields(self) if is_formula(node := getattr(self, f.name))}

    def bound_for(self, params: Sequence[Shared]) -> tuple[list[Shared], Any, dict[str, Shared], str]:
        """The trained parameters, this rule bound for them, its scalars by name, and a table of who gets what."""
        bound, hyperparameters = bind(self)
        return list(params), bound, hyperparameters, table({param: {} for param in params})

    def get_updates(self, loss: Node, params: Sequence[Shared] | None = None) -> Updates:
        """The update expressions that minimize ``loss``.

        Parameters
        ----------
        loss : a tensor of one number.
        params : the parameters to train; all that the loss depends on, in the order of their creation, if None.

        Returns
        -------
        Ordered pairs (variable, next value), which print as equations; see :class:`Updates`.
        """
        params = list(params) if params is not None else parameters_of([loss])
        check_params(loss, params)
        params, bound, hyperparameters, table = self.bound_for(params)
        grads = gradient(loss, params)
        count = make_shared(0, "iteration", "state")
        bound_count = make_elementwise(cast_to(FLOAT64), (count,), FLOAT64, True)
        epoch = make_shared(0.0, "epoch", "hyperparameter")
        placeholders: dict[Node, Node] = {counts.iteration: bound_count, counts.epoch: epoch}
        with fresh_states() as states:
            prepared = bound.prepare(params, grads)
            pairs = list(bound.pairs_of(params, grads, prepared))
            window = bound.window_of(params, grads)
            averages = bound.averages_of(params)
        formulas = bound.formulas_of_numbers()
        values = substitute([*(value for _, value in pairs), *formulas.values()], placeholders)
        pairs = [(variable, value) for (variable, _), value in zip(pairs, values, strict=False)]
        return Updates(
            steps=(*pairs, (count, count + 1)),
            window=window and window.bound(placeholders),
            gradients=dict(zip(params, grads, strict=True)),
            prepared=dict(zip(params, substitute(prepared, placeholders), strict=True)),
            states=states,
            averages=averages,
            hyperparameter_nodes=hyperparameters,
            formulas=dict(zip(formulas, values[len(pairs) :], strict=True)),
            iteration=count,
            epoch=epoch,
            placeholders=placeholders,
            resolution=table,
        )

    def minimize(self, loss: Node, train: Any = None, valid: Any = None, **settings: Any) -> Any:
        """Minimize ``loss`` over data: see :func:`symopt.build` and :meth:`symopt.Trainer.minimize`."""
        return type(self).trainer(self, loss, settings, train, valid).minimize(train, valid, **settings)

    def iterate(self, loss: Node, train: Any = None, valid: Any = None, **settings: Any) -> Any:
        """Minimize ``loss`` step by step: see :func:`symopt.build` and :meth:`symopt.Trainer.iterate`."""
        return type(self).trainer(self, loss, settings, train, valid).iterate(train, valid, **settings)


@dataclass(frozen=True, kw_only=True)
class Optimizer(UpdateRule):
    r"""What all optimizers share.

    Gradients are prepared in this order: rescaling, the mean over batches, clipping by element, by the norm of each
    parameter, by the global norm, weight decay; then comes the rule, then momentum, then the projection of the new
    value, then its average.

    With ``accumulate=k`` a step is taken at every k-th batch, by the mean of the k gradients,
    :math:`g = \frac{1}{k} \sum_{j=1}^{k} g_j`: for a loss that is a mean over rows, k batches of b rows are one batch
    of k b rows. At the others nothing changes but the sums ``<parameter>_gathered`` and the count ``batches``: the
    iteration, and so Adam's t and what schedules count, is the number of steps.

    With ``average_decay`` :math:`\gamma` there is an average of what each parameter has been,

    .. math:: \bar\theta' = \bar\theta + \frac{1 - \gamma}{1 - \gamma^t} (\theta' - \bar\theta),

    the mean of :math:`\theta_1 \dots \theta_t` with weights that fall by :math:`\gamma` a step; where the parameter
    started does not count. It is the state ``<parameter>_average``, and changes no step. A Trainer validates with it,
    and keeps it as the best parameters.

    Parameters
    ----------
    learning_rate : how far a step goes; 0 is allowed.
    momentum : the part of the last change that goes on into the next, from 0 (none) to 1.
    nesterov : look ahead along the velocity (only with momentum).
    weight_decay : this times the parameter is added to its gradient (coupled, or L2, decay).
    rescale_gradient : a factor on every gradient.
    max_gradient_elem : each element of a gradient is clipped to within this of 0.
    max_gradient_norm : the gradient of a parameter is shrunk to this Euclidean norm, if longer.
    max_global_norm : all gradients together are shrunk to this Euclidean norm, if longer.
    clip_weights : each new element of a parameter is clipped to within this of 0.
    accumulate : k, the number of batches whose gradients make one step, a whole number from 1; 1 by default.
    average_halflife : after this many steps a value counts half in the average, :math:`\gamma = e^{-\ln 2 / h}`; no
        average by default.
    average_decay : :math:`\gamma` itself, from 0 to below 1, instead of the halflife.
    groups : other hyperparameters for some parameters, by patterns on their names: ``{"b*": {"weight_decay": 0}}``; the
        later of two patterns wins. ``max_global_norm`` and ``accumulate`` are common to all.
    freeze : patterns on the names of parameters that are left as they are.
    """

    learning_rate: Number = hyper(1e-4, low=0)
    momentum: Number | None = hyper(0.0, low=0, high=1, off=0)
    nesterov: bool = False
    weight_decay: Number | None = hyper(0.0, low=0, off=0)
    rescale_gradient: Number | None = hyper(1.0, off=1)
    max_gradient_elem: Number | None = hyper(None, low=0)
    max_gradient_norm: Number | None = hyper(None, above=0)
    max_global_norm: Number | None = hyper(None, above=0)
    clip_weights: Number | None = hyper(None, low=0)
    accumulate: Number | None = hyper(1, low=1, whole=True, off=1)
    average_halflife: Number | None = hyper(None, above=0, below=math.inf)
    average_decay: Number | None = hyper(None, low=0, below=1, unless=("average_halflife", None))

    groups: Mapping[str, Mapping[str, Any]] | None = None
    freeze: Sequence[str] = ()

    #: Fields that no group may change, besides those that no group of any optimizer may.
    common: ClassVar[tuple[str, ...]] = ()
    #: Whether weight decay goes past the rule, straight to the parameter, instead of into the gradient.
    decoupled: ClassVar[bool] = False
    #: Whether the rule itself deals with weight decay, which is then nowhere else.
    decays_itself: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_groups(self)

    def skips_zero_gradients(self) -> bool:
        """As for any rule; there are no sums or averages, and no group switches on what must be off."""
        must_be_off = {"accumulate", "average_halflife", "average_decay", *(self.still_without or ())}
        grouped = {name for changes in (self.groups or {}).values() for name in changes}
        on = {field.name for field in numeric_fields(self) if resolved(self, field) is not None}
        return super().skips_zero_gradients() and must_be_off.isdisjoint(grouped | on)

    def part(self, indices: Sequence[Any], names: Sequence[str]) -> UpdateRule:
        """With the patterns that match one of these names; the others are for other parameters."""

        def fits(pattern: str) -> bool:
            return any(fnmatchcase(name, pattern) for name in names)

        groups = {pattern: changes for pattern, changes in (self.groups or {}).items() if fits(pattern)}
        return dataclasses.replace(self, groups=groups or None, freeze=[*filter(fits, self.freeze)])

    def bound_for(self, params: Sequence[Shared]) -> tuple[list[Shared], Any, dict[str, Shared], str]:
        """As for any rule; with groups, each parameter has a variant of its own."""
        found = resolve(self, params)
        trained = [param for param in params if found[param] is not None]
        bound, hyperparameters = bind(self)
        if self.groups:
            bound, more = group(self, bound, found)
            hyperparameters = {**hyperparameters, **more}
        return trained, bound, hyperparameters, table(found)

    @abstractmethod
    def rule(self, param: Shared, grad: Node) -> RuleSteps:
        """The rule for one parameter: yield (state, next value), return the step (positive downhill)."""

    def rules(self, params: Sequence[Shared], grads: Sequence[Node]) -> Generator[Pair, None, list[Any]]:
        """The rule for all parameters; a rule that couples them overrides this one."""
        steps = []
        for param, grad in zip(params, grads, strict=True):
            steps.append((yield from self.rule(param, grad)))
        return steps

    def prepare(self, params: Sequence[Shared], grads: Sequence[Node]) -> list[Node]:
        """Gradients rescaled, averaged over batches, clipped, and with coupled weight decay."""
        return prepare(self, [self] * len(params), params, grads)

    def window_of(self, params: Sequence[Shared], raw: Sequence[Node]) -> Window | None:
        """That of ``accumulate`` batches."""
        return window(self, [self] * len(params), params, raw)

    def averages_of(self, params: Sequence[Shared]) -> dict[Shared, Shared]:
        """The states ``<parameter>_average``."""
        return {param: average_of(param) for param in params} if self.average_part() is not None else {}

    def average_part(self) -> Any:
        """How much of the way to its new value the average of a parameter goes; None where there is no average."""
        if self.average_halflife is None and self.average_decay is None:
            return None
        gamma = decay(self.average_halflife, self.average_decay)
        return (1 - gamma) / (1 - gamma ** (counts.iteration + 1))

    def pairs(self, params: Sequence[Shared], grads: Sequence[Node]) -> Generator[Pair, None, None]:
        """The states of the rule, velocities, parameters and their averages."""
        steps = yield from self.rules(params, grads)
        for param, step in zip(params, steps, strict=True):
            value = yield from with_momentum(self, param, step)
            if self.decoupled and self.weight_decay is not None:
                value = value - self.learning_rate * self.weight_decay * param
            value = project(self, param, value)
            yield param, value
            yield from averaged(self, param, value)


def check_params(loss: Node, params: Sequence[Shared]) -> None:
    """There are parameters, the loss depends on each, and their names differ."""
    if not params:
        raise NotDifferentiable("the loss depends on no parameter: make them with so.parameter(value, name=...)")
    within = set(parameters_of([loss]))
    names: set[str] = set()
    for param in params:
        if not isinstance(param, Shared) or param.role != "parameter":
            raise NotDifferentiable(f"{param!r} is not a parameter: make it with so.parameter(value, name=...)")
        if param not in within:
            raise NotDifferentiable(f"the loss does not depend on parameter {param.name!r}", param.origin)
        if param.name in names:
            raise DataError(f"two parameters are called {param.name!r}: give each a name of its own", param.origin)
        names.add(param.name)
