"""Objective: which loss a model is trained with, and what goes into it.

``cross_entropy`` and ``binary_cross_entropy`` are computed from logits, before the model's last
activation, where they stay exact; every other loss is computed from the model's output.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini.nn import losses, metrics
from autograd_mini.nn.activations import name_of, resolve
from autograd_mini.nn.dense import Dense
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Array, numbers, unmasked
from autograd_mini.nn.refusals import class_targets, look_like_probabilities, same_shape
from autograd_mini.nn.sequential import Sequential
from autograd_mini.nn.suggest import unknown_name

Loss = str | Callable[[Any, Any], Any]
"""A loss by name, or a function ``(outputs, targets)`` that gives one number."""

Metric = str | Callable[[Any, Any], float]
"""A metric by name, or a function ``(outputs, targets)`` of plain arrays."""


def _public(module: Any) -> dict[str, Callable[..., Any]]:
    """The functions of a module that are its own."""
    return {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
    }


_SHORT = {"mse": "mean_squared_error", "mae": "mean_absolute_error"}

LOSSES = _public(losses)
"""The losses by name."""
LOSSES |= {short: LOSSES[name] for short, name in _SHORT.items()}


def _perplexity(outputs: Array, targets: Array) -> float:
    """``nn.perplexity`` of what a model gives: probabilities after softmax, or else logits."""
    from_logits = not look_like_probabilities(outputs)
    return metrics.perplexity(outputs, targets, from_logits=from_logits)


METRICS = {n: metric for n, metric in _public(metrics).items() if n != "confusion_matrix"}
METRICS["perplexity"] = _perplexity
"""The metrics by name: those that are one number."""
METRICS |= {name: LOSSES[name] for names in _SHORT.items() for name in names}

_OF_LABELS = ("accuracy", "precision", "recall", "f1")
"""The metrics that take labels, which one output for yes or no has to be made into."""

_FROM_LOGITS: dict[str, dict[str, Any]] = {
    "cross_entropy": {},
    "binary_cross_entropy": {"from_logits": True},
}
"""The losses that take what comes before the last activation, with the option that says so."""


def _cross_entropy(outputs: Any, targets: Array) -> Any:
    if not isinstance(outputs, ag.Tensor):
        return losses.cross_entropy(outputs, targets)
    divisor = float(targets.size)
    return losses.softmax_loss(outputs, wanted=targets, weights=None, divisor=divisor)


_UNCHECKED = {"cross_entropy": _cross_entropy}
"""For class indices: the same numbers as the loss of this name, without its checks."""

_SUMS = {"half_squared_error"}
"""The losses that are sums over samples, not means."""

_LOSS_OF_ACTIVATION = {
    "softmax": "cross_entropy",
    "sigmoid": "binary_cross_entropy",
    "identity": "mean_squared_error",
}
_ACTIVATION_OF_LOSS = {loss: activation for activation, loss in _LOSS_OF_ACTIVATION.items()}

OF_CLASSES = ("cross_entropy", "negative_log_likelihood")
"""The losses whose targets are class indices or rows of probabilities."""


class Objective:
    """A model's loss as a function of inputs and targets.

    Arguments:
        model: any Module.
        loss: a name, a function, or ``None`` for the one that fits the last activation: softmax
            and ``cross_entropy``, sigmoid and ``binary_cross_entropy``, none and
            ``mean_squared_error``.  A ``functools.partial`` of one of ``nn`` is that loss with
            options, such as ``partial(nn.cross_entropy, class_weights=[1, 9])``.

    Attributes:
        name: the loss's name.
        built_in: whether it is one of ``nn``, and no function of the user's.
        sums: whether it is a sum over the samples of a batch, not a mean.
        weighted: whether it is a mean that the weights of the batch's classes divide.
        options: what a ``functools.partial`` gives the loss, by name.

    Raises:
        ValueError: no loss has this name, or there is no default for this model.

    >>> from autograd_mini import nn
    >>> objective = Objective(nn.MLP([2, 3], rng=0))
    >>> objective.name
    'cross_entropy'
    >>> outputs = objective.outputs(np.zeros((4, 2)))
    >>> objective.loss(outputs, np.array([0, 1, 2, 0])).data.round(4)
    np.float64(1.0986)
    """

    def __init__(self, model: Module, loss: Loss | None = None) -> None:
        self.model = model
        head = model
        while isinstance(head, Sequential):
            head = head.layers[-1]
        last = head.activation if isinstance(head, Dense) else head
        known = not isinstance(last, Module)
        if loss is None:
            loss = _LOSS_OF_ACTIVATION.get(name_of(last).strip("'"), "") if known else ""
            if not loss:
                raise ValueError(
                    f"there is no usual loss for a model that ends in {head!r}: give fit one, such "
                    "as loss='mean_squared_error', or a function of outputs and targets"
                )
        if isinstance(loss, str) and loss not in LOSSES:
            raise ValueError(unknown_name("loss", loss, LOSSES))
        function = LOSSES[loss] if isinstance(loss, str) else loss
        given: dict[str, Any] = {}
        if isinstance(function, functools.partial) and not function.args:
            given, function = function.keywords, function.func
        self.name = getattr(function, "__name__", type(function).__name__)
        self.built_in = LOSSES.get(self.name) is function
        self.sums = self.built_in and (self.name in _SUMS or given.get("reduction") == "sum")
        self.weighted = self.built_in and not self.sums and "class_weights" in given
        from_logits = self.built_in and self.name in _FROM_LOGITS
        from_logits = from_logits and given.get("from_logits") is not False
        self._function = targets_second(function)
        own_logits = not isinstance(model, Sequential | Dense) and hasattr(model, "logits")
        self._from_logits = from_logits and (known or own_logits) and hasattr(model, "logits")
        self.options = dict(given)
        self._options = given | (_FROM_LOGITS[self.name] if self._from_logits else {})
        self._is_plain = self.built_in and not given
        if self._from_logits:
            self._activation = resolve(_ACTIVATION_OF_LOSS[self.name] if own_logits else last)
        self._yes_above: float | None = None
        if last == "sigmoid" or (self.built_in and self.name == "binary_cross_entropy"):
            self._yes_above = 0.5
        elif self.built_in and self.name == "hinge":
            self._yes_above = 0.0

    def outputs(self, inputs: Any) -> Any:
        """What the loss takes for a batch of inputs: the model's logits, or its output.

        A tuple of inputs is given to the model as so many arguments.
        """
        model: Any = self.model
        forward = model.logits if self._from_logits else model
        return forward(*inputs) if isinstance(inputs, tuple) else forward(inputs)

    def last(self, layer: Any, x: Any) -> Any:
        """What the loss takes, from the last layer of a ``Sequential`` and its input."""
        if not self._from_logits:
            return layer(x)
        return layer.linear(x) if isinstance(layer, Dense) else x

    def loss(self, outputs: Any, targets: Any) -> Any:
        """The loss, one number that can be differentiated."""
        return self._function(outputs, targets, **self._options)

    def loss_without_checks(self, targets: Array) -> Callable[[Any, Any], Any]:
        """``loss`` for batches of targets that ``checked_targets`` gave."""
        if self._is_plain and self.name in _UNCHECKED and targets.dtype.kind == "i":
            return _UNCHECKED[self.name]
        return self.loss

    def checked_targets(self, targets: Array, shape: tuple[int, ...]) -> Array:
        """All targets, refused if the loss refuses one; class indices as whole numbers.

        Arguments:
            targets: those of N samples.
            shape: that of the outputs for any number of samples.

        Raises:
            ValueError: a target is out of range, or its shape does not fit.
        """
        if self.built_in and self.name in OF_CLASSES:
            found = class_targets(self.name, (len(targets), *shape[1:]), targets)
            return found if found.ndim < len(shape) else found.astype(np.float64, copy=False)
        if self.built_in and targets.shape[1:] == shape[1:]:
            self.loss(np.full(targets.shape, 0.5), targets)  # a logit, probability or score
        elif self.built_in and shape:  # refused with the shapes of all samples
            same_shape(self.name, np.broadcast_to(0.0, (len(targets), *shape[1:])), targets)
        return targets

    def of_nothing(self, outputs: Any, targets: Array) -> float:
        """The loss of outputs that say nothing: 0, or every class alike; ∞ if it is not known.

        Arguments:
            outputs: any outputs for these targets; their shape counts.
        """
        if not self._is_plain:
            try:
                with ag.no_grad(), np.errstate(all="ignore"):
                    nothing = number(self.loss(ag.Tensor(np.zeros(np.shape(outputs))), targets))
            except Exception:  # a function that takes no such outputs
                return math.inf
            return nothing if math.isfinite(nothing) else math.inf
        if self.name in OF_CLASSES:
            return math.log(np.shape(outputs)[-1])
        if self.name == "binary_cross_entropy":
            return math.log(2)
        return number(self.loss(np.zeros(np.shape(outputs)), targets))

    def predictions(self, outputs: Any) -> Array:
        """The model's output as plain numbers, from what ``outputs`` gave."""
        found = numbers(outputs)
        return np.asarray(self._activation(found)) if self._from_logits else found

    def metrics(self, given: Any) -> dict[str, Callable[[Any, Any], float]]:
        """``named_metrics``; those of labels take one output for yes or no as what it says.

        That is yes above 0.5 for probabilities, above 0 for the scores of ``hinge``.
        """
        found = named_metrics(given)
        if self._yes_above is not None:
            for name in _OF_LABELS:
                if found.get(name) is METRICS[name]:
                    found[name] = functools.partial(_of_yes_or_no, found[name], self._yes_above)
        return found


def _of_yes_or_no(
    metric: Callable[[Any, Any], float], above: float, outputs: Array, targets: Array
) -> float:
    shape = outputs.shape
    if len(shape) == 1 or shape[1:] == (1,):
        if targets.shape not in (shape, shape[:1]):
            return metric(outputs.ravel() > above, targets)
        targets = targets.ravel()
        return metric(outputs.ravel() > above, targets if above else targets > 0)
    return metric(outputs, targets)


def targets_second(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A loss or metric as a function of outputs and targets.

    Functions whose first argument is called ``y_true``, scikit-learn's and Keras's, take the
    targets first.

    >>> def excess(y_true, y_pred):
    ...     return y_pred - y_true
    >>> targets_second(excess)(5.0, 1.0)
    4.0
    """
    try:
        first = next(iter(inspect.signature(function).parameters), "")
    except (TypeError, ValueError):  # not every callable has a signature
        return function
    return (lambda outputs, targets: function(targets, outputs)) if first == "y_true" else function


def named_metrics(given: Any) -> dict[str, Callable[[Any, Any], float]]:
    """Metrics by name, from names, functions, a list of both, or a dict.

    >>> list(named_metrics("accuracy"))
    ['accuracy']
    """
    if isinstance(given, Mapping):
        if "loss" in given:
            raise ValueError("the history has a column 'loss' already: name the metric otherwise")
        return {name: targets_second(metric) for name, metric in given.items()}
    if isinstance(given, str) or callable(given):
        given = [given]
    found: dict[str, Callable[[Any, Any], float]] = {}
    for metric in given:
        if isinstance(metric, str):
            if metric not in METRICS:
                raise ValueError(unknown_name("metric", metric, METRICS))
            name, metric = metric, METRICS[metric]
        elif callable(metric):
            name = getattr(metric, "__name__", type(metric).__name__)
        else:
            raise TypeError(f"a metric is a name or a function, not {type(metric).__name__}")
        if name in found or name == "loss":
            raise ValueError(
                f"two columns of the history would be called {name!r}: give the metrics as a dict "
                "{name: function} with names of their own"
            )
        found[name] = targets_second(metric)
    return found


def length(X: Any) -> int:
    """How many samples an array, or a tuple of arrays, has."""
    return len(X[0] if isinstance(X, tuple) else X)


def rows_of(X: Any, rows: Any) -> Any:
    """The samples with these numbers, of an array or of each array in a tuple."""
    if isinstance(X, tuple):
        return tuple(part[rows] for part in X)
    return X[rows]


def _arrays(X: Any) -> Any:
    return tuple(unmasked(x, "X") for x in X) if isinstance(X, tuple) else unmasked(X, "X")


def predict(model: Module, X: Any, *, batch_size: int = 1024) -> Array:
    """The model's output for all samples as plain numbers: eval mode, nothing recorded.

    Arguments:
        model: any Module; its mode is as before afterwards.
        X: inputs with the samples along the first axis, or a tuple of such arrays.
        batch_size: how many samples go through the model at a time.

    Returns:
        An array with the samples along the first axis.

    Raises:
        ValueError: there are no samples.

    >>> from autograd_mini import nn
    >>> nn.predict(nn.MLP([2, 3], rng=0), np.zeros((4, 2))).shape
    (4, 3)
    """
    X = _arrays(X)
    if not length(X):
        raise ValueError("predict: there are no samples")
    with evaluating(model), ag.no_grad():
        batches = [rows_of(X, rows) for rows in _slices(length(X), batch_size)]
        found = [numbers(model(*b) if isinstance(b, tuple) else model(b)) for b in batches]
    return np.concatenate(found)


def evaluate(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: Loss | None = None,
    metrics: Any = (),
    batch_size: int = 1024,
) -> dict[str, float]:
    """The loss and metrics of a model on data: eval mode, nothing recorded.

    Arguments:
        model: any Module; its mode is as before afterwards.
        X, y: inputs and targets, as for ``nn.fit``.
        loss, metrics: as for ``nn.fit``.
        batch_size: how many samples go through the model at a time.

    Returns:
        ``"loss"``, the mean of the batches' losses weighted by their sizes (a sum for a loss that
        is a sum), and each metric by name, computed on all samples at once.

    Raises:
        ValueError: there are no samples, or the loss refuses outputs or targets.

    >>> from autograd_mini import nn
    >>> found = nn.evaluate(nn.MLP([2, 3], rng=0), np.zeros((3, 2)), [0, 1, 2],
    ...                     metrics="accuracy")
    >>> round(found["loss"], 4), round(found["accuracy"], 4)
    (1.0986, 0.3333)
    """
    objective = Objective(model, loss)
    wanted = objective.metrics(metrics)
    return measured(objective, _arrays(X), unmasked(y, "y"), wanted, batch_size)


def measured(
    objective: Objective,
    X: Any,
    y: Array,
    metrics: Mapping[str, Callable[[Any, Any], float]],
    batch_size: int,
) -> dict[str, float]:
    """``evaluate`` with its arguments made ready."""
    count = length(X)
    if not count:
        raise ValueError("evaluate: there are no samples")
    if len(y) != count:
        raise ValueError(f"evaluate: there are {count} samples in X and {len(y)} in y")
    losses, predictions = [], []
    with evaluating(objective.model), ag.no_grad():
        for rows in _slices(count, batch_size):
            inputs = rows_of(X, rows)
            outputs = objective.outputs(inputs)
            loss = number(objective.loss(outputs, y[rows]))
            losses.append(loss if objective.sums else loss * (len(rows) / count))
            if metrics:
                predictions.append(objective.predictions(outputs))
    found = {"loss": math.fsum(losses) if np.isfinite(losses).all() else float(np.sum(losses))}
    if metrics:
        together = np.concatenate(predictions)
        found |= {name: metric(together, y) for name, metric in metrics.items()}
    return found


def number(loss: Any) -> float:
    """A loss as a float.

    Raises:
        ValueError: it holds several numbers.
    """
    data = loss.data if isinstance(loss, ag.Tensor | ag.Value) else loss
    if np.size(data) != 1:
        raise ValueError(
            f"the loss is one number, and this one has shape {np.shape(data)}: reduce it with "
            "np.mean or np.sum"
        )
    return float(data) if np.ndim(data) == 0 else float(np.reshape(data, ()))


class evaluating:
    """A ``with`` block in eval mode; afterwards every part has the mode that it had."""

    def __init__(self, model: Module) -> None:
        self.model = model

    def __enter__(self) -> None:
        self._modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()

    def __exit__(self, *error: object) -> None:
        for module, mode in self._modes:
            module.training = mode


def quietly() -> np.errstate:
    """A ``with`` block in which a diverging model does not warn of each number."""
    return np.errstate(over="ignore", invalid="ignore")


@contextmanager
def undisturbed(model: Module) -> Iterator[None]:
    """A ``with`` block in which a model may run in any mode: afterwards nothing has changed.

    Modes, buffers such as running statistics, and Generators are put back; parameters and
    gradients are not looked after.
    """
    modes = [(module, module.training) for module in model.modules()]
    generators = [(g, g.bit_generator.state) for _, g in model.named_generators()]
    buffers = [(buffer, buffer.copy()) for _, buffer in model.named_buffers()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for g, state in generators:
            g.bit_generator.state = state
        for buffer, before in buffers:
            buffer[...] = before


def _slices(count: int, batch_size: int) -> list[Array]:
    return [
        np.arange(start, min(start + batch_size, count)) for start in range(0, count, batch_size)
    ]
