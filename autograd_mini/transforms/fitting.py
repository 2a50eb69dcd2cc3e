"""Trees that must be arranged as another is: tangents as primals, upstream gradients as results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd_mini.transforms.call import data_of_leaf
from autograd_mini.trees import branches
from autograd_mini.typing import Tree


def fitting_tangents(what: str, primals: Tree, tangents: Tree) -> list[Any]:
    """The leaves of the tangents in the order of the primals' leaves, which they must fit."""
    for name, arguments in (("primals", primals), ("tangents", tangents)):
        if not isinstance(arguments, list | tuple):
            raise TypeError(
                f"{what}: {name} are a tuple, one for each argument of the function, not "
                f"{_kind(arguments)}: write {what}(f, (x,), (v,))"
            )
    words = "primal", "tangent"
    return list(_fitting(what, words, "", tuple(primals), tuple(tangents)))


def fitting_upstream(what: str, out: Tree, gradient: Tree) -> list[Any]:
    """The leaves of an upstream gradient in the order of the result's, which they must fit."""
    return list(_fitting(what, ("result", "upstream gradient"), "", out, gradient))


def _fitting(
    what: str, words: tuple[str, str], path: str, tree: Tree, other: Tree
) -> Iterator[Any]:
    parts, others = branches(tree), branches(other)
    name, its = words
    if parts is None:
        shapes = np.shape(data_of_leaf(tree)), np.shape(data_of_leaf(other))
        if others is not None:
            raise TypeError(
                f"{what}: {name}{path} is {_kind(tree)}, its {its} {_kind(other)}: write an array"
            )
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"{what}: {name}{path} has shape {shapes[0]}, its {its} {shapes[1]}; they must be "
                "equal"
            )
        yield other
        return
    if others is None or type(other) is not type(tree):
        raise TypeError(
            f"{what}: {name}{path} is {_kind(tree)}, its {its} {_kind(other)}; they must be "
            "arranged in the same way"
        )
    if parts.keys() != others.keys():
        found = f"keys {list(tree)}", f"{list(other)}"
        if not isinstance(tree, dict):
            found = f"{len(parts)} parts", f"{len(others)}"
        raise ValueError(
            f"{what}: {name}{path or 's'} of {found[0]} cannot take {its}s of {found[1]}: give one "
            f"{its} for each {name}"
        )
    for way, branch in parts.items():
        yield from _fitting(what, words, path + way, branch, others[way])


def _kind(argument: Tree) -> str:
    """A word for an argument in a message."""
    name = type(argument).__name__
    shape = () if branches(argument) is not None else np.shape(data_of_leaf(argument))
    return f"a {name} of shape {shape}" if shape else f"a {name}"
