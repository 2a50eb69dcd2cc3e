"""What a picture of a graph shows, as data: boxes, arrows and layers.

>>> from autograd_mini import Value
>>> x = Value(3.0, label="x")
>>> y = x * x
>>> y.backward()
>>> found = picture(y)
>>> [(box.label, box.made_by) for box in found.boxes]
[('x', ''), ('v1', 'x·x')]
>>> [arrow.lines for arrow in found.arrows]
[('∂v1/∂x (1st) = x', '= 3'), ('∂v1/∂x (2nd) = x', '= 3')]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import numpy as np

from autograd_mini.core.value import constant
from autograd_mini.show.boxes import (
    STATUS,
    Arrow,
    Box,
    Kind,
    View,
    constant_box,
    derivative_lines,
    group_box,
    layer_box,
    made_by_text,
    node_box,
    rule_of,
    share_line,
)
from autograd_mini.show.fold import (
    folded_edges,
)
from autograd_mini.show.layers import is_input_name
from autograd_mini.show.names import (
    LONGEST_LABEL,
    LONGEST_NAME,
    Variables,
    family,
    free_names,
    names_of,
    shown,
    stem,
)
from autograd_mini.show.plan import (
    Clusters,
    Fold,
    Plan,
    layers_of_leaves,
    parameters_of,
    plan_of,
    too_large,
    unfolded,
)
from autograd_mini.show.recorded import (
    NODES,
    Node,
    Recorded,
    TooLarge,
    on_the_way,
    recorded,
    to_depth,
    uncollected,
)
from autograd_mini.typing import Array, Operand


@dataclass(frozen=True)
class Cluster:
    """A layer: its name, and the names of its boxes."""

    label: str
    boxes: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A computation graph, ready to be laid out; equal graphs give equal pictures.

    Arguments:
        title: what it shows, in a line.
        boxes, arrows, clusters: its parts.
        notes: sentences on what is left out or folded.
        backward: whether arrows point the way gradients flow, from result to operand.
        groups: for the boxes n0, n1, ... which nodes they stand for, by their places among the
            nodes that are shown, in topological order.
        ends: those of them whose numbers the box shows: the last of each sum.
    """

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    clusters: tuple[Cluster, ...] = ()
    notes: tuple[str, ...] = ()
    backward: bool = False
    groups: tuple[tuple[int, ...], ...] = field(default=(), repr=False)
    ends: tuple[tuple[int, ...], ...] = field(default=(), repr=False)


def picture(
    root: Node,
    max_nodes: int = 300,
    *,
    names: Variables | None = None,
    view: View = "both",
    to: Operand = None,
    depth: int | None = None,
    fold: Fold = False,
    clusters: Clusters = True,
    inputs: Collection[Any] | None = None,
    status: Mapping[Any, str] | None = None,
    called: Mapping[int, str] | None = None,
    gradients: Mapping[int, Any] | None = None,
    alone: Collection[int] = (),
) -> Picture:
    """The boxes and arrows of the graph that ``root`` was computed by, operands first.

    Arguments and errors are those of ``draw``, but for ``names``: the names of objects by ``id``;
    ``called`` and ``gradients``: names of all nodes in the place of labels, and their gradients
    in the place of ``grad``, by ``id`` as well; ``alone``: places of nodes that are not folded
    with others.
    """
    if view not in ("both", "forward", "backward"):
        raise ValueError(f"view is 'both', 'forward' or 'backward', not {view!r}")
    if fold not in (True, False, "repeats", "layers"):
        raise ValueError(f"fold is True, False, 'repeats' or 'layers', not {fold!r}")
    with uncollected():
        graph = _chosen(root, max_nodes, to, depth, fold)
        swept = gradients is not None or bool(np.any(np.asarray(root.grad)))
        if view == "backward" and not swept:
            raise ValueError(
                "a backward picture shows gradients: call backward() on the root first"
            )
        names_in_full = (
            [called[id(node)] for node in graph.nodes]
            if called
            else names_of(graph.nodes, names or {})
        )
        parameters = parameters_of(clusters)
        told = layers_of_leaves(graph, names_in_full, clusters, parameters)
        plan = unfolded(plan_of(graph, names_in_full, told, fold, max_nodes), alone)
        looks = _Looks(
            view,
            swept,
            None if parameters is None else frozenset(map(id, parameters.values())),
            None if inputs is None else frozenset(map(id, inputs)),
            _by_id(status or {}),
            names or {},
            gradients or {},
        )
        return _composed(graph, names_in_full, plan, looks, max_nodes)


def transcript(picture: Picture) -> str:
    """A picture in words, for people who hear it read out: a line for each box and arrow.

    >>> from autograd_mini import Value
    >>> print(transcript(picture(Value(3.0, label="w") * 2)))
    Computation graph of v1: 2 nodes, 2 edges
    parameter w: value 3
    constant 2
    result v1 = w·2: value 6
      from w: ∂v1/∂w = 2
      from 2
    """
    label = {box.name: box.label for box in picture.boxes}
    layer = {name: cluster.label for cluster in picture.clusters for name in cluster.boxes}
    into: dict[str, list[str]] = {box.name: [] for box in picture.boxes}
    for arrow in picture.arrows:
        told = f": {' '.join(arrow.lines)}" if arrow.lines else ""
        into[arrow.head].append(f"  from {label[arrow.tail]}{told}")
    lines = [picture.title, *picture.notes]
    for box in picture.boxes:
        text = f"{'result' if box.root else box.kind} {box.label}"
        text += f" × {box.count}" * (box.count > 1) + f" = {box.made_by}" * bool(box.made_by)
        text += f", shape {box.shape}" * bool(box.shape)
        text += f", in {layer[box.name]}" if box.name in layer else ""
        cells = "; ".join(" ".join(row).strip() for row in box.rows)
        lines += [text + f": {cells}" * bool(cells), *into[box.name]]
    return "\n".join(lines)


# Which part of the graph


def _chosen(root: Node, max_nodes: int, to: Operand, depth: int | None, fold: Fold) -> Recorded:
    if not isinstance(root, NODES):
        raise TypeError(
            "draw() takes the Value or Tensor at the end of a graph, or a GradientReport, not "
            f"{type(root).__name__}"
        )
    if depth is not None and (type(depth) is not int or depth < 0):
        raise ValueError(f"depth is a whole number of operations from the root, not {depth!r}")
    try:
        whole = to is None and depth is None and not fold
        graph = recorded(root, max_nodes if whole else None)
    except TooLarge:
        raise ValueError(too_large(max_nodes, False)) from None
    if to is not None:
        ends = list(to) if isinstance(to, list | tuple) else [to]
        known = set(map(id, graph.nodes))
        for end in ends:
            if id(end) not in known:
                label = f" {shown(end.label, LONGEST_NAME)!r}" if isinstance(end, NODES) else ""
                raise ValueError(
                    f"to= names nodes that the root was computed from, and this "
                    f"{type(end).__name__}{label} is none of them"
                )
        graph = on_the_way(graph, ends)
    return graph if depth is None else to_depth(graph, depth)


# Boxes and arrows


@dataclass(frozen=True)
class _Looks:
    """What all boxes share: the view, and what is known of nodes by their ``id``."""

    view: View
    swept: bool
    parameters: frozenset[int] | None
    inputs: frozenset[int] | None
    status: Mapping[int, str]
    names: Variables
    gradients: Mapping[int, Any]

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


def _by_id(status: Mapping[Any, str]) -> dict[int, str]:
    for told in status.values():
        if str(told).partition(":")[0] not in STATUS:
            raise ValueError(f"a status is one of {', '.join(map(repr, STATUS))}, not {told!r}")
    return {id(node): told for node, told in status.items()}


def _composed(
    graph: Recorded, called: Sequence[str], plan: Plan, looks: _Looks, max_nodes: int
) -> Picture:
    labels, free = _labels(graph, called, plan)
    short = [shown(label, LONGEST_NAME) for label in labels]
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    arrays: dict[int, tuple[str, str]] = {}  # an array that is used twice is one box
    into: list[dict[int, list[tuple[int, int]]]] = [{} for _ in plan.groups]
    for tail, head, slot, uses in folded_edges(graph, plan.groups, plan.chain):
        into[head].setdefault(slot, []).append((tail, uses))
    for i, places in enumerate(plan.groups):
        name = f"n{i}"
        nodes = [graph.nodes[place] for place in places]
        last = nodes[-1]
        shared: dict[str, Any] = {
            "root": i == len(plan.groups) - 1,
            "swept": looks.swept,
            "cut": places[-1] in graph.cut,
            "status": looks.gravest(nodes),
        }
        kind = looks.kind(last, called[places[-1]])
        if plan.whole[i]:
            stems = [stem(called[place]) for place in places]
            boxes.append(layer_box(name, plan.layers[i], nodes, stems, shared["root"]))
            arrows += _counted(i, into[i])
            continue
        if len(nodes) > 1:
            ends = list(compress(nodes, _is_end(plan, places)))
            made_by, formulas = _made_alike(graph, places, plan.chain, short, i, into[i])
            gradients = [looks.gradients.get(id(node), node.grad) for node in ends]
            boxes.append(
                group_box(
                    name, ends, labels[i], kind, made_by, looks.view, gradients=gradients, **shared
                )
            )
            arrows += _counted(i, into[i], formulas if looks.view != "forward" else {})
            continue
        operands: list[str | float] = []
        tails: list[str] = []
        sources = iter(sorted(into[i]))
        for k, parent in enumerate(() if shared["cut"] else last.parents):
            if isinstance(parent, NODES):
                ((tail, _),) = into[i][next(sources)]
                tails.append(f"n{tail}")
                operands.append(short[tail])
                continue
            one = constant(parent)
            if one is not None:
                tails.append(f"n{i}c{k}")
                operands.append(one)
            elif id(parent) in arrays:
                tail_name, label = arrays[id(parent)]
                tails.append(tail_name)
                operands.append(label)
                continue
            else:
                full = looks.names.get(id(parent)) or next(free)
                tails.append(f"n{i}c{k}")
                operands.append(shown(full, LONGEST_NAME))
                arrays[id(parent)] = (tails[-1], str(operands[-1]))
            boxes.append(constant_box(tails[-1], operands[-1], parent))
        gradient = looks.gradients.get(id(last))
        boxes.append(
            node_box(name, last, labels[i], kind, operands, looks.view, gradient=gradient, **shared)
        )
        lines = derivative_lines(last, short[i], operands) if operands else ()
        for k, line in enumerate(lines):
            if looks.view == "forward":
                line = ()
            elif looks.view == "backward" and line:
                line = (*line, *share_line(last, k))
            arrows.append(Arrow(f"e{i}_{k}", tails[k], name, line))
    if len(boxes) > max_nodes:
        raise ValueError(too_large(max_nodes, len(plan.groups) < len(graph.nodes)))
    return Picture(
        f"Computation graph of {short[-1]}: {graph.whole} nodes, {len(arrows)} edges",
        tuple(boxes),
        tuple(arrows),
        tuple(_clusters(plan)),
        tuple(_notes(graph, plan)),
        looks.view == "backward",
        tuple(map(tuple, plan.groups)),
        tuple(tuple(compress(places, _is_end(plan, places))) for places in plan.groups),
    )


def _is_end(plan: Plan, places: Sequence[int]) -> list[bool]:
    """For each of a group, whether it is the last of its sum, as most are."""
    found: list[bool] = (plan.chain[list(places)] == places).tolist()
    return found


def _labels(graph: Recorded, called: Sequence[str], plan: Plan) -> tuple[list[str], Iterator[str]]:
    """What each group is called, in full, and free names for constants.

    A group is called by what its nodes' names have in common, or v1, v2, ... if that is nothing.
    """
    found = [
        plan.layers[i] if plan.whole[i] else _common([called[place] for place in places])
        for i, places in enumerate(plan.groups)
    ]
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


def _made_alike(
    graph: Recorded,
    places: Sequence[int],
    chain: Array,
    short: Sequence[str],
    group: int,
    into: Mapping[int, Sequence[tuple[int, int]]],
) -> tuple[str, dict[int, str]]:
    """How the nodes of a group were computed, and the local derivative for each node operand."""
    last = graph.nodes[places[-1]]
    rule = rule_of(last)
    if rule is None:
        return "", {}
    _, of, sizes = np.unique(chain[places], return_inverse=True, return_counts=True)
    if sizes.max() > 1:
        edges = np.bincount(of, graph.lengths[places]).astype(np.intp)
        terms = edges - (sizes - 1)  # an edge within is no term
        least, most = terms.min(), terms.max()
        count = str(most) if least == most else f"{least} to {most}"
        return f"sum of {count} terms" if rule.symbol == "+" else f"product of {count} factors", {}
    if places[-1] in graph.cut:
        return f"{last.op}(…)", {}
    operands: list[str | float] = []
    for k, parent in enumerate(last.parents):
        if isinstance(parent, NODES):
            tails = into.get(sum(isinstance(p, NODES) for p in last.parents[:k]), ())
            operands.append(short[tails[0][0]] if len(tails) == 1 else "…")
            continue
        one = constant(parent)
        same = all(constant(graph.nodes[place].parents[k]) == one for place in places)
        operands.append(one if one is not None and same else "c")
    lines = list(derivative_lines(last, short[group], operands))
    of_nodes = [line for line, p in zip(lines, last.parents, strict=True) if isinstance(p, NODES)]
    return made_by_text(last, rule, operands), {
        k: line[0] for k, line in enumerate(of_nodes) if line
    }


def _counted(
    head: int,
    into: Mapping[int, Sequence[tuple[int, int]]],
    formulas: Mapping[int, str] | None = None,
) -> Iterator[Arrow]:
    """The arrows to a group: how many edges each stands for, and their formula if it is one.

    A whole layer has no formulas: then all edges from one group are one arrow.
    """
    totals: Counter[tuple[int, int]] = Counter()
    for slot, found in into.items():
        for tail, uses in found:
            if formulas is not None or tail != head:
                totals[0 if formulas is None else slot, tail] += uses
    for k, ((slot, tail), uses) in enumerate(sorted(totals.items())):
        lines = [formulas[slot]] if formulas and slot in formulas else []
        lines += ["from one to the next"] * (tail == head) + [f"× {uses}"] * (uses > 1)
        yield Arrow(f"e{head}_{k}", f"n{tail}", f"n{head}", tuple(lines))


def _clusters(plan: Plan) -> Iterator[Cluster]:
    boxes: dict[str, list[str]] = {}
    for i, layer in enumerate(plan.layers):
        if layer and not plan.whole[i]:
            boxes.setdefault(layer, []).append(f"n{i}")
    for layer, names in boxes.items():
        yield Cluster(shown(layer, LONGEST_LABEL), tuple(names))


def _notes(graph: Recorded, plan: Plan) -> Iterator[str]:
    shown_here = len(graph.nodes)
    if shown_here < graph.whole or graph.cut:
        yield f"{shown_here} of {graph.whole} nodes; … marks one whose operands are left out"
    if len(plan.groups) < shown_here:
        what = (
            "whole layers are one box" if any(plan.whole) else "× n marks n that are computed alike"
        )
        yield f"{shown_here} nodes folded into {len(plan.groups)} boxes: {what}"
