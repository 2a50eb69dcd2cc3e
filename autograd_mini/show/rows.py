"""A picture that is wrapped like text: rows of boxes, each from left to right, a picture each.

A row begins with references to the boxes of rows above that it uses.

>>> from functools import reduce
>>> from autograd_mini import Value
>>> from autograd_mini.show.picture import picture
>>> chain = reduce(lambda x, _: x.tanh(), range(12), Value(1.0, label="x"))
>>> [len(row.boxes) for row in in_rows(picture(chain), 500.0)]
[3, 3, 3, 3, 3, 3]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import pairwise

from autograd_mini.show.boxes import Arrow, Box, Cluster, Picture
from autograd_mini.show.names import is_wide

LETTER, SMALL_LETTER, LINE = 5.6, 5.0, 15.0
"""About how wide a letter of a box and of an arrow's label is, and how high a line, in points."""

CELL = 5.0
"""About how high a row of a strip is."""

GAP = 24.0
"""About how much room lies between two boxes."""

PAGE_WIDTH = 830.0
"""The width of a column of text on a page, in pixels: as wide as README on GitHub."""

ALONG, ACROSS, FILLED = 0.81, 1.35, 0.87
"""By how much Graphviz's pictures are longer and broader than what their boxes and labels take
one after the other, and the largest column of boxes; and a row is longer: measured on forty graphs
(``docs/gallery.py``)."""

NARROW = 500.0
"""On a page that is narrower, long texts are broken into short lines."""

LONGEST_HEADING = 36
"""A box whose name and formula are longer than this has two lines of them."""


SPLIT, REFERENCE = 70.0, 36.0
"""By how much higher a picture may become, in points, so that a layer stands in one row; and how
wide the box of a reference is."""


def in_rows(picture: Picture, width: float) -> list[Picture]:
    """The rows of the picture, as many as take the least height.

    A leaf stands in the row that uses it first; where that is too narrow, in a row above it.

    Arguments:
        picture: the whole.
        width: about how wide a row may be, in points.
    """
    levels, width = _levels(picture), width / FILLED
    wide = {box.name: box_size(box)[0] for box in picture.boxes}
    names: list[list[str]] = []
    for first, last in _breaks(levels, width)[1]:
        row = levels[first:last]
        above: list[list[str]] = [[]]
        room = width
        for name in row[0].leaves if row[0].width > width else ():
            if wide[name] > width - row[0].labels - row[0].size[0]:
                if room < wide[name]:
                    above.append([])
                    room = width
                above[-1].append(name)
                room -= wide[name] + GAP
        apart = {name for part in above for name in part}
        within = [name for level in row for name in level.leaves if name not in apart]
        names += [*above, within + [name for level in row for name in level.results]]
    return _with_references(picture, [row for row in names if row])


@dataclass(frozen=True)
class _Level:
    """A column of results with the leaves that it is the first to use; sizes are in points.

    Arguments:
        results, leaves: the names of boxes.
        before: how wide the column to the left is, if there are no results in it.
        labels: how wide the arrows' labels are.
        size: the width and the height of the column.
        leaves_height: how much higher the leaves make the column to the left.
        layers: to which layers the boxes belong.
    """

    results: list[str]
    leaves: list[str]
    before: float
    labels: float
    size: tuple[float, float]
    leaves_height: float
    layers: frozenset[str]

    @property
    def width(self) -> float:
        """That of a row of this level alone."""
        return self.before + self.labels + self.size[0]


def _levels(picture: Picture) -> list[_Level]:
    labels: dict[str, float] = {}
    for arrow in picture.arrows:
        wide = label_width(arrow.lines) + GAP
        labels[arrow.head] = max(labels.get(arrow.head, 0.0), wide)
    results = [[name for name in names if name in labels] for names in columns_of(picture)]
    results = [names for names in results if names] or [[]]
    level_of = {name: i for i, names in enumerate(results) for name in names}
    leaves: list[list[str]] = [[] for _ in results]
    for box in picture.boxes:
        if box.name not in level_of:
            users = [level_of[arrow.head] for arrow in picture.arrows if arrow.tail == box.name]
            leaves[min(users, default=len(results) - 1)].append(box.name)
    layer = {name: cluster.label for cluster in picture.clusters for name in cluster.boxes}
    sizes = {box.name: box_size(box) for box in picture.boxes}
    return [
        _Level(
            names,
            own,
            max([sizes[name][0] for name in own], default=REFERENCE),
            max([labels[name] for name in names], default=0.0),
            (
                max([sizes[name][0] for name in names], default=0.0),
                sum(sizes[name][1] + GAP for name in names),
            ),
            sum(sizes[name][1] + GAP for name in own),
            frozenset(layer[name] for name in (*names, *own) if name in layer),
        )
        for names, own in zip(results, leaves, strict=True)
    ]


def height_in_rows(picture: Picture, width: float) -> float:
    """About how high all rows are together, in points."""
    return _breaks(_levels(picture), width / FILLED)[0]


def _breaks(levels: Sequence[_Level], width: float) -> tuple[float, list[tuple[int, int]]]:
    """How high all rows are, which is the least, and the first and last level of each."""
    best = [(0.0, 0)]  # the height of all before a level, and where the last row before it begins
    for last in range(1, len(levels) + 1):
        choices = []
        for first in range(last - 1, -1, -1):
            row = levels[first:last]
            if len(row) > 1 and _row_width(row) > width:
                break
            shared = levels[first - 1].layers & levels[first].layers if first else frozenset()
            height = best[first][0] + _row_height(row) + SPLIT * len(shared)
            choices.append((height, first))
        best.append(min(choices))
    rows = []
    last = len(levels)
    while last:
        rows.append((best[last][1], last))
        last = best[last][1]
    return best[-1][0], rows[::-1]


def _row_width(row: Sequence[_Level]) -> float:
    within = [
        max(level.size[0], after.before if after.leaves else 0.0) for level, after in pairwise(row)
    ]
    labels = sum(level.labels for level in row)
    return row[0].before + labels + sum(within) + row[-1].size[0]


def _row_height(row: Sequence[_Level]) -> float:
    columns = [row[0].leaves_height]
    columns += [level.size[1] + after.leaves_height for level, after in pairwise(row)]
    return max(*columns, row[-1].size[1]) + LINE


def _with_references(picture: Picture, rows: Sequence[Sequence[str]]) -> list[Picture]:
    row_of = {name: i for i, names in enumerate(rows) for name in names}
    boxes = {box.name: box for box in picture.boxes}
    references: list[dict[str, Box]] = [{} for _ in rows]
    arrows: list[list[Arrow]] = [[] for _ in rows]
    for arrow in picture.arrows:
        row, tail = row_of[arrow.head], boxes[arrow.tail]
        if row_of[arrow.tail] != row:
            name = f"{tail.name}r{row}"
            where = "above" if row_of[arrow.tail] < row else "below"
            tooltip = f"{tail.label}: see {where}"
            references[row][name] = Box(name, "reference", False, tail.label, "", "", (), tooltip)
            arrow = replace(arrow, tail=name)
        arrows[row].append(arrow)
    found = []
    named: set[str] = set()
    for row, names in enumerate(rows):
        here = set(names)
        clusters = []
        for cluster in picture.clusters:
            within = tuple(name for name in cluster.boxes if name in here)
            if within:
                clusters.append(Cluster(cluster.label, within, cluster.label in named))
                named.add(cluster.label)
        found.append(
            replace(
                picture,
                boxes=(*references[row].values(), *(b for b in picture.boxes if b.name in here)),
                arrows=tuple(arrows[row]),
                clusters=tuple(clusters),
            )
        )
    return found


def columns_of(picture: Picture) -> list[list[str]]:
    """The boxes by the longest way to a leaf, each leaf just before its first use."""
    order = _operands_first(picture)
    place = {name: i for i, name in enumerate(order)}
    forward = [a for a in picture.arrows if place[a.tail] < place[a.head]]  # others close a loop
    column = dict.fromkeys(order, 0)
    for arrow in sorted(forward, key=lambda a: place[a.head]):
        column[arrow.head] = max(column[arrow.head], column[arrow.tail] + 1)
    heads = {arrow.head for arrow in forward}
    first: dict[str, int] = {}
    for arrow in forward:
        if arrow.tail not in heads:
            first[arrow.tail] = min(first.get(arrow.tail, len(place)), column[arrow.head] - 1)
    column |= first
    names: list[list[str]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for box in picture.boxes:
        names[column[box.name]].append(box.name)
    return [found for found in names if found]


def _operands_first(picture: Picture) -> list[str]:
    """The boxes, operands first; a loop begins where its first step does."""
    first = {f"n{i}": places[0] for i, places in enumerate(picture.groups)}
    missing = {box.name: 0 for box in picture.boxes}
    heads: dict[str, list[str]] = {}
    for arrow in picture.arrows:
        if arrow.tail != arrow.head:
            missing[arrow.head] += 1
            heads.setdefault(arrow.tail, []).append(arrow.head)
    waiting = [(bool(count), first.get(name, -1), name) for name, count in missing.items()]
    heapify(waiting)
    order: dict[str, None] = {}
    while waiting:
        _, _, name = heappop(waiting)
        if name in order:
            continue
        order[name] = None
        for head in heads.get(name, ()):
            missing[head] -= 1
            if not missing[head]:
                heappush(waiting, (False, first.get(head, -1), head))
    return [*order]


# About how large boxes, and whole pictures, will be


def estimate(picture: Picture, direction: str) -> tuple[float, float]:
    """About how wide and how high the picture becomes, in points, without rows."""
    boxes = {box.name: box for box in picture.boxes}
    columns = columns_of(picture)
    column_of = {name: i for i, names in enumerate(columns) for name in names}
    along = across = 0.0
    vertical = direction == "TB"
    for i, names in enumerate(columns):
        sizes = [
            box_size(boxes[name])[::-1] if vertical else box_size(boxes[name]) for name in names
        ]
        lines = [a.lines for a in picture.arrows if column_of[a.head] == i and a.lines]
        if vertical:
            along += max((len(each) * LINE for each in lines), default=0.0)
            across = max(across, sum(map(label_width, lines)))
        else:
            along += max(map(label_width, lines), default=0.0)
        along += max(length for length, _ in sizes) + GAP * (2 if lines else 1)
        across = max(across, sum(breadth + LINE for _, breadth in sizes))
    along, across = along * ALONG, across * ACROSS
    return (across, along) if vertical else (along, across)


def box_size(box: Box) -> tuple[float, float]:
    """About how wide and how high a box is, in points."""
    texts = [(box.label, f"= {box.made_by}")] if box.made_by else [(box.label,)]
    heading = " ".join(texts[0])
    in_two = len(heading) > LONGEST_HEADING
    width = max(map(_text_width, texts[0])) if in_two else _text_width(heading)
    width += _text_width(box.shape) + LETTER * bool(box.shape)
    columns = max(map(len, box.rows), default=1)
    cells = [max((_text_width(row[i]) for row in box.rows if len(row) > i), default=0.0)
             for i in range(columns)]  # fmt: skip
    width = max(width, sum(cells) + 8 * columns)
    height = LINE * (1 + in_two + len(box.rows)) + CELL * sum(len(cells) for _, cells in box.strips)
    return width + 16, height + 10


def label_width(lines: Sequence[str]) -> float:
    """About how wide the label of an arrow is."""
    return max((_text_width(line) for line in lines), default=0.0) * SMALL_LETTER / LETTER


def _text_width(text: str) -> float:
    return LETTER * sum(2 if is_wide(c) else 1 for c in text)
