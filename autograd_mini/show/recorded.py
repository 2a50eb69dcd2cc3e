"""A recorded graph in flat arrays, which are quick to fold, and parts of it.

>>> from autograd_mini import Value
>>> a = Value(2.0, label="a")
>>> b = a * a
>>> graph = recorded(b + 1)
>>> [node.op or node.label for node in graph.nodes], [graph.sources(i) for i in range(3)]
(['a', 'mul', 'add'], [[], [0, 0], [1]])
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.typing import Array

Node = Value | Tensor
NODES = (Value, Tensor)


@dataclass(frozen=True)
class Recorded:
    """The nodes of a graph in topological order, the root last.

    Arguments:
        nodes: each after all of its operands that are in the list.
        flat: an array: for one node after the other, the places in the list of its operands
            that are nodes, in order; none for a node that is cut.
        starts: an array: where each node's part of ``flat`` begins, and the end of the last.
        cut: the places of nodes whose operands are left out.
        whole: how many nodes the graph has of which this may be a part.
    """

    nodes: list[Node]
    flat: Array
    starts: Array
    whole: int
    cut: frozenset[int] = frozenset()

    def sources(self, place: int) -> list[int]:
        """The places of a node's operands that are nodes."""
        found: list[int] = self.flat[self.starts[place] : self.starts[place + 1]].tolist()
        return found

    @property
    def lengths(self) -> Array:
        """For each node, how many of its operands are nodes."""
        return np.diff(self.starts)

    def edges(self) -> tuple[Array, Array]:
        """For each use of an operand: the place of the result, and that of the operand."""
        return np.repeat(np.arange(len(self.nodes)), self.lengths), self.flat

    def slots(self, heads: Array) -> Array:
        """For each use of an operand, as in ``edges``: which of the node's operands it is."""
        return np.arange(len(heads)) - self.starts[heads]


@contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection: where nothing makes a cycle, it would walk every node in vain."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class TooLarge(Exception):
    """A walk has met more nodes and constants than it was told to draw."""


def recorded(root: Node, most: int | None = None) -> Recorded:
    """The graph that ``root`` was computed by, in the order of ``topological_order``.

    Arguments:
        root: a Value or a Tensor.
        most: how many nodes and constants there may be.

    Raises:
        TooLarge: there are more; found out without walking the rest.
    """
    places = {id(root): 0}  # an id is hashed faster than a node, and every node is kept alive
    found = [root]
    flat: list[int] = []
    starts = [0]
    constants = 0
    size = 1
    for node in found:  # grows while it is walked
        for parent in node.parents:
            if not isinstance(parent, NODES):
                constants += 1
                continue
            place = places.setdefault(id(parent), size)
            if place == size:
                found.append(parent)
                size += 1
            flat.append(place)
        starts.append(len(flat))
        if most is not None and size + constants > most:
            raise TooLarge
    arrays = np.array(flat, np.intp), np.array(starts, np.intp)
    uses = np.bincount(arrays[0], minlength=size).tolist()
    ready, order = [0], []
    while ready:
        place = ready.pop()
        order.append(place)
        for source in flat[starts[place] : starts[place + 1]]:
            if uses[source] == 1:
                ready.append(source)
            else:
                uses[source] -= 1
    order.reverse()
    return _part(Recorded(found, *arrays, size), order)


def _part(graph: Recorded, order: Sequence[int], cut: Collection[int] = ()) -> Recorded:
    """The nodes at these places, in this order, without the operands of those that are cut."""
    old = np.array(order, np.intp)
    lengths = graph.lengths[old]
    nodes = list(map(graph.nodes.__getitem__, order))
    ends = [i for i, place in enumerate(order if cut else ()) if place in cut and nodes[i].parents]
    lengths[ends] = 0
    new = np.zeros(len(graph.nodes), np.intp)
    new[old] = np.arange(len(old))
    return Recorded(
        nodes,
        new[graph.flat[slices(graph.starts[old], lengths)]],
        np.concatenate([[0], np.cumsum(lengths)]),
        graph.whole,
        frozenset(ends),
    )


def slices(starts: Array, lengths: Array) -> Array:
    """The places of several slices of an array, one after the other.

    >>> slices(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    within: Array = np.arange(lengths.sum()) + np.repeat(starts - ends + lengths, lengths)
    return within


def to_depth(graph: Recorded, depth: int) -> Recorded:
    """The nodes that the root is computed from in at most so many operations.

    >>> from autograd_mini import Value
    >>> a = Value(2.0, label="a")
    >>> part = to_depth(recorded(((a + 1) * 2).exp()), 1)
    >>> [node.op for node in part.nodes], sorted(part.cut)
    (['mul', 'exp'], [0])
    """
    root = len(graph.nodes) - 1
    steps = {root: 0}
    walk = [root]
    for place in walk:
        if steps[place] < depth:
            for source in graph.sources(place):
                if source not in steps:
                    steps[source] = steps[place] + 1
                    walk.append(source)
    cut = {place for place in walk if steps[place] == depth}
    return _part(graph, sorted(walk), cut)


def on_the_way(graph: Recorded, ends: Sequence[Node]) -> Recorded:
    """The nodes on the paths from the root to ``ends``, and their other operands, cut.

    >>> from autograd_mini import Value
    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> part = on_the_way(recorded(a.exp() * b.exp()), [a])
    >>> [node.op or node.label for node in part.nodes], sorted(part.cut)
    (['a', 'exp', 'exp', 'mul'], [2])
    """
    places = {id(node): place for place, node in enumerate(graph.nodes)}
    wanted = {places[id(end)] for end in ends}
    reaches = set(wanted)
    for place in range(len(graph.nodes)):
        if any(source in reaches for source in graph.sources(place)):
            reaches.add(place)
    whole = {p for p in reaches if any(source in reaches for source in graph.sources(p))}
    shown = reaches.union(source for place in whole for source in graph.sources(place))
    return _part(graph, sorted(shown), shown - whole)
