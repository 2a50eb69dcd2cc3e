"""A recorded loss at other numbers of one node, computed without recording it anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograd_mini.core.graph import Node, dependents, is_node, options_of
from autograd_mini.typing import Array


def followers(order: Sequence[Node], node: Node) -> list[Node]:
    """What depends on a node, in a topological order."""
    moving = dependents(order, [node])
    return [other for other in order if other in moving and other is not node]


class Moved:
    """A loss as a function of one array in it.

    Arguments:
        order: the topological order of the loss, of Tensors.
        node: the array.

    >>> from autograd_mini import Tensor
    >>> from autograd_mini.core.graph import topological_order
    >>> x = Tensor(3.0)
    >>> Moved(topological_order(x * x + 1), x).root_at(5.0)
    26.0
    """

    def __init__(self, order: Sequence[Node], node: Node) -> None:
        self._node, self._root = node, order[-1]
        self._calls = [
            (other, other.operation.forward, other.parents, options_of(other))  # type: ignore[union-attr]
            for other in followers(order, node)
        ]

    def root_at(self, data: Array) -> float:
        """The loss with other numbers in the place of the array's."""
        found: dict[Node, Array] = {self._node: data}
        for node, forward, parents, options in self._calls:
            given = [found.get(p, p.data) if is_node(p) else p for p in parents]
            found[node] = forward(*given, **options)
        return float(np.reshape(found.get(self._root, self._root.data), ()))
