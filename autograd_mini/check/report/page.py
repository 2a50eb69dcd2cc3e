"""A gradient report as HTML: one page that needs nothing else, and the same for Jupyter.

No script, no network; names and sentences of the user's are text and nothing else.  Each
status is told by a word and a sign as well as by a colour, and the colours are those that
colour-blind readers tell apart.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from autograd_mini.check.report.mistakes import file_name, printed
from autograd_mini.check.report.style import PAGE_STYLE, STYLE
from autograd_mini.check.report.text import WHICH_LOSS, cause, how_far_off, place
from autograd_mini.check.report.view import (
    INHERITED,
    STATUSES,
    Element,
    Row,
    View,
    counted,
    difference,
    other_than_automatic,
    sentence,
    short,
    worst_elements,
)
from autograd_mini.check.result import (
    AGREE,
    CANNOT_TELL,
    CAUSES,
    DIFFER,
    RIGHT,
    SPOILED,
    WRONG,
    Finding,
    Quantity,
    Result,
)
from autograd_mini.core.graph import Node, topological_order
from autograd_mini.typing import Array

if TYPE_CHECKING:
    from autograd_mini.show.drawing import Drawing

SIDE_BY_SIDE = 600
"""A picture of so many pixels has room beside the quantities; a wider one stands above them."""

MOST_ELEMENTS = 8
SIGNS = {DIFFER: "×", INHERITED: "~", CANNOT_TELL: "?", AGREE: "="}
"""As in the picture."""


def page_of(view: View) -> str:
    """The report as a page of its own."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Gradients: {_text(view.headline)}</title>
<style>{PAGE_STYLE}</style>
</head>
<body>
<main>
{fragment_of(view)}
</main>
</body>
</html>
"""


def fragment_of(view: View) -> str:
    """The report as a piece of HTML that can stand in another page, several times too."""
    prefix = (
        "r" + hashlib.sha256(repr((view.hints, view.headline, view.rows)).encode()).hexdigest()[:8]
    )
    graph, code = _graph_and_code(view, prefix) if view.hints else ("", "")
    parts = [
        _assumptions(view),
        _head(view),
        _loss_hint(view),
        _findings(view.findings),
        _slips(view),
        _columns(graph, code + _quantities(view, prefix)),
        _notes(view),
    ]
    body = "\n".join(part for part in parts if part)
    return f'<section class="autograd-mini-report">\n<style>{STYLE}</style>\n{body}\n</section>'


def drawing_of(view: View) -> Drawing:
    """The graph, with what is told of each quantity marked in it."""
    from autograd_mini.show.draw import draw  # Graphviz, which no other part of a report needs

    return draw(view.graph, direction="TB", fold=True)


def _text(text: str) -> str:
    return html.escape(sentence(text))


def _name(name: str) -> str:
    return f"<code>{html.escape(short(name))}</code>"


def _sign(status: str) -> str:
    return f'<span class="sign" aria-hidden="true">{SIGNS[status]}</span>'


def _class(status: str) -> str:
    return status.replace(" ", "-")


# Above the quantities


def _head(view: View) -> str:
    word = AGREE if view.ok else DIFFER
    return (
        f'<header class="{word}">{_sign(word)}<h1>{_text(view.headline)}</h1>'
        f"<p>{_BELOW[view.hints]}</p></header>"
    )


_BELOW = {
    0: "Hand-derived gradients, checked against automatic and numerical ones.",
    1: "Hand-derived gradients, checked against automatic and numerical ones. The signs show "
    "where the mistakes are.",
    2: "Hand-derived gradients, checked against automatic and numerical ones. Each opens to its "
    "numbers.",
    3: "Hand-derived gradients, checked against automatic and numerical ones. Each opens to its "
    "numbers; below a line that is wrong stands the one that is right.",
}


def _loss_hint(view: View) -> str:
    if not view.loss_hint:
        return ""
    return f'<p class="note"><strong>{WHICH_LOSS}</strong> {_text(view.loss_hint)}</p>'


def _findings(findings: Iterable[Finding]) -> str:
    items = []
    for finding in sorted(findings, key=lambda f: not f.wrong):
        names = ", ".join(map(_name, finding.names))
        code = f"{_text(finding.code)}: " if finding.code else ""
        if names or code:
            word, sign = ("wrong", DIFFER) if finding.wrong else ("warning", CANNOT_TELL)
            items.append(
                f'<li class="{_class(sign)}">{_sign(sign)}<strong>{word}</strong> '
                f"({code}{names}) {_text(finding.message)}</li>"
            )
    return f'<ul class="findings">{"".join(items)}</ul>' if items else ""


def _assumptions(view: View) -> str:
    if not view.assumptions:
        return ""
    return f'<p class="note">{"<br>".join(map(_text, view.assumptions))}</p>'


def _notes(view: View) -> str:
    return "".join(f'<p class="note">{_text(note)}</p>' for note in view.notes)


def _columns(*columns: str) -> str:
    """Side by side where there is room."""
    filled = [f"<div>\n{column}\n</div>" for column in columns if column]
    return f'<div class="columns">{"".join(filled)}</div>'


def _slips(view: View) -> str:
    """The mistakes, as the text has them."""
    return "".join(
        '<pre class="slip" tabindex="0">'
        + "\n".join(f'<span class="{row.kind}">{html.escape(row.text)}</span>' for row in slip)
        + "</pre>"
        for slip in view.slips
    )


def _graph_and_code(view: View, prefix: str) -> tuple[str, str]:
    """The picture, or why there can be none, and the code; each leads to the other."""
    try:
        from autograd_mini.show.drawing import PIXELS, size
        from autograd_mini.show.engine import SCALES

        drawing = drawing_of(view)
        svg = drawing.svg().replace(SCALES, "", 1)  # the page has its own rule
    except (ValueError, RuntimeError) as error:
        note = f'<p class="note">No picture of the graph: {_text(str(error))}</p>'
        return note, _code(view, prefix, {})
    boxes = _boxes(view, drawing)
    links = _links(view, boxes, prefix)
    for box, target in links.items():  # JupyterLab takes an SVG's href for HTML's, and fails
        anchor = f'<g id="a_{box}"><a '
        svg = svg.replace(anchor, f'{anchor}xlink:href="#{target}" ', 1)
    if links:  # nothing within an image can be reached
        svg = svg.replace('role="img"', 'role="group"', 1)
    width = round(PIXELS * size(svg)[0])  # before it is fitted
    leads = "A box leads to its line, and a line to its box." if view.lines else _TO_NUMBERS
    caption = f"<figcaption>{leads}</figcaption>" if links else ""
    kind = "graph wide" if width > SIDE_BY_SIDE else "graph"
    figure = (
        f'<figure class="{kind}" style="--natural: {width}px"><div class="picture" tabindex="0">'
        f"{svg}</div>{caption}</figure>"
    )
    return figure, _code(view, prefix, boxes)


_TO_NUMBERS = "A box leads to its numbers."


def _boxes(view: View, drawing: Drawing) -> dict[Node, str]:
    """The id of each node's box.

    A picture has a box ``n0``, ``n1``, ... for each node in topological order, unless it is
    folded; then nothing is linked.
    """
    if view.hints < 2 or not isinstance(view.graph, Result):
        return {}
    order = topological_order(view.graph.root)
    boxes = [box for box in drawing.ids if re.search(r"_n\d+$", box)]
    return dict(zip(order, boxes, strict=True)) if len(boxes) == len(order) else {}


def _links(view: View, boxes: Mapping[Node, str], prefix: str) -> dict[str, str]:
    """For boxes, by id, what they lead to: the line that is about the node, or its numbers."""
    links: dict[str, str] = {}
    if isinstance(view.graph, Result):
        for number, row in enumerate(view.rows):
            if (node := view.graph.nodes[row.name]) in boxes:
                links[boxes[node]] = f"{prefix}_{number}"
    for wrong in (False, True):  # of several lines one that is wrong, or the last
        for number, line in enumerate(view.lines):
            if line.node is not None and line.node in boxes and wrong <= (line.status == WRONG):
                links[boxes[line.node]] = f"{prefix}_l{number}"
    return links


# The code


_OF_A_LINE = {WRONG: DIFFER, SPOILED: INHERITED, RIGHT: AGREE}


def _code(view: View, prefix: str, boxes: Mapping[Node, str]) -> str:
    """The hand-derived code, each line with whether it is right and what it makes."""
    if not view.lines:
        return ""
    numbers = {row.name: f"{prefix}_{number}" for number, row in enumerate(view.rows) if row.full}
    rows, before = [], ""
    for number, line in enumerate(view.lines):
        if line.file != before:
            before = line.file
            rows.append(f'<div class="file">{html.escape(file_name(line.file))}</div>')
        status = _OF_A_LINE.get(line.status, "")
        sign = f'<span class="sign" title="{line.status}">{SIGNS[status]}</span>' if status else ""
        text = f"<code>{html.escape(printed(line.text))}</code>"
        if line.node is not None and line.node in boxes and line.text.strip():
            text = f'<a href="#{boxes[line.node]}">{text}</a>'
        words = _text(line.words) if line.words else ""
        if words and line.name in numbers:
            words = f'<a href="#{numbers[line.name]}">{words}</a>'
        rows.append(
            f'<div class="row {_class(status)}" id="{prefix}_l{number}"><span>{sign}</span>'
            f'<span class="quiet">{line.number}</span>{text}'
            f'<span class="words">{words}</span></div>'
        )
    return (
        '<h2>The hand-derived code</h2>\n<div class="code" tabindex="0">'
        + "".join(rows)
        + "</div>\n"
    )


# The quantities


def _quantities(view: View, prefix: str) -> str:
    if not view.rows:
        return ""
    if not view.hints:
        names = ", ".join(_name(row.name) for row in view.rows)
        return f"<p>{counted(len(view.rows), 'gradient')}: {names}</p>"
    rows = (
        _quantity(row, f"{prefix}_{number}", view.loss_hint) for number, row in enumerate(view.rows)
    )
    used = {row.status for row in view.rows}
    legend = "".join(
        f'<li class="{_class(word)}">{_sign(word)} {word}: {meaning}</li>'
        for word, meaning in STATUSES.items()
        if word in used
    )
    return "\n".join(
        ["<h2>Gradients, nearest the loss first</h2>", f'<ul class="legend">{legend}</ul>', *rows]
    )


def _quantity(row: Row, anchor: str, said: str | None) -> str:
    why = ""
    if row.full and row.full.cause:
        why = f"<span>{_text(cause(row.full))} ({CAUSES[row.full.cause]})</span>"
    line = (
        f'{_sign(row.status)}{_name(row.name)}<span class="quiet">{row.shape}</span>'
        f"<strong>{row.status}</strong>{why}"
    )
    if row.full is None:
        return f'<p class="quantity {_class(row.status)}">{line}</p>'
    is_open = ' open=""' * (row.status in (DIFFER, CANNOT_TELL))
    reasons = "".join(_reasons(row.full, said))
    return (  # a link to what is inside opens it
        f'<details class="quantity {_class(row.status)}"{is_open}><summary>{line}</summary>\n'
        f'<div id="{anchor}">{reasons}'
        f'<div class="sides">{_numbers(row.full)}{_heat(row.full)}</div></div></details>'
    )


def _reasons(quantity: Quantity, said: str | None) -> Iterator[str]:
    yield f"<p>{_text(quantity.evidence)}</p>"
    if quantity.causes[1:]:
        yield "<p>These causes explain the numbers equally well:</p>"
    for one in quantity.causes:
        why = "as said above" if one.evidence == said else _text(one.evidence)
        yield f"<p><strong>{_text(one.code)}</strong>: {why}</p>"
    if quantity.inherited:
        yield "<p>Its own line is right: it was handed wrong gradients.</p>"


def _numbers(quantity: Quantity) -> str:
    """The worst elements, each side beside the others."""
    elements = worst_elements(quantity, MOST_ELEMENTS)
    if not elements:
        return ""
    handed = other_than_automatic(quantity)
    heads = ["element", "manual", "automatic", "numerical"]
    if handed:
        heads.insert(2, "right as handed")
    size = int(np.prod(quantity.shape))
    which = "probed elements" if quantity.verdict == AGREE else "elements that are farthest off"
    caption = f"{len(elements)} of {counted(size, 'element')}: {which}" if size > 1 else ""
    rows = "".join(
        f'<tr><th scope="row">{place(element.index)}</th>'
        + "".join(f"<td>{cell}</td>" for cell in _cells(element, handed))
        + "</tr>"
        for element in elements
    )
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    return (
        f'<div class="numbers" tabindex="0"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f'<p class="quiet">Largest relative difference: {how_far_off(quantity)}</p></div>'
    )


def _cells(element: Element, handed: bool) -> list[str]:
    numerical = "not probed"
    if element.numerical is not None:
        numerical = f"{element.numerical:.6g} ± {element.numerical_error:.0e}"
    return [
        "not given" if element.manual is None else f"{element.manual:.6g}",
        *([f"{element.expected:.6g}"] if handed else []),
        f"{element.automatic:.6g}",
        numerical,
    ]


# Where the difference is

MOST_CELLS = (24, 48)
"""Rows and columns of a heat map; a larger array is shown in blocks, each by its largest."""

PIXELS = 10
LEVELS = 4
"""Shades: the darkest is within a factor of 10 of the largest difference, and so on."""


def _heat(quantity: Quantity) -> str:
    """A small map of the difference: where in the array it is."""
    gap = None if quantity.verdict == AGREE else difference(quantity)
    if gap is None or gap.size < 2:
        return ""
    shades = _shades(gap.reshape(-1, gap.shape[-1]))
    rows, columns = shades.shape
    paths = "".join(
        f'<path class="heat{level}" d="{_squares(shades == level)}"/>'
        for level in range(1, LEVELS + 1)
        if (shades == level).any()
    )
    blocks = " in blocks" * (shades.size < gap.size)
    rest = " (leading axes one below another)" * (gap.ndim > 2)
    label = f"where the difference is: {rows} × {columns}{blocks}"
    return (
        f'<figure class="heat"><svg role="img" aria-label="{label}" viewBox="0 0 {columns} {rows}" '
        f'width="{PIXELS * columns}" height="{PIXELS * rows}" preserveAspectRatio="none">'
        f'<rect class="heat0" width="{columns}" height="{rows}"/>{paths}</svg>'
        f"<figcaption>Where the difference is{blocks}{rest}: each shade lighter is ten times "
        "less.</figcaption></figure>"
    )


def _shades(gap: Array) -> Array:
    """For each element or block 0 (no difference) to LEVELS (the largest)."""
    gap = np.nan_to_num(gap, nan=0.0, posinf=np.inf)
    for axis, most in enumerate(MOST_CELLS):
        starts = np.unique(np.linspace(0, gap.shape[axis], most, endpoint=False, dtype=int))
        gap = np.maximum.reduceat(gap, starts, axis=axis)
    finite = gap[np.isfinite(gap)]
    largest = np.max(finite, initial=0.0) or 1.0
    with np.errstate(divide="ignore"):
        decades = np.floor(-np.log10(np.where(np.isfinite(gap), gap / largest, 1.0)))
    shades: Array = np.clip(LEVELS - decades, 0, LEVELS).astype(int)
    return shades


def _squares(cells: Array) -> str:
    """The outlines of some cells of a grid, neighbours in a row as one."""
    edges = np.diff(np.pad(cells.astype(int), ((0, 0), (1, 1))))
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    return "".join(
        f"M{x} {y}h{end - x}v1h{x - end}z"
        for (y, x), (_, end) in zip(starts.tolist(), ends.tolist(), strict=True)
    )
