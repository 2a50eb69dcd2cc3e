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
from dataclasses import dataclass, replace

import numpy as np

from autograd_mini.core.operation import OPERATIONS
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.typing import Array

Node = Value | Tensor
NODES = (Value, Tensor)


@dataclass(frozen=True)
class Recorded:
    """The nodes of a graph in topological order, each root after what it was computed from.

    Arguments:
        nodes: each after all of its operands that are in the list.
        flat: an array: for one node after the other, the places in the list of its operands
            that are nodes, in order; none for a node that is cut.
        starts: an array: where each node's part of ``flat`` begins, and the end of the last.
        whole: how many nodes the graph has of which this may be a part.
        roots: the places of the roots; the last node is one.
        cut: the places of nodes whose operands are left out.
        passed: how many nodes are left out that say nothing.
    """

    nodes: list[Node]
    flat: Array
    starts: Array
    whole: int
    roots: tuple[int, ...]
    cut: frozenset[int] = frozenset()
    passed: int = 0

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
    """A walk has met more nodes than it was told to draw."""


def recorded(*roots: Node, most: int | None = None) -> Recorded:
    """The graph that ``roots`` were computed by, in the order of ``topological_order``.

    Arguments:
        roots: Values and Tensors.
        most: how many nodes there may be.

    Raises:
        TooLarge: there are more; found out without walking the rest.
    """
    found = list({id(root): root for root in roots}.values())
    # An id is hashed faster than a node, and every node is kept alive
    places = {id(root): place for place, root in enumerate(found)}
    flat: list[int] = []
    starts = [0]
    size = ends = len(found)
    for node in found:  # grows while it is walked
        for parent in node.parents:
            if not isinstance(parent, NODES):
                continue
            place = places.setdefault(id(parent), size)
            if place == size:
                found.append(parent)
                size += 1
            flat.append(place)
        starts.append(len(flat))
        if most is not None and size > most:
            raise TooLarge
    arrays = np.array(flat, np.intp), np.array(starts, np.intp)
    uses = np.bincount(arrays[0], minlength=size).tolist()
    ready = [place for place in range(ends) if not uses[place]]
    order = []
    while ready:
        place = ready.pop()
        order.append(place)
        for source in flat[starts[place] : starts[place + 1]]:
            if uses[source] == 1:
                ready.append(source)
            else:
                uses[source] -= 1
    order.reverse()
    return _part(Recorded(found, *arrays, size, tuple(range(ends))), order)


def _part(graph: Recorded, order: Sequence[int], cut: Collection[int] = ()) -> Recorded:
    """The nodes at these places, in this order, without the operands of those that are cut."""
    old = np.array(order, np.intp)
    kept = set(order)
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
        tuple(int(new[place]) for place in graph.roots if place in kept),
        frozenset(ends),
        graph.passed,
    )


def slices(starts: Array, lengths: Array) -> Array:
    """The places of several slices of an array, one after the other.

    >>> slices(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    within: Array = np.arange(lengths.sum()) + np.repeat(starts - ends + lengths, lengths)
    return within


def in_short(graph: Recorded, names: Sequence[str], held: Collection[int]) -> Recorded:
    """The graph without nameless nodes that say nothing: a product with 1 and a power of 1, of
    which a sweep makes many, and a part of an array of which only parts are taken.

    Arguments:
        graph: a graph.
        names: of each node, ``""`` for none.
        held: the ``id`` of each array that a variable holds.

    >>> from autograd_mini import Value
    >>> graph = recorded((1 * Value(2.0, label="a").tanh()).exp())
    >>> [node.op for node in in_short(graph, ["a", "", "", ""], ()).nodes]
    ['', 'tanh', 'exp']
    """
    heads, tails = graph.edges()
    is_part = np.array([node.operation is PART for node in graph.nodes])
    used_whole = np.zeros(len(graph.nodes), bool)
    used_whole[tails[~is_part[heads]]] = True
    used_whole[list(graph.roots)] = True
    instead = list(range(len(graph.nodes)))
    for place, node in enumerate(graph.nodes):
        sources = graph.sources(place)
        if len(sources) != 1 or names[place] or place in graph.roots:
            continue
        if (is_part[place] and not used_whole[place]) or _is_unchanged(node, held):
            instead[place] = instead[sources[0]]
    left = [place for place in range(len(instead)) if instead[place] == place]
    if len(left) == len(instead):
        return graph
    moved = replace(graph, flat=np.array(instead, np.intp)[graph.flat])
    return replace(_part(moved, left), passed=len(instead) - len(left))


PART = OPERATIONS["getitem"]

MOST_READ = 20_000
"""Of a larger graph nobody reads single nodes: what says nothing is folded like the rest."""


def _is_unchanged(node: Node, held: Collection[int]) -> bool:
    """Whether it is its operand times 1 or to the power of 1."""
    constants = [parent for parent in node.parents if not isinstance(parent, NODES)]
    if node.operation is None or len(constants) != 1:
        return False
    is_power = node.operation.symbol == "**" and node.parents[1] is constants[0]
    if node.operation.symbol != "*" and not is_power:
        return False
    (operand,) = (parent for parent in node.parents if isinstance(parent, NODES))
    if not operand.parents:  # 1 may be an input, and the operand its weight
        return False
    is_whole = np.shape(operand.data) == np.shape(node.data)
    return is_whole and id(constants[0]) not in held and _is_one(constants[0])


def _is_one(constant: object) -> bool:
    array = np.asarray(constant)
    return array.dtype.kind in "fiu" and bool(np.all(array == 1.0))


def to_depth(graph: Recorded, depth: int) -> Recorded:
    """The nodes that the root is computed from in at most so many operations.

    >>> from autograd_mini import Value
    >>> a = Value(2.0, label="a")
    >>> part = to_depth(recorded(((a + 1) * 2).exp()), 1)
    >>> [node.op for node in part.nodes], sorted(part.cut)
    (['mul', 'exp'], [0])
    """
    steps = dict.fromkeys(graph.roots, 0)
    walk = list(graph.roots)
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
