"""Whether what a step does to a variable is an update: what it held, and something added to it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from autograd_mini.check.lines.syntax import amount_of
from autograd_mini.check.steps.multiples import SAME, TELLING, ratio_of
from autograd_mini.check.steps.updates import Update, rate_number, rate_of, scalars
from autograd_mini.check.structure import is_elementwise, is_linear, reduced
from autograd_mini.core.graph import Node, is_node
from autograd_mini.typing import Array


def adds_to(nodes: Sequence[tuple[Node, Any]], leaf: Node) -> bool:
    """Whether what a variable holds after is what it held before with something added to it."""
    waiting = [node for node, _ in nodes]
    seen: set[Node] = set()
    for node in waiting:  # grows while it is walked
        if node is leaf:
            return True
        if node in seen or not node.parents or not is_linear(node):
            continue
        seen.add(node)
        mixes = reduced(node) is not None or getattr(node.operation, "multilinear", False)
        if is_elementwise(node) or not mixes:
            waiting += [parent for parent in node.parents if is_node(parent)]
    return False


def goes_on_inside(update: Update, others: Sequence[Update]) -> bool:
    """Whether a part of what a statement assigns is an update of its target, at the rate of others,
    ``w = (w - rate * dw) * w``: it is one, though more is done with it.
    """
    node = None if update.statement is None else update.statement.node
    if not isinstance(node, ast.Assign) or amount_of(node) is not None:
        return False
    target = ast.unparse(node.targets[0])
    factors = {
        text
        for part in ast.walk(node.value)
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add | ast.Sub)
        if ast.unparse(part.left) == target
        for text, _ in scalars(part.right, True)
    }
    return any(
        not factors.isdisjoint(rate_of(other, others))
        for other in (others if factors else ())
        if other is not update
    )


def holds_gradient(update: Update, gradient: Array, others: Mapping[Update, Array]) -> bool:
    """Whether a parameter is no more than a multiple of its gradient after an update: what it held
    should be there, too.  Few numbers are some multiple by chance, but not as many times as another
    update is of its own.

    Arguments:
        update: the update.
        gradient: the gradient.
        others: all updates, with their gradients.
    """
    after = update.variable.before - update.taken
    ratio = ratio_of(after, gradient)
    if not ratio or after.size >= TELLING:
        return bool(ratio)
    times = ratio / rate_number(update, [*others])
    known = (
        ratio_of(other.taken / rate_number(other, [*others]), right)
        for other, right in others.items()
        if other is not update
    )
    return any(each and abs(each + times) <= SAME * abs(each) for each in known)


def reaches(order: Collection[Node], nodes: Sequence[tuple[Node, Any]], leaf: Node) -> bool:
    """Whether a loss, given by its topological order, is computed from what a variable holds after.

    >>> import numpy as np
    >>> from autograd_mini import Tensor
    >>> from autograd_mini.core.graph import topological_order
    >>> w = Tensor([1.0])
    >>> after = w - 1.0
    >>> reaches(topological_order(np.sum(after)), [(after, ...)], w)
    True
    """
    inside = set(order)
    return any(node in inside and node is not leaf for node, _ in nodes)
