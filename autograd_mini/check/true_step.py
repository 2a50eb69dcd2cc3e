"""One true step of the reverse sweep: what a line of a backward pass should have given.

A second sweep is made in which each node that has a hand-derived gradient passes that one on,
not the true one.  What arrives at a quantity was computed by one true step from what the hand
had; the step is recorded, so that it can be computed again with one thing changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.check.bounds import recorded_gradients
from autograd_mini.check.deadline import Deadline
from autograd_mini.check.structure import is_elementwise
from autograd_mini.check.wording import Wording
from autograd_mini.core.graph import (
    Node,
    is_node,
    leaf_like,
    operands,
    rebuild,
    sweep_gradients,
    topological_order,
)
from autograd_mini.core.modes import no_grad
from autograd_mini.typing import Array, Operand


def one_true_step(
    root: Node, nodes: Mapping[str, Node], manual: Mapping[str, Array]
) -> dict[str, Any]:
    """What each quantity's gradient is, given the hand-derived ones nearer the loss.

    Arguments:
        root: the loss.
        nodes: the node of each quantity.
        manual: hand-derived gradients by name.  One that has another shape than its quantity,
            and is not broadcast to it, cannot be passed on; the true one is.

    Returns:
        For each quantity a recorded gradient: a node that remembers how it was computed from
        the forward pass and from the hand-derived gradients (a plain array where it is
        constant, or where the pullback of a primitive cannot be recorded).

    >>> from autograd_mini import Value
    >>> w = Value(3.0)
    >>> z = 2 * w
    >>> step = one_true_step(z * z, {"z": z, "w": w}, {"z": np.array(5.0)})
    >>> step["z"].data, step["w"].data  # truly 12 and 24, but 24 from 5 is no more than 10
    (12.0, 10.0)
    """
    handed = handed_gradients(nodes, manual)
    wanted = list(nodes.values())
    try:
        gradients = recorded_gradients(root, wanted, handed)
    except TypeError:
        plain = {node: gradient.data for node, gradient in handed.items()}
        gradients = sweep_gradients(root, wanted, False, None, plain)
    return dict(zip(nodes, gradients, strict=True))


def handed_gradients(nodes: Mapping[str, Node], manual: Mapping[str, Array]) -> dict[Node, Node]:
    """The hand-derived gradients that can be passed on, each as a node, by the node they are of."""
    handed: dict[Node, Node] = {}
    for name, node in nodes.items():
        if name in manual and _fits(manual[name].shape, np.shape(node.data)):
            whole = np.broadcast_to(manual[name], np.shape(node.data))  # as the user's code would
            handed[node] = leaf_like(node, whole, f"d{name}")
    return handed


def _fits(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether an array of one shape is broadcast to another."""
    return len(shape) <= len(whole) and all(
        n in (1, m) for n, m in zip(shape[::-1], whole[::-1], strict=False)
    )


class TrueStep:
    """One true step as it was recorded, ready to be computed with one thing changed.

    Elementwise results of the forward pass that have no name are part of the step: who
    writes a backward pass writes them again.

    Arguments:
        end: the recorded gradient that the step ends with.
        forward: the nodes of the forward pass.
        wording: how nodes are called.
    """

    def __init__(self, end: Operand, forward: Iterable[Node], wording: Wording) -> None:
        self.end, self.wording = end, wording
        known = {n for n in forward if not is_elementwise(n) or wording.has_name(n)}
        everything = _down_to(end, known) if is_node(end) else []
        self.inside = [n for n in everything if n not in known and n.parents]
        self.own = frozenset(self.inside)
        self.size = sum(np.size(n.data) for n in self.inside) or 1
        self.until = Deadline()
        """When the search through its slips ends."""
        self._left = _MOST_ELEMENTS
        depends: dict[Node, bool] = {}
        for node in everything:
            if node in known:
                depends[node] = False
            else:
                depends[node] = not node.parents or any(depends[o] for o in operands(node))
        self.factors = frozenset(n for n in self.inside if not depends[n])
        self._upstream = frozenset(n for n, yes in depends.items() if yes)

    def is_upstream(self, operand: object) -> bool:
        """Whether an operand depends on the gradient that the step was handed."""
        return is_node(operand) and operand in self._upstream

    @property
    def is_spent(self) -> bool:
        """Whether no more may be computed."""
        return self._left < 0 or self.until.passed

    def with_(self, changed: Mapping[Any, Any]) -> Array | None:
        """The numbers of the step with nodes replaced; ``None`` where they do not fit."""
        if self.is_spent:
            return None
        self._left -= self.size
        with no_grad(), np.errstate(all="ignore"):
            try:
                end = rebuild(self.inside, changed).get(self.end)
            except (TypeError, ValueError, IndexError, ArithmeticError):
                return None
        return None if end is None else np.asarray(end.data)

    def with_operand(self, node: Node, index: int, other: Operand) -> Array | None:
        """The numbers with one operand of one node replaced."""
        if self.is_spent:
            return None
        parents = list(node.parents)
        parents[index] = other
        with no_grad(), np.errstate(all="ignore"):
            try:
                changed = node.again(parents)
            except (TypeError, ValueError, IndexError, ArithmeticError):
                return None
        return self.with_({node: changed})

    def with_node(self, node: Node, data: Array) -> Array | None:
        """The numbers with a node's own replaced."""
        return self.with_({node: leaf_like(self.end, data)})


def _down_to(end: Node, known: Collection[Node]) -> list[Node]:
    """The nodes that a step is made of and the known ones that it uses, in topological order."""
    inside = set()
    below = [end]
    for node in below:
        if node not in inside:
            inside.add(node)
            below += [] if node in known else operands(node)
    return [node for node in topological_order(end) if node in inside]


_MOST_ELEMENTS = 10**9
"""How many numbers are computed in the search for slips of one quantity, at the most."""


def block_ends(start: Node, after: Sequence[Node]) -> list[Any]:
    """The nodes that everything from ``start`` to the loss passes, of the same shape as it.

    Arguments:
        start: a node.
        after: the nodes that depend on it, in topological order.

    >>> from autograd_mini import Tensor
    >>> from autograd_mini.core.graph import topological_order
    >>> z = Tensor([1.0, 2.0])
    >>> e = np.exp(z)
    >>> p = e / np.sum(e)
    >>> [node.op for node in block_ends(z, topological_order(np.sum(p * 3.0))[1:])]
    ['exp', 'div', 'mul']
    """
    inside = {start, *after}
    waiting = dict.fromkeys(inside, 0)
    for node in after:
        for operand in operands(node):
            if operand in inside:
                waiting[operand] += 1
    unread, ends = {start}, []
    for node in after:
        for operand in operands(node):
            if operand in inside:
                waiting[operand] -= 1
                if not waiting[operand]:
                    unread.discard(operand)
        unread.add(node)
        if len(unread) == 1 and np.shape(node.data) == np.shape(start.data):
            ends.append(node)
    return ends
