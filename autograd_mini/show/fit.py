"""Which picture of a graph fits a page: its direction, its rows, and how far it is folded.

A picture fits where its smallest text is shown with at least 9 pixels, as wide as the page is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from autograd_mini.show.boxes import Picture
from autograd_mini.show.dot import Direction, drawing_of
from autograd_mini.show.drawing import Drawing
from autograd_mini.show.engine import Engine
from autograd_mini.show.rows import (
    GAP,
    LINE,
    PAGE_WIDTH,
    box_size,
    columns_within,
    estimate,
    in_rows,
)

Fit = Literal["page", "screen", "phone"]


@dataclass(frozen=True)
class Page:
    """How wide and how high a picture may be, in points of which the smallest text has 9."""

    width: float
    height: float


PAGES: dict[Fit, Page] = {
    "page": Page(PAGE_WIDTH, 1660),
    "screen": Page(1340, 640),
    "phone": Page(360, 1600),
}
"""A column of text, a laptop's window and a telephone's screens; their widths in pixels."""

DOUBT = 1.25
"""A layout that is estimated larger than the page by more than this is not tried."""


def fitted(
    pictures: Iterable[Picture],
    page: Page,
    direction: Direction | None,
    engine: Engine,
    legend: bool,
) -> Drawing:
    """The first drawing that fits, else the one whose text is the largest at the page's width.

    Each picture is tried from left to right, from top to bottom, then wrapped in rows; then the
    next one, which is folded further.

    Arguments:
        pictures: of the same graph, the finest first.
        page: what to fit.
        direction: the only one to try; ``None`` for both, and rows.
        engine, legend: as for ``draw``.

    Raises:
        RuntimeError: no engine is installed, or it failed; says what to do.
    """
    best: tuple[tuple[float, float], Drawing] | None = None
    waiting: Picture | None = None
    for picture in pictures:
        waiting = picture
        if not _is_hopeless(picture, page):
            waiting = None
            for drawing, (width, height) in _drawn(picture, page, direction, engine, legend):
                if width <= page.width and height <= page.height:
                    return drawing
                worse = max(width / page.width, 1.0), height
                if best is None or worse < best[0]:
                    best = worse, drawing
    if waiting is not None:
        for drawing, (width, height) in _drawn(waiting, page, direction, engine, legend):
            worse = max(width / page.width, 1.0), height
            if best is None or worse < best[0]:
                best = worse, drawing
    assert best is not None
    return best[1]


def _is_hopeless(picture: Picture, page: Page) -> bool:
    """Whether the boxes alone take more than the page."""
    sizes = map(box_size, picture.boxes)
    area = sum((width + GAP) * (height + LINE) for width, height in sizes)
    return area > DOUBT * page.width * page.height


def _drawn(
    picture: Picture,
    page: Page,
    direction: Direction | None,
    engine: Engine,
    legend: bool,
) -> Iterator[tuple[Drawing, tuple[float, float]]]:
    """Drawings that may fit, with their sizes; at last in rows, for what does not fit in height."""
    ways: tuple[Direction, ...] = ("LR", "TB") if direction is None else (direction,)
    for way in ways:
        about = estimate(picture, way)
        if direction == "TB" or (
            about[0] <= page.width * DOUBT and about[1] <= page.height * DOUBT
        ):
            drawing = drawing_of(picture, way, engine, legend, page.width)
            yield drawing, _size(drawing) or about
    if direction == "TB":
        return
    for columns in range(columns_within(picture, page.width), -1, -1):
        drawing = drawing_of(in_rows(picture, columns), "LR", engine, legend, page.width)
        width, height = _size(drawing) or (page.width, 0.0)
        yield drawing, (width, height)
        if width <= page.width:
            break


def _size(drawing: Drawing) -> tuple[float, float] | None:
    """How wide and how high a drawing is, in points; ``None`` where nothing lays it out."""
    try:
        return size(drawing.svg())
    except RuntimeError:  # DOT text needs no engine; who asks for more is told
        return None


def size(svg: str) -> tuple[float, float]:
    """How wide and how high an SVG is, in points."""
    found = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', svg)
    assert found is not None
    return float(found[1]), float(found[2])
