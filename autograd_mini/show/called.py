"""The names of a whole graph: each node and each constant array has one of its own.

>>> from autograd_mini import Value
>>> w = Value(2.0, label="w")
>>> square = w * w
>>> loss = square + 1
>>> list(called([w, square, loss], variables({"square": square})).nodes.values())
['w', 'square', 'v1']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autograd_mini.show.names import (
    LONGEST_NAME,
    Variables,
    free_names,
    names_of,
    shown,
    variables,
)

__all__ = ["Names", "called", "variables"]


@dataclass(frozen=True)
class Names:
    """What is called how in a graph.

    Arguments:
        nodes: a name for each node, each a different one, as formulas write it.
        given: the nodes whose name is a label or a variable's.
        arrays: the names of arrays that variables hold, by ``id``.
        free: names for constant arrays that have none: c1, c2, ...
    """

    nodes: dict[Any, str]
    given: frozenset[Any]
    arrays: dict[int, str]
    free: Iterator[str]


def called(order: Sequence[Any], held: Variables) -> Names:
    """The names in a graph: labels, else variables, else v1, v2, ...

    Two nodes of one label are told apart by a number: ``w``, ``w#2``.

    Arguments:
        order: the nodes in topological order.
        held: what ``names.variables`` gives.
    """
    given: dict[Any, str] = {}
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for node, full in zip(order, names_of(order, held), strict=True):
        if not full:
            continue
        name = unique = shown(full, LONGEST_NAME)
        while unique in taken:
            counts[name] = counts.get(name, 1) + 1
            unique = f"{name}#{counts[name]}"
        taken.add(unique)
        given[node] = unique
    nodes = set(map(id, order))
    arrays = {
        key: shown(name, LONGEST_NAME)
        for key, name in held.items()
        if key not in nodes and name not in taken
    }
    taken |= set(arrays.values())
    made_up = free_names("v", taken)
    named = {node: given.get(node) or next(made_up) for node in order}
    return Names(named, frozenset(given), arrays, free_names("c", taken))
