"""The picture of a computation graph, as DOT text that Graphviz lays out.

>>> from autograd_mini import Value
>>> x = Value(3.0, label="x")
>>> drawing = draw(x * x)
>>> print(drawing)  # doctest: +ELLIPSIS
digraph {
...
}
"""

from __future__ import annotations

import hashlib
import html
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import graphviz

from autograd_mini.files import write_whole
from autograd_mini.show import theme
from autograd_mini.show.boxes import Arrow, Box, View
from autograd_mini.show.engine import Engine, render
from autograd_mini.show.heat import Strip
from autograd_mini.show.names import is_wide, variables
from autograd_mini.show.picture import Picture, picture, transcript
from autograd_mini.show.plan import Clusters, Fold
from autograd_mini.typing import Operand

Direction = Literal["LR", "TB"]

MOST_LABELS = 400
"""A picture of more arrows tells local derivatives only when one points at an arrow."""

MOST_CROSSED = 1000
"""So does one whose arrows cross more rows of boxes in all: labels make room in each row."""


def draw(
    node: Operand,  # a type checker takes np.sum(tensor) for an array
    *,
    direction: Direction = "LR",
    view: View = "both",
    to: Operand = None,
    depth: int | None = None,
    fold: Fold = False,
    clusters: Clusters = True,
    inputs: Collection[Any] | None = None,
    status: Mapping[Any, str] | None = None,
    legend: bool = True,
    max_nodes: int = 300,
    engine: Engine = "embedded",
) -> Drawing:
    """The graph that ``node`` was computed by, as a picture to save or to show in Jupyter.

    A box holds a node's name, its operation, its value and, after ``backward()``, its gradient;
    an arrow runs from an operand to a result and holds the local derivative, as formula and as
    number.  A node is called by its label, else by the local variable of the caller that holds
    it, else ``v1``, ``v2``, ...  Parameters are rounded, inputs have a folded corner, constants a
    dashed border, and the result a double one.  An array of more than 6 elements is summed up by
    its mean, least and greatest element and a strip of colours from dark (least) to light.

    Arguments:
        node: the root, a Value or a Tensor of any shape; or a ``GradientReport``, whose
            quantities are marked right, inherited or wrong.
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom.
        view: ``"forward"`` for values alone, ``"backward"`` for gradients and what each
            operand receives, or ``"both"``.
        to: a node, or a list of nodes: only the way from the root to them is drawn.
        depth: how many operations back from the root are drawn.
        fold: ``True`` folds a large graph to a page: what repeats is drawn once with ``× n``,
            then, if that is not enough, layers become one box each; ``"repeats"`` and
            ``"layers"`` do one of the two.
        clusters: a frame around each layer.  ``True`` finds layers in the labels of parameters
            (``layer1.W``, ``W1``, ``w1[0,2]``); a model with ``named_parameters()`` tells them, or
            a dict such as ``{"hidden": [W, b]}``; ``False`` draws none.
        inputs: the leaves that are inputs.  By default those that a model in ``clusters``
            does not own, or else those called x, X, i, t, y, input, target, data and the like.
        status: for some nodes ``"right"``, ``"inherited"``, ``"wrong"`` or ``"cannot tell"``, if
            need be with a cause: ``"wrong: sign"``.
        legend: whether the kinds of boxes are explained below.
        max_nodes: the largest number of boxes to draw, constants included.
        engine: ``"embedded"`` (graphviz-pure) or ``"system"`` (the program ``dot``).

    Raises:
        ValueError: the graph has more than ``max_nodes`` boxes, or an argument is none of the
            above.
        TypeError: ``node`` is neither a Value nor a Tensor nor a report.

    >>> from autograd_mini import Value
    >>> w, x = Value(0.5), Value(2.0)
    >>> out = (w * x).sigmoid()
    >>> out.backward()
    >>> drawing = draw(out)
    >>> print(drawing.text.splitlines()[0])
    Computation graph of out: 4 nodes, 3 edges
    >>> drawing.svg()[:4]
    '<svg'
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = drawing.save(folder + "/neuron.svg")
    """
    if direction not in ("LR", "TB"):
        raise ValueError(f"direction is 'LR' or 'TB', not {direction!r}")
    if hasattr(node, "quantities") and hasattr(node, "root"):
        names = {id(part): name for name, part in node.nodes.items()}
        status = {**_statuses(node), **(status or {})}
        node = node.root
    else:
        names = variables(sys._getframe(1).f_locals)
    found = picture(
        node,
        max_nodes,
        names=names,
        view=view,
        to=to,
        depth=depth,
        fold=fold,
        clusters=clusters,
        inputs=inputs,
        status=status,
    )
    return drawing_of(found, direction, engine, legend)


def _statuses(report: Any) -> dict[Any, str]:
    """What a report says of each node that it checked."""
    found = {}
    for name, quantity in report.quantities.items():
        if name not in report.nodes:
            continue
        words = {"agree": "right", "differ": "inherited" if quantity.inherited else "wrong"}
        told = words.get(quantity.verdict, "cannot tell")
        cause = f": {quantity.cause}" if quantity.cause and told == "wrong" else ""
        found[report.nodes[name]] = told + cause
    return found


class Drawing(graphviz.Digraph):
    """A picture of a computation graph: a ``graphviz.Digraph`` that needs no system Graphviz.

    Jupyter shows it; ``save`` writes it; ``str(drawing)`` is its DOT text.  Everything that
    ``graphviz.Digraph`` offers works on it, with the engine that ``draw`` was given.

    Arguments:
        title: what the picture shows, in a line.
        text: the picture in words, for people who hear it read out.
        ids: every ``id`` that a complete SVG of it has.
        program: the engine, ``"embedded"`` or ``"system"``.
        rest: as for ``graphviz.Digraph``.

    >>> from autograd_mini import Value
    >>> drawing = draw(Value(1.0, label="x") * 2)
    >>> drawing.node("note", "any other node")
    >>> isinstance(drawing, graphviz.Digraph), "any other node" in drawing.svg()
    (True, True)
    """

    def __init__(
        self,
        *args: Any,
        title: str = "",
        text: str = "",
        ids: Sequence[str] = (),
        program: Engine = "embedded",
        **rest: Any,
    ) -> None:
        super().__init__(*args, **{"format": "svg", **rest})
        self.title = title
        self.text = text
        self.ids = tuple(ids)
        self.program: Engine = program

    def svg(self, *, engine: Engine | None = None) -> str:
        """The picture as the text of an ``<svg>`` element, to put into a page.

        Raises:
            RuntimeError: no engine is installed, or it failed; says what to do.
        """
        return self._rendered("svg", engine).decode()

    def save(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        skip_existing: bool | None = False,
        engine: Engine | None = None,
    ) -> str:
        """Write the picture to a file, whole or not at all, and give its path.

        Arguments:
            filename: a name that ends in ``.svg``, ``.png``, ``.pdf`` (for which the embedded
                engine needs the extra ``pdf``), or ``.dot`` or ``.gv`` for the DOT text, or
                ``.txt`` for the picture in words, which need no engine.
            directory: the folder; the current one by default.
            skip_existing: leave a file alone that exists.
            engine: ``"embedded"`` or ``"system"``; by default what ``draw`` was given.

        Raises:
            ValueError: the name ends otherwise.
            RuntimeError: no engine is installed, or it cannot write this; says what to do.
        """
        path = Path(os.fsdecode(directory or self.directory), filename or self.filename)
        suffix = path.suffix.lower()
        is_text = suffix in (".dot", ".gv", ".txt") or skip_existing is None  # as for render()
        if not is_text and suffix not in (".svg", ".png", ".pdf"):
            raise ValueError(
                f"{path.name!r} names no format that a drawing can be saved in: "
                "end it in .svg, .png, .pdf, .dot, .gv or .txt"
            )
        if not (skip_existing and path.exists()):
            text = f"{self.text}\n" if suffix == ".txt" else str(self)
            write_whole(path, text.encode() if is_text else self._rendered(suffix[1:], engine))
        return str(path)

    def _rendered(self, format: str, engine: Engine | None = None, layout: str = "dot") -> bytes:
        return render(
            str(self),
            format,
            engine=engine or self.program,
            layout=layout,
            ids=self.ids,
            title=self.title,
            description=self.text,
            style=theme.style_sheet,
        )

    def _repr_svg_(self) -> str:
        return self.svg()

    # What graphviz.Digraph calls to render, and to make copies and subgraphs of itself

    def _pipe_lines(self, engine: str, format: str, lines: object, **options: object) -> bytes:
        return self._rendered(_format(format, options), layout=engine)

    def _pipe_lines_string(
        self, engine: str, format: str, lines: object, *, encoding: str, **options: object
    ) -> str:
        return self._rendered(_format(format, options), layout=engine).decode(encoding)

    def _render(self, engine: str, format: str, filepath: str, **options: Any) -> str:
        outfile = options["outfile"] or f"{filepath}.{format}"
        if options["raise_if_result_exists"] and os.path.exists(outfile):
            raise graphviz.FileExistsError(f"output file exists: {os.fspath(outfile)!r}")
        write_whole(outfile, self._rendered(_format(format, options), layout=engine))
        return os.fspath(outfile)

    def _copy_kwargs(self, **kwargs: object) -> dict[str, Any]:
        own = {"title": self.title, "text": self.text, "ids": self.ids, "program": self.program}
        copied: dict[str, Any] = super()._copy_kwargs(**kwargs)  # type: ignore[no-untyped-call]
        return copied | own


def _format(format: str, options: dict[str, Any]) -> str:
    parts = (format, options.get("renderer"), options.get("formatter"))
    return ":".join(part for part in parts if part)


def drawing_of(
    picture: Picture,
    direction: Direction = "LR",
    engine: Engine = "embedded",
    legend: bool = True,
) -> Drawing:
    """A picture as DOT text.

    The ids begin with a digest of the picture, so that several can stand on one page.
    """
    prefix = "g" + hashlib.sha256(repr((picture, direction)).encode()).hexdigest()[:8]
    names = [box.name for box in picture.boxes] + [arrow.name for arrow in picture.arrows]
    is_large = len(picture.arrows) > MOST_LABELS or _crossed(picture.arrows) > MOST_CROSSED
    graph = {**theme.GRAPH, "rankdir": direction, "ranksep": theme.RANKSEP[direction], "id": prefix}
    drawing = Drawing(
        title=picture.title,
        text=transcript(picture),
        ids=[f"{prefix}_{name}" for name in names],
        program=engine,
        graph_attr=graph | (theme.QUICK if is_large else {}),
        node_attr=theme.NODE,
        edge_attr=theme.EDGE,
    )
    layer = {name: cluster.label for cluster in picture.clusters for name in cluster.boxes}
    users = {arrow.tail: arrow.head for arrow in picture.arrows}
    numbers = {box.name for box in picture.boxes if box.kind == "constant"}

    def place(name: str) -> str:  # a number stands beside the operation that it is used in
        return users[name] if name in numbers else name

    def crosses(arrow: Arrow) -> bool:
        return layer.get(place(arrow.tail)) != layer.get(arrow.head)

    for box in picture.boxes:
        if place(box.name) not in layer:
            _add(drawing, box, prefix)
    for i, cluster in enumerate(picture.clusters):
        with drawing.subgraph(name=f"cluster_{i}") as part:
            label = graphviz.nohtml(_plain(cluster.label))
            part.attr(
                **theme.CLUSTER, label=label, id=f"{prefix}_l{i}", tooltip=_tooltip(cluster.label)
            )
            for box in picture.boxes:
                if layer.get(place(box.name)) == cluster.label:
                    _add(part, box, prefix)
    for arrow in picture.arrows:
        drawing.edge(
            arrow.tail,
            arrow.head,
            label=None if is_large else _edge_label(arrow.lines, direction, crosses(arrow)),
            id=f"{prefix}_{arrow.name}",
            tooltip=_tooltip(" ".join(arrow.lines)) if is_large and arrow.lines else None,
            **(_backward(arrow) if picture.backward else {}),
        )
    below = _below(picture, is_large, legend)
    if below:
        drawing.attr(label=f"<{below}>", labelloc="b", labeljust="l", fontname="Helvetica")
    return drawing


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


def _add(part: graphviz.Digraph, box: Box, prefix: str) -> None:
    style = theme.KINDS[box.kind] | (theme.ROOT if box.root else {})
    style |= theme.STATUS.get(box.status, {})
    words = [box.kind, "root" * box.root, box.status.replace(" ", "-")]
    part.node(
        box.name,
        f"<{_table(box)}>",
        **style,
        **{"id": f"{prefix}_{box.name}", "class": " ".join(word for word in words if word)},
        tooltip=_tooltip(box.tooltip),
    )


def _below(picture: Picture, is_large: bool, legend: bool) -> str:
    """What stands below the picture: what was left out, and what the kinds of boxes look like."""
    notes = list(picture.notes)
    if is_large and any(arrow.lines for arrow in picture.arrows):
        notes.append("point at an arrow of the SVG for its local derivative")
    kinds = [box.kind for box in picture.boxes if not box.root] + ["result"]
    entries = theme.legend(kinds, [box.status for box in picture.boxes]) if legend else []
    lines = [f'<tr><td align="left">{_small(note)}</td></tr>' for note in notes]
    if len(entries) > 2:
        cells = "<td>  </td>".join(f"<td>{_sample(name, style)}</td>" for name, style in entries)
        lines.append(
            f'<tr><td align="left">{_TABLE} cellpadding="0"><tr>{cells}</tr></table></td></tr>'
        )
    return f'{_TABLE} cellpadding="3">{"".join(lines)}</table>' if lines else ""


def _sample(name: str, style: Mapping[str, str]) -> str:
    words = style.get("style", "")
    look = " ".join(
        [f'style="{word}"' for word in ("rounded", "dashed") if word in words]
        + [f'bgcolor="{style["fillcolor"]}" color="{style["color"]}"']
    )
    inner = _small(name + theme.IN_WORDS.get(name, ""))
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


def _table(box: Box) -> str:
    """The content of a box, in Graphviz's table language.

    Each cell is made of two pieces of text: Graphviz puts the line of bold or mixed text higher
    than that of plain text, and so all stand in line.
    """
    columns = max([len(row) for row in box.rows], default=1)
    lines = [f'<tr><td colspan="{columns}">{_heading(box)}</td></tr>']
    strips = dict(box.strips)
    names = [row[0] for row in box.rows]
    for i, (what, *cells) in enumerate(box.rows):
        name = what if i == 0 or what != names[i - 1] else ""
        ink = theme.INK.get(what, theme.QUIET)
        line = f'<td align="left"><font color="{theme.QUIET}">{name or " "}</font> </td>'
        span = f' colspan="{columns - 1}"' if len(cells) < columns - 1 else ""
        for cell in cells:
            line += f'<td align="right"{span}>  <font color="{ink}">{_rich(cell)}</font></td>'
        lines.append(f"<tr>{line}</tr>")
        if what in strips and what not in names[i + 1 :]:
            strip = _strip(strips[what])
            lines.append(
                f'<tr><td></td><td align="right" colspan="{columns - 1}">{strip}</td></tr>'
            )
    return "\n\t\t".join([f'{_TABLE} cellpadding="1">', *lines, "</table>"])


_TABLE = '<table border="0" cellborder="0" cellspacing="0"'

CELL = 7
"""The least side of a cell of a strip, in points."""


def _strip(strip: Strip) -> str:
    """A table of coloured cells; a cross is not a number, or infinite."""
    size = f'width="{CELL}" height="{CELL}"'  # at least: they fill the width of the box
    rows = (
        "".join(
            f'<td {size} bgcolor="{colour}"></td>'
            if colour
            else f'<td {size}><font point-size="6">×</font></td>'
            for colour in row
        )
        for row in strip
    )
    return f'{_TABLE} cellpadding="0">' + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


def _heading(box: Box) -> str:
    """A table of one line: label and operation on the left, count and shape on the right."""
    width = _least_width(box.label)
    text = f"<b>{_rich(box.label)}</b>" if box.rows else _rich(box.label)
    made_by = f" = {box.made_by}" if box.made_by else ""
    if box.kind == "layer":
        made_by = f": {box.made_by}"
    if made_by and width:  # what follows on the line would begin too early
        text += f'<br align="left"/>{_rich(made_by.strip())}<br align="left"/>'
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
