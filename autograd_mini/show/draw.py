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
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import graphviz

from autograd_mini.show.engine import Engine, render, write_whole
from autograd_mini.show.picture import Box, Picture, is_wide, picture

Direction = Literal["LR", "TB"]


def draw(
    node: Any,  # a type checker takes np.sum(tensor) for an array
    *,
    direction: Direction = "LR",
    max_nodes: int = 300,
    engine: Engine = "embedded",
) -> Drawing:
    """The graph that ``node`` was computed by, as a picture to save or to show in Jupyter.

    A box holds a node's label (or a name ``v1``, ``v2``, ... if it has none), its operation,
    its value and its gradient; an arrow runs from an operand to a result and holds the local
    derivative, as formula and as number.  Leaves are rounded, operations square, constants
    dashed and the root has a double border.  A Tensor of more than 6 elements is summed up by
    mean, least and greatest element.

    Arguments:
        node: the root, a Value or a Tensor of any shape.  Gradients are those that
            ``backward()`` has left in the nodes.
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom; the second fits
            deep graphs on a page.
        max_nodes: the largest number of boxes to draw, constants included.
        engine: ``"embedded"`` (graphviz-pure) or ``"system"`` (the program ``dot``).

    Raises:
        ValueError: the graph has more than ``max_nodes`` boxes.
        TypeError: ``node`` is neither a Value nor a Tensor.

    >>> from autograd_mini import Value
    >>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
    >>> out = (w * x).sigmoid()
    >>> out.backward()
    >>> drawing = draw(out)
    >>> drawing.svg()[:4]
    '<svg'
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = drawing.save(folder + "/neuron.svg")
    """
    if direction not in ("LR", "TB"):
        raise ValueError(f"direction is 'LR' or 'TB', not {direction!r}")
    return drawing_of(picture(node, max_nodes), direction, engine)


class Drawing(graphviz.Digraph):
    """A picture of a computation graph: a ``graphviz.Digraph`` that needs no system Graphviz.

    Jupyter shows it; ``save`` writes it; ``str(drawing)`` is its DOT text.  Everything that
    ``graphviz.Digraph`` offers works on it, with the engine that ``draw`` was given.

    Arguments:
        title: what the picture shows, for people who hear it read out.
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
        ids: Sequence[str] = (),
        program: Engine = "embedded",
        **rest: Any,
    ) -> None:
        super().__init__(*args, **{"format": "svg", **rest})
        self.title = title
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
            filename: a name that ends in ``.svg``, ``.png``, ``.pdf`` (a system Graphviz
                only), or ``.dot`` or ``.gv`` for the DOT text, which needs no engine.
            directory: the folder; the current one by default.
            skip_existing: leave a file alone that exists.
            engine: ``"embedded"`` or ``"system"``; by default what ``draw`` was given.

        Raises:
            ValueError: the name ends otherwise.
            RuntimeError: no engine is installed, or it cannot write this; says what to do.
        """
        path = Path(os.fsdecode(directory or self.directory), filename or self.filename)
        suffix = path.suffix.lower()
        is_text = suffix in (".dot", ".gv") or skip_existing is None  # as render() asks for it
        if not is_text and suffix not in (".svg", ".png", ".pdf"):
            raise ValueError(
                f"{path.name!r} names no format that a drawing can be saved in: "
                "end it in .svg, .png, .pdf, .dot or .gv"
            )
        if not (skip_existing and path.exists()):
            content = str(self).encode() if is_text else self._rendered(suffix[1:], engine)
            write_whole(path, content)
        return str(path)

    def _rendered(self, format: str, engine: Engine | None = None, layout: str = "dot") -> bytes:
        return render(
            str(self),
            format,
            engine=engine or self.program,
            layout=layout,
            ids=self.ids,
            title=self.title,
        )

    def _repr_svg_(self) -> str:
        return self.svg()

    # What graphviz.Digraph calls to render, and to make copies and subgraphs of itself

    def _pipe_lines(self, engine: str, format: str, lines: Any, **options: Any) -> bytes:
        return self._rendered(_format(format, options), layout=engine)

    def _pipe_lines_string(
        self, engine: str, format: str, lines: Any, *, encoding: str, **options: Any
    ) -> str:
        return self._rendered(_format(format, options), layout=engine).decode(encoding)

    def _render(self, engine: str, format: str, filepath: str, **options: Any) -> str:
        outfile = options["outfile"] or f"{filepath}.{format}"
        if options["raise_if_result_exists"] and os.path.exists(outfile):
            raise graphviz.FileExistsError(f"output file exists: {os.fspath(outfile)!r}")
        write_whole(outfile, self._rendered(_format(format, options), layout=engine))
        return os.fspath(outfile)

    def _copy_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        own = {"title": self.title, "ids": self.ids, "program": self.program}
        copied: dict[str, Any] = super()._copy_kwargs(**kwargs)  # type: ignore[no-untyped-call]
        return copied | own


def _format(format: str, options: dict[str, Any]) -> str:
    parts = (format, options.get("renderer"), options.get("formatter"))
    return ":".join(part for part in parts if part)


def drawing_of(
    picture: Picture, direction: Direction = "LR", engine: Engine = "embedded"
) -> Drawing:
    """A picture as DOT text.

    The ids begin with a digest of the picture, so that several can stand on one page.
    """
    prefix = "g" + hashlib.sha256(repr((picture, direction)).encode()).hexdigest()[:8]
    names = [box.name for box in picture.boxes] + [arrow.name for arrow in picture.arrows]
    drawing = Drawing(
        title=picture.title,
        ids=[f"{prefix}_{name}" for name in names],
        program=engine,
        graph_attr={**GRAPH, "rankdir": direction, "ranksep": RANKSEP[direction], "id": prefix},
        node_attr=NODE,
        edge_attr=EDGE,
    )
    for box in picture.boxes:
        style = STYLES[box.kind] | (ROOT if box.root else {})
        drawing.node(
            box.name,
            f"<{_table(box)}>",
            **style,
            **{"id": f"{prefix}_{box.name}", "class": f"{box.kind} root" if box.root else box.kind},
            tooltip=_tooltip(box.tooltip),
        )
    for arrow in picture.arrows:
        drawing.edge(
            arrow.tail,
            arrow.head,
            label=_edge_label(arrow.lines, direction),
            id=f"{prefix}_{arrow.name}",
        )
    return drawing


# The colours are tints of those of Okabe and Ito, which colour-blind readers tell apart; shapes
# and borders say the same without colour.  No other font name than Helvetica has right metrics.

GRAPH = {"newrank": "true", "bgcolor": "white", "nodesep": "0.22", "pad": "0.1"}
RANKSEP = {"LR": "0.3", "TB": "0.42"}
NODE = {
    "fontname": "Helvetica", "fontsize": "10", "shape": "box", "margin": "0.08,0.05",
    "width": "0", "height": "0", "penwidth": "1",
}  # fmt: skip
EDGE = {
    "fontname": "Helvetica", "fontsize": "9", "fontcolor": "#404040", "color": "#6b6b6b",
    "arrowsize": "0.6", "penwidth": "0.9",
}  # fmt: skip
STYLES = {
    "leaf": {"style": "rounded,filled", "fillcolor": "#dcedf8", "color": "#0072b2"},
    "operation": {"style": "filled", "fillcolor": "#ffffff", "color": "#6b6b6b"},
    "constant": {"style": "dashed,filled", "fillcolor": "#f2f2f2", "color": "#8a8a8a"},
}
ROOT = {"peripheries": "2", "fillcolor": "#fdf0d5", "color": "#9a6700", "penwidth": "1.2"}
INK = {"value": "#1a1a1a", "gradient": "#a33e00"}
QUIET = "#5f5f5f"


def _plain(text: str) -> str:
    """A text in which neither Graphviz nor XML finds anything special."""
    return graphviz.escape(html.escape(text, quote=False))


def _tooltip(text: str) -> str:
    return graphviz.escape(_plain(text))  # Graphviz takes the escapes out of a tooltip twice


def _rich(text: str) -> str:
    """The same for a text in a table."""
    return html.escape(text).replace("\\", "\\\\")


def _edge_label(lines: Sequence[str], direction: Direction) -> str | None:
    """The lines, with some room towards the edge: it runs below them, or on their left."""
    if not lines:
        return None
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
    before = ""
    for what, *cells in box.rows:
        name = what if what != before else ""
        before = what
        ink = INK.get(what, QUIET)
        line = f'<td align="left"><font color="{QUIET}">{name or " "}</font> </td>'
        span = f' colspan="{columns - 1}"' if len(cells) < columns - 1 else ""
        for cell in cells:
            line += f'<td align="right"{span}>  <font color="{ink}">{_rich(cell)}</font></td>'
        lines.append(f"<tr>{line}</tr>")
    return "\n\t\t".join([f'{_TABLE} cellpadding="1">', *lines, "</table>"])


_TABLE = '<table border="0" cellborder="0" cellspacing="0"'


def _heading(box: Box) -> str:
    """A table of one line: label and operation on the left, the shape on the right."""
    width = _least_width(box.label)
    text = f"<b>{_rich(box.label)}</b>" if box.rows else _rich(box.label)
    if box.made_by and width:  # what follows on the line would begin too early
        text += f'<br align="left"/>{_rich(f"= {box.made_by}")}<br align="left"/>'
    elif box.made_by:
        text += _rich(f" = {box.made_by}")
    line = f'<td align="left"{width or _least_width(box.made_by)}>{text}</td>'
    if box.shape:
        line += f'<td align="right">  <font color="{QUIET}">{_rich(box.shape)}</font></td>'
    return f'{_TABLE} cellpadding="0"><tr>{line}</tr></table>'


def _least_width(text: str) -> str:
    """Room for letters of which Graphviz knows no more than the number of bytes."""

    def points(c: str) -> float:
        return 12.0 if is_wide(c) else 7.5 if c > "\u036f" and c.isalpha() else 0.0

    if not any(map(points, text)):
        return ""
    return f' width="{sum(points(c) or 5.5 for c in text):.0f}"'
