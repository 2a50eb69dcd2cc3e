"""A picture as an object: Jupyter shows it, ``save`` writes it, Graphviz's methods work on it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import graphviz

from autograd_mini.files import write_whole
from autograd_mini.show import theme
from autograd_mini.show.engine import Engine, render


class Drawing(graphviz.Digraph):
    """A picture of a computation graph: a ``graphviz.Digraph`` that needs no system Graphviz.

    Jupyter shows it; ``save`` writes it; ``str(drawing)`` is its DOT text.  Everything that
    ``graphviz.Digraph`` offers works on it, with the engine that ``draw`` was given.

    Arguments:
        title: what the picture shows, in a line.
        text: the picture in words, for people who hear it read out.
        ids: every ``id`` that a complete SVG of it has.
        program: the engine, ``"embedded"`` or ``"system"``.
        layout: Graphviz's algorithm; ``"nop2"`` keeps the places that the text gives, as long as
            every node has one.
        within: how wide and how high an SVG is shown, in pixels, where its text stays legible.
        rest: as for ``graphviz.Digraph``.

    >>> from autograd_mini import Value, draw
    >>> drawing = draw(Value(1.0, label="x") * 2)
    >>> drawing.node("note", "any other node")
    >>> isinstance(drawing, graphviz.Digraph), "any other node" in drawing.svg()
    (True, True)
    """

    def __init__(
        self,
        *args: object,
        title: str = "",
        text: str = "",
        ids: Sequence[str] = (),
        program: Engine = "embedded",
        layout: str = "dot",
        within: tuple[float, float] | None = None,
        **rest: object,
    ) -> None:
        super().__init__(*args, **{"format": "svg", **rest})
        self.title = title
        self.text = text
        self.ids = tuple(ids)
        self.program: Engine = program
        self.layout = layout
        self.within = within
        self._rendered_last: tuple[tuple[str, ...], bytes] | None = None

    def node(self, name: str, label: str | None = None, **attributes: object) -> None:
        """Add a node, or change one; where it has no place among given ones, all are laid out."""
        if self.layout == "nop2" and "pos" not in attributes and not self._has(name):
            self.layout = "dot"
        super().node(name, label, **attributes)

    def _has(self, name: str) -> bool:
        return bool(
            re.search(rf"^\s*{re.escape(graphviz.quoting.quote(name))} \[", str(self), re.M)
        )

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
        layout = self.layout if layout == "dot" else layout  # which is Digraph's default
        request = (str(self), format, engine or self.program, layout, str(self.within))
        if self._rendered_last is None or self._rendered_last[0] != request:
            rendered = render(
                str(self),
                format,
                engine=engine or self.program,
                layout=layout,
                ids=self.ids,
                title=self.title,
                description=self.text,
                style=theme.style_sheet,
            )
            if format == "svg" and self.within:
                rendered = _shown_within(rendered.decode(), *self.within).encode()
            self._rendered_last = request, rendered
        return self._rendered_last[1]

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
        own = {
            "title": self.title,
            "text": self.text,
            "ids": self.ids,
            "program": self.program,
            "layout": self.layout,
            "within": self.within,
        }
        copied: dict[str, Any] = super()._copy_kwargs(**kwargs)  # type: ignore[no-untyped-call]
        return copied | own


def size(svg: str) -> tuple[float, float]:
    """How wide and how high an SVG is, in points."""
    found = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', svg)
    assert found is not None
    return float(found[1]), float(found[2])


PIXELS = 4 / 3
"""How many pixels a point has."""


def _shown_within(svg: str, width: float, height: float) -> str:
    """The SVG as large as it may be, but no point smaller than a pixel."""
    wide, high = size(svg)
    scale = min(PIXELS, max(1.0, min(width / wide, height / high)))
    lengths = f'width="{wide * scale:.0f}px" height="{high * scale:.0f}px"'
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', lengths, svg, count=1)


def _format(format: str, options: dict[str, Any]) -> str:
    parts = (format, options.get("renderer"), options.get("formatter"))
    return ":".join(part for part in parts if part)
