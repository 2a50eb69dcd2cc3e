"""A picture put together: the box of each group of nodes, and the arrows between them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import numpy as np

from autograd_mini.core.graph import data_of
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import constant
from autograd_mini.show.boxes import (
    STATUS,
    Arrow,
    Box,
    Cluster,
    Kind,
    Picture,
    View,
    constant_box,
    group_box,
    layer_box,
    made_by_text,
    node_box,
    rule_of,
)
from autograd_mini.show.edges import MANY, EdgeTexts, is_residual
from autograd_mini.show.fold import folded_edges
from autograd_mini.show.layers import is_input_name
from autograd_mini.show.names import (
    LONGEST_LABEL,
    LONGEST_NAME,
    Variables,
    distinct,
    family,
    free_names,
    shown,
    stem,
)
from autograd_mini.show.plan import Plan
from autograd_mini.show.recorded import NODES, Node, Recorded
from autograd_mini.typing import Array

MOST_PARALLEL = 2
"""So many arrows from one box to another tell apart which operand is which; more are one."""


@dataclass(frozen=True)
class Looks:
    """What all boxes share: the view, and what is known of nodes by their ``id``."""

    view: View
    swept: bool
    parameters: frozenset[int] | None
    inputs: frozenset[int] | None
    status: Mapping[int, str]
    names: Variables
    gradients: Mapping[int, Any]
    notes: tuple[str, ...] = ()

    def kind(self, node: Node, name: str) -> Kind:
        if node.op:
            return "operation"
        if self.inputs is not None:
            return "input" if id(node) in self.inputs else "parameter"
        if self.parameters is not None:
            return "parameter" if id(node) in self.parameters else "input"
        return "input" if is_input_name(name) else "parameter"

    def gravest(self, nodes: Sequence[Node]) -> str:
        if not self.status:
            return ""
        told = {self.status[id(node)] for node in nodes if id(node) in self.status}
        order = list(STATUS)
        return min(told, key=lambda t: (order.index(t.partition(":")[0]), t), default="")


def composed(graph: Recorded, called: Sequence[str], plan: Plan, looks: Looks) -> Picture:
    """The picture of a graph, folded as planned; ``called`` are the nodes' names."""
    parts = _Parts(graph, called, plan, looks)
    for i in range(len(plan.groups)):
        parts.add(i)
    roots = ", ".join(parts.short[i] for i in sorted(parts.roots))
    return Picture(
        f"Computation graph of {roots}: {graph.whole} nodes, {len(parts.arrows)} edges",
        tuple(parts.boxes),
        tuple(parts.arrows),
        tuple(_clusters(plan)),
        (*_notes(graph, plan), *looks.notes),
        looks.view == "backward",
        tuple(map(tuple, plan.groups)),
        tuple(tuple(compress(places, _is_end(plan, places))) for places in plan.groups),
    )


def _is_end(plan: Plan, places: Sequence[int]) -> list[bool]:
    """For each of a group, whether it is the last of its sum, as most are."""
    found: list[bool] = (plan.chain[list(places)] == places).tolist()
    return found


@dataclass
class _Parts:
    """Boxes and arrows, as they are added group by group."""

    graph: Recorded
    called: Sequence[str]
    plan: Plan
    looks: Looks
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    def __post_init__(self) -> None:
        plan = self.plan
        self.labels, self.free = _labels(self.called, plan)
        self.short = [shown(label, LONGEST_NAME) for label in self.labels]
        self.arrays: dict[int, tuple[str, str]] = {}  # an array that is used twice is one box
        self.texts = EdgeTexts(self.looks.view)
        self.roots = {
            i
            for i, places in enumerate(plan.groups)
            for root in self.graph.roots
            if places[min(bisect_left(places, root), len(places) - 1)] == root
        }
        self.into: list[dict[int, list[tuple[int, int]]]] = [{} for _ in plan.groups]
        for tail, head, slot, uses in folded_edges(self.graph, plan.groups, plan.chain):
            self.into[head].setdefault(slot, []).append((tail, uses))

    def add(self, i: int) -> None:
        """The box of a group, and the arrows to it."""
        graph, plan, looks, places = self.graph, self.plan, self.looks, self.plan.groups[i]
        name, into = f"n{i}", self.into[i]
        nodes = [graph.nodes[place] for place in places]
        if plan.whole[i]:
            self.boxes.append(self._layer(i, nodes))
            self.arrows += _counted(i, into)
            return
        shared: dict[str, Any] = {
            "root": i in self.roots,
            "swept": looks.swept,
            "cut": places[-1] in graph.cut,
            "status": looks.gravest(nodes),
        }
        kind = looks.kind(nodes[-1], self.called[places[-1]])
        if len(nodes) > 1:
            ends = list(compress(nodes, _is_end(plan, places)))
            made_by, formulas = self._made_alike(i)
            shared["gradients"] = [looks.gradients.get(id(node), node.grad) for node in ends]
            self.boxes.append(
                group_box(name, ends, self.labels[i], kind, made_by, looks.view, **shared)
            )
            self.arrows += _counted(i, into, formulas)
            return
        (node,) = nodes
        operands, tails = ([], []) if shared["cut"] else self._operands(i, node)
        gradient = looks.gradients.get(id(node))
        self.boxes.append(
            node_box(
                name, node, self.labels[i], kind, operands, looks.view, gradient=gradient, **shared
            )
        )
        lines = self.texts.of(node, self.short[i], operands) if operands else []
        arrows = [
            Arrow(f"e{i}_{k}", tail, name, line, is_residual(node, k))
            for k, (tail, line) in enumerate(zip(tails, lines, strict=True))
            if tail
        ]
        self.arrows += _merged(arrows)

    def _operands(self, i: int, node: Node) -> tuple[list[str | float], list[str]]:
        """What formulas call the operands of a node, and their boxes; a number has none."""
        operands: list[str | float] = []
        tails: list[str] = []
        sources = iter(sorted(self.into[i]))
        for k, parent in enumerate(node.parents):
            number = None if isinstance(parent, NODES) else constant(parent)
            if isinstance(parent, NODES):
                ((tail, _),) = self.into[i][next(sources)]
                tails.append(f"n{tail}")
                is_whole = np.shape(parent.data) == np.shape(self._node(tail).data)
                operands.append(self.short[tail] + "[…]" * (not is_whole))
            elif number is not None:
                tails.append("")
                operands.append(number)
            else:
                if id(parent) not in self.arrays:
                    full = self.looks.names.get(id(parent)) or next(self.free)
                    short = shown(full, LONGEST_NAME)
                    self.arrays[id(parent)] = f"n{i}c{k}", short
                    self.boxes.append(constant_box(f"n{i}c{k}", short, parent))
                tail_name, called = self.arrays[id(parent)]
                tails.append(tail_name)
                operands.append(called)
        return operands, tails

    def _node(self, i: int) -> Node:
        return self.graph.nodes[self.plan.groups[i][-1]]

    def _layer(self, i: int, nodes: Sequence[Node]) -> Box:
        stems = [stem(self.called[place]) for place in self.plan.groups[i]]
        inside = set(map(id, nodes))
        shapes = [
            np.shape(data_of(parent))
            for node in nodes
            if isinstance(node, Tensor)
            for parent in node.parents
            if id(parent) not in inside and constant(parent) is None
        ]
        shape = max(shapes, key=len, default=())
        return layer_box(f"n{i}", self.plan.layers[i], nodes, stems, i in self.roots, shape)

    def _made_alike(self, i: int) -> tuple[str, dict[int, tuple[str, ...]]]:
        """How the nodes of a group were computed, and what is said of each node operand."""
        graph, places, chain = self.graph, self.plan.groups[i], self.plan.chain
        last = graph.nodes[places[-1]]
        rule = rule_of(last)
        if rule is None:
            return "", {}
        _, of, sizes = np.unique(chain[places], return_inverse=True, return_counts=True)
        if sizes.max() > 1:
            return _sum_of(rule.symbol == "+", graph.lengths[places], of, sizes), {}
        if places[-1] in graph.cut:
            return f"{last.op}(…)", {}
        operands: list[str | float] = []
        for k, parent in enumerate(last.parents):
            if isinstance(parent, NODES):
                slot = sum(isinstance(p, NODES) for p in last.parents[:k])
                tails = self.into[i].get(slot, ())
                operands.append(self.short[tails[0][0]] if len(tails) == 1 else MANY)
                continue
            one = constant(parent)
            same = all(constant(graph.nodes[place].parents[k]) == one for place in places)
            operands.append(one if one is not None and same else "c")
        lines = self.texts.alike(last, self.short[i], operands)
        of_nodes = [
            line for line, p in zip(lines, last.parents, strict=True) if isinstance(p, NODES)
        ]
        differ = isinstance(last, Tensor) and any(
            repr(graph.nodes[place].options) != repr(last.options)  # type: ignore[union-attr]
            for place in places
        )
        return made_by_text(last, rule, operands, differ), dict(enumerate(of_nodes))


def _sum_of(is_sum: bool, lengths: Array, of: Array, sizes: Array) -> str:
    edges = np.bincount(of, lengths).astype(np.intp)
    terms = edges - (sizes - 1)  # an edge within is no term
    least, most = terms.min(), terms.max()
    count = str(most) if least == most else f"{least} to {most}"
    return f"sum of {count} terms" if is_sum else f"product of {count} factors"


def _labels(called: Sequence[str], plan: Plan) -> tuple[list[str], Iterator[str]]:
    """What each group is called, in full, and free names for constants.

    A group is called by what its nodes' names have in common, or v1, v2, ... if that is nothing.
    """
    found = distinct(
        [
            plan.layers[i] if plan.whole[i] else _common([called[place] for place in places])
            for i, places in enumerate(plan.groups)
        ]
    )
    taken = {shown(name, LONGEST_NAME) for name in found}
    made_up = free_names("v", taken)
    return [name or next(made_up) for name in found], free_names("c", taken)


def _common(names: Sequence[str]) -> str:
    given = {name for name in names if name}
    if len(given) <= 1:
        return next(iter(given), "")
    for shorter, end in ((stem, "[:]"), (family, "…")):
        common = {shorter(name) for name in given}
        if len(common) == 1:
            (name,) = common
            return name + end if name else ""
    return ""


def _counted(
    head: int,
    into: Mapping[int, Sequence[tuple[int, int]]],
    formulas: Mapping[int, tuple[str, ...]] | None = None,
) -> Iterator[Arrow]:
    """The arrows to a group: how many edges each stands for, and their formula if it is one.

    A whole layer has no formulas, and no arrow to itself.
    """
    totals: Counter[int] = Counter()
    slots: dict[int, list[int]] = {}
    for slot, found in sorted(into.items()):
        for tail, uses in found:
            if formulas is not None or tail != head:
                totals[tail] += uses
                slots.setdefault(tail, []).append(slot)
    for k, tail in enumerate(slots):
        lines = {(formulas or {}).get(slot, ()) for slot in slots[tail]}
        said = list(lines.pop()) if len(lines) == 1 else []
        said += ["from one to the next"] * (tail == head)
        said += [f"× {totals[tail]}"] * (totals[tail] > 1)
        yield Arrow(f"e{head}_{k}", f"n{tail}", f"n{head}", tuple(said))


def _merged(arrows: Sequence[Arrow]) -> list[Arrow]:
    """The arrows to one box, those from another that are too many to tell apart as one."""
    counts = Counter(arrow.tail for arrow in arrows)
    found: dict[str, Arrow] = {}
    for arrow in arrows:
        if counts[arrow.tail] <= MOST_PARALLEL:
            found[arrow.name] = arrow
        elif arrow.tail not in found:
            found[arrow.tail] = Arrow(
                arrow.name, arrow.tail, arrow.head, (f"× {counts[arrow.tail]}",)
            )
    return list(found.values())


def _clusters(plan: Plan) -> Iterator[Cluster]:
    boxes: dict[str, list[str]] = {}
    for i, layer in enumerate(plan.layers):
        if layer and not plan.whole[i]:
            boxes.setdefault(layer, []).append(f"n{i}")
    for layer, names in boxes.items():
        yield Cluster(shown(layer, LONGEST_LABEL), tuple(names))


def _notes(graph: Recorded, plan: Plan) -> Iterator[str]:
    shown_here = len(graph.nodes)
    if shown_here + graph.passed < graph.whole or graph.cut:
        yield f"{shown_here} of {graph.whole} nodes; … marks one whose operands are left out"
    if graph.passed:
        nodes = "1 node" if graph.passed == 1 else f"{graph.passed} nodes"
        yield f"{nodes} left out: products with 1, powers of 1, parts of which only parts are used"
    if len(plan.groups) < shown_here:
        what = (
            "whole layers are one box" if any(plan.whole) else "× n marks n that are computed alike"
        )
        yield f"{shown_here} nodes folded into {len(plan.groups)} boxes: {what}"
