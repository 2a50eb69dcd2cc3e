"""What a node is called: by its label, else by the variable that holds it.

>>> from autograd_mini import Value
>>> w = Value(2.0)
>>> net = w * Value(3.0, label="x")
>>> names_of([*net.parents, net], variables({"w": w, "net": net}))
['w', 'x', 'net']
"""

from __future__ import annotations

import bisect
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.show.recorded import NODES, Node

LONGEST_LABEL = 32
"""How many columns of letters a box gives a label; formulas give a name fewer."""

LONGEST_NAME = 14

MOST_ITEMS = 10_000
"""A variable that holds more things than this is not looked into."""

Variables = Mapping[int, str]
"""The name of the variable that holds an object, by the object's ``id``."""


def variables(found: Mapping[str, Any]) -> dict[int, str]:
    """The names by which variables hold Values, Tensors and arrays.

    The first variable that holds an object names it, in the order in which a function's
    variables are first assigned; one that begins with an underscore does not.  What a list,
    a tuple, a dict or an object array holds is named by its index, if no variable holds it
    directly.

    >>> from autograd_mini import Value
    >>> a, b = Value(1.0), Value(2.0)
    >>> list(variables({"first": a, "second": a, "both": [a, b], "_": b}).values())
    ['first', 'both[1]']
    """
    # A name that is no identifier is the compiler's own, or that of a tool
    known = {n: held for n, held in found.items() if n.isidentifier() and n[0] != "_"}
    names: dict[int, str] = {}
    for name, held in known.items():
        if isinstance(held, (*NODES, np.ndarray)):
            names.setdefault(id(held), name)
    for name, held in known.items():
        for index, item in _items(held):
            if isinstance(item, (*NODES, np.ndarray)):
                names.setdefault(id(item), f"{name}[{index}]")
    return names


def _items(held: object) -> Iterator[tuple[str, Any]]:
    if isinstance(held, list | tuple) and len(held) <= MOST_ITEMS:
        yield from ((str(i), item) for i, item in enumerate(held))
    elif isinstance(held, dict) and len(held) <= MOST_ITEMS:
        yield from ((repr(key), item) for key, item in held.items() if isinstance(key, str | int))
    elif isinstance(held, np.ndarray) and held.dtype == object and held.size <= MOST_ITEMS:
        yield from ((",".join(map(str, place)), held[place]) for place in np.ndindex(held.shape))


def names_of(nodes: Sequence[Node], held: Variables) -> list[str]:
    """The name of each node, in full: its label, its variable, or ``""`` for neither.

    A label that was given by hand wins, and no variable takes the name of another's label.
    """
    labels = [node.label for node in nodes]
    given = ["" if not label or str(label).isspace() else str(label) for label in labels]
    taken = set(given)
    for place, node in enumerate(nodes if held else ()):
        if id(node) in held and not given[place] and held[id(node)] not in taken:
            given[place] = held[id(node)]
    return given


def free_names(letter: str, taken: set[str]) -> Iterator[str]:
    """The names v1, v2, ... that nothing has yet."""
    return (f"{letter}{i}" for i in itertools.count(1) if f"{letter}{i}" not in taken)


@dataclass(frozen=True)
class GraphNames:
    """What is called how in a graph.

    Arguments:
        nodes: a name for each node, each a different one, as formulas write it.
        given: the nodes whose name is a label or a variable's.
        arrays: the names of arrays that variables hold, by ``id``.
        free: names for constant arrays that have none: c1, c2, ...
    """

    nodes: dict[Node, str]
    given: frozenset[Node]
    arrays: dict[int, str]
    free: Iterator[str]


def graph_names(order: Sequence[Node], held: Variables) -> GraphNames:
    """The names in a graph: labels, else variables, else v1, v2, ...

    Two nodes of one label are told apart by a number: ``w``, ``w#2``.

    Arguments:
        order: the nodes in topological order.
        held: what ``variables`` gives.

    >>> from autograd_mini import Value
    >>> w = Value(2.0, label="w")
    >>> square = w * w
    >>> loss = square + 1
    >>> list(graph_names([w, square, loss], variables({"square": square})).nodes.values())
    ['w', 'square', 'v1']
    """
    names = distinct([shown(full, LONGEST_NAME) for full in names_of(order, held)])
    given = {node: name for node, name in zip(order, names, strict=True) if name}
    taken = set(given.values())
    nodes = set(map(id, order))
    arrays = {
        key: shown(name, LONGEST_NAME)
        for key, name in held.items()
        if key not in nodes and name not in taken
    }
    taken |= set(arrays.values())
    made_up = free_names("v", taken)
    named = {node: given.get(node) or next(made_up) for node in order}
    return GraphNames(named, frozenset(given), arrays, free_names("c", taken))


def distinct(names: Sequence[str]) -> list[str]:
    """The names, those that come again with a number behind them; ``""`` stays.

    >>> distinct(["w", "x", "w", "", ""])
    ['w', 'x', 'w#2', '', '']
    """
    found: list[str] = []
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for name in names:
        unique = name
        while name and unique in taken:
            counts[name] = counts.get(name, 1) + 1
            unique = f"{name}#{counts[name]}"
        taken.add(unique)
        found.append(unique)
    return found


def each(shorter: Callable[[str], str], names: Sequence[str]) -> list[str]:
    """What a function makes of each name; it is called once for equal ones."""
    found = {name: shorter(name) for name in set(names)}
    return [found[name] for name in names]


def stem(name: str) -> str:
    """A name without its index: what the elements of one array have in common.

    >>> stem("w1[0,2]"), stem("bias"), stem("")
    ('w1', 'bias', '')
    """
    return name.partition("[")[0]


def family(name: str) -> str:
    """A name without numbers: what ``w1`` and ``w2`` have in common.

    >>> family("w1[0,2]"), family("h12"), family("7")
    ('w', 'h', '')
    """
    return re.sub(r"\d+", "", stem(name))


def shown(text: object, longest: int) -> str:
    r"""A text of the user's as one line of printable characters, cut with a mark if it is long.

    What does not print, or turns the direction of writing, is written as in Python's ``repr``.
    A letter of double width counts as two.

    >>> shown("two\nlines", 32), shown("a" * 100, 8), shown("重みの初期値", 8)
    ('two\\nlines', 'aaaaaaa…', '重みの…')
    """
    start = str(text)[: longest + 1]
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in start)
    ends = list(itertools.accumulate(2 if is_wide(c) else 1 for c in line))
    if not ends or ends[-1] <= longest:
        return line
    return line[: bisect.bisect_right(ends, longest - 1)] + "…"


def is_wide(character: str) -> bool:
    """Whether a character takes the room of two, as Chinese ones and emoji do."""
    return unicodedata.east_asian_width(character) in "WF"
