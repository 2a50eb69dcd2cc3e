"""Rows of a picture under each other: Graphviz lays out each by itself, then draws all in one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from autograd_mini.show import theme
from autograd_mini.show.boxes import Picture
from autograd_mini.show.dot import below_of, empty, fill, keep_order, label_below, look_of
from autograd_mini.show.drawing import Drawing
from autograd_mini.show.engine import Engine, layouts

BETWEEN = 10.0
"""The room between two rows, in points."""


def stacked(
    picture: Picture, rows: Sequence[Picture], engine: Engine, legend: bool, width: float
) -> tuple[Drawing, tuple[float, float]]:
    """The rows of a picture as one drawing, and how wide and how high it is, in points.

    Raises:
        RuntimeError: no engine is installed, or it failed; says what to do.
    """
    whole = replace(
        picture,
        boxes=tuple(box for row in rows for box in row.boxes),
        arrows=tuple(arrow for row in rows for arrow in row.arrows),
    )
    look = look_of(whole, "LR", width)
    graphs: list[Drawing] = []
    for i, row in enumerate(rows):
        graph = empty(row, look, engine)
        fill(graph, row, look, suffix=f"r{i}")
        keep_order(graph, row)
        graphs.append(graph)
    below = below_of(whole, look, legend, width)
    label_below(graphs[-1], below)
    places: dict[str, dict[str, str]] = {}
    widest = bottom = 0.0
    for layout in layouts("\n".join(map(str, graphs)), engine):
        _, _, wide, high = map(float, layout["bb"].split(","))
        widest, bottom = max(widest, wide), bottom - high
        places |= _places(layout, bottom)
        bottom -= BETWEEN
    drawing = empty(whole, look, engine, layout="nop2")
    for i, row in enumerate(rows):
        fill(drawing, row, look, places, f"r{i}")
    label_below(drawing, below)
    pad = 2 * 72 * float(theme.GRAPH["pad"])
    return drawing, (widest + pad, -bottom - BETWEEN + pad)


def _places(layout: Mapping[str, Any], bottom: float) -> dict[str, dict[str, str]]:
    """What Graphviz says of a row's places, moved to where the row stands."""
    parts = [*layout.get("objects", ()), *layout.get("edges", ())]
    return {
        str(part.get("name") or part.get("id")): {
            key: _PAIR.sub(lambda pair: f"{pair[1]},{float(pair[2]) + bottom:.2f}", part[key])
            for key in ("pos", "lp", "bb")
            if key in part
        }
        for part in parts
    }


_PAIR = re.compile(r"(-?[\d.]+),(-?[\d.]+)")
