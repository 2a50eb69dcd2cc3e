"""How the numbers of a tape are arranged: in arguments, and in what a call returns.

>>> numbers = []
>>> structure_of({"w": [1.0, 2.0], "n": 3}, numbers) == structure_of({"w": [5.0, 6.0], "n": 3}, [])
True
>>> numbers
[1.0, 2.0]
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.core.graph import is_node
from autograd_mini.core.value import Value
from autograd_mini.interface.traced import is_traced
from autograd_mini.replay.tape import Run
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Function, Tree


@dataclass
class Layout:
    """How the numbers of a run are arranged in what a call returns.

    Arguments:
        shape: the result of the function, with ``HERE`` for each number.
        gradients: for how many inputs gradients are computed.
        spans: where the gradients of the chosen arguments lie.
        single: whether one argument was chosen, not a sequence.
        with_value: whether the value is returned.
    """

    shape: Tree
    gradients: int = 0
    spans: tuple[Span, ...] = ()
    single: bool = True
    with_value: bool = True

    def __post_init__(self) -> None:
        self._whole = arranger(self.shape)

    def arranged(self, found: Run) -> Tree:
        """What a call returns."""
        outputs, numbers = found
        if not self.spans:
            return self._whole(outputs)
        gradients = tuple(span.of(numbers) for span in self.spans)
        result = gradients[0] if self.single else gradients
        return (outputs[0], result) if self.with_value else result


class Span:
    """Where the gradients of an argument lie, and how the argument is arranged."""

    def __init__(self, tree: Tree, start: int, end: int) -> None:
        self.start, self.end = start, end
        kind = type(tree)
        self.flat = kind if kind in (list, tuple) and all(map(is_float, tree)) else None
        parts = (HERE if is_float(leaf) else leaf for leaf in leaves(tree))
        self._whole = arranger(rebuild(tree, parts))

    def of(self, numbers: Sequence[float]) -> Tree:
        return self._whole(numbers[self.start : self.end])


def arranger(tree: Tree) -> Function:
    """What puts numbers, in order, where ``HERE`` stands in a tree.

    >>> arranger({"w": [HERE, HERE], "n": (3, HERE)})([1.0, 2.0, 5.0])
    {'w': [1.0, 2.0], 'n': (3, 5.0)}
    """
    numbers = itertools.count()

    def arranged(part: Tree) -> Function:
        if part is HERE:
            return operator.itemgetter(next(numbers))
        kind = type(part)
        if kind is list or kind is tuple:
            if part and all(each is HERE for each in part):
                places = [next(numbers) for _ in part]
                cut = slice(places[0], places[-1] + 1)
                return lambda found: kind(found[cut])
            inner = [arranged(each) for each in part]
            return lambda found: kind([each(found) for each in inner])
        if kind is dict:
            named = [(key, arranged(each)) for key, each in part.items()]
            return lambda found: {key: each(found) for key, each in named}
        parts = leaves(part)
        if len(parts) == 1 and parts[0] is part:
            return lambda found: part
        flat = arranged(parts)
        return lambda found: rebuild(part, iter(flat(found)))

    return arranged(tree)


class HoldsArray(Exception):
    """There is an array among numbers."""


HERE = object()


def is_float(leaf: object) -> bool:
    return isinstance(leaf, float | np.floating)


def is_number(leaf: object) -> bool:
    """Whether it is a float, or an array of one for each sample."""
    return is_float(leaf) or (isinstance(leaf, np.ndarray) and leaf.ndim == 1)


def as_float(leaf: Tree) -> Tree:
    return float(leaf) if isinstance(leaf, int) and not isinstance(leaf, bool) else leaf


def as_value(leaf: Tree) -> Tree:
    return Value(leaf) if is_float(leaf) else leaf


def same(left: float, right: float) -> bool:
    """Whether two floats are the same to the last bit, but for the sign of a zero."""
    return left == right or (left != left and right != right)


def structure_of(
    tree: Tree, numbers: list[Any], whole: bool = False, batch: bool = False
) -> Hashable:
    """What a recording is for: how an argument is arranged, and all in it that is no float.

    The floats are added to ``numbers``; ``None`` if there is a node among the leaves.

    Arguments:
        whole: whether whole numbers count as floats.
        batch: whether arrays count as floats, and are added as they are.

    Raises:
        HoldsArray: there is an array, and it does not count as floats.
    """
    kind = type(tree)
    if kind is float:
        numbers.append(tree)
        return float
    if kind is list or kind is tuple:
        if len(tree) > 4 and set(map(type, tree)) == _FLOATS:
            numbers.extend(tree)
            return kind, len(tree)
        return _branches(kind, tree, numbers, whole, batch)
    if isinstance(tree, dict):
        found = _branches(kind, tree.values(), numbers, whole, batch)
        return found and (found, tuple(tree))
    if isinstance(tree, list | tuple):
        return _branches(kind, tree, numbers, whole, batch)
    if is_node(tree) or is_traced(tree) or hasattr(tree, "takes_over"):
        return None
    if is_float(tree) or (whole and isinstance(tree, int) and not isinstance(tree, bool)):
        numbers.append(float(tree))
        return float
    if isinstance(tree, np.ndarray):
        if batch:
            numbers.append(tree)
            return np.ndarray
        raise HoldsArray
    return kind, tree


_FLOATS = {float}


def _branches(
    kind: type, branches: Iterable[Tree], numbers: list[Any], whole: bool, batch: bool
) -> Hashable:
    parts = [structure_of(branch, numbers, whole, batch) for branch in branches]
    return None if None in parts else (kind, tuple(parts))
