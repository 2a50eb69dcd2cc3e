"""A gradient report as HTML: one page that needs nothing else, and the same for Jupyter.

No script, no network; names and sentences of the user's are text and nothing else.  Each
status is told by a word and a sign as well as by a colour, and the colours are those that
colour-blind readers tell apart.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

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
    Finding,
    Quantity,
    Result,
)
from autograd_mini.core.graph import topological_order
from autograd_mini.typing import Array

if TYPE_CHECKING:
    from autograd_mini.show.draw import Drawing

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
<style>{_PAGE_STYLE}</style>
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
    parts = [
        _head(view),
        _loss_hint(view),
        _findings(view.findings),
        _columns(_graph(view, prefix) if view.hints else "", _quantities(view, prefix)),
        _notes(view),
    ]
    body = "\n".join(part for part in parts if part)
    return f'<section class="autograd-mini-report">\n<style>{_STYLE}</style>\n{body}\n</section>'


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


def _notes(view: View) -> str:
    return "".join(f'<p class="note">{_text(note)}</p>' for note in view.notes)


def _columns(*columns: str) -> str:
    """Side by side where there is room."""
    filled = [f"<div>\n{column}\n</div>" for column in columns if column]
    return f'<div class="columns">{"".join(filled)}</div>'


def _graph(view: View, prefix: str) -> str:
    """The picture; where there can be none, why."""
    try:
        drawing = drawing_of(view)
        svg = drawing.svg()
    except (ValueError, RuntimeError) as error:
        return f'<p class="note">No picture of the graph: {_text(str(error))}</p>'
    links = _links(view, drawing)
    for box, number in links.items():
        anchor = f'<g id="a_{box}"><a '
        svg = svg.replace(anchor, f'{anchor}href="#{prefix}_{number}" ', 1)
    if links:  # nothing within an image can be reached
        svg = svg.replace('role="img"', 'role="group"', 1)
    width = _width(svg)
    caption = "<figcaption>A box leads to its numbers.</figcaption>" if links else ""
    kind = "graph wide" if width > SIDE_BY_SIDE else "graph"
    return (
        f'<figure class="{kind}" style="--natural: {width}px"><div class="picture" tabindex="0">'
        f"{svg}</div>{caption}</figure>"
    )


def _width(svg: str) -> int:
    """How wide a picture is before it is fitted, in pixels."""
    points = re.search(r'<svg[^>]*\bwidth="([\d.]+)pt"', svg)
    return round(float(points[1]) * 4 / 3) if points else 0


def _links(view: View, drawing: Drawing) -> dict[str, int]:
    """For the boxes of quantities, by id, the numbers of their rows.

    A picture has a box ``n0``, ``n1``, ... for each node in topological order, unless it is
    folded; then nothing is linked.
    """
    if view.hints < 2 or not isinstance(view.graph, Result):
        return {}
    position = {node: i for i, node in enumerate(topological_order(view.graph.root))}
    boxes = [box for box in drawing.ids if re.search(r"_n\d+$", box)]
    if len(boxes) != len(position):
        return {}
    places = [position.get(view.graph.nodes[row.name]) for row in view.rows]
    return {boxes[at]: i for i, at in enumerate(places) if at is not None}


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


_STYLE = """
.autograd-mini-report {
  --ink: #1a1a1a; --paper: #fff; --card: #f6f7f8; --quiet: #5f5f5f; --line: #c9ced3;
  --differ: #a33e00; --inherited: #7a5900; --cannot-tell: #8a3a86; --agree: #00609a;
  --heat0: #eef0f2; --heat1: #fbdcc8; --heat2: #f2ab7f; --heat3: #d86b2b; --heat4: #8f3500;
  color: var(--ink); background: var(--paper); font: 16px/1.45 system-ui, sans-serif;
  overflow-wrap: anywhere; padding: 0.5rem; container-type: inline-size;
  & * { box-sizing: border-box; }
  & .differ { --tint: var(--differ); }
  & .inherited { --tint: var(--inherited); }
  & .cannot-tell { --tint: var(--cannot-tell); }
  & .agree { --tint: var(--agree); }
  & .sign { display: inline-block; width: 1.4em; font-weight: 700; }
  & .sign, & summary strong, & p.quantity strong { color: var(--tint); }
  & .quiet, & figcaption, & caption, & header p { color: var(--quiet); }
  & code { font-family: ui-monospace, monospace; font-weight: 600; }
  & p { margin: 0.4rem 0; }
  & h1 { font-size: 1.35rem; margin: 0; display: inline; }
  & h2 { font-size: 1.1rem; margin: 1rem 0 0.5rem; }
  & header { border-left: 0.4rem solid var(--tint); padding: 0.2rem 0.8rem; }
  & header .sign { font-size: 1.35rem; }
  & figure { margin: 1rem 0; }
  & .note, & .quantity, & .picture { border: 1px solid var(--line); border-radius: 6px; }
  & .note, & .quantity { padding: 0.4rem 0.8rem; margin: 0.4rem 0; }
  & .picture { overflow: auto; max-height: 70vh; background: #fff; }
  @container (min-width: 62rem) {
    & .columns:has(figure.graph:not(.wide)) {
      display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 1.5rem;
    }
    & figure.graph:not(.wide) { position: sticky; top: 0; }
    & .picture { max-height: 85vh; }
  }
  & .picture svg {  /* fitted as long as it can be read, then scrolled */
    display: block; margin: auto; height: auto;
    width: clamp(calc(var(--natural) * 0.64), 100%, var(--natural));
  }
  & .findings, & .legend { list-style: none; padding: 0; margin: 0.5rem 0; color: var(--ink); }
  & .legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.5rem; }
  & .quantity { background: var(--card); border-left: 0.4rem solid var(--tint); }
  & .quantity:has(:target) { outline: 2px solid var(--tint); }
  & summary { cursor: pointer; }
  & summary :is(code, span, strong):not(.sign), & p.quantity :not(.sign) { margin-right: 0.7em; }
  & .sides { display: flex; flex-wrap: wrap; gap: 0.5rem 3rem; align-items: start; }
  & .numbers { overflow-x: auto; max-width: 100%; }
  & table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  & caption { text-align: left; }
  & :is(th, td) {
    text-align: right; font-weight: 400; white-space: nowrap; padding: 0.15rem 1rem 0.15rem 0;
    border-bottom: 1px solid var(--line); color: var(--ink); background: none;
  }
  & thead th {
    font-weight: 600; white-space: normal; overflow-wrap: normal; vertical-align: bottom;
  }
  & tr :first-child { text-align: left; }
  & .heat { margin: 0; max-width: 18rem; }
  & .heat svg { display: block; max-width: 100%; }
  @media (max-width: 40rem) {
    & table { font-size: 0.85rem; }
    & :is(th, td) { padding-right: 0.6rem; }
  }
  & .heat0 { fill: var(--heat0); }
  & .heat1 { fill: var(--heat1); }
  & .heat2 { fill: var(--heat2); }
  & .heat3 { fill: var(--heat3); }
  & .heat4 { fill: var(--heat4); }
}
@media print {
  .autograd-mini-report {
    & .columns { display: block; }
    & figure.graph { position: static; }
    & .picture { overflow: visible; max-height: none; }
    & .picture svg { width: 100%; max-width: var(--natural); }
    & .heat svg { print-color-adjust: exact; }
    & .quantity { break-inside: avoid; }
    & details::details-content { content-visibility: visible; block-size: auto; }
  }
}
"""

_PAGE_STYLE = """
body { margin: 0; background: #fff; }
main > .autograd-mini-report { max-width: 96rem; margin: 0 auto; padding: 1rem; }
@media screen and (prefers-color-scheme: dark) {
  body { background: #16181b; }
  main > .autograd-mini-report {
    --ink: #e8e8e8; --paper: #16181b; --card: #202327; --quiet: #a8adb3; --line: #454a50;
    --differ: #ff9b66; --inherited: #e8c15a; --cannot-tell: #d6a0e0; --agree: #6ec6f2;
    --heat0: #2b2f34; --heat1: #5a3c2d; --heat2: #8f5532; --heat3: #cc7440; --heat4: #ffb18a;
  }
}
"""
