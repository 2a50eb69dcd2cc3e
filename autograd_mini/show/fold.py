"""Large graphs made small: nodes that are computed alike become one group.

>>> from autograd_mini import Value
>>> from autograd_mini.show.recorded import recorded
>>> w = Value(0.5, label="w")
>>> total = Value(0.0)
>>> for i in range(100):
...     total = total + w * Value(i, label=f"x[{i}]")
>>> graph = recorded(total.tanh())
>>> names = [node.label for node in graph.nodes]
>>> groups, _ = next(by_repeats(graph, names, [""] * len(names), 60))
>>> [(graph.nodes[group[0]].op or names[group[0]], len(group)) for group in groups]
[('', 1), ('w', 1), ('x[0]', 100), ('mul', 100), ('add', 100), ('tanh', 1)]
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.core.operation import OPERATIONS
from autograd_mini.core.rule import Rule
from autograd_mini.core.tensor import Tensor
from autograd_mini.show.names import each, family, stem
from autograd_mini.show.recorded import NODES, PART, Node, Recorded, slices
from autograd_mini.typing import Array

Groups = list[list[int]]
"""Places of nodes, in ascending order in each group; the group of the root is the last."""

READABLE = 60
"""How many boxes fit on a page; a coarser fold is tried if there are more."""


def by_repeats(
    graph: Recorded, names: Sequence[str], layers: Sequence[str], most: int
) -> Iterator[tuple[Groups, Array]]:
    """Groups of nodes that are computed in the same way, the finest first; each has fewer groups.

    Beside the groups, an array: for each node the last node of the sum that it is a part of.

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
    """
    fewest = most + 1
    kinds = _kinds(graph)
    stems = _colours(kinds, each(stem, names), layers)
    chain = chains(graph, stems, names)
    for group_of in _finest_first(graph, kinds, names, layers, stems, chain, most):
        if group_of is not None and (groups := _gathered(group_of)) and len(groups) < fewest:
            fewest = len(groups)
            yield groups, chain


def _finest_first(
    graph: Recorded,
    kinds: tuple[Array, Array],
    names: Sequence[str],
    layers: Sequence[str],
    stems: Array,
    chain: Array,
    most: int,
) -> Iterator[Array | None]:
    """Arrays of a number for each node, the same in one group; ``None`` for too many groups."""
    yield _alike(graph, stems, chain, most)
    of_families = each(family, names)
    if len(set(of_families)) < len(set(each(stem, names))):
        stems = _colours(kinds, of_families, layers)
        yield _alike(graph, stems, chain, most)
    yield _few(_with_rows(stems, graph.lengths, stems[graph.flat])[chain], most)
    yield _few(stems[chain], most)
    nothing = [""] * len(names)
    yield _few(_colours(kinds, nothing, nothing)[chain], most)


def _few(colours: Array, most: int) -> Array | None:
    return colours if len(np.unique(colours)) <= most else None


def chains(graph: Recorded, colours: Array, names: Sequence[str]) -> Array:
    """For each node the last node of the sum or product that it is a part of, often itself.

    The operands of such an operation may come in any order: a chain of it is one sum or product.
    """
    heads, tails = graph.edges()
    _, samples, colour = np.unique(colours, return_index=True, return_inverse=True)
    nodes = [graph.nodes[place] for place in samples]  # of each colour one
    kind = _numbered([(node.op, getattr(node, "shape", ())) for node in nodes])[colour]
    is_sum = np.array([bool(node.operation and node.operation.commutes) for node in nodes])[colour]
    unnamed = ~np.array(list(map(bool, names)))
    once = np.bincount(tails, minlength=len(names)) == 1
    linked = (kind[tails] == kind[heads]) & is_sum[heads] & once[tails] & unnamed[tails]
    last = np.arange(len(names))
    last[tails[linked]] = heads[linked]
    inner = tails[linked]
    while inner.size:
        further = last[last[inner]]
        inner = inner[further != last[inner]]
        last[inner] = last[last[inner]]
    return last


def _kinds(graph: Recorded) -> tuple[Array, Array]:
    """For each node a number for its operation, shape and constants, and one for its uses.

    A leaf that is a number is of kind 0.
    """
    names: list[str] = [node.op for node in graph.nodes]
    ops = _numbered(names)
    expected = np.array(list(map(_operand_count, dict.fromkeys(names))))[ops]
    is_array = np.array([isinstance(node, Tensor) for node in graph.nodes])
    kinds: list[Hashable] = list(names)
    for place in np.flatnonzero(is_array | (graph.lengths != expected)).tolist():
        node = graph.nodes[place]
        # Parts of one shape are alike, wherever they are taken: the steps of a sequence
        options = "" if node.operation is PART else repr(getattr(node, "options", ""))
        about = (node.shape, options) if isinstance(node, Tensor) else ()
        kinds[place] = (node.op, place in graph.cut, about, _constants(node))
    heads, tails = graph.edges()
    slots = graph.slots(heads)
    slot_count = slots.max(initial=0) + 1
    code_count = (ops.max() + 1) * slot_count
    of_leaves = graph.lengths[tails] == 0
    codes = _distinct((tails * code_count + ops[heads] * slot_count + slots)[of_leaves])
    lengths = np.bincount(codes // code_count, minlength=len(ops))
    uses = _with_rows(np.zeros(len(ops), np.intp), lengths, codes % code_count)
    return _numbered(["", *kinds])[1:], uses


def _colours(kinds: tuple[Array, Array], names: Sequence[str], layers: Sequence[str]) -> Array:
    """A number for what can be said of a node by itself, and of a nameless leaf by its uses."""
    kind, uses = kinds
    name = _numbered(["", *names])[1:]
    uses = np.where((kind == 0) & (name == 0), uses, 0)
    colours = kind
    for column in (name, _numbered(layers), uses):
        if column.any():
            colours = _ranks(colours * (column.max() + 1) + column)
    return colours


def _numbered(keys: Sequence[Hashable]) -> Array:
    """An array of a number for each key, the same for equal ones, in the order of the first."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.fromiter(map(numbers.__getitem__, keys), np.intp, len(keys))


def _distinct(numbers: Array) -> Array:
    """What ``np.unique`` gives, which takes ten times as long where most numbers differ."""
    ascending = np.sort(numbers)
    return ascending[np.diff(ascending, prepend=-1) > 0]


def _ranks(numbers: Array) -> Array:
    """For each number its place among the distinct ones; counted, not sorted, if they are small.

    >>> _ranks(np.array([7, 3, 7, 0])).tolist(), _ranks(np.array([7, 3, 7, 10**9])).tolist()
    ([2, 1, 2, 0], [1, 0, 1, 2])
    """
    if numbers.max(initial=0) > 2 * len(numbers):
        return np.unique(numbers, return_inverse=True)[1]
    return (np.cumsum(np.bincount(numbers) > 0) - 1)[numbers]


def _with_rows(colours: Array, lengths: Array, rows: Array) -> Array:
    """A number for each node that tells its colour and, in order, the numbers in its row.

    >>> _with_rows(np.array([0, 0, 0]), np.array([2, 2, 1]), np.array([5, 7, 5, 7, 5])).tolist()
    [2, 2, 1]
    """
    starts = np.cumsum(lengths) - lengths
    found, top, width = colours.copy(), colours.max(initial=0), rows.max(initial=0) + 1
    longer = np.flatnonzero(lengths)
    slot = 0
    while longer.size:
        pairs = found[longer] * width + rows[starts[longer] + slot]
        found[longer] = top + 1 + _ranks(pairs)
        top = found[longer].max()
        slot += 1
        longer = longer[lengths[longer] > slot]
    return found


def _operand_count(name: str) -> int:
    """How many operands each node of an elementwise operation has; -1 of another."""
    operation = OPERATIONS.get(name)
    return len(operation.operands) if isinstance(operation, Rule) else -1 if name else 0


def _constants(node: Node) -> tuple[Any, ...]:
    """Which operands are constants; an exponent in full, for x² and x³ are not alike."""
    is_power = node.operation is not None and node.operation.symbol == "**"
    return tuple(
        None if isinstance(p, NODES) else p if is_power and isinstance(p, float) else "c"
        for p in node.parents
    )


def _alike(graph: Recorded, colours: Array, chain: Array, most: int) -> Array | None:
    """A number for each node, the same for those computed alike; ``None`` if there are too many.

    A sum is computed alike if it has the same terms, in any order and number.  The nodes of one
    height, the longest way to a leaf, are numbered together; those of another never equal them.
    """
    size = len(chain)
    heads, tails = (chain[ends] for ends in graph.edges())
    heads, tails = heads[heads != tails], tails[heads != tails]
    operands, users = _Rows(heads, tails, size), _Rows(tails, heads, size)
    is_sum = np.bincount(chain, minlength=size) > 1
    own = colours * 2 + is_sum
    missing = operands.lengths.copy()
    ready = np.flatnonzero((missing == 0) & (chain == np.arange(size)))
    found = np.zeros(size, np.intp)
    count = 0
    while ready.size:
        of, rows = operands.of(ready)
        of, rows = _without_order(of, found[rows], is_sum[ready])
        lengths = np.bincount(of, minlength=len(ready))
        found[ready] = count + _ranks(_with_rows(own[ready], lengths, rows))
        count = found[ready].max() + 1
        if count > most:
            return None
        _, above = users.of(ready)
        np.subtract.at(missing, above, 1)
        ready = _distinct(above[missing[above] == 0])
    return found[chain]


def _without_order(of: Array, rows: Array, is_set: Array) -> tuple[Array, Array]:
    """Rows of numbers, some of them as sets: each number once, in ascending order.

    >>> _without_order(np.array([0, 0, 0, 1]), np.array([3, 2, 3, 4]), np.array([True, False]))
    (array([0, 0, 1]), array([2, 3, 4]))
    """
    in_set = is_set[of]
    if not in_set.any():
        return of, rows
    width = rows.max() + 1
    codes = _distinct(of[in_set] * width + rows[in_set])
    of = np.concatenate([of[~in_set], codes // width])
    rows = np.concatenate([rows[~in_set], codes % width])
    by_row = np.argsort(of, kind="stable")
    return of[by_row], rows[by_row]


class _Rows:
    """Pairs of a row and an entry, gathered so that the entries of some rows are found quickly."""

    def __init__(self, rows: Array, entries: Array, size: int) -> None:
        self.lengths = np.bincount(rows, minlength=size)
        self._starts = np.cumsum(self.lengths) - self.lengths
        self._entries = entries[np.argsort(rows, kind="stable")]

    def of(self, rows: Array) -> tuple[Array, Array]:
        """The entries of these rows, and for each which of the rows it is of."""
        lengths = self.lengths[rows]
        places = slices(self._starts[rows], lengths)
        return np.repeat(np.arange(len(rows)), lengths), self._entries[places]


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


def _gathered(group_of: Array) -> Groups:
    by_group = np.argsort(group_of, kind="stable")
    ends = np.flatnonzero(np.diff(group_of[by_group])) + 1
    groups = [places.tolist() for places in np.split(by_group, ends)]
    return sorted(groups, key=lambda places: places[-1])


def folded_edges(graph: Recorded, groups: Groups, chain: Array) -> list[tuple[int, int, int, int]]:
    """The edges between groups: tail, head, which operand, and how many there are.

    The edges within a sum are none, and its operands have no order.  An edge from a group to
    itself leads from one step of a recurrence to the next.
    """
    group_of = np.empty(len(graph.nodes), np.intp)
    for number, places in enumerate(groups):
        group_of[places] = number
    heads, tails = graph.edges()
    outside = chain[heads] != chain[tails]
    of_sum = np.bincount(chain, minlength=len(chain))[chain] > 1
    slots = np.where(of_sum[heads], 0, graph.slots(heads))
    count, slot_count = len(groups), int(slots.max(initial=0)) + 1
    codes = (group_of[heads] * count + group_of[tails]) * slot_count + slots
    found, counts = np.unique(codes[outside], return_counts=True)
    pairs, slot = np.divmod(found, slot_count)
    head, tail = np.divmod(pairs, count)
    columns = (tail, head, slot, counts)
    return list(zip(*(column.tolist() for column in columns), strict=True))
