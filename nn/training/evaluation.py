"""Evaluation: predictions, losses and metrics of a model on data."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np

import autograd_mini as ag
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Data, arrays_of
from autograd_mini.nn.training.modes import evaluating
from autograd_mini.nn.training.named_metrics import MetricFunction, Metrics, scores
from autograd_mini.nn.training.objective import AnyLoss, Objective, objective_for
from autograd_mini.nn.training.samples import (
    called,
    for_all,
    joined,
    number,
    outputs_of_all,
    plain,
    samples,
    samples_at,
    slices,
    told_of_all,
)


def predict(model: Module, X: Data, *, batch_size: int = 1024) -> Data:
    """The model's output for all samples as plain numbers: eval mode, nothing recorded.

    Arguments:
        model: any Module; its mode is as before afterwards.
        X: inputs with the samples along the first axis, or a tuple or dict of such arrays.
        batch_size: how many samples go through the model at a time.

    Returns:
        An array with the samples along the first axis; for a model of several outputs a dict or
        tuple of arrays, as it gives them.

    Raises:
        ValueError: there are no samples, or the inputs differ in length.

    >>> from autograd_mini import nn
    >>> nn.predict(nn.MLP([2, 3], rng=0), np.zeros((4, 2))).shape
    (4, 3)
    """
    X = arrays_of(X, "X")
    count = samples("predict: ", X=X)
    with evaluating(model), ag.no_grad():
        batches = [samples_at(X, indices) for indices in slices(count, batch_size)]
        return joined([plain(told_of_all(called, (model, b), lambda: (model, X))) for b in batches])


def evaluate(
    model: Module,
    X: Data,
    y: Data,
    *,
    loss: AnyLoss | None = None,
    metrics: Metrics = (),
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
    objective = objective_for(model, loss)
    wanted = objective.metrics(metrics)
    return measured(objective, arrays_of(X, "X"), arrays_of(y, "y"), wanted, batch_size)


def measured(
    objective: Objective,
    X: Data,
    y: Data,
    metrics: Mapping[str, MetricFunction],
    batch_size: int,
    *,
    first_only: bool = False,
) -> dict[str, float]:
    """``evaluate`` with its arguments made ready; or of the first batch, to see that all fits."""
    count = samples("evaluate: ", X=X, y=y)
    losses, predictions = [], []
    with evaluating(objective.model), ag.no_grad():
        for indices in slices(count, batch_size)[: 1 if first_only else None]:
            inputs, targets = samples_at(X, indices), samples_at(y, indices)
            outputs = told_of_all(objective.outputs, (inputs,), lambda: (X,))
            whole = functools.partial(outputs_of_all, outputs, y, count)
            loss = number(told_of_all(objective.one_loss, (outputs, targets), whole))
            losses.append(loss if objective.sums else loss * (len(indices) / count))
            if metrics:
                predictions.append(objective.predictions(outputs))
    found = {"loss": math.fsum(losses) if np.isfinite(losses).all() else float(np.sum(losses))}
    if not metrics:
        return found
    if first_only:
        return found | told_of_all(
            scores,
            (metrics, joined(predictions), samples_at(y, indices)),
            lambda: (metrics, for_all(joined(predictions), count), y),
        )
    return found | scores(metrics, joined(predictions), y)
