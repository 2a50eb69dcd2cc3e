"""Pictures of training, with Matplotlib (``pip install autograd_mini[plot]``).

Each function returns a Matplotlib Figure, which a notebook shows and ``figure.savefig("x.png")``
writes; with ``ax`` it draws there and returns the Figure of ``ax``.  A function that draws several
panels takes as many axes.  Nothing is drawn on a screen, and pyplot is not touched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini.nn import metrics
from autograd_mini.nn.data import class_indices
from autograd_mini.nn.health import layer_outputs
from autograd_mini.nn.module import Module
from autograd_mini.nn.objective import predict
from autograd_mini.nn.operands import Array, numbers
from autograd_mini.nn.optional import needed

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
"""Colours that colour-blind readers tell apart (M. Okabe and K. Ito, 2008)."""

MANY_LAYERS = 12
"""More layers than this share a colour scale instead of a legend."""


def loss_curve(
    history: Any,
    *,
    ax: Any = None,
    average: int | None = None,
    log: bool = True,
) -> Any:
    """The loss of each step, its moving average, and each epoch's loss and validation loss.

    Arguments:
        history: what ``nn.fit`` gave, or a list of losses.
        ax: where to draw; a new Figure by default.
        average: over how many steps the moving average goes; a twentieth of them by default.
        log: a logarithmic scale, if every loss is positive.

    Returns:
        The Figure.

    Raises:
        ValueError: there are no losses.
        ImportError: Matplotlib is not installed.
    """
    steps = np.asarray(getattr(history, "steps", history), dtype=float)
    if not steps.size:
        raise ValueError("loss_curve: there are no losses")
    ax = _axes(ax)
    width = max(1, steps.size // 20) if average is None else average
    if not 1 <= width:
        raise ValueError(f"average is a positive number of steps, not {average!r}")
    width = min(width, steps.size)
    numbers_of_steps = np.arange(1, steps.size + 1)
    ax.plot(numbers_of_steps, steps, color="#bbbbbb", linewidth=0.7, label="each step")
    mean = np.convolve(steps, np.full(width, 1 / width), mode="valid")
    ax.plot(numbers_of_steps[width - 1 :], mean, color=COLOURS[0], label=f"mean of {width} steps")
    lowest = [steps.min()]
    epochs = list(getattr(history, "epochs", []))
    if epochs and "validation_loss" in epochs[-1]:
        ends = steps.size * np.arange(1, len(epochs) + 1) / len(epochs)
        held_out = [row["validation_loss"] for row in epochs]
        ax.plot(ends, held_out, "o-", color=COLOURS[1], markersize=3, label="validation")
        lowest += held_out
    if log and min(lowest) > 0:
        ax.set_yscale("log")
    ax.set(xlabel="step", ylabel="loss", title="Loss")
    ax.legend(frameon=False)
    return ax.figure


def gradient_norms(health: Any, *, ax: Any = None) -> Any:
    """Each layer's gradient over the steps of a run, from the first layer to the last.

    Arguments:
        health: the callback, after ``nn.fit``.
        ax: where to draw.

    Raises:
        ValueError: it has seen no step.
    """
    if not health.steps:
        raise ValueError("gradient_norms: GradientHealth has seen no step")
    ax = _axes(ax)
    colour = _scale(len(health.gradients))
    for index, (name, found) in enumerate(health.gradients.items()):
        shown = np.where(np.asarray(found) > 0, found, np.nan)
        ax.plot(health.steps, shown, color=colour(index), linewidth=1.2, label=name)
    if any(value > 0 for found in health.gradients.values() for value in found):
        ax.set_yscale("log")
    ax.set(xlabel="step", ylabel="root mean square of the gradient", title="Gradient of each layer")
    ax.margins(x=0.02, y=0.15)
    _legend(ax, list(health.gradients), colour)
    return ax.figure


def gradient_health(report: Any, *, ax: Any = None) -> Any:
    """A bar for each layer's gradient, on a logarithmic scale, and its unhealthy units.

    Arguments:
        report: what ``nn.gradient_health`` gave.
        ax: where to draw.
    """
    ax = _axes(ax)
    deltas = np.array([layer.delta for layer in report.layers])
    seen = not np.isnan(deltas).all()
    gradients = deltas if seen else np.array([layer.gradient for layer in report.layers])
    places = np.arange(1, len(gradients) + 1)
    good = np.isfinite(gradients) & (gradients > 0)
    least = gradients[good].min() / 10 if good.any() else 1e-12
    heights = np.where(good, gradients, least)
    ax.bar(places, heights, color=np.where(good, COLOURS[0], COLOURS[1]), label="gradient")
    ax.set_yscale("log")
    ax.set_xticks(places[:: -(-len(places) // 12)])
    ax.set(
        xlabel="layer, from the input to the output",
        ylabel=f"root mean square of the gradient of the {'outputs' if seen else 'weights'}",
        title=f"Gradient health: {report.verdict}",
    )
    shares = {
        what: np.array([getattr(layer, what) for layer in report.layers])
        for what in ("saturated", "dead")
    }
    if any(np.isfinite(found).any() for found in shares.values()):
        right = ax.twinx()
        for (what, found), style in zip(shares.items(), ("o-", "s-"), strict=True):
            if np.isfinite(found).any():
                colour = COLOURS[1 if what == "saturated" else 3]
                right.plot(places, found, style, color=colour, markersize=4, label=what)
        right.set(ylim=(-0.02, 1.02), ylabel="share of units")
        right.legend(loc="best")
    return ax.figure


def activations(
    model: Module, X: Any, *, layers: Sequence[int] | None = None, ax: Any = None
) -> Any:
    """For each layer its activations for a batch: as an image, and as a histogram below.

    In an image a row is a sample and a column a unit.

    Arguments:
        model: a ``Sequential``.
        X: a batch of inputs.
        layers: which layers, by number from 0; at most six, spread evenly, by default.
        ax: an array of axes of shape ``(2, layers)``.

    Raises:
        TypeError: the model is no ``Sequential``.
        ValueError: there are not as many axes as panels.
    """
    outputs = layer_outputs(model, X)
    if layers is None:
        layers = np.unique(np.linspace(0, len(outputs) - 1, 6).astype(int)).tolist()
    grid = _grid(ax, 2, len(layers), size=(3.0, 2.4))
    for column, index in enumerate(layers):
        name, kind, out = outputs[index]
        rows = out.reshape(len(out), -1)
        limits = (0, 1) if kind in ("sigmoid", "softmax") else (-1, 1) if kind == "tanh" else None
        low, high = limits or _range(rows)
        image = grid[0, column].imshow(
            rows, aspect="auto", interpolation="nearest", cmap="viridis", vmin=low, vmax=high
        )
        grid[0, column].figure.colorbar(image, ax=grid[0, column], format="%.2g")
        grid[0, column].set(title=f"{name}\n{kind or 'output'}", xlabel="unit")
        grid[1, column].hist(
            rows.ravel(), bins=40, range=(low, high) if high > low else None, color=COLOURS[0]
        )
        grid[1, column].set(xlabel="activation")
    grid[0, 0].set_ylabel("sample")
    grid[1, 0].set_ylabel("how many")
    return grid[0, 0].figure


def weights(
    matrix: Any,
    *,
    shape: tuple[int, int] | None = None,
    count: int = 16,
    ax: Any = None,
) -> Any:
    """The weights of a layer as images: one matrix, or for each neuron what it looks at.

    Arguments:
        matrix: a layer's weight of shape ``(n_in, n_out)``: a Tensor, Values or an array.
        shape: the height and width of the images that the layer sees, such as ``(28, 28)``;
            none draws the matrix as it is.
        count: how many neurons to show.
        ax: one axis, or with ``shape`` an array of at least that many.

    Raises:
        ValueError: the matrix has not two axes, or ``shape`` does not fit it.
    """
    found = numbers(matrix)
    if found.ndim != 2:
        raise ValueError(f"weights has the shape (n_in, n_out), not {found.shape}")
    top = float(np.max(np.abs(found), initial=0)) or 1.0
    how = {"cmap": "RdBu_r", "vmin": -top, "vmax": top, "interpolation": "nearest"}
    if shape is None:
        ax = _axes(ax)
        image = ax.imshow(found, aspect="auto", **how)
        ax.figure.colorbar(image, ax=ax)
        ax.set(xlabel="neuron", ylabel="input", title="Weights")
        return ax.figure
    if shape[0] * shape[1] != found.shape[0]:
        raise ValueError(f"{found.shape[0]} inputs are no image of shape {shape}")
    shown = min(count, found.shape[1])
    columns = math.ceil(math.sqrt(shown))
    grid = _grid(ax, math.ceil(shown / columns), columns, size=(1.2, 1.2)).ravel()
    for index, each in enumerate(grid):
        each.set_axis_off()
        if index < shown:
            each.imshow(found[:, index].reshape(shape), **how)
    return grid[0].figure


def decision_boundary(
    model: Any, X: Any, y: Any, *, ax: Any = None, points: int = 200, margin: float = 0.1
) -> Any:
    """Which class a model gives each point of the plane, with the samples on top.

    Arguments:
        model: a Module that takes points of shape ``(N, 2)``, or a function of such an array; one
            output above 1/2 (or a label) or the greatest of several is the class.
        X: samples of shape ``(N, 2)``.
        y: their labels, of shape ``(N,)``.
        ax: where to draw.
        points: how fine the grid is.
        margin: how much wider than the samples the picture is, as a share of their range.

    Raises:
        ValueError: the samples are not points of a plane.
    """
    X, labels = np.asarray(X, dtype=float), class_indices(y, what="decision_boundary")
    if X.ndim != 2 or X.shape[1] != 2:
        raise ValueError(f"decision_boundary draws points of shape (N, 2), not {X.shape}")
    low, high = X.min(axis=0), X.max(axis=0)
    width = np.where(high > low, high - low, 1) * margin
    across = [np.linspace(a, b, points) for a, b in zip(low - width, high + width, strict=True)]
    first, second = np.meshgrid(*across)
    plane = np.column_stack([first.ravel(), second.ravel()])
    out = predict(model, plane) if isinstance(model, Module) else numbers(model(plane))
    ax = _axes(ax)
    classes = int(labels.max()) + 1
    if out.ndim == 2 and out.shape[1] > 1:
        found = out.argmax(axis=1).reshape(first.shape)
        classes = max(classes, out.shape[1])
    else:
        score = out.reshape(first.shape)
        found = np.clip(np.round(score), 0, None).astype(int)
        if classes <= 2:
            found = (score > 0.5).astype(int)
            ax.contour(first, second, score, levels=[0.5], colors="black", linewidths=1)
    colours = [COLOURS[i % len(COLOURS)] for i in range(max(classes, int(found.max()) + 1))]
    edges = np.arange(len(colours) + 1) - 0.5
    ax.contourf(first, second, found, levels=edges, colors=colours, alpha=0.25)
    for label in range(classes):
        mine = X[labels == label]
        look = {"s": 14, "color": colours[label], "marker": "os^Dvx+"[label % 7]}
        ax.scatter(mine[:, 0], mine[:, 1], label=f"class {label}", **look)
    ax.set(title="Decision boundary")
    ax.legend(frameon=False)
    return ax.figure


def confusion_matrix(
    targets: Any, predictions: Any, *, names: Sequence[str] | None = None, ax: Any = None
) -> Any:
    """How often each class was taken for each: a row is the truth, a column the prediction.

    Arguments:
        targets: labels of shape ``(N,)``.
        predictions: labels of shape ``(N,)``, or scores of shape ``(N, K)``.
        names: what the classes are called.
        ax: where to draw.

    Raises:
        ValueError: the lengths differ, a label is out of range, or there are not as many names.
    """
    found, truth = numbers(predictions), numbers(targets)
    known = found.shape[1] if found.ndim == 2 else int(max(found.max(), truth.max())) + 1
    counts = metrics.confusion_matrix(found, truth, known)
    classes = len(counts)
    if names is not None and len(names) != classes:
        raise ValueError(f"there are {classes} classes and {len(names)} names")
    ax = _axes(ax)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        ax.text(column, row, counts[row, column], ha="center", va="center", color=colour, size=8)
    words = names if names is not None else range(classes)
    ax.set_xticks(range(classes), words)
    ax.set_yticks(range(classes), words)
    right = np.trace(counts) / counts.sum()
    ax.set(xlabel="predicted", ylabel="true", title=f"Confusion matrix ({right:.1%} right)")
    return ax.figure


def images(pictures: Any, *, titles: Sequence[str] = (), columns: int = 8, ax: Any = None) -> Any:
    """Pictures side by side, each with a title, such as the digits that were taken for others.

    Arguments:
        pictures: of shape ``(N, height, width)``.
        titles: one for each.
        columns: how many in a row.
        ax: an array of at least N axes.

    Raises:
        ValueError: the pictures have another shape, or there are none.
    """
    found = numbers(pictures)
    if found.ndim != 3 or not len(found):
        raise ValueError(f"images draws pictures of shape (N, height, width), not {found.shape}")
    columns = min(columns, len(found))
    grid = _grid(ax, math.ceil(len(found) / columns), columns, size=(1.2, 1.4)).ravel()
    for index, each in enumerate(grid):
        each.set_axis_off()
        if index < len(found):
            each.imshow(found[index], cmap="gray_r", interpolation="nearest")
            if index < len(titles):
                each.set_title(titles[index], size=8)
    return grid[0].figure


def _axes(ax: Any) -> Any:
    return _grid(None, 1, 1, size=(6.4, 4.2))[0, 0] if ax is None else ax


def _grid(ax: Any, rows: int, columns: int, size: tuple[float, float]) -> Any:
    """Axes as an array of this shape: new ones, or those given."""
    figures = needed("matplotlib.figure", "matplotlib", "to draw")
    if ax is None:
        figure = figures.Figure(
            figsize=(size[0] * columns, size[1] * rows), layout="constrained", dpi=120
        )
        return figure.subplots(rows, columns, squeeze=False)
    given = np.asarray(ax, dtype=object).ravel()
    if given.size < rows * columns:
        raise ValueError(
            f"{rows * columns} panels need {rows * columns} axes, got {given.size}: write "
            f"figure.subplots({rows}, {columns})"
        )
    return given[: rows * columns].reshape(rows, columns)


def _range(rows: Array) -> tuple[float, float]:
    finite = rows[np.isfinite(rows)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def _scale(count: int) -> Any:
    """A colour for each layer: named ones for a few, a scale from first to last for many."""
    if count <= len(COLOURS):
        return COLOURS.__getitem__
    scale = needed("matplotlib", "matplotlib", "to draw").colormaps["viridis"]
    return lambda index: scale(index / max(count - 1, 1))


def _legend(ax: Any, names: list[str], colour: Any) -> None:
    if len(names) <= MANY_LAYERS:
        ax.legend(frameon=False, fontsize=8)
        return
    handles = ax.get_lines()
    chosen = sorted({0, len(names) // 4, len(names) // 2, 3 * len(names) // 4, len(names) - 1})
    ax.legend([handles[i] for i in chosen], [names[i] for i in chosen], frameon=False, fontsize=8)
