"""Large graphs made small: nodes that are computed alike become one group.

>>> from autograd_mini import Value
>>> from autograd_mini.show.recorded import recorded
>>> w = Value(0.5, label="w")
>>> total = Value(0.0)
>>> for i in range(100):
...     total = total + w * Value(i, label=f"x[{i}]")
>>> graph = recorded(total.tanh())
>>> names = [node.label for node in graph.nodes]
>>> groups, _ = by_repeats(graph, names, [""] * len(names), 60)
>>> [(graph.nodes[group[0]].op or names[group[0]], len(group)) for group in groups]
[('', 1), ('w', 1), ('x[0]', 100), ('mul', 100), ('add', 100), ('tanh', 1)]
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.rules import RULES
from autograd_mini.show.names import each, family, stem
from autograd_mini.show.recorded import NODES, Recorded
from autograd_mini.tensor import Tensor

Groups = list[list[int]]
"""Places of nodes, in ascending order in each group; the group of the root is the last."""

READABLE = 60
"""How many boxes fit on a page; a coarser fold is tried if there are more."""

_SUMS = ("add", "mul")
"""Operations whose operands may come in any order: a chain of them is one sum or product."""


def by_repeats(
    graph: Recorded, names: Sequence[str], layers: Sequence[str], most: int, loosely: bool = True
) -> tuple[Groups, list[int]] | None:
    """Groups of nodes that are computed in the same way; ``None`` if there are more than ``most``.

    Beside the groups, for each node the last node of the sum that it is a part of.

    In the finest grouping, two nodes are in one group if they have the same operation, shape
    and name (but for its index), and so have their operands, and theirs, down to the leaves.  A
    chain of sums is one node here.  What repeats without end, such as the steps of a recurrent
    network, has no such equals; then it is enough that the names are of one family (w1, w2), then
    that operands are equal one level down, then none, and at last the operation alone.

    Arguments:
        graph: a graph.
        names: of each node, ``""`` for none.
        layers: of each leaf, ``""`` for none.
        most: the largest number of groups.
        loosely: whether to go on until the groups fit on a page, not only until they are few
            enough.
    """
    best = None
    stems = _colours(graph, each(stem, names), layers)
    chain = chains(graph, stems, names)
    for group_of in _finest_first(graph, names, layers, stems, chain, most):
        if group_of is not None:
            best = _gathered(group_of)
            if len(best) <= READABLE or not loosely:
                break
    return None if best is None else (best, chain)


def _finest_first(
    graph: Recorded,
    names: Sequence[str],
    layers: Sequence[str],
    stems: Sequence[int],
    chain: Sequence[int],
    most: int,
) -> Iterator[list[int] | None]:
    yield _alike(graph, stems, chain, most)
    of_families = each(family, names)
    if len(set(of_families)) < len(set(each(stem, names))):
        stems = _colours(graph, of_families, layers)
        yield _alike(graph, stems, chain, most)
    last = np.array(chain)
    plain = np.array(stems)
    yield _few(_with_operands(graph, plain)[last], most)
    yield _few(plain[last], most)
    yield _few(np.array(_colours(graph, [""] * len(names), [""] * len(names)))[last], most)


def _few(colours: Any, most: int) -> list[int] | None:
    return colours.tolist() if len(np.unique(colours)) <= most else None


def _with_operands(graph: Recorded, colours: Any) -> Any:
    """A colour for each node that tells its own and, in order, those of its operands."""
    starts, flat = np.array(graph.starts, np.intp), np.array(graph.flat, np.intp)
    lengths = np.diff(starts)
    found = colours.copy()
    longer = np.flatnonzero(lengths)
    slot = 0
    while longer.size:
        pairs = found[longer] * (colours.max() + 1) + colours[flat[starts[longer] + slot]]
        found[longer] = found.max() + 1 + np.unique(pairs, return_inverse=True)[1]
        slot += 1
        longer = longer[lengths[longer] > slot]
    return found


def chains(graph: Recorded, colours: Sequence[int], names: Sequence[str]) -> list[int]:
    """For each node the last node of the sum or product that it is a part of, often itself."""
    heads, tails = _edges(graph)
    samples = dict(zip(colours, graph.nodes, strict=True))  # of each colour one node
    kinds = _numbered((samples[c].op, getattr(samples[c], "shape", ())) for c in sorted(samples))
    is_sum = np.array([samples[c].op in _SUMS for c in sorted(samples)])
    colour = np.array(colours, np.intp)
    kind = np.array(kinds)[colour]
    unnamed = ~np.array(list(map(bool, names)))
    once = np.bincount(tails, minlength=len(names)) == 1
    linked = (kind[tails] == kind[heads]) & is_sum[colour[heads]] & once[tails] & unnamed[tails]
    last = np.arange(len(names))
    last[tails[linked]] = heads[linked]
    while True:
        further = last[last]
        if np.array_equal(further, last):
            return last.tolist()
        last = further


def _edges(graph: Recorded) -> tuple[Any, Any]:
    """For each use of an operand: the place of the result, and that of the operand."""
    lengths: Any = np.diff(np.array(graph.starts, np.intp))
    return np.repeat(np.arange(len(lengths)), lengths), np.array(graph.flat, np.intp)


def _colours(graph: Recorded, names: Sequence[str], layers: Sequence[str]) -> list[int]:
    """A number for what can be said of a node by itself, and of a nameless leaf by its uses."""
    uses: dict[int, set[tuple[str, int]]] = defaultdict(set)
    heads, tails = _edges(graph)
    is_leaf = np.diff(np.array(graph.starts, np.intp)) == 0
    nameless = is_leaf & ~np.array(list(map(bool, names)))
    for edge in np.flatnonzero(nameless[tails]).tolist() if nameless.any() else ():
        head = int(heads[edge])
        uses[graph.flat[edge]].add((graph.nodes[head].op, edge - graph.starts[head]))

    def described() -> Iterator[Any]:
        starts, cut = graph.starts, graph.cut
        for place, (node, name, layer) in enumerate(zip(graph.nodes, names, layers, strict=True)):
            op = node.op
            if isinstance(node, Tensor):
                about = (node.shape, repr(node.options), _constants(node))
                yield op, name, layer, place in cut, about
            elif op:
                operands = starts[place + 1] - starts[place]
                constants = () if operands == _ARITY.get(op) else _constants(node)
                yield (op, name, layer, place in cut, constants) if name or constants else op
            else:
                yield (name, layer) if name else (frozenset(uses[place]), layer)

    return _numbered(described())


_ARITY = {name: len(rule.operands) for name, rule in RULES.items()}


def _constants(node: Any) -> tuple[Any, ...]:
    """Which operands are constants; an exponent in full, for x² and x³ are not alike."""
    return tuple(
        None if isinstance(p, NODES) else p if node.op == "pow" and isinstance(p, float) else "c"
        for p in node.parents
    )


def _numbered(keys: Any) -> list[int]:
    """A number for each key, the same for equal ones."""
    numbers: dict[Any, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _alike(
    graph: Recorded, colours: Sequence[int], chain: Sequence[int], most: int
) -> list[int] | None:
    """A number for each node, the same for those computed alike; ``None`` if there are too many."""
    numbers: dict[Any, int] = {}
    terms: dict[int, set[int]] = {}
    found = [0] * len(colours)
    flat, starts = graph.flat, graph.starts
    for place, (colour, last) in enumerate(zip(colours, chain, strict=True)):
        sources = flat[starts[place] : starts[place + 1]]
        if last != place or place in terms:
            outer = [found[source] for source in sources if chain[source] != last]
            terms.setdefault(last, set()).update(outer)
            if last != place:
                continue
            key: Any = (colour, frozenset(terms.pop(place)))
        elif sources:
            key = (colour, *[found[source] for source in sources])
        else:
            key = colour
        found[place] = number = numbers.setdefault(key, len(numbers))
        if number == most:
            return None
    return [found[last] for last in chain]


def by_layers(groups: Groups, layers: Sequence[str]) -> tuple[Groups, list[str]]:
    """One group for each layer, beside those of no layer; and the layer of each, or ``""``.

    >>> by_layers([[0], [1], [2], [3]], ["", "one", "one", ""])
    ([[0], [1, 2], [3]], ['', 'one', ''])
    """
    merged: dict[tuple[str, int], list[int]] = {}
    for i, (layer, places) in enumerate(zip(layers, groups, strict=True)):
        merged.setdefault((layer, -1 if layer else i), []).extend(places)
    found = sorted((sorted(places), layer) for (layer, _), places in merged.items())
    found.sort(key=lambda pair: pair[0][-1])
    return [places for places, _ in found], [layer for _, layer in found]


def _gathered(group_of: Sequence[int]) -> Groups:
    numbers = np.array(group_of)
    by_group = np.argsort(numbers, kind="stable")
    ends = np.flatnonzero(np.diff(numbers[by_group])) + 1
    groups = [places.tolist() for places in np.split(by_group, ends)]
    return sorted(groups, key=lambda places: places[-1])


def folded_edges(
    graph: Recorded, groups: Groups, chain: Sequence[int]
) -> list[tuple[int, int, int, int]]:
    """The edges between groups: tail, head, which operand, and how many there are.

    The edges within a sum are none, and its operands have no order.  An edge from a group to
    itself leads from one step of a recurrence to the next.
    """
    group_of = np.empty(len(graph.nodes), np.intp)
    for number, places in enumerate(groups):
        group_of[places] = number
    heads, tails = _edges(graph)
    slots = np.arange(len(heads)) - np.array(graph.starts, np.intp)[heads]
    last = np.array(chain)
    outside = last[heads] != last[tails]
    of_sum = np.bincount(last, minlength=len(last))[last] > 1
    slots = np.where(of_sum[heads], 0, slots)
    count, slot_count = len(groups), int(slots.max(initial=0)) + 1
    codes = (group_of[heads] * count + group_of[tails]) * slot_count + slots
    found, counts = np.unique(codes[outside], return_counts=True)
    pairs, slot = np.divmod(found, slot_count)
    head, tail = np.divmod(pairs, count)
    columns = (tail, head, slot, counts)
    return list(zip(*(column.tolist() for column in columns), strict=True))
