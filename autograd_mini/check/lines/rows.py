"""Rows of nodes: what a statement in a loop makes is another quantity in each turn.

They are found where the loss uses one node once a turn, and from there along the graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from autograd_mini.check.lines.claims import Claim, Truth
from autograd_mini.core.graph import Node, is_node
from autograd_mini.typing import Array

Row = tuple[Node, ...]

_MOST_ROWS = 96
"""How many rows of nodes are found for a loop."""


def rows(truth: Truth, count: int) -> Iterator[Row]:
    """Rows of as many nodes, alike, in the order of the loss."""
    waiting = list(_seeds(truth, count))
    seen = set(waiting)
    for row in waiting:  # grows while it is walked
        yield row
        for other in (*operands(row), *_users(truth, row)):
            if other not in seen and len(set(other)) == count and len(waiting) < _MOST_ROWS:
                seen.add(other)
                waiting.append(other)


def handed_back(
    truth: Truth, every: Sequence[Row]
) -> Iterator[tuple[tuple[Claim, ...], list[Array]]]:
    """Of states, each of which is made of the one before, the gradients without the shares of what
    reads the last one as well, as an output does: what a turn hands to the one before.
    """
    used = truth.uses

    def way(user: Node, slot: int) -> tuple[object, ...]:
        leaves = (p for p in user.parents if is_node(p) and not p.parents)
        return user.op, slot, *leaves

    for row in every:
        ended = {way(*use) for use in used.get(row[-1], ())}
        arrays = []
        for node in row[-2::-1]:
            others = [user for user, slot in used.get(node, ()) if way(user, slot) in ended]
            shares = [s for user in others for n, s in truth.shares_of(user) if n is node]
            arrays.append(np.asarray(truth.gradients[node] - sum(shares)))
            if not (shares and arrays[-1].any()):
                break
        else:
            yield tuple(Claim("share", node) for node in row[-2::-1]), arrays


def _seeds(truth: Truth, count: int) -> Iterator[Row]:
    """Nodes that use one node in the same way, once a turn."""
    for users in truth.uses.values():
        alike: dict[tuple[str, int], list[Node]] = defaultdict(list)
        for user, slot in users:
            alike[user.op, slot].append(user)
        yield from (tuple(row) for row in alike.values() if len(row) == count)


def operands(row: Row) -> Iterator[Row]:
    """What the nodes of a row are made of."""
    for operands in zip(*(node.parents for node in row), strict=False):
        if all(is_node(operand) and operand.op == operands[0].op for operand in operands):
            yield operands


def _users(truth: Truth, row: Row) -> Iterator[Row]:
    """What is made of the nodes of a row, where as much is made of each in the same way."""
    every: list[dict[tuple[str, int], list[Node]]] = []
    for node in row:
        alike: dict[tuple[str, int], list[Node]] = defaultdict(list)
        for user, slot in truth.uses.get(node, ()):
            alike[user.op, slot].append(user)
        every.append(alike)
    for way, users in every[0].items():
        if all(len(alike.get(way, ())) == len(users) for alike in every):
            yield from zip(*(alike[way] for alike in every), strict=True)
