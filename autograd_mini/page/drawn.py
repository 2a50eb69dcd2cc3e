"""The pictures of a page: the whole graph, or one that is folded, with each of its boxes opened."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autograd_mini.page.frames import Walk
from autograd_mini.show.boxes import Arrow, Picture
from autograd_mini.show.dot import Direction, drawing_of
from autograd_mini.show.engine import SCALES, Engine
from autograd_mini.show.picture import picture
from autograd_mini.show.recorded import Node
from autograd_mini.show.rows import estimate
from autograd_mini.typing import Operand

MOST_UNFOLDED = 80
"""A graph of more nodes is folded at first."""

MOST_IN_ALL = 300
"""A graph of so many nodes can be unfolded as a whole."""

MOST_OPENED = 60
"""A box of so many nodes can be opened."""


@dataclass(frozen=True)
class Drawn:
    """One picture of the graph.

    Arguments:
        svg: as it stands in the page.
        prefix: what its ids begin with.
        title: what it shows, as the button says that opens it.
        boxes: for n0, n1, ...: the nodes, and those whose numbers it shows.
        arrows: for each arrow the name, the boxes that it leads from and to, -1 for a constant's,
            and which operand it is where the box at its end is a single node, else -1.
        opened: the node that is in each box that is opened here, the last of them.
    """

    svg: str
    prefix: str
    title: str
    boxes: list[tuple[Sequence[int], Sequence[int]]]
    arrows: list[tuple[str, int, int, int]]
    opened: int | None = None


def drawn(walk: Walk, direction: Direction | None, engine: Engine, hidden: bool) -> list[Drawn]:
    """The pictures, the first of which is shown first.

    Arguments:
        walk: through the graph.
        direction, engine: as for ``draw``.
        hidden: whether gradients and local derivatives are left out, as of a quiz.
    """
    studio = _Studio(walk, direction, engine, hidden)
    size = len(walk.order)
    if size <= MOST_UNFOLDED:
        return [studio.drawn("The whole graph", False)]
    first = studio.picture(True)
    found = [studio.finished(first, "Folded")]
    if size <= MOST_IN_ALL:
        found.append(studio.drawn("All unfolded", False))
    for i, places in enumerate(first.groups):
        if 1 < len(places) <= MOST_OPENED:
            title = f"{first.boxes[_box(first, i)].label} unfolded"
            found.append(studio.drawn(title, True, places, places[-1]))
    return found


def _box(picture: Picture, group: int) -> int:
    """Where the box of a group is among all boxes."""
    return [box.name for box in picture.boxes].index(f"n{group}")


@dataclass(frozen=True)
class _Studio:
    walk: Walk
    direction: Direction | None
    engine: Engine
    hidden: bool

    def picture(self, fold: bool, alone: Collection[int] = ()) -> Picture:
        walk, terms = self.walk, self.walk.words.terms
        order = walk.order
        constants = [p for n in order for p in n.parents if isinstance(p, np.ndarray) and p.ndim]
        found = picture(
            order[-1],
            max_nodes=sum(1 + len(node.parents) for node in order),
            names={id(node): terms.names.nodes[node] for node in terms.names.given}
            | {id(array): terms.constant_name(array) for array in constants},
            called={id(node): name for node, name in terms.names.nodes.items()},
            gradients={id(node): self._gradient(node) for node in order},
            fold=fold,
            alone=alone,
        )
        if self.hidden:
            found = replace(found, arrows=tuple(map(_without_number, found.arrows)))
        return found

    def _gradient(self, node: Node) -> Operand:
        total = self.walk.totals[node]
        return total * np.nan if self.hidden else total

    def drawn(
        self, title: str, fold: bool, alone: Collection[int] = (), opened: int | None = None
    ) -> Drawn:
        return self.finished(self.picture(fold, alone), title, opened)

    def finished(self, found: Picture, title: str, opened: int | None = None) -> Drawn:
        drawing = drawing_of(found, self.direction or _roomier(found), self.engine)
        arrows = []
        for arrow in found.arrows:
            tail = -1 if "c" in arrow.tail else int(arrow.tail[1:])
            head, slot = arrow.name[1:].split("_")
            single = len(found.groups[int(head)]) == 1
            arrows.append((arrow.name, tail, int(head), int(slot) if single else -1))
        return Drawn(
            drawing.svg().replace(SCALES, "", 1),  # the page has its own size
            drawing.ids[0].rpartition("_n")[0],
            title,
            list(zip(found.groups, found.ends, strict=True)),
            arrows,
            opened,
        )


def _roomier(found: Picture) -> Direction:
    """The direction in which a picture is larger in a window."""
    sizes = {way: estimate(found, way) for way in DIRECTIONS}
    return max(DIRECTIONS, key=lambda way: min(WINDOW / np.array(sizes[way])))


DIRECTIONS: tuple[Direction, ...] = ("LR", "TB")

WINDOW = np.array([900.0, 560.0])
"""About how wide and how high a picture is shown on a laptop."""


def _without_number(arrow: Arrow) -> Arrow:
    """An arrow that leaves room for the number of its local derivative."""
    lines = ["= ····" if NUMBER.fullmatch(line) else line for line in arrow.lines]
    return replace(arrow, lines=tuple(lines))


NUMBER = re.compile(r"= [-−\d.,e+\[\] to∞infna]+")
"""The line below the formula of a local derivative: a number, or a range."""
