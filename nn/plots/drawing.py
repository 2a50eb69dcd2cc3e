"""What all pictures are drawn with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union, cast

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini.nn.optional import needed
from autograd_mini.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
"""Colours that colour-blind readers tell apart (M. Okabe and K. Ito, 2008)."""


Panels = Union["Axes", Array, Sequence["Axes"], None]
"""One or several axes to draw on; ``None`` for new ones."""


def new_axes(ax: Axes | None) -> Axes:
    """Axes as they are, or those of a new Figure."""
    return cast("Axes", grid_of(None, 1, 1, size=(6.4, 4.2))[0, 0]) if ax is None else ax


def grid_of(ax: Panels, rows: int, columns: int, size: tuple[float, float]) -> Array:
    """Axes as an array of this shape: new ones, or those given."""
    needed("matplotlib.figure", "matplotlib", "to draw")
    if ax is None:
        from autograd_mini.nn.plots.figure import ShownFigure

        figure = ShownFigure(
            figsize=(size[0] * columns, size[1] * rows), layout="constrained", dpi=120
        )
        return np.asarray(figure.subplots(rows, columns, squeeze=False))
    given = np.asarray(ax, dtype=object).ravel()
    if given.size < rows * columns:
        raise ValueError(
            f"{rows * columns} panels need {rows * columns} axes, got {given.size}: write "
            f"figure.subplots({rows}, {columns})"
        )
    return given[: rows * columns].reshape(rows, columns)


def figure_of(ax: Axes) -> Figure:
    """The Figure that axes are in."""
    return cast("Figure", ax.figure)


def draw_line(ax: Axes, x: ArrayLike, y: ArrayLike, **look: Any) -> None:
    """A line; a point that is not joined to a neighbour has a marker, or it would not be seen."""
    finite = np.pad(np.isfinite(y), 1)
    alone = finite[1:-1] & ~finite[:-2] & ~finite[2:]
    marked = {"marker": "o", "markersize": 4, "markevery": alone} if alone.any() else {}
    ax.plot(x, np.where(finite[1:-1], y, np.nan), **marked, **look)


def say(ax: Axes, words: str) -> None:
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", size=8)


def whole_numbers(axis: Axis) -> None:
    """Ticks at whole numbers only."""
    ticker = needed("matplotlib.ticker", "matplotlib", "to draw")
    axis.set_major_locator(
        ticker.MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1)
    )


def legend_beside(ax: Axes) -> None:
    """A legend right of the axes, where it hides nothing; twenty entries to a column."""
    columns = math.ceil(len(ax.get_legend_handles_labels()[1]) / 20)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), ncols=columns, frameon=False, fontsize=8)
