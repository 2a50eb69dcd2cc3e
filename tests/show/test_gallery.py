"""Forty graphs drawn by default: that each picture can be read, and is whole.

What is looked at is the SVG, as a reader sees it: where boxes stand, where arrows begin and end.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

import autograd_mini as ag
from autograd_mini.show.drawing import size
from autograd_mini.show.fit import PAGES

SVG = "{http://www.w3.org/2000/svg}"
Span = tuple[float, float, float, float]
NEAR = 4.0
"""How far an arrow may end from the outline of its box, in points."""


def gallery() -> ModuleType:
    path = Path(__file__).parents[2] / "docs" / "gallery.py"
    spec = importlib.util.spec_from_file_location("gallery", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GALLERY = gallery()


def points(element: ElementTree.Element) -> Iterator[tuple[float, float]]:
    for part in element.iter():
        numbers = re.findall(r"-?[\d.]+", part.get("points") or part.get("d") or "")
        yield from zip(map(float, numbers[::2]), map(float, numbers[1::2]), strict=True)


def span(element: ElementTree.Element) -> Span:
    xs, ys = zip(*points(element), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def groups(svg: str, kind: str) -> dict[str, ElementTree.Element]:
    """The groups of an SVG of a kind, by their titles, which are the names in DOT."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if kind in group.get("class", "").split():
            title = group.find(f"{SVG}title")
            assert title is not None
            found[f"{title.text} {group.get('id')}"] = group
    return found


def overlapping(spans: dict[str, Span]) -> list[tuple[str, str]]:
    return [
        (one, other)
        for (one, a), (other, b) in combinations(spans.items(), 2)
        if min(a[2], b[2]) > max(a[0], b[0]) + 0.5 and min(a[3], b[3]) > max(a[1], b[1]) + 0.5
    ]


def ends(edge: ElementTree.Element) -> list[tuple[float, float]]:
    """Where an arrow begins and where its head points."""
    path = edge.find(f".//{SVG}path")
    heads = edge.findall(f".//{SVG}polygon")
    assert path is not None
    line = list(points(path))
    tips = [
        max(points(head), key=lambda p: abs(complex(*p) - complex(*line[-1]))) for head in heads
    ]
    return [line[0], tips[0] if tips else line[-1]]


def distance(point: tuple[float, float], box: Span) -> float:
    x, y = point
    return max(box[0] - x, x - box[2], box[1] - y, y - box[3])


@pytest.mark.parametrize("name", GALLERY.GRAPHS)
def test_a_picture_can_be_read_and_is_whole(name: str) -> None:
    loss: Any = GALLERY.graph_of(name)
    drawing = ag.draw(loss)
    svg = drawing.svg()
    assert GALLERY.smallest(svg, PAGES["page"].width) >= GALLERY.SMALLEST - GALLERY.ROUNDING
    assert GALLERY.pages(svg) <= 1.0 + GALLERY.ROUNDING
    assert PAGES["page"].height == PAGES["page"].width * 2**0.5

    boxes = {title.split()[0]: span(group) for title, group in groups(svg, "node").items()}
    assert overlapping(boxes) == []
    width, height = size(svg)
    assert all(
        0 <= x0 and x1 <= width and -height <= y0 and y1 <= height
        for x0, y0, x1, y1 in boxes.values()
    )
    edges = groups(svg, "edge")
    assert len(edges) == int(re.search(r"(\d+) edges", drawing.text)[1])  # type: ignore[index]
    for title, edge in edges.items():
        tail, head = title.split()[0].split("->")
        assert re.search(rf"_e{head[1:]}_\d+$", title), title  # an arrow is named for its head
        begin, end = ends(edge)
        assert abs(distance(begin, boxes[tail])) < NEAR, title
        assert abs(distance(end, boxes[head])) < NEAR, title
