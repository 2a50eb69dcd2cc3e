"""A picture that is wrapped like text: its boxes in rows, each from left to right.

A row begins with references to the boxes of rows above that it uses.

>>> from functools import reduce
>>> from autograd_mini import Value
>>> from autograd_mini.show.picture import picture
>>> chain = reduce(lambda x, _: x.tanh(), range(12), Value(1.0, label="x"))
>>> [len(row) for row in in_rows(picture(chain), 4).rows]
[5, 5, 5]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autograd_mini.show.boxes import Box, Picture
from autograd_mini.show.names import is_wide

LETTER, SMALL_LETTER, LINE = 5.6, 5.0, 15.0
"""About how wide a letter of a box and of an arrow's label is, and how high a line, in points."""

GAP = 24.0
"""About how much room lies between two boxes."""

PAGE_WIDTH = 830.0
"""The width of a column of text on a page, in pixels: as wide as README on GitHub."""

ALONG, ACROSS = 0.81, 1.35
"""By how much Graphviz's pictures are longer and broader than what their boxes and labels take
one after the other, and the largest column of boxes: measured on a dozen networks."""

NARROW = 500.0
"""On a page that is narrower, long texts are broken into short lines."""

LONGEST_HEADING = 36
"""A box whose name and formula are longer than this has two lines of them."""


def in_rows(picture: Picture, columns: int) -> Picture:
    """The picture in rows of so many columns of results.

    A leaf stands in the row that uses it first; of 0 columns, in a row above that.
    """
    results, _ = _results(picture)
    step = max(columns, 1)
    rows = [
        [name for names in results[i : i + step] for name in names]
        for i in range(0, len(results), step)
    ] or [[]]
    row_of = {name: i for i, names in enumerate(rows) for name in names}
    leaves: list[list[str]] = [[] for _ in rows]
    for box in picture.boxes:
        if box.name not in row_of:
            users = [row_of[arrow.head] for arrow in picture.arrows if arrow.tail == box.name]
            leaves[min(users, default=len(rows) - 1)].append(box.name)
    if columns:
        rows = [[*before, *row] for before, row in zip(leaves, rows, strict=True)]
    else:
        rows = [part for pair in zip(leaves, rows, strict=True) for part in pair if part]
    return _with_references(picture, rows)


def columns_within(picture: Picture, width: float) -> int:
    """About how many columns of results a row of this width has, or 0."""
    results, labels = _results(picture)
    boxes = {box.name: box for box in picture.boxes}
    wide = [max(box_size(boxes[name])[0] for name in names) for names in results]
    label = [max(labels[name] for name in names) for names in results]
    leaves = [box_size(box)[0] for box in picture.boxes if box.name not in labels]
    first = max(leaves, default=0.0)
    for columns in range(len(results), 0, -1):  # columns stand below each other
        needed = first + sum(
            max(wide[i::columns]) + max(label[i::columns]) + 2 * GAP for i in range(columns)
        )
        if needed * ALONG <= width:
            return columns
    return 0


def _results(picture: Picture) -> tuple[list[list[str]], dict[str, float]]:
    """The columns of what is computed; and how wide the labels of the arrows to each box are."""
    labels: dict[str, float] = {}
    for arrow in picture.arrows:
        labels[arrow.head] = max(labels.get(arrow.head, 0.0), label_width(arrow.lines))
    columns = ([name for name in names if name in labels] for names in columns_of(picture))
    return [names for names in columns if names], labels


def _with_references(picture: Picture, rows: Sequence[Sequence[str]]) -> Picture:
    row_of = {name: i for i, names in enumerate(rows) for name in names}
    boxes = {box.name: box for box in picture.boxes}
    extended = [list(names) for names in rows]
    references: dict[str, Box] = {}
    arrows = []
    for arrow in picture.arrows:
        row, tail = row_of[arrow.head], boxes[arrow.tail]
        if row_of[arrow.tail] != row:
            name = f"{tail.name}r{row}"
            if name not in references:
                where = "above" if row_of[arrow.tail] < row else "below"
                references[name] = Box(
                    name, "reference", False, tail.label, "", "", (), f"{tail.label}: see {where}"
                )
                extended[row].insert(0, name)
            arrow = replace(arrow, tail=name)
        arrows.append(arrow)
    return replace(
        picture,
        boxes=(*picture.boxes, *references.values()),
        arrows=tuple(arrows),
        rows=tuple(map(tuple, extended)),
    )


def columns_of(picture: Picture) -> list[list[str]]:
    """The boxes by the longest way to a leaf, each leaf just before its first use."""
    place = {box.name: i for i, box in enumerate(picture.boxes)}
    forward = [a for a in picture.arrows if place[a.tail] < place[a.head]]  # others close a loop
    column = {box.name: 0 for box in picture.boxes}
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
    height = LINE * (1 + in_two + len(box.rows)) + 9 * sum(len(strip) for _, strip in box.strips)
    return width + 16, height + 10


def label_width(lines: Sequence[str]) -> float:
    """About how wide the label of an arrow is."""
    return max((_text_width(line) for line in lines), default=0.0) * SMALL_LETTER / LETTER


def _text_width(text: str) -> float:
    return LETTER * sum(2 if is_wide(c) else 1 for c in text)
