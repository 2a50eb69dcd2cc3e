"""Which picture of a graph fits a page: its direction, its rows, and how far it is folded.

A picture fits where the whole of it is on the page while its smallest text has 9 pixels or more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from autograd_mini.show.boxes import Picture
from autograd_mini.show.dot import Direction, drawing_of
from autograd_mini.show.drawing import Drawing, size
from autograd_mini.show.engine import Engine
from autograd_mini.show.rows import PAGE_WIDTH, estimate, height_in_rows, in_rows
from autograd_mini.show.stacked import stacked

Fit = Literal["page", "screen", "phone"]


@dataclass(frozen=True)
class Page:
    """How wide and how high a picture may be where it is shown, in pixels."""

    width: float
    height: float

    def excess(self, width: float, height: float) -> float:
        """How much too large for the page a picture of so many points is; 1 or less if it fits.

        Shown as wide in pixels as it is in points, a picture has text of 9 pixels at least.  To be
        too wide is worse than to be too high, since then the text is too small.
        """
        wide, high = width / self.width, height / self.height
        return max(high / max(wide, 1.0), wide**WIDE if wide > 1.0 else 0.0)


PAGES: dict[Fit, Page] = {
    "page": Page(PAGE_WIDTH, PAGE_WIDTH * 2**0.5),
    "screen": Page(1340, 640),
    "phone": Page(360, 1600),
}
"""A column of text and a sheet of paper of its width, a laptop's window, and two and a half
screens of a telephone."""

DOUBT = 1.3
"""A layout that is estimated larger than the page by more than this is not tried."""

WIDE = 20
"""A picture that is so many times too wide is as bad as one that is too high by the power of it."""

FILLED_ENOUGH = 0.95
"""Narrower rows are not tried where all are narrower than so much of the page."""


def fitted(
    pictures: Iterable[Picture],
    page: Page,
    direction: Direction | None,
    engine: Engine,
    legend: bool,
) -> Drawing:
    """The first drawing that fits, else the one that comes nearest.

    Each picture is tried from left to right, from top to bottom and in rows, of which the lower
    one is taken; then the next one, which is folded further; and at last those with less in their
    boxes.

    Arguments:
        pictures: of the same graph, the finest first.
        page: what to fit.
        direction: the only one to try; ``None`` for both, and rows.
        engine, legend: as for ``draw``.
    """
    found: list[tuple[float, Drawing]] = []
    too_high: Picture | None = None
    try:
        for picture in _ever_smaller(pictures):
            if not direction and height_in_rows(picture, page.width) > page.height * DOUBT:
                too_high = picture
                continue
            found.append(_best(picture, page, direction, engine, legend))
            if found[-1][0] <= 1.0:
                break
        else:
            if too_high:
                found.append(_best(too_high, page, direction, engine, legend))
    except RuntimeError:  # DOT text needs no engine; who asks for more is told
        return drawing_of(picture, direction or "LR", engine, legend, page.width)
    return min(found, key=lambda one: one[0])[1]


def _ever_smaller(pictures: Iterable[Picture]) -> Iterator[Picture]:
    """The pictures, then those that have colours for arrays' elements without these."""
    seen = []
    for picture in pictures:
        seen.append(picture)
        yield picture
    for picture in seen:
        if any(box.strips for box in picture.boxes):
            boxes = tuple(replace(box, strips=()) for box in picture.boxes)
            notes = (*picture.notes, "the colours of arrays' elements are left out")
            yield replace(picture, boxes=boxes, notes=notes)


def _best(
    picture: Picture,
    page: Page,
    direction: Direction | None,
    engine: Engine,
    legend: bool,
) -> tuple[float, Drawing]:
    """The drawing that fits best, with how many times larger than the page it is."""
    found: list[tuple[float, Drawing]] = []
    for way in ("LR", "TB") if direction is None else (direction,):
        about = estimate(picture, way)
        if direction or (about[0] <= page.width * DOUBT and about[1] <= page.height * DOUBT):
            drawing = drawing_of(picture, way, engine, legend, page.width)
            drawing.within = page.width, page.height
            found.append((page.excess(*size(drawing.svg())), drawing))
            if way == "LR" and found[0][0] <= 1.0:
                return found[0]
    if direction != "TB":
        found.append(_in_rows(picture, page, engine, legend))
    return min(found, key=lambda one: one[0])


def _in_rows(picture: Picture, page: Page, engine: Engine, legend: bool) -> tuple[float, Drawing]:
    """The picture in rows that fill the page, or else that exceed it the least."""
    found: list[tuple[float, Drawing]] = []
    width = page.width
    while True:
        rows = in_rows(picture, width)
        drawing, (wide, high) = stacked(picture, rows, engine, legend, page.width)
        drawing.within = page.width, page.height
        found.append((page.excess(wide, high), drawing))
        if found[-1][0] <= 1.0 or wide <= FILLED_ENOUGH * page.width or width < page.width / 2:
            return min(found, key=lambda one: one[0])
        width *= min(page.width / wide, 0.98)
