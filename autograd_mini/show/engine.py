"""Graphviz: find it, run it on DOT text, and let only a complete and harmless picture out.

The embedded engine is the program of the package ``graphviz-pure``, found by that package's
list of files, never by ``PATH``.  The ``dot`` of the system runs only if it is asked for.
"""

from __future__ import annotations

import html
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

from autograd_mini.show import theme
from autograd_mini.show.letters import png, special

Engine = Literal["embedded", "system"]
"""Which Graphviz: that of graphviz-pure, or the ``dot`` on ``PATH``."""

SECONDS = 120
"""How long a layout may take; graphs of a thousand nodes take a few seconds."""

TAGS = {
    "svg", "g", "title", "desc", "a", "text", "tspan", "path", "polygon", "polyline", "ellipse",
    "circle", "rect", "line", "defs", "linearGradient", "radialGradient", "stop",
}  # fmt: skip
"""The elements of an SVG that Graphviz draws with; none of them runs or loads anything."""

SCALES = f' class="{theme.DRAWING}" tabindex="0"'
"""By which the style sheet knows an SVG that stands in a page, and a reader makes it larger."""

DOTS_PER_INCH = 150
"""The resolution of a PNG: sharp at twice the size of the SVG."""


def executable(engine: Engine) -> str:
    """The path of the program that renders.

    Raises:
        RuntimeError: it is not installed; says what to install.
        ValueError: ``engine`` is neither ``"embedded"`` nor ``"system"``.
    """
    if engine not in ("embedded", "system"):
        raise ValueError(f"engine is 'embedded' or 'system', not {engine!r}")
    found = _embedded() if engine == "embedded" else shutil.which("dot")
    if found is None:
        raise RuntimeError(
            f"there is no engine to lay the picture out: {_MISSING[engine]}; DOT text needs none: "
            "drawing.save('graph.dot')"
        )
    return found


_MISSING = {
    "embedded": "graphviz-pure is not installed: run `pip install graphviz-pure`, or install "
    "Graphviz (https://graphviz.org/download) and choose engine='system'",
    "system": "no program `dot` is on PATH: install Graphviz (https://graphviz.org/download), or "
    "choose engine='embedded'",
}


def _embedded() -> str | None:
    try:
        files = importlib.metadata.files("graphviz-pure") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name in ("graphviz-pure", "graphviz-pure.exe"):
            path = Path(str(file.locate())).resolve()
            return str(path) if path.is_file() else None
    return None


def render(
    dot: str,
    format: str,
    *,
    engine: Engine = "embedded",
    layout: str = "dot",
    ids: Iterable[str] = (),
    title: str = "",
    description: str = "",
    style: Callable[[str, str], str] | None = None,
    dots: int = DOTS_PER_INCH,
) -> bytes:
    """DOT text as a picture.

    Arguments:
        dot: the text.
        format: ``"svg"``, ``"png"``, ``"pdf"``, or another format of the engine's.
        engine: ``"embedded"`` or ``"system"``.
        layout: Graphviz's layout algorithm.
        ids: every ``id`` that a complete SVG of this text has.
        title: what the picture shows, in a line.
        description: the same at length, for people who hear it read out.
        style: for the ``id`` of an SVG's outermost group and its text, a style sheet for it.
        dots: of a PNG, how many dots an inch has.

    Returns:
        The bytes of the picture.  An SVG begins with ``<svg``, without XML declaration, so
        that it can stand in a page of HTML.

    Raises:
        RuntimeError: there is no engine, it cannot write the format, it failed, or its SVG
            is incomplete or holds something that a browser would run.
        ValueError: ``format`` is another kind of SVG, which cannot be checked.

    >>> render("digraph { a -> b }", "svg")[:4]
    b'<svg'
    """
    if format.startswith("svg") and format != "svg":
        raise ValueError(f"format {format!r}: only 'svg' itself is checked for scripts; choose it")
    if format == "pdf" and engine == "embedded":
        return _pdf(render(dot, "svg", engine=engine, layout=layout, ids=ids, title=title))
    finished = _run(dot, format, engine, layout, dots)
    picture = finished.stdout
    messages = _messages(finished.stderr)
    if finished.returncode not in (0, 1) or not picture:
        raise RuntimeError(_failure(format, engine, finished.returncode, messages))
    if format == "svg" or finished.returncode == 1:  # what is no SVG is judged by the SVG
        svg = picture if format == "svg" else _run(dot, "svg", engine, layout).stdout
        text = _described(svg.decode("utf-8", errors="replace"), title, description)
        _check(text.encode(), ids if finished.returncode else (), messages)
        picture = _styled(text, style).encode() if format == "svg" else picture
    elif format == "png" and engine == "embedded" and special(dot):
        svg = _run(dot, "svg", engine, layout).stdout
        _check(svg, (), messages)
        picture = png(svg, picture, dots)
    if messages:
        warnings.warn(f"Graphviz: {messages}", stacklevel=2)
    return picture


def layouts(dot: str, engine: Engine) -> list[dict[str, Any]]:
    """Where Graphviz places the parts of each of several graphs, as its format json0 says it.

    Raises:
        RuntimeError: there is no engine, or it failed.
    """
    finished = _run(dot, "json0", engine, "dot")
    text = finished.stdout.decode("utf-8", errors="replace").strip()
    if finished.returncode not in (0, 1) or not text:
        raise RuntimeError(
            _failure("json0", engine, finished.returncode, _messages(finished.stderr))
        )
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(text):
        layout, end = decoder.raw_decode(text, place)
        found.append(layout)
        place = end + (len(text) - end) - len(text[end:].lstrip())
    return found


def _run(
    dot: str, format: str, engine: Engine, layout: str, dots: int = DOTS_PER_INCH
) -> subprocess.CompletedProcess[bytes]:
    command = [executable(engine), f"-K{layout}", f"-T{format}"]
    if format == "png":
        command.append(f"-Gdpi={dots}")
    # Graphviz reads no image file for a web server: that is what SERVER_NAME makes it think
    environment = {**os.environ, "SERVER_NAME": "autograd_mini"}
    environment.pop("GV_FILE_PATH", None)
    try:
        return subprocess.run(
            command,
            input=dot.encode(),
            capture_output=True,
            env=environment,
            timeout=SECONDS,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise RuntimeError(f"Graphviz could not be started: {error}") from None
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"Graphviz had not finished the layout after {SECONDS} seconds: draw a smaller part"
        ) from None


def _messages(stderr: bytes) -> str:
    """What the engine said, without its guesses at the width of non-ASCII characters."""
    lines = stderr.decode("utf-8", errors="replace").splitlines()
    return "\n".join(line for line in lines if "width of non-ASCII character" not in line)


def _failure(format: str, engine: Engine, code: int, messages: str) -> str:
    if "not recognized" in messages:
        return f"the {engine} Graphviz writes no {format.upper()}: write SVG, PNG or PDF"
    return f"Graphviz failed with exit code {code} on this picture: {messages or 'it said nothing'}"


def _described(svg: str, title: str, description: str) -> str:
    """The ``<svg>`` element alone, named as one picture."""
    start = svg.find("<svg")
    if start < 0:
        raise RuntimeError("Graphviz wrote no SVG")
    name = html.escape(title)
    opening = f'<svg{SCALES} role="img"'
    opening += f' aria-label="{name}"' if title else ""
    svg = opening + svg[start + len("<svg") :]
    if title:
        end = svg.index(">", len(opening)) + 1
        words = f"\n<desc>{html.escape(description)}</desc>" if description else ""
        svg = f"{svg[:end]}\n<title>{name}</title>{words}{svg[end:]}"
    return svg


def _styled(svg: str, style: Callable[[str, str], str] | None) -> str:
    """The SVG, which has been checked, with a style sheet as its first part."""
    found = re.search(r'<g id="(\w+)" class="graph"', svg)
    if style is None or found is None:
        return svg
    return f"{svg[: found.start()]}<style>{style(found[1], svg)}</style>\n{svg[found.start() :]}"


def _pdf(svg: bytes) -> bytes:
    """An SVG as PDF, the same bytes at any time."""
    try:
        cairosvg: Any = import_module("cairosvg")
    except (ImportError, OSError) as error:  # OSError: there is no library cairo
        raise RuntimeError(
            f"the embedded Graphviz writes no PDF and CairoSVG, which can, is not installed "
            f"({error}): run `pip install cairosvg`, or install Graphviz "
            "(https://graphviz.org/download) and choose engine='system', or write SVG or PNG"
        ) from None
    pdf: bytes = cairosvg.svg2pdf(bytestring=svg)
    return re.sub(rb"/CreationDate \(D:[^)]*\)", _same_length, pdf)


def _same_length(date: re.Match[bytes]) -> bytes:
    whole = date[0]
    return re.sub(rb"\d", b"0", whole)


def _check(svg: bytes, ids: Iterable[str], messages: str) -> None:
    """Raise if the SVG is not whole, or if a browser would run something of it."""
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise RuntimeError(f"Graphviz wrote an SVG that is no XML ({error}): refused") from None
    missing = set(ids).difference(element.get("id") for element in root.iter())
    if missing:
        raise RuntimeError(
            f"Graphviz left out {len(missing)} parts of the picture, such as {min(missing)}; "
            f"it said: {messages or 'nothing'}"
        )
    for element in root.iter():
        tag = str(element.tag).rpartition("}")[2]
        if tag not in TAGS:
            raise RuntimeError(f"the SVG holds an element <{tag}>: refused")
        for key, value in element.items():
            name = key.rpartition("}")[2].lower()
            is_text = name in ("title", "aria-label")
            target = re.sub(r"[\s\x00-\x1f]", "", value).lower()
            if name.startswith("on") or ("javascript:" in target and not is_text):
                raise RuntimeError(f"the SVG holds an attribute {name}={value[:40]!r}: refused")
