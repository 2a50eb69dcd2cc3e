"""A network as DOT text: neurons are circles in columns, weights lines between them.

A line is as thick as its weight is large, blue below zero and orange above it; a dashed line
beside it is the gradient, in the same way.  The places are fixed: Graphviz only draws.
"""

from __future__ import annotations

import hashlib
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import graphviz
import numpy as np

from autograd_mini.show import theme
from autograd_mini.show.dot import _plain, _rich, _tooltip
from autograd_mini.show.drawing import Drawing
from autograd_mini.show.engine import Engine
from autograd_mini.show.heat import DIVERGING, colour
from autograd_mini.show.names import LONGEST_NAME, shown
from autograd_mini.show.network import Column, Network, Neuron, Weights
from autograd_mini.show.notation import number
from autograd_mini.typing import Array

MOST_NEURONS = 10
"""A column of more shows its first and its last ones, and so does a page of too many columns."""

LAST = 3
"""How many of the last ones."""

MOST_LABELLED = 24
"""So many weights have their numbers written beside them."""

DIAMETER, ROOM, LINE = 46.0, 62.0, 11.0
"""Of a neuron, from one to the next below it, and for each line of text between, in points."""

WIDEST, NARROWEST = 270.0, 90.0
"""From one column to the next."""

ROOMY = 150.0
"""Columns that are nearer have no room for a weight's number beside its name."""

MARGIN = 34.0
"""Beside a network."""

THICK, THIN = 3.6, 0.4

LETTER = 4.8
"""About how wide a letter of a weight's number is, in points."""


def network_drawing(
    networks: Sequence[Network],
    width: float,
    engine: Engine,
    legend: bool = True,
    scale: Sequence[Network] = (),
) -> Drawing:
    """Networks side by side, in colours and thicknesses of one scale.

    Arguments:
        networks: of the same sizes, if there are several: one before training and one after it.
        width: that of the page, in points.
        engine: which Graphviz draws.
        legend: whether it is said below what colours and lines mean.
        scale: the networks that are drawn in one scale; by default these.
    """
    prefix = "g" + hashlib.sha256(repr(networks).encode()).hexdigest()[:8]
    panel = _Panel(scale or networks, prefix, width / len(networks) - MARGIN, len(networks) > 1)
    drawing = Drawing(
        title=shown("; ".join(network.title for network in networks), 100),
        text="\n".join(line for network in networks for line in in_words(network)),
        program=engine,
        layout="nop2",
        graph_attr={"bgcolor": "white", "id": prefix, "pad": "0.15", "outputorder": "edgesfirst"},
        node_attr={**theme.NODE, "margin": "0"},
        edge_attr={**theme.EDGE, "dir": "none"},
    )
    for i, network in enumerate(networks):
        panel.draw(drawing, network, i)
    panel.explain(drawing, legend)
    drawing.ids = tuple(panel.ids)
    return drawing


def in_words(network: Network) -> Iterator[str]:
    """The network for people who hear it read out: a line for each layer and each weight."""
    yield shown(network.title, 60)
    for column in network.columns:
        names = [neuron.name or f"neuron {i}" for i, neuron in enumerate(column.neurons, 1)]
        told = [
            f"{shown(name, LONGEST_NAME)} {' '.join(f'{w} {number(v)}'.strip() for w, v in n.rows)}"
            for name, n in zip(names[:MOST_NEURONS], column.neurons, strict=False)
        ]
        count = len(column.neurons)
        more = f", and {count - MOST_NEURONS} more" if count > MOST_NEURONS else ""
        about = f", {_about(column)}" if _about(column) else ""
        yield f"{column.title}: {count} neurons{about}: {'; '.join(map(str.strip, told))}{more}"
    for weights in network.weights:
        rows, columns = weights.values.shape
        if rows * columns <= MOST_LABELLED:
            for i in range(rows):
                for j in range(columns):
                    if not np.isnan(weights.values[i, j]):
                        name = weights.names[i][j] if weights.names else f"weight {i},{j}"
                        said = number(weights.values[i, j])
                        if np.nan_to_num(weights.gradients).any():
                            said += f"; gradient {number(weights.gradients[i, j])}"
                        yield f"  {shown(name, LONGEST_NAME)}: {said}"


def _about(column: Column) -> str:
    """What the user's code calls a layer, and what its activation is."""
    return " = ".join(filter(None, [shown(column.name, LONGEST_NAME), column.activation]))


@dataclass(frozen=True)
class _Place:
    x: float
    y: float


@dataclass(frozen=True)
class _Line:
    """A weight's line, from the middle of one neuron to that of another."""

    tail: _Place
    head: _Place

    def at(self, part: float) -> _Place:
        return _Place(
            self.tail.x + part * (self.head.x - self.tail.x),
            self.tail.y + part * (self.head.y - self.tail.y),
        )

    def within(self, spot: _Place, wide: float, high: float) -> float:
        """How much of the line a rectangle around a spot hides, in points."""
        dx, dy = self.head.x - self.tail.x, self.head.y - self.tail.y
        first, last = 0.0, 1.0
        for start, change, middle, half in (
            (self.tail.x, dx, spot.x, wide / 2),
            (self.tail.y, dy, spot.y, high / 2),
        ):
            if change:
                ends = sorted(((middle + side * half) - start) / change for side in (-1, 1))
                first, last = max(first, ends[0]), min(last, ends[1])
            elif abs(start - middle) > half:
                return 0.0
        return max(last - first, 0.0) * math.hypot(dx, dy)


CLEAR = 12.0
"""A number stands so far from other lines, in points, where there is room."""

PASSES = 3
"""So often each number is moved to where, among the others, it hides the least."""


def _least_hidden(lines: Sequence[_Line], texts: Sequence[str]) -> list[_Place]:
    """For each line the spot on it where its text covers the least of other lines and texts."""
    sizes = [
        (LETTER * max(map(len, text.split("\n"))) + 4, LINE * len(text.split("\n")))
        for text in texts
    ]
    spots: dict[int, _Place] = {}
    for _ in range(PASSES):
        for i, line in enumerate(lines):
            margin = (DIAMETER / 2 + sizes[i][0] / 2 + 2) / (line.head.x - line.tail.x)
            parts = [p for p in (k / 40 for k in range(1, 40)) if margin <= p <= 1 - margin] or [
                0.5
            ]

            def hidden(part: float, i: int = i, line: _Line = line) -> float:
                spot, (wide, high) = line.at(part), sizes[i]
                found = sum(
                    other.within(spot, wide + CLEAR, high + CLEAR)
                    for k, other in enumerate(lines)
                    if k != i
                )
                for k, other_spot in spots.items():
                    if k != i:
                        x = (wide + sizes[k][0]) / 2 - abs(spot.x - other_spot.x)
                        y = (high + sizes[k][1]) / 2 - abs(spot.y - other_spot.y)
                        found += 50 + x * y if x > 0 and y > 0 else 0.0
                return found + abs(part - 0.5)

            spots[i] = line.at(min(parts, key=hidden))
    return [spots[i] for i in range(len(lines))]


class _Panel:
    """The places of what is drawn, and the scales that all networks share."""

    def __init__(
        self, networks: Sequence[Network], prefix: str, width: float, are_many: bool
    ) -> None:
        self.prefix = prefix
        self.ids: list[str] = []
        self.most = max(3, 1 + int((width - 2 * DIAMETER) / NARROWEST))
        columns = min(self.most, max(len(network.columns) for network in networks))
        self.step = min(WIDEST, (width - 2 * DIAMETER) / max(columns - 1, 1))
        self.width = self.step * (columns - 1) + 2 * DIAMETER
        shown_here = [min(len(c.neurons), MOST_NEURONS) for n in networks for c in n.columns]
        self.swept = any(np.nan_to_num(w.gradients).any() for n in networks for w in n.weights)
        self.largest = [_largest([w.values for n in networks for w in n.weights])]
        self.largest.append(_largest([w.gradients for n in networks for w in n.weights]))
        self.activity = _largest(
            [np.array([v for _, v in one.rows[-1:]]) for n in networks for c in n.columns
             for one in c.neurons]
        )  # fmt: skip
        self.labelled = (
            sum(w.values.size for w in networks[0].weights) <= MOST_LABELLED and not are_many
        )

        has_biases = any(one.bias for n in networks for c in n.columns for one in c.neurons)
        has_sums = any(len(one.rows) > 1 for n in networks for c in n.columns for one in c.neurons)
        lines = has_sums + has_biases * (1 + (self.swept and self.labelled))
        self.room = ROOM + LINE * lines
        self.height = self.room * (max(shown_here) - 1)

    def draw(self, drawing: Drawing, network: Network, index: int) -> None:
        left = index * (self.width + MARGIN)
        name = f"p{index}"
        middle = left + self.width / 2 - DIAMETER
        title = "\n".join(textwrap.wrap(shown(network.title, 60), int(self.width / 6.5)))
        self.text(drawing, f"{name}t", middle, self.height + 68, title, bold=True)
        last = min(LAST, self.most // 2)
        shown_columns = _few(len(network.columns), self.most - 1, last)
        skipped = len(shown_columns) < len(network.columns)
        places: dict[int, dict[int, _Place]] = {}
        for slot, c in enumerate(shown_columns):
            x = left + self.step * (slot + (skipped and slot >= len(shown_columns) - last))
            places[c] = self.column(drawing, f"{name}c{c}", x, network.columns[c])
        if skipped:
            x = left + self.step * (len(shown_columns) - last)
            more = f"· · ·\n{len(network.columns) - len(shown_columns)} layers more"
            self.text(drawing, f"{name}m", x, self.height / 2, more)
        for c, weights in enumerate(network.weights):
            if c in places and c + 1 in places:
                self.lines(drawing, name, c, weights, places)
        for c, at in places.items():
            for i, place in at.items():
                self.neuron(drawing, f"{name}n{c}_{i}", place, network.columns[c].neurons[i])

    def column(self, drawing: Drawing, name: str, x: float, column: Column) -> dict[int, _Place]:
        """The places of a column's neurons that are shown."""
        count = len(column.neurons)
        indices = _few(count, MOST_NEURONS - 1)
        skipped = len(indices) < count
        top = self.height / 2 + self.room * (len(indices) + skipped - 1) / 2
        first = len(indices) - LAST
        if skipped:
            more = f"· · ·\n{count - len(indices)} more"
            self.text(drawing, f"{name}m", x, top - self.room * first, more)
        title = "\n".join(filter(None, [f"{column.title} ({count})", _about(column)]))
        self.text(drawing, f"{name}h", x, self.height + 42, title)
        return {
            i: _Place(x, top - self.room * (row + (skipped and row >= first)))
            for row, i in enumerate(indices)
        }

    def lines(
        self,
        drawing: Drawing,
        name: str,
        c: int,
        weights: Weights,
        places: Mapping[int, Mapping[int, _Place]],
    ) -> None:
        """The weights between two columns, and their numbers where they hide the least."""
        texts: list[tuple[str, _Line, str]] = []
        for i, tail in places[c].items():
            for j, head in places[c + 1].items():
                if not np.isnan(weights.values[i, j]):
                    called = weights.names[i][j] if weights.names else ""
                    ends = f"{name}n{c}_{i}", f"{name}n{c + 1}_{j}"
                    amounts = float(weights.values[i, j]), float(weights.gradients[i, j])
                    self.line(drawing, ends, tail, head, amounts, called)
                    text = self.numbers(amounts, called)
                    texts.append((f"{'_'.join(ends)}l", _Line(tail, head), text))
        if self.labelled:
            spots = _least_hidden([line for _, line, _ in texts], [text for *_, text in texts])
            for (label, _, text), spot in zip(texts, spots, strict=True):
                self.text(drawing, label, spot.x, spot.y, text)

    def numbers(self, amounts: tuple[float, float], called: str) -> str:
        """What stands beside a weight's line."""
        if self.step < ROOMY:
            return shown(called, 5) or number(amounts[0])
        words = [f"{shown(called, 8)} {number(amounts[0])}".strip()]
        return "\n".join(words + [f"∂ {number(amounts[1])}"] * self.swept)

    def neuron(self, drawing: Drawing, name: str, place: _Place, neuron: Neuron) -> None:
        value = neuron.rows[-1][1] if neuron.rows else math.nan
        rows = [shown(neuron.name, 8)] * bool(neuron.name)
        rows += [number(v) for _, v in neuron.rows[-1:] if not math.isnan(v)]
        part = value / self.activity if self.activity else 0.0
        fill = colour(0.5 + 0.3 * part) if not math.isnan(value) else ""
        tooltip = " ".join([neuron.name, *(f"{what} {v}" for what, v in neuron.rows)]).strip()
        drawing.node(
            name,
            graphviz.nohtml("\\n".join(map(_plain, rows))),
            pos=f"{place.x:.1f},{place.y:.1f}",
            shape="circle",
            fixedsize="true",
            width=f"{DIAMETER / 72:.3f}",
            height=f"{DIAMETER / 72:.3f}",
            style="filled",
            fillcolor=fill or "#ffffff",
            color="#6b6b6a",
            fontsize="9",
            id=self.id(name),
            tooltip=_tooltip(shown(tooltip or "neuron", 100)),
            **{"class": "neuron"},
        )
        below = [f"{what} {number(v)}" for what, v in neuron.rows[:-1]]
        if neuron.bias is not None and self.labelled:
            called, bias, gradient = neuron.bias
            below.append(f"{shown(called, LONGEST_NAME)} {number(bias)}")
            below += [f"∂ {number(gradient)}"] * self.swept
        if below:
            y = place.y - DIAMETER / 2 - 1 - LINE * len(below) / 2
            self.text(drawing, f"{name}b", place.x, y, "\n".join(below))

    def line(
        self,
        drawing: Drawing,
        ends: tuple[str, str],
        tail: _Place,
        head: _Place,
        amounts: tuple[float, float],
        called: str,
    ) -> None:
        """A weight, and its gradient beside it."""
        name = "_".join(ends)
        tooltip = f"{called or 'weight'} {amounts[0]}"
        if self.swept:
            tooltip += f", gradient {amounts[1]}"
        for layer, amount in enumerate(amounts[: 1 + self.swept]):
            size = abs(amount) / (self.largest[layer] or 1.0)
            if layer and not size > 0:
                continue
            drawing.edge(
                *ends,
                pos=_straight(tail, head, 4.0 * layer),
                penwidth=f"{THIN + (THICK - THIN) * size * (0.6 if layer else 1.0):.2f}",
                color=_ink(amount),
                style="dashed" if layer else "solid",
                id=self.id(f"{name}{'g' * layer}"),
                tooltip=_tooltip(shown(tooltip, 100)),
                **{"class": "gradient" if layer else "weight"},
            )

    def text(
        self,
        drawing: Drawing,
        name: str,
        x: float,
        y: float,
        text: str,
        bold: bool = False,
    ) -> None:
        lines = [shown(line, 100) for line in text.split("\n")]
        inner = "<br/>".join(
            f'<font color="{theme.INK["gradient"]}">{_rich(line)}</font>'
            if line.startswith("∂ ")
            else _rich(line)
            for line in lines
        )
        inner = f"<b>{inner}</b>" if bold else inner
        drawing.node(
            name,
            f"<{inner}>",
            pos=f"{x:.1f},{y:.1f}",
            shape="box",
            style="filled",
            fillcolor="white",
            color="white",
            penwidth="0",
            margin="0.02,0.01",
            fontsize="10" if bold else "9",
            fontcolor="#404040",
            id=self.id(name),
            tooltip=" ",
        )

    def explain(self, drawing: Drawing, legend: bool) -> None:
        if not legend:
            return
        words = "line: a weight, blue below 0, orange above it, the thicker the larger"
        if self.swept:
            words += "; dashed: its gradient"
        lines = textwrap.wrap(words, int(self.width / 5))
        y = -DIAMETER / 2 - (self.room - DIAMETER) - LINE * len(lines) / 2
        self.text(drawing, "legend", self.width / 2 - DIAMETER, y, "\n".join(lines))

    def id(self, name: str) -> str:
        self.ids.append(f"{self.prefix}_{name}")
        return self.ids[-1]


def _few(count: int, most: int, last: int = LAST) -> list[int]:
    """The first and the last of so many, if there are more than fit."""
    if count <= most + 1:
        return list(range(count))
    return [*range(most - last), *range(count - last, count)]


def _largest(arrays: Sequence[Array]) -> float:
    sizes = [np.abs(array[np.isfinite(array)]).max(initial=0.0) for array in arrays if array.size]
    return float(max(sizes, default=0.0))


def _ink(amount: float) -> str:
    return DIVERGING[0] if amount < 0 else DIVERGING[2] if amount > 0 else "#b0b0b0"


def _straight(tail: _Place, head: _Place, shift: float) -> str:
    """A spline of Graphviz's that is a straight line, moved aside."""
    length = math.hypot(head.x - tail.x, head.y - tail.y) or 1.0
    dx, dy = -(head.y - tail.y) / length * shift, (head.x - tail.x) / length * shift
    points = [
        (tail.x + t * (head.x - tail.x) + dx, tail.y + t * (head.y - tail.y) + dy)
        for t in (0.0, 1 / 3, 2 / 3, 1.0)
    ]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
