"""What the nodes of a graph are called: by their label, else by the code, else v1, v2, ...

>>> from autograd_mini import Value
>>> w = Value(2.0, label="w")
>>> square = w * w
>>> loss = square + 1
>>> list(names_of([w, square, loss], {"square": square}).nodes.values())
['w', 'square', 'v1']
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.show.picture import LONGEST_NAME, shown
from autograd_mini.tensor import Tensor
from autograd_mini.value import Value

_DEEPEST = 2
_MOST_ITEMS = 100_000
"""So far is looked for nodes in lists, tuples and dicts: ``W[1][0]``, and so many items."""


def caller_variables(depth: int = 1) -> dict[str, Any]:
    """The variables of the code that called the caller, local ones before those of its module.

    Arguments:
        depth: how many calls lie between that code and the function that asks.
    """
    frame = sys._getframe(depth + 1)
    return {
        **frame.f_locals,
        **{k: v for k, v in frame.f_globals.items() if k not in frame.f_locals},
    }


@dataclass(frozen=True)
class Names:
    """What is called how in a graph.

    Arguments:
        nodes: a name for each node, each a different one.
        given: the nodes whose name is a label or a variable's.
        arrays: the names of constant arrays, by the identity of the array.
        free: names for constant arrays that have none: c1, c2, ...
    """

    nodes: dict[Any, str]
    given: frozenset[Any]
    arrays: dict[int, str]
    free: Iterator[str]


def names_of(order: Sequence[Any], variables: Mapping[str, Any]) -> Names:
    """The names in a graph, whose nodes are in topological order.

    A label that was given by hand wins over the name of a variable.  A node with neither is
    called v1, v2, ...  Two nodes of one label are told apart by a number: ``w``, ``w#2``.
    Nodes are found in lists, tuples and dicts as well: ``W[1][0]``.
    """
    wanted = set(order)
    found: dict[Any, str] = {}
    arrays: dict[int, str] = {}
    for name, held in itertools.islice(_held(variables), _MOST_ITEMS):
        if isinstance(held, np.ndarray):
            arrays.setdefault(id(held), shown(name, LONGEST_NAME))
        elif held in wanted:
            found.setdefault(held, name)
    given: dict[Any, str] = {}
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for node in order:
        name = node.label if str(node.label).strip() else found.get(node, "")
        if not name:
            continue
        name = unique = shown(name, LONGEST_NAME)
        while unique in taken:
            counts[name] = counts.get(name, 1) + 1
            unique = f"{name}#{counts[name]}"
        taken.add(unique)
        given[node] = unique
    arrays = {key: name for key, name in arrays.items() if name not in taken}
    taken |= set(arrays.values())

    def free(letter: str) -> Iterator[str]:
        return (f"{letter}{i}" for i in itertools.count(1) if f"{letter}{i}" not in taken)

    made_up = free("v")
    nodes = {node: given.get(node) or next(made_up) for node in order}
    return Names(nodes, frozenset(given), arrays, free("c"))


def _held(variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each node or array with its name, also those in lists, tuples and dicts."""
    level = [
        (name, held)
        for name, held in variables.items()
        if name.isidentifier() and not name.startswith("_")
    ]
    for _ in range(_DEEPEST + 1):
        deeper: list[tuple[str, Any]] = []
        for name, held in level:
            if isinstance(held, Value | Tensor | np.ndarray):
                yield name, held
            elif isinstance(held, list | tuple):
                deeper += [(f"{name}[{i}]", item) for i, item in enumerate(held[:_MOST_ITEMS])]
            elif isinstance(held, dict) and len(held) <= _MOST_ITEMS:
                deeper += [(f"{name}[{key}]", item) for key, item in list(held.items())]
        level = deeper
