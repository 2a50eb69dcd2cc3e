"""What names stand for where a loss and its gradients were written."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType

import numpy as np

from autograd_mini.core.graph import Node, is_node
from autograd_mini.typing import Array, Operand


class Scope(Mapping[str, Operand]):
    """Nodes, arrays and numbers by name.

    Arguments:
        objects: global names, local variables and parameters; what is something else is left
            out.  Of two names for one array the last counts.

    >>> scope = Scope({"np": np, "X": np.ones(3), "y": np.arange(3), "rate": 0.1})
    >>> scope.name_of(np.arange(3)), scope.name_of(np.zeros(3)), scope.numbers
    ('y', '', {'rate': 0.1})
    """

    def __init__(self, objects: Mapping[str, Operand] = MappingProxyType({})) -> None:
        self._objects = {
            name: it
            for name, it in objects.items()
            if not name.startswith("__") and not isinstance(it, type)
            if is_node(it) or isinstance(it, _KINDS)
        }

    def __getitem__(self, name: str) -> Operand:
        return self._objects[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    def only(self, names: Container[str]) -> Scope:
        """The scope of these names alone."""
        return Scope({name: it for name, it in self._objects.items() if name in names})

    def with_nodes(self, replaced: Mapping[Node, Node]) -> Scope:
        """The scope with nodes in the place of others."""
        return Scope(
            {name: replaced.get(it, it) if is_node(it) else it for name, it in self.items()}
        )

    @cached_property
    def nodes(self) -> dict[Node, str]:
        """What each node is called."""
        return {it: name for name, it in self._objects.items() if is_node(it)}

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """The arrays that have an axis."""
        return {n: a for n, a in self._objects.items() if isinstance(a, np.ndarray) and a.ndim}

    @cached_property
    def numbers(self) -> dict[str, float]:
        """The real numbers."""
        return {
            name: float(it)
            for name, it in self._objects.items()
            if isinstance(it, int | float | np.number) and not isinstance(it, bool)
        }

    def name_of(self, operand: Operand) -> str:
        """The name of an operand, of the array that it shows, or of an equal one, or ``""``."""
        if getattr(operand, "label", ""):
            return str(operand.label)
        for name in reversed(self._objects):
            if self._objects[name] is operand:
                return name
        if is_node(operand) or not isinstance(operand, np.ndarray) or operand.size < 2:
            return ""
        for alike in (_is_viewed, np.array_equal, _has_equal_elements):
            for name in reversed(self.arrays):
                array = self.arrays[name]
                if array.size == operand.size and alike(array, operand):
                    return name
        return ""


_KINDS = (np.ndarray, np.generic, int, float)


def _is_viewed(array: Array, operand: Array) -> bool:
    return array is operand.base


def _has_equal_elements(array: Array, operand: Array) -> bool:
    return np.array_equal(array.ravel(), operand.ravel())
