"""Which nodes each box of a picture stands for: of which layer they are, and what is folded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np

from autograd_mini.core.tensor import Tensor
from autograd_mini.show.fold import READABLE, Groups, by_layers, by_repeats, folded_edges
from autograd_mini.show.layers import is_input_name, layer_of_label, layers_of
from autograd_mini.show.names import stem
from autograd_mini.show.recorded import MOST_READ, Recorded
from autograd_mini.typing import Array

Fold = bool | Literal["repeats", "layers"]


class Model(Protocol):
    """What calls its parameters by names, as a Module of ``nn`` does."""

    def named_parameters(self) -> Iterable[tuple[str, Any]]:
        """Each parameter with its name."""


Clusters = bool | Mapping[str, Iterable[Any]] | Model | None
"""Whether to frame layers by labels; the nodes of each layer by its name; or a model."""


def parameters_of(clusters: Clusters) -> dict[str, Any] | None:
    """The parameters of a model, by name."""
    given = getattr(clusters, "named_parameters", None)
    if callable(given):
        return dict(given())
    if not isinstance(clusters, Mapping) and clusters not in (True, False, None):
        raise TypeError(
            "clusters is True or False, a model with named_parameters(), or a dict of a layer's "
            f"name to its nodes, not {type(clusters).__name__}"
        )
    return None


def layers_of_leaves(
    graph: Recorded, called: Sequence[str], clusters: Clusters, parameters: Mapping[str, Any] | None
) -> list[str]:
    """The layer that each leaf tells, and each node that is put into one by hand."""
    if parameters is not None:
        told = {id(p): stem(name).rpartition(".")[0] for name, p in parameters.items()}
        return [told.get(id(node), "") for node in graph.nodes]
    if isinstance(clusters, Mapping):
        told = {id(node): str(name) for name, nodes in clusters.items() for node in nodes}
        return [told.get(id(node), "") for node in graph.nodes]
    if not clusters:
        return [""] * len(called)
    return [
        ""
        if not name or node.op
        else layer_of_label(name, isinstance(node, Tensor) and node.ndim > 0)
        for node, name in zip(graph.nodes, called, strict=True)
    ]


@dataclass(frozen=True)
class Plan:
    """Which nodes each box stands for.

    Arguments:
        groups: places of nodes; the root's group is the last.
        layers: of each group, ``""`` for none.
        whole: for each group, whether it is a whole layer.
        chain: an array: for each node the last of the sum that it is drawn as a part of.
    """

    groups: Groups
    layers: list[str]
    whole: list[bool]
    chain: Array


def plans(
    graph: Recorded, called: Sequence[str], told: Sequence[str], fold: Fold, max_nodes: int
) -> Iterator[Plan]:
    """The ways to fold a graph, the finest first; of ``fold=True`` the first folds nothing, but
    for the steps of a recurrence, which are a loop from the second on.

    What is too large for a page is not drawn as it is, and then layers, if there are any, are
    boxes sooner than nodes that are alike in little.
    """
    size = len(graph.nodes)
    is_recurrent = fold is True and _is_recurrent(graph, called, told)
    folded = partial(_folded, graph, called, told, fold, max_nodes)
    if is_recurrent:
        loops = folded(loops=True)
        first = next(loops, None)
        if first is not None:
            yield first
            yield from loops
            return
    if fold != "repeats" and (not fold or size <= min(READABLE, max_nodes)):
        groups, chain = [[place] for place in range(size)], np.arange(size)
        layers = _layers_of_groups(graph, groups, chain, told)
        made = _by_layers if fold == "layers" else _by_nodes
        yield made(groups, layers, chain)
    if fold and not (fold == "layers" and size <= READABLE):
        yield from folded(loops=False)


def _folded(
    graph: Recorded,
    called: Sequence[str],
    told: Sequence[str],
    fold: Fold,
    max_nodes: int,
    loops: bool,
) -> Iterator[Plan]:
    """The plans in which nodes that repeat are one box; of ``loops`` those where one leads back."""
    last: Plan | None = None
    for groups, chain in by_repeats(graph, called, told, max_nodes):
        layers = _layers_of_groups(graph, groups, chain, told)
        if fold == "layers":
            yield _by_layers(groups, layers, chain)
            return
        if not loops or _has_loop(graph, groups, chain):
            yield _by_nodes(groups, layers, chain)
        if fold is True and last is None and any(layers):
            last = _by_layers(groups, layers, chain)
            if not loops:
                yield last
    if last is not None:
        yield last


def _has_loop(graph: Recorded, groups: Groups, chain: Array) -> bool:
    """Whether arrows between groups lead back to where they began."""
    heads: dict[int, list[int]] = {}
    missing = [0] * len(groups)
    for tail, head, *_ in folded_edges(graph, groups, chain):
        heads.setdefault(tail, []).append(head)
        missing[head] += 1
    ready = [group for group, count in enumerate(missing) if not count]
    for group in ready:
        for head in heads.get(group, ()):
            missing[head] -= 1
            if not missing[head]:
                ready.append(head)
    return len(ready) < len(groups)


STEPS = 3
"""Of fewer steps of a recurrence each is drawn."""


def _is_recurrent(graph: Recorded, called: Sequence[str], told: Sequence[str]) -> bool:
    """Whether a parameter is used one step after the other, in the same operation.

    Of a large graph that is not asked: it takes a look at each node.
    """
    if len(graph.nodes) > MOST_READ:
        return False
    heights = [0] * len(graph.nodes)
    used: dict[tuple[int, str], set[int]] = {}
    for place, node in enumerate(graph.nodes):
        sources = graph.sources(place)
        heights[place] = 1 + max((heights[source] for source in sources), default=0)
        for source in sources:
            name = called[source]
            if told[source] or (name and not graph.sources(source) and not is_input_name(name)):
                steps = used.setdefault((source, node.op), set())
                steps.add(heights[place])
                if len(steps) >= STEPS:
                    return True
    return False


def _by_nodes(groups: Groups, layers: list[str], chain: Array) -> Plan:
    return Plan(groups, layers, [False] * len(groups), chain)


def _by_layers(groups: Groups, layers: list[str], chain: Array) -> Plan:
    if not any(layers):
        raise ValueError(
            "fold='layers' knows no layer: label parameters 'layer1.W' or 'W1', or pass "
            "clusters=model or clusters={'layer 1': [W, b]}"
        )
    groups, layers = by_layers(groups, layers)
    return Plan(groups, layers, list(map(bool, layers)), chain)


def _layers_of_groups(
    graph: Recorded, groups: Groups, chain: Array, told: Sequence[str]
) -> list[str]:
    if not any(told):
        return [""] * len(groups)
    sources: list[list[int]] = [[] for _ in groups]
    for tail, head, *_ in folded_edges(graph, groups, chain):
        sources[head].append(tail)
    operations = [graph.nodes[places[-1]].operation for places in groups]
    of = {i: told[places[0]] for i, places in enumerate(groups) if told[places[0]]}
    return layers_of(operations, sources, of)


def unfolded(plan: Plan, alone: Collection[int]) -> Plan:
    """The plan with each of some nodes in a box of its own, whatever it was folded with."""
    if not alone:
        return plan
    parts = []
    for places, layer, whole in zip(plan.groups, plan.layers, plan.whole, strict=True):
        rest = [place for place in places if place not in alone]
        parts += [([place], layer, False) for place in places if place in alone]
        if rest:
            parts.append((rest, layer, whole))
    parts.sort(key=lambda part: part[0][-1])
    chain = plan.chain.copy()
    for place in alone:
        chain[place] = place
    groups, layers, whole_ones = map(list, zip(*parts, strict=True))
    return Plan(groups, layers, whole_ones, chain)


def too_large(max_nodes: int, folded: bool) -> str:
    """What to do about a graph of more boxes than the limit."""
    fold = "even folded" if folded else "fold its nodes (draw(node, fold=True))"
    return (
        f"the graph has more than {max_nodes} nodes, the limit that max_nodes sets"
        + (f", {fold}: " if folded else f": {fold}, ")
        + "draw a part of it (depth=3, to=node for the way to a node, or draw(intermediate)), or "
        "raise the limit (draw(node, max_nodes=...))"
    )
