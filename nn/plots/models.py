"""Pictures of a model: activations, weights, what it decides and where it is wrong."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini.nn import metrics
from autograd_mini.nn.data import class_indices
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Data, numbers
from autograd_mini.nn.optional import needed
from autograd_mini.nn.plots.drawing import (
    COLOURS,
    Panels,
    figure_of,
    grid_of,
    legend_beside,
    new_axes,
    say,
    whole_numbers,
)
from autograd_mini.nn.training.evaluation import predict
from autograd_mini.nn.training.health import layer_outputs
from autograd_mini.nn.training.samples import samples, told_of_all
from autograd_mini.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

MARKERS = "os^Dvx+"
"""Markers for the classes of ``decision_boundary``, as many as colours."""

NOT_FINITE = "#ff00ff"
"""What NaN and infinity look like in an image: a colour that no colour scale here contains."""

CELL, LEAST_CELL, SIDES = 0.32, 0.22, (4.2, 12.8)
"""A confusion matrix in inches: a cell, the least cell that holds a number, and the least and
greatest side, which 40 cells fill."""

LETTER = 0.07
"""How wide a letter of 8 points is, in inches."""


def activations(
    model: Module, X: Data, *, layers: Sequence[int] | None = None, ax: Panels = None
) -> Figure:
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

    >>> from autograd_mini import nn
    >>> figure = activations(nn.MLP([2, 3, 2], hidden="tanh", rng=0), np.ones((4, 2)))
    >>> [ax.get_title().split() for ax in figure.axes[:2]]
    [['layers.0', 'tanh'], ['layers.1', 'softmax']]
    """
    outputs = layer_outputs(model, X)
    if layers is None:
        layers = np.unique(np.linspace(0, len(outputs) - 1, 6).astype(int)).tolist()
    grid = grid_of(ax, 2, len(layers), size=(3.0, 2.4))
    for column, index in enumerate(layers):
        name, kind, out = outputs[index]
        rows = out.reshape(len(out), -1)
        limits = (0, 1) if kind in ("sigmoid", "softmax") else (-1, 1) if kind == "tanh" else None
        above, below = grid[:, column]
        image = _image(above, rows, "viridis", limits or _range(rows), aspect="auto")
        above.figure.colorbar(image, ax=above, format="%.2g", label="activation")
        above.set(title=f"{name}\n{kind or 'output'}", xlabel="unit")
        whole_numbers(above.xaxis)
        whole_numbers(above.yaxis)
        below.hist(rows.ravel(), bins=40, range=limits or _range(rows), color=COLOURS[0])
        below.set(xlabel="activation")
    grid[0, 0].set_ylabel("sample")
    grid[1, 0].set_ylabel("how many")
    return figure_of(grid[0, 0])


def weights(
    matrix: ArrayLike,
    *,
    shape: tuple[int, int] | None = None,
    count: int = 16,
    ax: Panels = None,
) -> Figure:
    """The weights of a layer as images: one matrix, or for each neuron what it looks at.

    All have one colour scale, with white for 0.

    Arguments:
        matrix: a layer's weight of shape ``(n_in, n_out)``: a Tensor, Values or an array.
        shape: the height and width of the images that the layer sees, such as ``(28, 28)``;
            none draws the matrix as it is.
        count: how many neurons to show.
        ax: one axis, or with ``shape`` an array of at least that many.

    Raises:
        ValueError: the matrix has not two axes, or ``shape`` does not fit it.

    >>> figure = weights(np.ones((6, 2)), shape=(2, 3))
    >>> [ax.get_title() for ax in figure.axes[:2]]
    ['neuron 0', 'neuron 1']
    """
    found = numbers(matrix)
    if found.ndim != 2:
        raise ValueError(f"weights has the shape (n_in, n_out), not {found.shape}")
    top = float(np.max(np.abs(found[np.isfinite(found)]), initial=0)) or 1.0
    if shape is None:
        ax = new_axes(ax)  # type: ignore[arg-type]  # one, since there is one panel
        image = _image(ax, found, "RdBu_r", (-top, top), aspect="auto")
        ax.figure.colorbar(image, ax=ax, label="weight")
        ax.set(xlabel="neuron", ylabel="input", title="Weights")
        whole_numbers(ax.xaxis)
        whole_numbers(ax.yaxis)
        return figure_of(ax)
    if shape[0] * shape[1] != found.shape[0]:
        raise ValueError(f"{found.shape[0]} inputs are no image of shape {shape}")
    shown = min(count, found.shape[1])
    columns = math.ceil(math.sqrt(shown))
    size = (1.2 + 0.8 / columns, 1.4)  # with room for one colour bar
    grid = grid_of(ax, math.ceil(shown / columns), columns, size=size).ravel()
    for index, each in enumerate(grid):
        each.set_axis_off()
        if index < shown:
            image = _image(each, found[:, index].reshape(shape), "RdBu_r", (-top, top))
            each.set_title(f"neuron {index}", size=8)
    grid[0].figure.colorbar(image, ax=list(grid), label="weight")
    return figure_of(grid[0])


def decision_boundary(
    model: Module | Callable[[Array], Data],
    X: Data,
    y: Data,
    *,
    axis_names: tuple[str, str] = ("x1", "x2"),
    ax: Axes | None = None,
    points: int = 200,
    margin: float = 0.1,
) -> Figure:
    """Which class a model gives each point of the plane, with the samples on top.

    Arguments:
        model: a Module that takes points of shape ``(N, 2)``, or a function of such an array; one
            output above 1/2 (or a label) or the greatest of several is the class.
        X: samples of shape ``(N, 2)``.
        y: their labels, of shape ``(N,)``.
        axis_names: what the two coordinates are called.
        ax: where to draw.
        points: how fine the grid is.
        margin: how much wider than the samples the picture is, as a share of their range.

    Raises:
        ValueError: the samples are not points of a plane, or an output is NaN.

    >>> figure = decision_boundary(lambda x: x[:, 0] > 0, [[-1, 0], [1, 0], [2, 0]], [0, 1, 0])
    >>> figure.axes[0].get_title()
    'Decision boundary (accuracy 66.7%, N = 3)'
    """
    X, labels = np.asarray(X, dtype=float), class_indices(y, what="decision_boundary")
    if X.ndim != 2 or X.shape[1] != 2:
        raise ValueError(f"decision_boundary draws points of shape (N, 2), not {X.shape}")
    samples("decision_boundary: ", X=X, y=labels)
    low, high = X.min(axis=0), X.max(axis=0)
    width = np.where(high > low, high - low, 1) * margin
    across = [np.linspace(a, b, points) for a, b in zip(low - width, high + width, strict=True)]
    first, second = np.meshgrid(*across)
    places = np.concatenate([X, np.column_stack([first.ravel(), second.ravel()])])

    def outputs(x: Array) -> Data:
        return predict(model, x) if isinstance(model, Module) else numbers(model(x))

    out = told_of_all(outputs, (places,), lambda: (X,))
    if np.isnan(out).any():
        raise ValueError("decision_boundary: an output of the model is NaN: it has diverged")
    ax = new_axes(ax)
    known = int(labels.max()) + 1
    if out.ndim == 2 and out.shape[1] > 1:
        known = max(known, out.shape[1])
        found = out.argmax(axis=1)
    elif known <= 2:
        found = (out.ravel() > 0.5).astype(int)
        if found[len(X) :].min() < found[len(X) :].max():
            score = out[len(X) :].reshape(first.shape)
            ax.contour(first, second, score, levels=[0.5], colors="black", linewidths=1)
    else:
        found = np.clip(np.round(out.ravel()), 0, None).astype(int)
    classes = max(known, int(found.max()) + 1)
    colours = [COLOURS[label % len(COLOURS)] for label in range(classes)]
    # Another tint and marker each time that the colours come round: 49 classes differ
    rounds = np.arange(classes) // len(COLOURS) % len(MARKERS)
    paint = needed("matplotlib.colors", "matplotlib", "to draw")
    tints = [paint.to_rgba(colours[label], 0.2 + 0.1 * rounds[label]) for label in range(classes)]
    ax.pcolormesh(
        first, second, found[len(X) :].reshape(first.shape), shading="nearest",
        cmap=paint.ListedColormap(tints),
        vmin=-0.5, vmax=classes - 0.5, rasterized=True,
    )  # fmt: skip
    for label, colour in enumerate(colours):
        mine = X[labels == label]
        marker = MARKERS[(label + rounds[label]) % len(MARKERS)]
        ax.scatter(
            mine[:, 0], mine[:, 1], s=14, color=colour, marker=marker, label=f"class {label}"
        )
    accuracy = np.mean(found[: len(X)] == labels)
    ax.set(
        xlabel=axis_names[0],
        ylabel=axis_names[1],
        title=f"Decision boundary (accuracy {accuracy:.1%}, N = {len(X)})",
    )
    legend_beside(ax)
    return figure_of(ax)


def confusion_matrix(
    outputs: Data,
    targets: Data,
    classes: int | None = None,
    *,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """How often each class was taken for each: a row is the truth, a column the prediction.

    The colour is the share of the row.  Cells that are too small for numbers have a colour bar.

    Arguments:
        outputs, targets, classes: as for ``nn.confusion_matrix``, which counts them.
        names: what the classes are called.
        ax: where to draw; a new Figure, as large as the classes need it, by default.

    Raises:
        ValueError: as for ``nn.confusion_matrix``, or there are not as many names as classes.

    >>> confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1]).axes[0].get_title()
    'Confusion matrix (75.0% right)'
    """
    counts = metrics.confusion_matrix(outputs, targets, classes)
    classes = len(counts)
    words = [str(name) for name in (range(classes) if names is None else names)]
    if len(words) != classes:
        raise ValueError(
            f"there are {classes} classes and {len(words)} names; classes={len(words)} counts "
            "those that do not occur, too"
        )
    longest = max(map(len, words))
    if ax is None:
        side = float(np.clip(CELL * classes, *SIDES)) + LETTER * longest
        ax = grid_of(None, 1, 1, size=(side + 0.6, side))[0, 0]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = _image(ax, shares, "Blues", (0, 1))
    cell = min(ax.bbox.width, ax.bbox.height) / ax.figure.dpi / classes
    if cell >= LEAST_CELL:
        size = min(8, 8 * 0.9 * cell / (LETTER * len(str(counts.max()))))
        for row, column in np.argwhere(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"
            ax.text(
                column, row, counts[row, column], ha="center", va="center", color=colour, size=size
            )
    else:
        ax.figure.colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
    every = math.ceil(LEAST_CELL / cell)
    ticks = range(0, classes, every)
    upright = LETTER * (longest + 1) > cell * every
    turned: dict[str, Any] = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if upright else {}
    )
    ax.set_xticks(ticks, words[::every], size=8, **turned)
    ax.set_yticks(ticks, words[::every], size=8)
    right = np.trace(counts) / counts.sum()
    ax.set(xlabel="predicted", ylabel="true", title=f"Confusion matrix ({right:.1%} right)")
    return figure_of(ax)


def images(
    pictures: ArrayLike,
    *,
    titles: Sequence[Any] = (),
    columns: int = 8,
    limits: tuple[float, float] | None = None,
    ax: Panels = None,
) -> Figure:
    """Pictures side by side, each with a title, such as the digits that were taken for others.

    Arguments:
        pictures: of shape ``(N, height, width)``.
        titles: one for each.
        columns: how many in a row.
        limits: the numbers that are white and black; the least and greatest of all by default.
        ax: an array of at least N axes.

    Raises:
        ValueError: the pictures have another shape, or there are none.

    >>> figure = images(np.eye(4).reshape(2, 2, 4), titles=["first", "second"])
    >>> [ax.get_title() for ax in figure.axes]
    ['first', 'second']
    """
    found = numbers(pictures)
    if found.ndim != 3 or not len(found):
        raise ValueError(f"images draws pictures of shape (N, height, width), not {found.shape}")
    columns = min(columns, len(found))
    wrapped = [textwrap.fill(str(title), 16) for title in titles]
    lines = max((title.count("\n") + 1 for title in wrapped), default=0)
    size = (1.2, 1.2 + 0.15 * lines)
    grid = grid_of(ax, math.ceil(len(found) / columns), columns, size=size).ravel()
    for index, each in enumerate(grid):
        each.set_axis_off()
        if index < len(found):
            _image(each, found[index], "gray_r", limits or _range(found))
            if index < len(wrapped):
                each.set_title(wrapped[index], size=8)
    return figure_of(grid[0])


def _image(
    ax: Axes, rows: Array, colours: str, limits: tuple[float, float], **options: Any
) -> AxesImage:
    """Numbers as an image in which those that are not finite stand out."""
    scale = needed("matplotlib", "matplotlib", "to draw").colormaps[colours]
    image = ax.imshow(
        rows, cmap=scale.with_extremes(bad=NOT_FINITE), vmin=limits[0], vmax=limits[1],
        interpolation="nearest", **options,
    )  # fmt: skip
    if not np.isfinite(rows).any():
        say(ax, "no number\nis finite")
    return image


def _range(found: Array) -> tuple[float, float]:
    """The least and greatest finite number; a little more where they are nearly the same."""
    finite = found[np.isfinite(found)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    little = 1e-6 * max(abs(low), abs(high)) or 1.0
    return (low, high) if high - low > little else (low - little, high + little)
