"""Pictures of a run: losses, and the gradients of each layer."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini.nn.optional import needed
from autograd_mini.nn.plots.drawing import (
    COLOURS,
    draw_line,
    figure_of,
    legend_beside,
    new_axes,
    say,
    whole_numbers,
)
from autograd_mini.nn.training.health_report import LayerHealth
from autograd_mini.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

MANY_LAYERS = 12
"""More layers than this share a colour bar instead of a legend."""


def loss_curve(
    history: object,
    *,
    ax: Axes | None = None,
    average: int | None = None,
    log: bool = True,
) -> Figure:
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
    ax = new_axes(ax)
    places, finite = np.arange(1, steps.size + 1), np.isfinite(steps)
    mean = _moving_mean(steps, width)
    look = {"color": "#bbbbbb", "linewidth": 0.7} if width > 1 else {"color": COLOURS[0]}
    draw_line(ax, places, steps, label="each step", **look)
    if width > 1:
        middles = places[width - 1 :] - (width - 1) / 2
        draw_line(ax, middles, mean, color=COLOURS[0], label=f"mean of {width} steps")
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
        say(ax, "no loss is finite")
    elif log and shown.min() > 0:
        ax.set_yscale("log")
        least = np.nanmin(np.concatenate([mean, held_out, [np.quantile(shown, 0.01)]]))
        if shown.min() < least / 3:
            ax.set_ylim(bottom=least / 3)
    ax.set(xlabel="step", ylabel="loss", title=_result(history, mean[-1]))
    whole_numbers(ax.xaxis)
    ax.legend()
    return figure_of(ax)


def gradient_norms(health: Any, *, ax: Axes | None = None) -> Figure:
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
    ax = new_axes(ax)
    count = len(health.gradients)
    colour = _scale(count)
    for index, (name, found) in enumerate(health.gradients.items()):
        good = np.isfinite(found) & (np.asarray(found) > 0)
        label = name if good.any() else f"{name}: 0 or not finite"
        shown = np.where(good, found, np.nan)
        draw_line(ax, health.steps, shown, color=colour(index), linewidth=1.2, label=label)
    if any(np.isfinite(line.get_ydata()).any() for line in ax.get_lines()):
        ax.set_yscale("log")
    else:
        say(ax, "no gradient is finite and above 0")
    ax.set(xlabel="step", ylabel="root mean square of the gradient", title="Gradient of each layer")
    ax.margins(x=0.02, y=0.15)
    whole_numbers(ax.xaxis)
    if count <= MANY_LAYERS:
        legend_beside(ax)
    else:
        mappable = needed("matplotlib.cm", "matplotlib", "to draw").ScalarMappable(cmap="viridis")
        mappable.set_clim(1, count)
        bar = ax.figure.colorbar(mappable, ax=ax, label="layer, from the input to the output")
        whole_numbers(bar.ax.yaxis)
    return figure_of(ax)


def gradient_health(report: Any, *, ax: Axes | None = None) -> Figure:
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
    ax = new_axes(ax)
    deltas = np.array([layer.delta for layer in report.layers])
    seen = not np.isnan(deltas).all()
    gradients = deltas if seen else np.array([layer.gradient for layer in report.layers])
    places = np.arange(1, len(gradients) + 1)
    good = np.isfinite(gradients) & (gradients > 0)
    handles: list[Any] = []
    if good.any():
        handles += [ax.bar(places[good], gradients[good], color=COLOURS[0], label="gradient")]
        least, most = float(gradients[good].min()), float(gradients[good].max())
        ax.set_yscale("log")
        # A tenth of the range below the least bar, or it would have no height
        ax.set_ylim(min(least * (least / most) ** 0.1, most / 1e3), most * 1.5)
    else:
        say(ax, "no gradient is finite and above 0")
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
    whole_numbers(ax.xaxis)
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
    return figure_of(ax)


def _moving_mean(found: Array, width: int) -> Array:
    """The mean of the finite numbers of each window, of shape ``(N - width + 1,)``; NaN for none.

    >>> _moving_mean(np.array([1.0, np.nan, 3.0, 5.0]), 2)
    array([1., 3., 4.])
    """
    finite, weight = np.isfinite(found), np.full(width, 1 / width)
    total = np.convolve(np.where(finite, found, 0), weight, mode="valid")
    share = np.convolve(finite, weight, mode="valid")
    return np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0)


def _validation(history: object) -> tuple[list[int], Array]:
    """The epochs with a validation loss: how many steps were made by their end, and that loss."""
    epochs = getattr(history, "epochs", [])
    ends = getattr(history, "epoch_ends", [])
    found = [
        (end, row["validation_loss"])
        for end, row in zip(ends, epochs, strict=True)
        if "validation_loss" in row
    ]
    return [end for end, _ in found], np.array([loss for _, loss in found], dtype=float)


def _result(history: object, mean: float) -> str:
    """What a run ended with: the last epoch's losses, or the last mean, and why it stopped."""
    epochs = getattr(history, "epochs", [])
    last = epochs[-1] if epochs else {"loss": mean}
    losses = [
        f"{n.replace('_', ' ')} {last[n]:.4g}" for n in ("loss", "validation_loss") if n in last
    ]
    stopped = getattr(history, "stopped", "")
    why = f" (stopped: {stopped})" if stopped else ""
    return textwrap.fill(", ".join(losses).capitalize() + why, 64)


def _unit_lines(ax: Axes, places: Array, layers: Sequence[LayerHealth]) -> list[Line2D]:
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


def _scale(count: int) -> Callable[[int], Any]:
    """A colour for each layer: named ones for a few, a scale from first to last for many."""
    if count <= len(COLOURS):
        return COLOURS.__getitem__
    scale = needed("matplotlib", "matplotlib", "to draw").colormaps["viridis"]
    return lambda index: scale(index / max(count - 1, 1))
