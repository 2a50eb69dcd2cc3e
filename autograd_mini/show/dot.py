"""A picture as DOT text, the language of Graphviz, which lays it out."""

from __future__ import annotations

import hashlib
import html
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

import graphviz

from autograd_mini.show import theme
from autograd_mini.show.boxes import Arrow, Box, Picture
from autograd_mini.show.drawing import Drawing
from autograd_mini.show.engine import Engine
from autograd_mini.show.heat import Strip
from autograd_mini.show.names import family, is_wide
from autograd_mini.show.picture import transcript
from autograd_mini.show.rows import LONGEST_HEADING, NARROW, PAGE_WIDTH, SMALL_LETTER, columns_of

Direction = Literal["LR", "TB"]

MOST_LABELS = 400
"""A picture of more arrows tells local derivatives only when one points at an arrow."""

NARROW_CELL, NARROW_LABEL = 22, 16
"""The longest lines of boxes and of arrows on a narrow page."""

NARROW_CELLS = 3
"""The most numbers of a line of a box on a narrow page."""

MOST_CROSSED = 1000
"""So does one whose arrows cross more rows of boxes in all: labels make room in each row."""


@dataclass(frozen=True)
class Look:
    """What all parts of a drawing share.

    Arguments:
        prefix: what ids begin with.
        direction: which way arrows go.
        is_large: whether arrows keep their texts for those who point at them.
        is_narrow: whether long lines are broken.
    """

    prefix: str
    direction: Direction
    is_large: bool
    is_narrow: bool


def look_of(picture: Picture, direction: Direction, width: float) -> Look:
    """The look of a picture on a page of this width, in points.

    The ids begin with a digest of the picture, so that several can stand on one page.
    """
    prefix = "g" + hashlib.sha256(repr((picture, direction)).encode()).hexdigest()[:8]
    is_large = len(picture.arrows) > MOST_LABELS or _crossed(picture.arrows) > MOST_CROSSED
    return Look(prefix, direction, is_large, width < NARROW)


def drawing_of(
    picture: Picture,
    direction: Direction = "LR",
    engine: Engine = "embedded",
    legend: bool = True,
    width: float = PAGE_WIDTH,
) -> Drawing:
    """A picture as DOT text.

    Arguments:
        picture, direction, engine, legend: as for ``draw``.
        width: that of the text below the picture, in points.
    """
    look = look_of(picture, direction, width)
    drawing = empty(picture, look, engine)
    fill(drawing, picture, look)
    keep_order(drawing, picture)
    label_below(drawing, below_of(picture, look, legend, width))
    return drawing


def empty(picture: Picture, look: Look, engine: Engine, layout: str = "dot") -> Drawing:
    """The drawing of a picture without its parts."""
    names = [box.name for box in picture.boxes] + [arrow.name for arrow in picture.arrows]
    graph = {
        **theme.GRAPH,
        "rankdir": look.direction,
        "ranksep": theme.RANKSEP[look.direction],
        "id": look.prefix,
    }
    return Drawing(
        title=picture.title,
        text=transcript(picture),
        ids=[f"{look.prefix}_{name}" for name in names],
        program=engine,
        layout=layout,
        graph_attr=graph | (theme.QUICK if look.is_large else {}),
        node_attr=theme.NODE,
        edge_attr=theme.EDGE,
    )


Places = Mapping[str, Mapping[str, str]]
"""Attributes of DOT that say where boxes and frames, by their names, and arrows, by id, stand."""


def fill(
    drawing: Drawing,
    picture: Picture,
    look: Look,
    places: Places = MappingProxyType({}),
    suffix: str = "",
) -> None:
    """Boxes, frames and arrows; ``suffix`` tells the frames of one row from those of another."""
    layer = {name: cluster.label for cluster in picture.clusters for name in cluster.boxes}
    for box in picture.boxes:
        if box.name not in layer:
            _add(drawing, box, look, places)
    boxes = {box.name: box for box in picture.boxes}
    for i, cluster in enumerate(picture.clusters):
        name = f"cluster_{i}{suffix}"
        with drawing.subgraph(name=name) as frame:
            frame.attr(
                **theme.CLUSTER,
                label=graphviz.nohtml(_plain("" if cluster.continued else cluster.label)),
                id=f"{look.prefix}_l{i}{suffix}",
                tooltip=_tooltip(cluster.label),
                **places.get(name, {}),
            )
            for within in cluster.boxes:
                _add(frame, boxes[within], look, places)
    for arrow in picture.arrows:
        crosses = layer.get(arrow.tail) != layer.get(arrow.head)
        said, name = arrow.lines, f"{look.prefix}_{arrow.name}"
        if look.is_narrow:
            said = tuple(part for line in said for part in textwrap.wrap(line, NARROW_LABEL))
        drawing.edge(
            arrow.tail,
            arrow.head,
            label=None if look.is_large else _edge_label(said, look.direction, crosses),
            id=name,
            tooltip=_tooltip(" ".join(arrow.lines)) if look.is_large and arrow.lines else None,
            **(theme.RESIDUAL if arrow.residual else {}),
            **(_backward(arrow) if picture.backward else {}),
            **places.get(name, {}),
        )


def keep_order(drawing: Drawing, picture: Picture) -> None:
    """Have Graphviz place the neurons of a layer in the order of their names, and boxes without
    arrows one after the other.
    """
    if not picture.arrows:
        for one, other in pairwise(picture.boxes):
            drawing.edge(one.name, other.name, style="invis")
        return
    for names in siblings(picture):
        with drawing.subgraph() as part:
            part.attr(rank="same")
            for first, second in pairwise(names):
                part.edge(first, second, style="invis")


def siblings(picture: Picture) -> list[list[str]]:
    """Boxes whose names differ in a number and that stand in one column: the neurons of a layer.

    Each as its names in the order of the numbers.
    """
    found: dict[tuple[int, str], list[tuple[list[int], str]]] = {}
    labels = {box.name: box for box in picture.boxes}
    for column, names in enumerate(columns_of(picture)):
        for name in names:
            box = labels[name]
            numbers = [int(digits) for digits in re.findall(r"\d+", box.label)]
            if numbers and not _MADE_UP.fullmatch(box.label):
                found.setdefault((column, family(box.label)), []).append((numbers, name))
    return [[name for _, name in sorted(each)] for each in found.values() if len(each) > 1]


_MADE_UP = re.compile(r"v\d+")  # numbered as they were computed, which is no order of neurons


def _crossed(arrows: Sequence[Arrow]) -> int:
    """How many rows of boxes arrows cross in all, if each leaf stands beside its first use."""
    row: dict[str, int] = {}
    for arrow in arrows:  # those to a box come after those to its operands
        row[arrow.head] = max(row.get(arrow.head, 0), row.get(arrow.tail, 0) + 1)
    first: dict[str, int] = {}
    for arrow in arrows:
        if arrow.tail not in row:
            first[arrow.tail] = min(first.get(arrow.tail, row[arrow.head]), row[arrow.head])
    row |= {leaf: use - 1 for leaf, use in first.items()}
    return sum(abs(row[arrow.head] - row[arrow.tail]) - 1 for arrow in arrows)


def _backward(arrow: Arrow) -> dict[str, str]:
    """An arrow that points to the operand, a line to a constant, which receives nothing."""
    if "c" in arrow.tail:
        return {"dir": "none", "style": "dashed"}
    return {"dir": "back", "color": theme.INK["gradient"]}


def _add(part: graphviz.Digraph, box: Box, look: Look, places: Places) -> None:
    style = theme.KINDS[box.kind] | (theme.ROOT if box.root else {})
    style |= theme.STATUS.get(box.status, {})
    words = [box.kind, "root" * box.root, box.status.replace(" ", "-")]
    part.node(
        box.name,
        f"<{_table(box, look.is_narrow)}>",
        **style,
        **{"id": f"{look.prefix}_{box.name}", "class": " ".join(word for word in words if word)},
        tooltip=_tooltip(box.tooltip),
        **places.get(box.name, {}),
    )


def label_below(drawing: Drawing, text: str) -> None:
    """Have a text of ``below_of`` stand below the drawing."""
    if text:
        drawing.attr(label=f"<{text}>", labelloc="b", labeljust="l", fontname="Helvetica")


def below_of(picture: Picture, look: Look, legend: bool, width: float) -> str:
    """What stands below the picture: what was left out, and what the kinds of boxes look like."""
    notes = list(picture.notes)
    if look.is_large and any(arrow.lines for arrow in picture.arrows):
        notes.append("point at an arrow of the SVG for its local derivative")
    kinds = [box.kind for box in picture.boxes if not box.root] + ["result"]
    entries = theme.legend(kinds, [box.status for box in picture.boxes]) if legend else []
    letters = int(width / SMALL_LETTER)
    notes = [line for note in notes for line in textwrap.wrap(note, letters)]
    lines = [f'<tr><td align="left">{_small(note)}</td></tr>' for note in notes]
    cells = [(_sample(*entry), len(_named(entry[0])) + 4) for entry in entries]
    strips = {what for box in picture.boxes for what, _ in box.strips} if legend else set()
    cells = cells if len(cells) > 2 else []
    cells += [_scale(what, scale) for what, scale in theme.SCALES.items() if what in strips]
    rows: list[tuple[list[str], int]] = [([], 0)]
    for cell, length in cells:
        if rows[-1][0] and rows[-1][1] + length > letters:
            rows.append(([], 0))
        rows[-1] = [*rows[-1][0], f"<td>{cell}</td>"], rows[-1][1] + length
    longest = max([used for _, used in rows] + list(map(len, notes)))
    for row, used in rows if cells else []:  # what is left of a line would stretch its cells
        room = f'<td width="{0.8 * SMALL_LETTER * (longest - used):.0f}"></td>'
        lines.append(_in_line([*row, room]))
    return f'{_TABLE} cellpadding="3">{"".join(lines)}</table>' if lines else ""


def _scale(what: str, scale: Sequence[tuple[str, str]]) -> tuple[str, int]:
    """What the colours of an array's elements mean, and how many letters wide that is."""
    cells = [f"<td>  {_small(f'{what}s: ')}</td>"]
    for colour, meaning in scale:
        cells.append(f'<td bgcolor="{colour}">   </td><td>{_small(f" {meaning}  ")}</td>')
    length = len(what) + sum(len(meaning) + 6 for _, meaning in scale)
    return f'{_TABLE} cellpadding="0"><tr>{"".join(cells)}</tr></table>', length


def _in_line(cells: Sequence[str]) -> str:
    inner = "<td>  </td>".join(cells)
    return f'<tr><td align="left">{_TABLE} cellpadding="0"><tr>{inner}</tr></table></td></tr>'


def _named(kind: str) -> str:
    return kind + theme.IN_WORDS.get(kind, "")


def _sample(name: str, style: Mapping[str, str]) -> str:
    words = style.get("style", "")
    look = " ".join(
        [f'style="{word}"' for word in ("rounded", "dashed") if word in words]
        + [f'bgcolor="{style["fillcolor"]}" color="{style["color"]}"']
    )
    inner = _small(_named(name))
    if "peripheries" in style:
        border = f'border="1" cellborder="0" cellspacing="0" color="{style["color"]}"'
        inner = f'<table {border} cellpadding="1"><tr><td>{inner}</td></tr></table>'
    return (
        f'<table border="1" cellborder="0" cellspacing="0" cellpadding="2" {look}>'
        f"<tr><td>{inner}</td></tr></table>"
    )


def _small(text: str) -> str:
    return f'<font point-size="9" color="{theme.QUIET}">{_rich(text)}</font>'


def _plain(text: str) -> str:
    """A text in which neither Graphviz nor XML finds anything special."""
    return graphviz.escape(html.escape(text, quote=False))


def _tooltip(text: str) -> str:
    return graphviz.escape(_plain(text))  # Graphviz takes the escapes out of a tooltip twice


def _rich(text: str) -> str:
    """The same for a text in a table."""
    return html.escape(text).replace("\\", "\\\\")


def _edge_label(lines: Sequence[str], direction: Direction, crosses: bool) -> str | None:
    """The lines, with some room towards the edge: it runs below them, or on their left.

    Where an arrow crosses the frame of a layer, its label covers the frame.
    """
    if not lines:
        return None
    if crosses:
        rows = "".join(f"<tr><td>  {_rich(line)}  </td></tr>" for line in lines)
        below = "<tr><td> </td></tr>" * (direction == "LR")
        text = f'<td bgcolor="white">{_TABLE} cellpadding="0">{rows}</table></td>'
        return f'<{_TABLE} cellpadding="0"><tr>{text}</tr>{below}</table>>'
    if direction == "LR":
        return graphviz.nohtml("\\n".join([*map(_plain, lines), " "]))
    return graphviz.nohtml("\\n".join(f"  {_plain(line)}  " for line in lines))


def _table(box: Box, is_narrow: bool) -> str:
    """The content of a box, in Graphviz's table language.

    Each cell is made of two pieces of text: Graphviz puts the line of bold or mixed text higher
    than that of plain text, and so all stand in line.
    """
    rows = [*_short_rows(box.rows)] if is_narrow else list(box.rows)
    columns = max([len(row) for row in rows], default=1)
    lines = [f'<tr><td colspan="{columns}">{_heading(box, is_narrow)}</td></tr>']
    strips = dict(box.strips)
    names = [row[0] for row in rows]
    for i, (what, *cells) in enumerate(rows):
        name = what if i == 0 or what != names[i - 1] else ""
        ink = theme.INK.get(what, theme.QUIET)
        line = f'<td align="left"><font color="{theme.QUIET}">{name or " "}</font> </td>'
        span = f' colspan="{columns - 1}"' if len(cells) < columns - 1 else ""
        for cell in cells:
            lines_of = textwrap.wrap(cell, NARROW_CELL) if is_narrow else [cell]
            inner = '<br align="right"/>'.join(map(_rich, lines_of or [""]))
            inner += '<br align="right"/>' * (len(lines_of) > 1)
            line += f'<td align="right"{span}>  <font color="{ink}">{inner}</font></td>'
        lines.append(f"<tr>{line}</tr>")
        if what in strips and what not in names[i + 1 :]:
            strip = _strip(strips[what])
            lines.append(
                f'<tr><td></td><td align="right" colspan="{columns - 1}">{strip}</td></tr>'
            )
    return "\n\t\t".join([f'{_TABLE} cellpadding="1">', *lines, "</table>"])


def _short_rows(rows: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    for what, *cells in rows:
        for i in range(0, len(cells), NARROW_CELLS):
            yield (what, *cells[i : i + NARROW_CELLS])


_TABLE = '<table border="0" cellborder="0" cellspacing="0"'

CELL = 4
"""The least side of a cell of a strip, in points."""


def _strip(strip: Strip) -> str:
    """A table of coloured cells; a cross is not a number, or infinite."""
    size = f'width="{CELL}" height="{CELL}"'  # at least: they fill the width of the box
    rows = (
        "".join(
            f'<td {size} bgcolor="{colour}"></td>'
            if colour
            else f'<td {size}><font point-size="9">×</font></td>'
            for colour in row
        )
        for row in strip
    )
    return f'{_TABLE} cellpadding="0">' + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


def _heading(box: Box, is_narrow: bool) -> str:
    """A table of one line: label and operation on the left, count and shape on the right."""
    width = _least_width(box.label)
    text = f"<b>{_rich(box.label)}</b>" if box.rows else _rich(box.label)
    made_by = f" = {box.made_by}" if box.made_by else ""
    if box.kind == "layer":
        made_by = f": {box.made_by}"
    # What follows on the line would begin too early
    longest = NARROW_CELL if is_narrow else LONGEST_HEADING
    if made_by and (width or len(box.label + made_by) > longest):
        parts = textwrap.wrap(made_by.strip(), longest) if is_narrow else [made_by.strip()]
        text += "".join(f'<br align="left"/>{_rich(part)}' for part in parts)
        text += '<br align="left"/>'
    elif made_by:
        text += _rich(made_by)
    line = f'<td align="left"{width or _least_width(box.made_by)}>{text}</td>'
    beside = [f"× {box.count}"] * (box.count > 1) + [box.shape] * bool(box.shape)
    if beside:
        words = _rich("  ".join(beside))
        line += f'<td align="right">  <font color="{theme.QUIET}">{words}</font></td>'
    return f'{_TABLE} cellpadding="0"><tr>{line}</tr></table>'


def _least_width(text: str) -> str:
    """Room for letters of which Graphviz knows no more than the number of bytes."""

    def points(c: str) -> float:
        return 12.0 if is_wide(c) else 7.5 if c > "\u036f" and c.isalpha() else 0.0

    if not any(map(points, text)):
        return ""
    return f' width="{sum(points(c) or 5.5 for c in text):.0f}"'
