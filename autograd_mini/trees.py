"""Trees: numbers, arrays and nodes in dicts, lists, tuples and dataclasses, nested at will.

>>> tree = {"layer": [1.0, 2.0], "rate": (3.0,)}
>>> leaves(tree), paths(tree)
([1.0, 2.0, 3.0], ["['layer'][0]", "['layer'][1]", "['rate'][0]"])
>>> rebuild(tree, iter("abc"))
{'layer': ['a', 'b'], 'rate': ('c',)}
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd_mini.typing import Function, Operand, Tree


def branches(tree: Tree) -> dict[str, Any] | None:
    """What a tree is made of by the way to it, as ``"[0]"`` or ``".w"``; ``None`` for a leaf.

    The text, functions and ``None`` among a dataclass's fields are no branches: they stay.

    >>> branches({"w": 1.0, "b": [2.0]})
    {"['w']": 1.0, "['b']": [2.0]}
    """
    if type(tree) in _NUMBERS:
        return None
    if isinstance(tree, dict):
        return {f"[{key!r}]": branch for key, branch in tree.items()}
    if isinstance(tree, list | tuple):
        return {f"[{index}]": branch for index, branch in enumerate(tree)}
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        fields = {field.name: getattr(tree, field.name) for field in dataclasses.fields(tree)}
        return {f".{name}": each for name, each in fields.items() if not _stays(each)}
    return None


_NUMBERS = {np.ndarray, float, int, np.float64}
"""What is mostly a leaf."""


def _stays(field: object) -> bool:
    return field is None or isinstance(field, str | bytes) or callable(field)


def leaves(tree: Tree) -> list[Any]:
    """The numbers, arrays and nodes of a tree, in order."""
    if type(tree) in _NUMBERS:
        return [tree]
    if not isinstance(tree, list | tuple):
        parts = branches(tree)
        if parts is None:
            return [tree]
        tree = parts.values()
    return [leaf for branch in tree for leaf in leaves(branch)]


def paths(tree: Tree) -> list[str]:
    """How each leaf is reached from the tree: ``['layer'][0]``, in the order of ``leaves``."""
    parts = branches(tree)
    if parts is None:
        return [""]
    return [way + path for way, branch in parts.items() for path in paths(branch)]


def rebuild(tree: Tree, new: Iterator[Any]) -> Tree:
    """The same tree with other leaves."""
    parts = branches(tree)
    if parts is None:
        return next(new)
    built = [rebuild(branch, new) for branch in parts.values()]
    if isinstance(tree, dict):
        return dict(zip(tree, built, strict=True))
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*built)
    if isinstance(tree, list | tuple):
        return type(tree)(built)
    made = copy.copy(tree)
    for way, branch in zip(parts, built, strict=True):
        object.__setattr__(made, way[1:], branch)  # also of one that is frozen
    return made


def flatten(tree: Tree) -> tuple[Operand, Function]:
    """All numbers of a tree in one vector, and the function that puts such a vector back.

    Optimisers that know nothing but vectors, as SciPy's, take parameters in any arrangement so.

    Arguments:
        tree: numbers, arrays and Tensors in dicts, lists, tuples and dataclasses.

    Returns:
        A vector of shape (n,), in the order of the leaves, a Tensor if one of them is; and a
        function of such a vector, or a Tensor, that gives a tree arranged as ``tree`` is.

    Raises:
        ValueError: the function is given another shape than (n,).

    >>> flat, restored = flatten({"w": np.array([[1.0, 2.0]]), "b": 3.0})
    >>> flat
    array([1., 2., 3.])
    >>> restored(flat * 10)
    {'w': array([[10., 20.]]), 'b': np.float64(30.0)}
    """
    shapes = [np.shape(leaf) for leaf in leaves(tree)]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])

    def restored(vector: Operand) -> Tree:
        if np.shape(vector) != (ends[-1],):
            raise ValueError(
                f"the numbers of this tree are a vector of shape {(int(ends[-1]),)}, found "
                f"{np.shape(vector)}"
            )
        spans = zip(ends, ends[1:], shapes, strict=False)
        return rebuild(tree, (_shaped(vector[a:b], shape) for a, b, shape in spans))

    return _joined([np.ravel(leaf) for leaf in leaves(tree)]), restored


def _joined(vectors: list[Any]) -> Operand:
    return np.concatenate(vectors) if vectors else np.zeros(0)


def _shaped(part: Operand, shape: tuple[int, ...]) -> Operand:
    return np.reshape(part, shape) if shape else part[0]
