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
from typing import TYPE_CHECKING, Any

import numpy as np

import autograd_mini as ag
from autograd_mini.nn.activations import name_of
from autograd_mini.nn.layers.sequential import Sequential
from autograd_mini.nn.module import Module, Parameter
from autograd_mini.nn.operands import Data, arrays_of, is_several, numbers
from autograd_mini.nn.training.callbacks import Callback
from autograd_mini.nn.training.ends import ends_of
from autograd_mini.nn.training.health_report import (
    SATURATED_SLOPE,
    HealthReport,
    LayerHealth,
)
from autograd_mini.nn.training.modes import evaluating, quietly, undisturbed
from autograd_mini.nn.training.objective import AnyLoss, Objective, objective_for
from autograd_mini.nn.training.run import Run
from autograd_mini.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def gradient_health(
    model: Module, X: Data, y: Data, *, loss: AnyLoss | None = None
) -> HealthReport:
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
        self, X: Data = None, y: Data = None, *, every: int = 10, loss: AnyLoss | None = None
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

    def plot(self, ax: Axes | None = None) -> Figure:
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


def _is_weight(name: str, parameter: Parameter) -> bool:
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


def _recorded(
    model: Module, objective: Objective, inputs: Data
) -> tuple[dict[str, ag.Tensor], Any]:
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


def layer_outputs(model: Module, X: Data) -> list[tuple[str, str, Array]]:
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


def _unit_shares(model: Module, X: Data) -> Iterator[tuple[str, tuple[float, float]]]:
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
        ends = ends_of(activation)
        if ends is not None and ends.saturates:
            saturated = ends.share_of_slope(out) < SATURATED_SLOPE
            yield owner, (float(np.mean(saturated)), math.nan)
        elif ends is not None:
            dead = ends.is_dead(out.reshape(-1, out.shape[-1]))
            yield owner, (math.nan, float(np.mean(np.all(dead, axis=0))))


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
    known = [name for name in named if ends_of(name) is not None]
    return HealthReport(layers, max(set(known), key=known.count) if known else "")
