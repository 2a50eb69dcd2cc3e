"""Metrics by name, and as functions of plain arrays."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autograd_mini.nn import metrics
from autograd_mini.nn.losses.errors import mean_absolute_error, mean_squared_error
from autograd_mini.nn.losses.refusals import look_like_probabilities
from autograd_mini.nn.operands import Data, is_several
from autograd_mini.nn.suggest import unknown_name
from autograd_mini.nn.training.samples import keys_of, kind_of
from autograd_mini.typing import Array

MetricFunction = Callable[[Data, Data], float]
"""A function ``(outputs, targets)`` of plain arrays."""

Metric = str | MetricFunction
"""A metric by name, or a function."""

Metrics = Metric | Iterable[Metric] | Mapping[str, Metric]
"""One metric, several, or several by names of their own."""


def _perplexity(outputs: Array, targets: Array) -> float:
    """``nn.perplexity`` of what a model gives: probabilities after softmax, or else logits."""
    from_logits = not look_like_probabilities(outputs)
    return metrics.perplexity(outputs, targets, from_logits=from_logits)


OF_LABELS = (metrics.accuracy, metrics.precision, metrics.recall, metrics.f1)
"""The metrics that take labels, which one output for yes or no has to be made into."""

METRICS = {metric.__name__: metric for metric in (*OF_LABELS, metrics.r2)} | {
    "perplexity": _perplexity,
    "mse": mean_squared_error,
    "mean_squared_error": mean_squared_error,
    "mae": mean_absolute_error,
    "mean_absolute_error": mean_absolute_error,
}
"""The metrics by name: those that are one number."""


def of_yes_or_no(metric: MetricFunction, above: float, outputs: Array, targets: Array) -> float:
    """A metric of labels, of one output that says yes above a number."""
    shape = outputs.shape
    if len(shape) == 1 or shape[1:] == (1,):
        if targets.shape not in (shape, shape[:1]):
            return metric(outputs.ravel() > above, targets)
        targets = targets.ravel()
        return metric(outputs.ravel() > above, targets if above else targets > 0)
    return metric(outputs, targets)


def targets_second(function: Callable[[Data, Data], Any]) -> Callable[[Data, Data], Any]:
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


def named_metrics(given: Metrics) -> dict[str, MetricFunction]:
    """Metrics by name, from names, functions, a list of both, or a dict.

    >>> list(named_metrics("accuracy"))
    ['accuracy']
    """
    if isinstance(given, Mapping):
        if "loss" in given:
            raise ValueError("the history has a column 'loss' already: name the metric otherwise")
        return {name: targets_second(_metric(metric)) for name, metric in given.items()}
    if isinstance(given, str) or callable(given) or not isinstance(given, Iterable):
        given = [given]
    found: dict[str, MetricFunction] = {}
    for metric in given:
        function = _metric(metric)
        if isinstance(metric, str):
            name = metric
        else:
            name = getattr(metric, "__name__", type(metric).__name__)
        if name in found or name == "loss":
            raise ValueError(
                f"two columns of the history would be called {name!r}: give the metrics as a dict "
                "{name: function} with names of their own"
            )
        found[name] = targets_second(function)
    return found


def _metric(given: Metric) -> MetricFunction:
    if isinstance(given, str):
        if given not in METRICS:
            raise ValueError(unknown_name("metric", given, METRICS))
        return METRICS[given]
    if not callable(given):
        raise TypeError(f"a metric is a name or a function, not {type(given).__name__}")
    return given


def scores(metrics: Mapping[str, MetricFunction], outputs: Data, targets: Data) -> dict[str, float]:
    """Each metric of all outputs and targets.

    Raises:
        ValueError: a metric of ``nn`` is given several outputs or targets.
    """
    if is_several(outputs) or is_several(targets):
        known = list(METRICS.values())
        for name, metric in metrics.items():
            if metric in known:
                several = outputs if is_several(outputs) else targets
                at = [f"[{keys_of(x)[0]!r}]" if is_several(x) else "" for x in (outputs, targets)]
                raise ValueError(
                    f"{name} takes one output and its targets, not {kind_of(several)}: write "
                    f"metrics={{{name!r}: lambda outputs, targets: "
                    f"nn.{name}(outputs{at[0]}, targets{at[1]})}}"
                )
    return {name: metric(outputs, targets) for name, metric in metrics.items()}
