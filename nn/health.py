"""Gradient health: whether every layer gets a gradient that it can learn from, and what to do.

``gradient_health`` looks once at a model and a batch; the callback ``GradientHealth`` watches a
whole run.  Both tell vanishing from exploding gradients by depth, find saturated and dead units
and steps that are too small or too large, and name the remedy.

>>> import numpy as np
>>> from autograd_mini import nn
>>> rng = np.random.default_rng(0)
>>> X, y = rng.normal(size=(64, 8)), rng.integers(0, 2, 64)
>>> deep = nn.MLP([8] * 60 + [2], hidden="sigmoid", rng=0)
>>> report = nn.gradient_health(deep, X, y)
>>> report.verdict
'vanishing'
>>> print(report.advice[0])  # doctest: +ELLIPSIS
vanishing gradients: the first layer's gradient is ... of the last one's. Use relu with ...
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini.nn.activations import name_of
from autograd_mini.nn.callbacks import Callback
from autograd_mini.nn.module import Module
from autograd_mini.nn.notebook import preformatted
from autograd_mini.nn.objective import (
    Loss,
    Objective,
    evaluating,
    objective_for,
    quietly,
    undisturbed,
)
from autograd_mini.nn.operands import Array, arrays_of, is_several, numbers
from autograd_mini.nn.run import Run
from autograd_mini.nn.sequential import Sequential

FADED = 1e-3
"""The first layer's gradient is vanishing below this share of the last one's, and exploding
above its inverse."""

SATURATED_SLOPE = 0.05
"""A unit is saturated where its activation's slope is below this share of its greatest."""

MANY = {"saturated": 0.5, "dead": 0.9}
"""The share of such units that is worth a word.  Of relu units that the samples do not tell apart
half are dead for all of them: it takes more to say that a layer is."""

SMALL_STEP, LARGE_STEP = 1e-6, 0.1
"""Updates outside this range of the weights' size teach too slowly, or destroy."""

_SLOPES = {
    "sigmoid": lambda out: 4 * out * (1 - out),
    "tanh": lambda out: 1 - out * out,
}
"""For activations that saturate: the slope at an output, as a share of the greatest one."""


@dataclass(frozen=True)
class LayerHealth:
    """One layer's figures.

    Attributes:
        name: the dotted name of the layer that owns the weights.
        gradient: the root mean square of the gradient of its weights.
        delta: the root mean square of the gradient of its outputs, which is what vanishes or
            explodes by depth; NaN if the outputs were not seen.
        weight: the root mean square of its weights.
        update: the size of an update as a share of the weights' size; NaN if none was seen.
        saturated: the share of outputs, over units and samples, where the activation is flat; NaN
            if it has no flat parts or its outputs were not seen.
        dead: the share of relu units that are 0 for every sample; NaN for other units.
    """

    name: str
    gradient: float
    weight: float
    delta: float = math.nan
    update: float = math.nan
    saturated: float = math.nan
    dead: float = math.nan


@dataclass(frozen=True, repr=False)
class HealthReport:
    """What ``gradient_health`` found.

    Attributes:
        layers: one ``LayerHealth`` for each layer with weights, first to last.
        activation: the name of the activation that most layers have; empty if not known.
    """

    layers: list[LayerHealth]
    activation: str = ""

    @property
    def ratio(self) -> float:
        """The first layer's gradient divided by the last one's: of the outputs, if seen."""
        first, last = self.layers[0].delta, self.layers[-1].delta
        if math.isnan(first) or math.isnan(last):
            first, last = self.layers[0].gradient, self.layers[-1].gradient
        return first / last if last else math.nan if not first else math.inf

    @property
    def verdict(self) -> str:
        """``"healthy"``, ``"vanishing"``, ``"exploding"``, ``"saturated"``, ``"dead"`` or
        ``"not finite"``.
        """
        gradients = [layer.gradient for layer in self.layers]
        if not np.isfinite(gradients).all():
            return "not finite"
        if self._with_many("dead"):
            return "dead"
        if not any(gradients) or self.ratio < FADED:
            return "vanishing"
        if self.ratio > 1 / FADED:
            return "exploding"
        return "saturated" if self._with_many("saturated") else "healthy"

    def _with_many(self, what: str) -> list[LayerHealth]:
        return [layer for layer in self.layers if getattr(layer, what) > MANY[what]]

    @property
    def advice(self) -> list[str]:
        """What is wrong, each with its remedy; the gravest first."""
        return list(self._advice())

    def _advice(self) -> Iterator[str]:
        verdict = self.verdict
        if verdict == "not finite":
            worst = next(x for x in self.layers if not math.isfinite(x.gradient))
            yield (
                f"the gradient of {worst.name} is NaN or infinite. Lower the rate, limit the "
                "gradients (nn.fit(..., clip_norm=1.0)), and find the operation with ag.debug()"
            )
        elif verdict == "vanishing":
            yield (
                f"vanishing gradients: the first layer's gradient is {self.ratio:.1e} of the last "
                f"one's. {_VANISHING.get(self.activation, _VANISHING[''])}; nn.BatchNorm before "
                "each activation or nn.Residual around each layer carry it through any depth"
            )
        elif verdict == "exploding":
            yield (
                f"exploding gradients: the first layer's gradient is {self.ratio:.1e} of the last "
                "one's. Start with smaller weights (init='glorot_uniform' for tanh, 'he_normal' "
                "for relu), limit the gradients (nn.fit(..., clip_norm=1.0)), or put nn.BatchNorm "
                "before each activation"
            )
        for what, remedy in _UNITS.items():
            if bad := self._with_many(what):
                worst = max(bad, key=lambda layer: getattr(layer, what))
                yield (
                    f"{what} units: {getattr(worst, what):.0%} in {worst.name}"
                    + (f", and {len(bad) - 1} more layers" if len(bad) > 1 else "")
                    + f". {remedy}"
                )
        small = [x for x in self.layers if x.update < SMALL_STEP]
        large = [x for x in self.layers if x.update > LARGE_STEP]
        if large:
            yield (
                f"large steps: an update changes {large[0].name} by {large[0].update:.0%} of its "
                "size (0.1% is usual). Lower the learning rate or give clip_norm"
            )
        if small and verdict != "vanishing":
            yield (
                f"small steps: an update changes {small[0].name} by {small[0].update:.0e} of its "
                "size (1e-3 is usual). Raise the learning rate, or use nn.Adam, which gives every "
                "weight a step of its own"
            )

    def plot(self, ax: Any = None) -> Any:
        """The layers' gradients, and their saturated and dead units, as a Matplotlib Figure."""
        from autograd_mini.nn import plots

        return plots.gradient_health(self, ax=ax)

    def __repr__(self) -> str:
        count = len(self.layers)
        return f"HealthReport({self.verdict}, {count} layer{'s' * (count != 1)})"

    def _repr_html_(self) -> str:
        return preformatted(str(self))

    def __str__(self) -> str:
        heads = ("layer", "delta", "gradient", "weight", "update/weight", "saturated", "dead")
        rows = [heads] + [
            (
                layer.name,
                _shown(layer.delta, ".2e"),
                f"{layer.gradient:.2e}",
                f"{layer.weight:.2e}",
                _shown(layer.update, ".1e"),
                _shown(layer.saturated, ".0%"),
                _shown(layer.dead, ".0%"),
            )
            for layer in self.layers
        ]
        if len(rows) > 2 * _SHOWN + 2:
            rows = [*rows[: _SHOWN + 1], ("...",) + ("",) * 6, *rows[-_SHOWN:]]
        widths = [max(len(row[i]) for row in rows) for i in range(7)]
        table = [
            row[0].ljust(widths[0])
            + "".join("  " + word.rjust(w) for word, w in zip(row[1:], widths[1:], strict=True))
            for row in rows
        ]
        return "\n".join(
            [line.rstrip() for line in table] + [f"verdict: {self.verdict}", *self.advice]
        )


_SHOWN = 8
_VANISHING = {
    "sigmoid": "Use relu with init='he_normal', or tanh, instead of sigmoid, whose slope is at "
    "most 1/4",
    "tanh": "Start with init='glorot_uniform', which keeps tanh in its steep part",
    "relu": "Start with init='he_normal', which keeps the size of relu's outputs",
    "": "Start with weights that keep the signal's size (init='he_normal' for relu, "
    "'glorot_uniform' for tanh)",
}
_UNITS = {
    "dead": "They are 0 for every sample here and get no gradient: lower the rate, put "
    "nn.BatchNorm before the activation, or use leaky_relu",
    "saturated": "Scale the inputs (nn.data.StandardScaler), start with smaller weights "
    "(init='glorot_uniform'), or put nn.BatchNorm before the activation",
}


def gradient_health(model: Module, X: Any, y: Any, *, loss: Loss | None = None) -> HealthReport:
    """One look at a model's gradients on one batch; the model stays as it was.

    Arguments:
        model: any Module; saturated and dead units are found in a ``Sequential``.
        X, y: a batch, as for ``nn.fit``.
        loss: as for ``nn.fit``.

    Returns:
        A ``HealthReport``, to print or to ``plot()``.

    Raises:
        ValueError: the loss refuses the batch, or the model has no weights.
    """
    objective = objective_for(model, loss)
    inputs, targets = arrays_of(X, "X"), arrays_of(y, "y")
    kept = [(p, np.array(p.grad)) for p in model.parameters()]
    model.zero_grad()
    with undisturbed(model), quietly():
        model.train()
        between, outputs = _recorded(model, objective, inputs)
        objective.loss(outputs, targets).backward()
        deltas = {n: _root(float(np.sum(t.grad**2)), t.size) for n, t in between.items()}
        gradients, weights = _sizes(model)
        units = dict(_unit_shares(model, inputs))
    for parameter, gradient in kept:
        parameter.grad = gradient if gradient.ndim else float(gradient)
    return _report(model, gradients, weights, deltas, {}, units)


class GradientHealth(Callback):
    """A callback of ``nn.fit`` that watches every layer's gradient and update.

    Arguments:
        X, y: a batch that is looked at after each epoch, for the gradients of the outputs and for
            saturated and dead units; none leaves that out.
        every: how many steps lie between two looks at the weights.
        loss: as for ``nn.fit``, for this batch.

    Attributes:
        steps: the step of each look.
        gradients, updates: for each layer a list with one number for each look: the root mean
            square of the gradient, and the update as a share of the weights' size.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> health = nn.GradientHealth(every=1)
    >>> model = nn.MLP([1, 4, 1], hidden="tanh", output="identity", rng=0)
    >>> _ = nn.fit(model, [[0.0], [1.0]], [[1.0], [0.0]], epochs=3, callbacks=[health],
    ...            progress=False)
    >>> list(health.gradients), health.steps, health.report().verdict
    (['layers.0', 'layers.1'], [0, 1, 2], 'healthy')
    """

    def __init__(
        self, X: Any = None, y: Any = None, *, every: int = 10, loss: Loss | None = None
    ) -> None:
        if every < 1:
            raise ValueError(f"every is a positive number of steps, not {every!r}")
        if (X is None) != (y is None):
            raise ValueError("GradientHealth looks at inputs and their targets: give X and y")
        self.X = X
        self.y = y
        self.loss = loss
        self.every = every
        self.steps: list[int] = []
        self.gradients: dict[str, list[float]] = {}
        self.updates: dict[str, list[float]] = {}
        self._weights: dict[str, float] = {}
        self._last: HealthReport | None = None
        self._before: dict[str, Array] = {}
        self._model: Module | None = None

    def on_gradients(self, run: Run) -> None:
        """Note the gradients, and the weights before the update."""
        if run.step % self.every:
            return
        found, self._weights = _sizes(run.model)
        self.steps.append(run.step)
        for name, gradient in found.items():
            self.gradients.setdefault(name, []).append(gradient)
        self._before = {n: np.array(p.data) for n, p in run.model.named_parameters()}

    def on_step(self, run: Run) -> None:
        """Note the updates."""
        if not self._before:
            return
        moved: dict[str, float] = {}
        for name, parameter in run.model.named_parameters():
            if _owner(name) in self._weights and _is_weight(name, parameter):
                change = parameter.data - self._before[name]
                moved[_owner(name)] = moved.get(_owner(name), 0.0) + float(np.sum(change**2))
        for name, squares in moved.items():
            count = _counts(run.model)[name]
            size = self._weights[name]
            ratio = math.sqrt(squares / count) / size if size else math.nan
            self.updates.setdefault(name, []).append(ratio)
        self._before = {}

    def state(self) -> dict[str, Any]:
        """The curves so far."""
        return {
            "steps": self.steps,
            "gradients": self.gradients,
            "updates": self.updates,
            "weights": self._weights,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.steps, self.gradients = state["steps"], state["gradients"]
        self.updates, self._weights = state["updates"], state["weights"]

    def on_start(self, run: Run) -> None:
        """Remember the model."""
        self._model = run.model

    def on_epoch(self, run: Run) -> None:
        """Look at the batch."""
        if self.X is not None:
            self._last = gradient_health(run.model, self.X, self.y, loss=self.loss)

    def report(self) -> HealthReport:
        """The last look.

        Raises:
            ValueError: there was none yet.
        """
        if self._model is None or not self.steps:
            raise ValueError("GradientHealth has seen no step: give it to nn.fit(callbacks=[...])")
        updates = {name: found[-1] for name, found in self.updates.items()}
        if self._last is not None:
            layers = [
                replace(layer, update=updates.get(layer.name, math.nan))
                for layer in self._last.layers
            ]
            return replace(self._last, layers=layers)
        last = {name: found[-1] for name, found in self.gradients.items()}
        return _report(self._model, last, self._weights, {}, updates, {})

    def plot(self, ax: Any = None) -> Any:
        """Each layer's gradient over time, as a Matplotlib Figure."""
        from autograd_mini.nn import plots

        return plots.gradient_norms(self, ax=ax)


@dataclass
class _Sum:
    squares: float = 0.0
    weights: float = 0.0
    count: int = field(default=0)


def _owner(name: str) -> str:
    return name.partition("[")[0].rpartition(".")[0] or "(model)"


def _is_weight(name: str, parameter: Any) -> bool:
    """Whether a parameter is a matrix of weights, not a bias or a gain."""
    return np.ndim(parameter.data) > 1 or "," in name


def _sums(model: Module) -> dict[str, _Sum]:
    found: dict[str, _Sum] = {}
    for name, parameter in model.named_parameters():
        if not _is_weight(name, parameter):
            continue
        total = found.setdefault(_owner(name), _Sum())
        with quietly():
            total.squares += float(np.sum(np.square(parameter.grad, dtype=np.float64)))
            total.weights += float(np.sum(np.square(parameter.data, dtype=np.float64)))
        total.count += int(np.size(parameter.data))
    if not found:
        raise ValueError("the model has no matrices of weights whose gradients could be compared")
    return found


def _counts(model: Module) -> dict[str, int]:
    return {name: total.count for name, total in _sums(model).items()}


def _sizes(model: Module) -> tuple[dict[str, float], dict[str, float]]:
    """For each layer the root mean square of its weights' gradient, and of the weights."""
    sums = _sums(model)
    return (
        {name: _root(total.squares, total.count) for name, total in sums.items()},
        {name: _root(total.weights, total.count) for name, total in sums.items()},
    )


def _root(squares: float, count: int) -> float:
    return math.sqrt(squares / count) if squares >= 0 else math.nan


def _recorded(model: Module, objective: Objective, inputs: Any) -> tuple[dict[str, ag.Tensor], Any]:
    """The recorded outputs of the layers with weights, and what the loss takes."""
    if not isinstance(model, Sequential) or is_several(inputs):
        return {}, objective.outputs(inputs)
    owners = list(_sums(model))
    found: dict[str, ag.Tensor] = {}
    x: Any = inputs
    *before, (last_name, last) = _layers(model, "layers")
    for name, layer in before:
        x = layer(x)
        found.update((owner, x) for owner in owners if f"{owner}.".startswith(f"{name}."))
    outputs = objective.last(last, x)
    found.update((owner, outputs) for owner in owners if f"{owner}.".startswith(f"{last_name}."))
    return {owner: node for owner, node in found.items() if isinstance(node, ag.Tensor)}, outputs


def layer_outputs(model: Module, X: Any) -> list[tuple[str, str, Array]]:
    """For each layer of a ``Sequential``: its name, its activation's name, its outputs.

    Nested ones are opened.  The model is run in eval mode, and nothing is recorded.

    Raises:
        TypeError: the model is no ``Sequential``.
    """
    if not isinstance(model, Sequential):
        raise TypeError(
            f"the outputs of layers are those of a Sequential, not {type(model).__name__}"
        )
    found = []
    with evaluating(model), ag.no_grad():
        x: Any = np.asarray(X)
        for name, layer in _layers(model, "layers"):
            x = layer(x)
            given = getattr(layer, "activation", "" if isinstance(layer, Module) else layer)
            found.append((name, name_of(given).strip("'") if given else "", numbers(x)))
    return found


def _layers(model: Sequential, name: str) -> Iterator[tuple[str, Any]]:
    for index, layer in enumerate(model.layers):
        if isinstance(layer, Sequential):
            yield from _layers(layer, f"{name}.{index}.layers")
        else:
            yield f"{name}.{index}", layer


def _unit_shares(model: Module, X: Any) -> Iterator[tuple[str, tuple[float, float]]]:
    """For each layer with weights: the shares of saturated and of dead units behind it."""
    if not isinstance(model, Sequential) or is_several(X):
        return
    owner = ""
    outputs = layer_outputs(model, X)
    with_weights = set(_sums(model))
    for index, (name, activation, out) in enumerate(outputs):
        owner = name if name in with_weights else owner
        if not owner or index == len(outputs) - 1:
            continue
        if activation in _SLOPES:
            yield owner, (float(np.mean(_SLOPES[activation](out) < SATURATED_SLOPE)), math.nan)
        elif activation == "relu":
            units = out.reshape(-1, out.shape[-1])
            yield owner, (math.nan, float(np.mean(np.all(units == 0, axis=0))))


def _report(
    model: Module,
    gradients: dict[str, float],
    weights: dict[str, float],
    deltas: dict[str, float],
    updates: dict[str, float],
    units: dict[str, tuple[float, float]],
) -> HealthReport:
    nothing = (math.nan, math.nan)
    layers = [
        LayerHealth(
            name, gradients[name], weights[name], deltas.get(name, math.nan),
            updates.get(name, math.nan),
            *units.get(name, nothing),
        )
        for name in gradients
    ]  # fmt: skip
    named = [name_of(m.activation).strip("'") for m in model.modules() if hasattr(m, "activation")]
    if isinstance(model, Sequential):
        named += [
            name_of(layer) for _, layer in _layers(model, "") if not isinstance(layer, Module)
        ]
    known = [name for name in named if name in _VANISHING]
    return HealthReport(layers, max(set(known), key=known.count) if known else "")


def _shown(number: float, spec: str) -> str:
    return "" if math.isnan(number) else format(number, spec)
