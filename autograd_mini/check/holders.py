"""Objects that hold an array in ``data``, as the tensors of a library of one's own do."""

from __future__ import annotations

import copy

import numpy as np

from autograd_mini.core.graph import is_node
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Tree


def is_holder(value: object) -> bool:
    """Whether something is an object that holds an array of real numbers.

    >>> from types import SimpleNamespace
    >>> is_holder(SimpleNamespace(data=np.ones(2))), is_holder(np.ones(2))
    (True, False)
    """
    data = None if is_node(value) else getattr(value, "data", None)
    return isinstance(data, np.ndarray) and data.dtype.kind == "f"


def held(value: Tree) -> Tree:
    """The array that an object holds; anything else as it is."""
    return value.data if is_holder(value) else value


def holding(like: Tree, array: Tree) -> Tree:
    """An object like another that holds an array; the array where that is no such object.

    >>> from types import SimpleNamespace
    >>> one = SimpleNamespace(data=np.ones(2), requires_grad=True)
    >>> holding(one, np.zeros(1)), one.data
    (namespace(data=array([0.]), requires_grad=True), array([1., 1.]))
    """
    if not is_holder(like):
        return array
    made = copy.copy(like)
    made.data = array
    return made


def all_held(tree: Tree) -> Tree:
    """A tree with arrays where it has objects that hold them."""
    return rebuild(tree, map(held, leaves(tree)))


def all_holding(like: Tree, tree: Tree) -> Tree:
    """A tree with arrays in objects where another has such objects."""
    pairs = zip(leaves(like), leaves(tree), strict=True)
    return rebuild(like, (holding(one, array) for one, array in pairs))
