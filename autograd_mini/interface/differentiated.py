"""Of which nodes ``gradients()`` has given the gradient, and what is refused since it has."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograd_mini.core.graph import Node

_plainly: dict[int, Any] = {}
"""The nodes, by ``id``, whose gradient was given as plain numbers."""

_recorded: dict[int, Any] = {}
"""The nodes, by ``id``, with respect to which a gradient was recorded (``create_graph``)."""


def note(nodes: Iterable[Any], recorded: bool) -> None:
    """``gradients()`` has given the gradient with respect to these nodes."""
    table = _recorded if recorded else _plainly
    for node in nodes:
        key = id(node)
        if key not in table:
            table[key] = weakref.ref(node, partial(_forget, table, key))


def _forget(table: dict[int, Any], key: int, _: object) -> None:
    table.pop(key, None)


def was_recorded(node: object) -> bool:
    """Whether a gradient with respect to a node has been recorded."""
    return id(node) in _recorded


def was_given(node: object) -> bool:
    """Whether ``gradients()`` has given the gradient with respect to a node."""
    return id(node) in _plainly or id(node) in _recorded


def lost_update(leaf: Node, sign: str) -> TypeError:
    """The error for ``leaf sign …`` where it would put a new node in a parameter's place."""
    name = leaf.label or type(leaf).__name__[0].lower()
    return TypeError(
        f"{name} {sign} … makes a new node, and the leaf that has the gradient would stay as "
        f"it is: write {name}.data {sign} … (or use ag.no_grad()) to update it, "
        f"{name} = {name} {sign[:-1]} … for a new node"
    )
