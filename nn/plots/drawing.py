"""What all pictures are drawn with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_mini.nn.optional import needed

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
"""Colours that colour-blind readers tell apart (M. Okabe and K. Ito, 2008)."""


def new_axes(ax: Any) -> Any:
    return grid_of(None, 1, 1, size=(6.4, 4.2))[0, 0] if ax is None else ax


def grid_of(ax: Any, rows: int, columns: int, size: tuple[float, float]) -> Any:
    """Axes as an array of this shape: new ones, or those given."""
    needed("matplotlib.figure", "matplotlib", "to draw")
    if ax is None:
        from autograd_mini.nn.plots.figure import ShownFigure

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


def draw_line(ax: Any, x: Any, y: Any, **look: Any) -> None:
    """A line; a point that is not joined to a neighbour has a marker, or it would not be seen."""
    finite = np.pad(np.isfinite(y), 1)
    alone = finite[1:-1] & ~finite[:-2] & ~finite[2:]
    marked = {"marker": "o", "markersize": 4, "markevery": alone} if alone.any() else {}
    ax.plot(x, np.where(finite[1:-1], y, np.nan), **marked, **look)


def say(ax: Any, words: str) -> None:
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", size=8)


def whole_numbers(axis: Any) -> None:
    """Ticks at whole numbers only."""
    ticker = needed("matplotlib.ticker", "matplotlib", "to draw")
    axis.set_major_locator(
        ticker.MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1)
    )


def legend_beside(ax: Any) -> None:
    """A legend right of the axes, where it hides nothing; twenty entries to a column."""
    columns = math.ceil(len(ax.get_legend_handles_labels()[1]) / 20)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), ncols=columns, frameon=False, fontsize=8)
