"""Trees: numbers, arrays and nodes in dicts, lists and tuples, nested at will.

>>> tree = {"layer": [1.0, 2.0], "rate": (3.0,)}
>>> leaves(tree), paths(tree)
([1.0, 2.0, 3.0], ["['layer'][0]", "['layer'][1]", "['rate'][0]"])
>>> rebuild(tree, iter("abc"))
{'layer': ['a', 'b'], 'rate': ('c',)}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autograd_mini.typing import Tree


def leaves(tree: Tree) -> list[Any]:
    """The numbers, arrays and nodes in nested dicts, lists and tuples, in order."""
    if isinstance(tree, dict):
        return [leaf for branch in tree.values() for leaf in leaves(branch)]
    if isinstance(tree, list | tuple):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [tree]


def paths(tree: Tree) -> list[str]:
    """How each leaf is reached from the tree: ``['layer'][0]``, in the order of ``leaves``."""
    if isinstance(tree, dict):
        return [f"[{key!r}]{path}" for key, branch in tree.items() for path in paths(branch)]
    if isinstance(tree, list | tuple):
        return [f"[{i}]{path}" for i, branch in enumerate(tree) for path in paths(branch)]
    return [""]


def rebuild(tree: Tree, new: Iterator[Any]) -> Tree:
    """The same nest of dicts, lists and tuples, with other leaves."""
    if isinstance(tree, dict):
        return {key: rebuild(branch, new) for key, branch in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[rebuild(branch, new) for branch in tree])
    if isinstance(tree, list | tuple):
        return type(tree)(rebuild(branch, new) for branch in tree)
    return next(new)
