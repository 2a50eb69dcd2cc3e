"""Pictures of training, with Matplotlib (``pip install autograd_mini[plot]``).

Each function returns a Matplotlib Figure, which a notebook shows and ``figure.savefig("x.png")``
writes; with ``ax`` it draws there and returns the Figure of ``ax``.  A function that draws several
panels takes as many axes.  Nothing is drawn on a screen, and pyplot is not touched.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini.nn import metrics
from autograd_mini.nn.data import class_indices
from autograd_mini.nn.health import layer_outputs
from autograd_mini.nn.module import Module
from autograd_mini.nn.objective import predict, samples, told_of_all
from autograd_mini.nn.operands import Array, numbers
from autograd_mini.nn.optional import needed

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
"""Colours that colour-blind readers tell apart (M. Okabe and K. Ito, 2008)."""

MARKERS = "os^Dvx+"
"""Markers for the classes of ``decision_boundary``, as many as colours."""

MANY_LAYERS = 12
"""More layers than this share a colour bar instead of a legend."""

NOT_FINITE = "#ff00ff"
"""What NaN and infinity look like in an image: a colour that no colour scale here contains."""

CELL, LEAST_CELL, SIDES = 0.32, 0.22, (4.2, 12.8)
"""A confusion matrix in inches: a cell, the least cell that holds a number, and the least and
greatest side, which 40 cells fill."""

LETTER = 0.07
"""How wide a letter of 8 points is, in inches."""


def loss_curve(
    history: Any,
    *,
    ax: Any = None,
    average: int | None = None,
    log: bool = True,
) -> Any:
    """The loss of each step, its moving average, and the validation loss at each epoch's end.

    The mean of a window is drawn at the window's middle, over its finite losses.  On a logarithmic
    scale a few tiny losses of single steps may lie below the picture.  The title has the last
    epoch's losses, or the last mean of a list, and why the run stopped.

    Arguments:
        history: what ``nn.fit`` gave, or a list of losses.
        ax: where to draw; a new Figure by default.
        average: over how many steps the moving average goes; by default a twentieth of them, at
            most 1000.  It is left out for one step.
        log: a logarithmic scale, if every finite loss is positive.

    Returns:
        The Figure.

    Raises:
        ValueError: there are no losses.
        ImportError: Matplotlib is not installed.

    >>> loss_curve([1.0, 0.5, 0.25]).axes[0].get_title()
    'Loss 0.25'
    """
    steps = np.asarray(getattr(history, "steps", history), dtype=float)
    if not steps.size:
        raise ValueError("loss_curve: there are no losses")
    width = min(max(1, steps.size // 20), 1000) if average is None else average
    if not 1 <= width:
        raise ValueError(f"average is a positive number of steps, not {average!r}")
    width = min(width, steps.size)
    ax = _axes(ax)
    places, finite = np.arange(1, steps.size + 1), np.isfinite(steps)
    mean = _moving_mean(steps, width)
    look = {"color": "#bbbbbb", "linewidth": 0.7} if width > 1 else {"color": COLOURS[0]}
    _line(ax, places, steps, label="each step", **look)
    if width > 1:
        middles = places[width - 1 :] - (width - 1) / 2
        _line(ax, middles, mean, color=COLOURS[0], label=f"mean of {width} steps")
    ends, held_out = _validation(history)
    if len(held_out):
        ax.plot(ends, held_out, "o-", color=COLOURS[1], markersize=3, label="validation")
    if not finite.all():
        ax.plot(
            places[~finite], np.full(np.sum(~finite), 0.97), "v", color=COLOURS[3], markersize=4,
            transform=ax.get_xaxis_transform(), label="not finite",
        )  # fmt: skip
    shown = np.concatenate([steps[finite], held_out[np.isfinite(held_out)]])
    if not shown.size:
        _say(ax, "no loss is finite")
    elif log and shown.min() > 0:
        ax.set_yscale("log")
        least = np.nanmin(np.concatenate([mean, held_out, [np.quantile(shown, 0.01)]]))
        if shown.min() < least / 3:
            ax.set_ylim(bottom=least / 3)
    ax.set(xlabel="step", ylabel="loss", title=_result(history, mean[-1]))
    _whole(ax.xaxis)
    ax.legend()
    return ax.figure


def gradient_norms(health: Any, *, ax: Any = None) -> Any:
    """Each layer's gradient over the steps of a run, from the first layer to the last.

    Arguments:
        health: the callback, after ``nn.fit``.
        ax: where to draw.

    Raises:
        ValueError: it has seen no step.

    >>> from autograd_mini import nn
    >>> health = nn.GradientHealth(every=1)
    >>> _ = nn.fit(nn.MLP([1, 2, 2], rng=0), [[0.0], [1.0]], [0, 1], epochs=3, callbacks=[health],
    ...            progress=False)
    >>> gradient_norms(health).axes[0].get_legend_handles_labels()[1]
    ['layers.0', 'layers.1']
    """
    if not health.steps:
        raise ValueError("gradient_norms: GradientHealth has seen no step")
    ax = _axes(ax)
    count = len(health.gradients)
    colour = _scale(count)
    for index, (name, found) in enumerate(health.gradients.items()):
        good = np.isfinite(found) & (np.asarray(found) > 0)
        label = name if good.any() else f"{name}: 0 or not finite"
        shown = np.where(good, found, np.nan)
        _line(ax, health.steps, shown, color=colour(index), linewidth=1.2, label=label)
    if any(np.isfinite(line.get_ydata()).any() for line in ax.get_lines()):
        ax.set_yscale("log")
    else:
        _say(ax, "no gradient is finite and above 0")
    ax.set(xlabel="step", ylabel="root mean square of the gradient", title="Gradient of each layer")
    ax.margins(x=0.02, y=0.15)
    _whole(ax.xaxis)
    if count <= MANY_LAYERS:
        _legend_beside(ax)
    else:
        mappable = needed("matplotlib.cm", "matplotlib", "to draw").ScalarMappable(cmap="viridis")
        mappable.set_clim(1, count)
        bar = ax.figure.colorbar(mappable, ax=ax, label="layer, from the input to the output")
        _whole(bar.ax.yaxis)
    return ax.figure


def gradient_health(report: Any, *, ax: Any = None) -> Any:
    """A bar for each layer's gradient, on a logarithmic scale, and its unhealthy units.

    The scale spans three decades or more, so that gradients of nearly one size look like it.  A
    gradient of 0, which has no place on the scale, and one that is not finite are marked below.

    Arguments:
        report: what ``nn.gradient_health`` gave.
        ax: where to draw.

    >>> from autograd_mini import nn
    >>> report = nn.gradient_health(nn.MLP([1, 2, 2], rng=0), [[0.0], [1.0]], [0, 1])
    >>> gradient_health(report).axes[0].get_title()
    'Gradient health: healthy'
    """
    ax = _axes(ax)
    deltas = np.array([layer.delta for layer in report.layers])
    seen = not np.isnan(deltas).all()
    gradients = deltas if seen else np.array([layer.gradient for layer in report.layers])
    places = np.arange(1, len(gradients) + 1)
    good = np.isfinite(gradients) & (gradients > 0)
    handles = []
    if good.any():
        handles += [ax.bar(places[good], gradients[good], color=COLOURS[0], label="gradient")]
        least, most = float(gradients[good].min()), float(gradients[good].max())
        ax.set_yscale("log")
        # A tenth of the range below the least bar, or it would have no height
        ax.set_ylim(min(least * (least / most) ** 0.1, most / 1e3), most * 1.5)
    else:
        _say(ax, "no gradient is finite and above 0")
    for label, style, bad in (
        ("gradient 0", "v", gradients == 0),
        ("gradient not finite", "X", ~np.isfinite(gradients)),
    ):
        if bad.any():
            handles += ax.plot(
                places[bad], np.full(bad.sum(), 0.1), style, color=COLOURS[4],
                transform=ax.get_xaxis_transform(), label=label,
            )  # fmt: skip
    handles += _unit_lines(ax, places, report.layers)
    _whole(ax.xaxis)
    ax.set(
        xlim=(0.4, len(places) + 0.6),
        xlabel="layer, from the input to the output",
        ylabel=f"gradient of the {'outputs' if seen else 'weights'}\n(root mean square)",
    )
    # Between the axes and the title, whose distance is in points too: no size of axes hides a bar
    ax.set_title(f"Gradient health: {report.verdict}", pad=24)
    ax.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(handles),
        frameon=False, fontsize=8,
    )  # fmt: skip
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

    >>> from autograd_mini import nn
    >>> figure = activations(nn.MLP([2, 3, 2], hidden="tanh", rng=0), np.ones((4, 2)))
    >>> [ax.get_title().split() for ax in figure.axes[:2]]
    [['layers.0', 'tanh'], ['layers.1', 'softmax']]
    """
    outputs = layer_outputs(model, X)
    if layers is None:
        layers = np.unique(np.linspace(0, len(outputs) - 1, 6).astype(int)).tolist()
    grid = _grid(ax, 2, len(layers), size=(3.0, 2.4))
    for column, index in enumerate(layers):
        name, kind, out = outputs[index]
        rows = out.reshape(len(out), -1)
        limits = (0, 1) if kind in ("sigmoid", "softmax") else (-1, 1) if kind == "tanh" else None
        above, below = grid[:, column]
        image = _image(above, rows, "viridis", limits or _range(rows), aspect="auto")
        above.figure.colorbar(image, ax=above, format="%.2g", label="activation")
        above.set(title=f"{name}\n{kind or 'output'}", xlabel="unit")
        _whole(above.xaxis)
        _whole(above.yaxis)
        below.hist(rows.ravel(), bins=40, range=limits or _range(rows), color=COLOURS[0])
        below.set(xlabel="activation")
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
        ax = _axes(ax)
        image = _image(ax, found, "RdBu_r", (-top, top), aspect="auto")
        ax.figure.colorbar(image, ax=ax, label="weight")
        ax.set(xlabel="neuron", ylabel="input", title="Weights")
        _whole(ax.xaxis)
        _whole(ax.yaxis)
        return ax.figure
    if shape[0] * shape[1] != found.shape[0]:
        raise ValueError(f"{found.shape[0]} inputs are no image of shape {shape}")
    shown = min(count, found.shape[1])
    columns = math.ceil(math.sqrt(shown))
    size = (1.2 + 0.8 / columns, 1.4)  # with room for one colour bar
    grid = _grid(ax, math.ceil(shown / columns), columns, size=size).ravel()
    for index, each in enumerate(grid):
        each.set_axis_off()
        if index < shown:
            image = _image(each, found[:, index].reshape(shape), "RdBu_r", (-top, top))
            each.set_title(f"neuron {index}", size=8)
    grid[0].figure.colorbar(image, ax=list(grid), label="weight")
    return grid[0].figure


def decision_boundary(
    model: Any,
    X: Any,
    y: Any,
    *,
    axis_names: tuple[str, str] = ("x1", "x2"),
    ax: Any = None,
    points: int = 200,
    margin: float = 0.1,
) -> Any:
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

    def outputs(x: Array) -> Any:
        return predict(model, x) if isinstance(model, Module) else numbers(model(x))

    out = told_of_all(outputs, (places,), lambda: (X,))
    if np.isnan(out).any():
        raise ValueError("decision_boundary: an output of the model is NaN: it has diverged")
    ax = _axes(ax)
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
        ax.scatter(*mine.T, s=14, color=colour, marker=marker, label=f"class {label}")
    accuracy = np.mean(found[: len(X)] == labels)
    ax.set(
        xlabel=axis_names[0],
        ylabel=axis_names[1],
        title=f"Decision boundary (accuracy {accuracy:.1%}, N = {len(X)})",
    )
    _legend_beside(ax)
    return ax.figure


def confusion_matrix(
    outputs: Any,
    targets: Any,
    classes: int | None = None,
    *,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
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
        ax = _grid(None, 1, 1, size=(side + 0.6, side))[0, 0]
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
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if upright else {}
    ax.set_xticks(ticks, words[::every], size=8, **turned)
    ax.set_yticks(ticks, words[::every], size=8)
    right = np.trace(counts) / counts.sum()
    ax.set(xlabel="predicted", ylabel="true", title=f"Confusion matrix ({right:.1%} right)")
    return ax.figure


def images(
    pictures: Any,
    *,
    titles: Sequence[Any] = (),
    columns: int = 8,
    limits: tuple[float, float] | None = None,
    ax: Any = None,
) -> Any:
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
    grid = _grid(ax, math.ceil(len(found) / columns), columns, size=size).ravel()
    for index, each in enumerate(grid):
        each.set_axis_off()
        if index < len(found):
            _image(each, found[index], "gray_r", limits or _range(found))
            if index < len(wrapped):
                each.set_title(wrapped[index], size=8)
    return grid[0].figure


def _axes(ax: Any) -> Any:
    return _grid(None, 1, 1, size=(6.4, 4.2))[0, 0] if ax is None else ax


def _grid(ax: Any, rows: int, columns: int, size: tuple[float, float]) -> Any:
    """Axes as an array of this shape: new ones, or those given."""
    needed("matplotlib.figure", "matplotlib", "to draw")
    if ax is None:
        from autograd_mini.nn.figure import ShownFigure

        figure = ShownFigure(
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


def _line(ax: Any, x: Any, y: Any, **look: Any) -> None:
    """A line; a point that is not joined to a neighbour has a marker, or it would not be seen."""
    finite = np.pad(np.isfinite(y), 1)
    alone = finite[1:-1] & ~finite[:-2] & ~finite[2:]
    marked = {"marker": "o", "markersize": 4, "markevery": alone} if alone.any() else {}
    ax.plot(x, np.where(finite[1:-1], y, np.nan), **marked, **look)


def _image(ax: Any, rows: Array, colours: str, limits: tuple[float, float], **options: Any) -> Any:
    """Numbers as an image in which those that are not finite stand out."""
    scale = needed("matplotlib", "matplotlib", "to draw").colormaps[colours]
    image = ax.imshow(
        rows, cmap=scale.with_extremes(bad=NOT_FINITE), vmin=limits[0], vmax=limits[1],
        interpolation="nearest", **options,
    )  # fmt: skip
    if not np.isfinite(rows).any():
        _say(ax, "no number\nis finite")
    return image


def _say(ax: Any, words: str) -> None:
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", size=8)


def _whole(axis: Any) -> None:
    """Ticks at whole numbers only."""
    ticker = needed("matplotlib.ticker", "matplotlib", "to draw")
    axis.set_major_locator(
        ticker.MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1)
    )


def _legend_beside(ax: Any) -> None:
    """A legend right of the axes, where it hides nothing; twenty entries to a column."""
    columns = math.ceil(len(ax.get_legend_handles_labels()[1]) / 20)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), ncols=columns, frameon=False, fontsize=8)


def _moving_mean(found: Array, width: int) -> Array:
    """The mean of the finite numbers of each window, of shape ``(N - width + 1,)``; NaN for none.

    >>> _moving_mean(np.array([1.0, np.nan, 3.0, 5.0]), 2)
    array([1., 3., 4.])
    """
    finite, weight = np.isfinite(found), np.full(width, 1 / width)
    total = np.convolve(np.where(finite, found, 0), weight, mode="valid")
    share = np.convolve(finite, weight, mode="valid")
    return np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0)


def _validation(history: Any) -> tuple[list[int], Array]:
    """The epochs with a validation loss: how many steps were made by their end, and that loss."""
    epochs = getattr(history, "epochs", [])
    ends = getattr(history, "epoch_ends", [])
    found = [
        (end, row["validation_loss"])
        for end, row in zip(ends, epochs, strict=True)
        if "validation_loss" in row
    ]
    return [end for end, _ in found], np.array([loss for _, loss in found], dtype=float)


def _result(history: Any, mean: float) -> str:
    """What a run ended with: the last epoch's losses, or the last mean, and why it stopped."""
    epochs = getattr(history, "epochs", [])
    last = epochs[-1] if epochs else {"loss": mean}
    losses = [
        f"{n.replace('_', ' ')} {last[n]:.4g}" for n in ("loss", "validation_loss") if n in last
    ]
    stopped = getattr(history, "stopped", "")
    why = f" (stopped: {stopped})" if stopped else ""
    return textwrap.fill(", ".join(losses).capitalize() + why, 64)


def _unit_lines(ax: Any, places: Array, layers: Sequence[Any]) -> list[Any]:
    """The shares of saturated and of dead units, on a scale of their own at the right."""
    shares = {
        what: np.array([getattr(layer, what) for layer in layers]) for what in ("saturated", "dead")
    }
    shares = {what: found for what, found in shares.items() if np.isfinite(found).any()}
    if not shares:
        return []
    right = ax.twinx()
    right.set(ylim=(-0.02, 1.02), ylabel="share of units")
    looks = {"saturated": ("o-", COLOURS[1]), "dead": ("s-", COLOURS[3])}
    lines = []
    for what, found in shares.items():
        style, colour = looks[what]
        lines += right.plot(places, found, style, color=colour, markersize=4, label=f"{what} units")
    return lines


def _range(found: Array) -> tuple[float, float]:
    """The least and greatest finite number; a little more where they are nearly the same."""
    finite = found[np.isfinite(found)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    little = 1e-6 * max(abs(low), abs(high)) or 1.0
    return (low, high) if high - low > little else (low - little, high + little)


def _scale(count: int) -> Any:
    """A colour for each layer: named ones for a few, a scale from first to last for many."""
    if count <= len(COLOURS):
        return COLOURS.__getitem__
    scale = needed("matplotlib", "matplotlib", "to draw").colormaps["viridis"]
    return lambda index: scale(index / max(count - 1, 1))
