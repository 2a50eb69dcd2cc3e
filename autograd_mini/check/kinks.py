"""Kinks: where an operation has no derivative, and which branch each element takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.graph import is_node, rebuild
from autograd_mini.modes import no_grad
from autograd_mini.rules import RULES

Array = np.ndarray[Any, np.dtype[Any]]


def at_kink(node: Any) -> Any:
    """Where an operation has no derivative: truth values, or ``None`` if it has one everywhere.

    >>> from autograd_mini import Tensor
    >>> at_kink(abs(Tensor([0.0, 1.0])))
    array([ True, False])
    """
    data = [np.asarray(getattr(parent, "data", parent)) for parent in node.parents]
    if node.op in RULES:
        found = [condition(*data) for condition in RULES[node.op].kink_functions]
        if not found:
            return None
        shape = np.shape(node.data)
        return np.any([np.broadcast_to(each, shape) for each in found], axis=0)
    if node.op in ("max", "min"):
        options = node.options
        whole = np.asarray(node.data)
        if not options.get("keepdims") and options.get("axis") is not None:
            whole = np.expand_dims(whole, options["axis"])
        ties: Array = data[0] == whole
        several = np.sum(ties, axis=options.get("axis"), keepdims=True) > 1
        return ties & several
    if node.op in ("norm", "std"):
        return np.asarray(node.data) == 0
    return None


_BRANCHES: Mapping[str, Any] = {
    "abs": lambda x: np.sign(x),
    "sign": lambda x: np.sign(x),
    "relu": lambda x: x > 0,
    "leaky_relu": lambda x, slope: x > 0,
    "elu": lambda x, alpha: x > 0,
    "maximum": lambda x, y: np.sign(x - y),
    "minimum": lambda x, y: np.sign(x - y),
    "clip": lambda x, low, high: np.sign(x - low) + np.sign(x - high),
}


def branches(node: Any) -> Any:
    """A number for the branch that each element takes; ``None`` if there is only one branch."""
    data = [np.asarray(getattr(parent, "data", parent)) for parent in node.parents]
    if node.op in _BRANCHES:
        return np.asarray(_BRANCHES[node.op](*data), float)
    if node.op in ("max", "min"):
        whole = np.asarray(node.data)
        if not node.options["keepdims"] and node.options["axis"] is not None:
            whole = np.expand_dims(whole, node.options["axis"])
        return np.asarray(data[0] == whole, float)
    return None


def crossed(order: Sequence[Any], node: Any, ends: Iterable[Array]) -> dict[Any, Array]:
    """The elements that take another branch when a node's data is moved.

    Arguments:
        order: the topological order of the loss.
        node: what is moved.
        ends: where it is moved to.

    Returns:
        For each node with such elements, truth values.

    >>> from autograd_mini import Tensor
    >>> from autograd_mini.graph import topological_order
    >>> x = Tensor([0.1, 1.0])
    >>> found = crossed(topological_order(np.sum(abs(x))), x, [np.array([-0.1, 0.9])])
    >>> [(node.op, where.tolist()) for node, where in found.items()]
    [('abs', [True, False])]
    """
    found: dict[Any, Array] = {}
    with np.errstate(all="ignore"):
        for end in ends:
            with no_grad():
                made = rebuild(order, {node: type(node)(end)})
            for old in order:
                if old not in made or old is node or old.op not in (*_BRANCHES, "max", "min"):
                    continue
                given = [made.get(p, p) if is_node(p) else p for p in old.parents]
                before, after = branches(old), branches(_Moved(old, given, made[old].data))
                if before.shape == after.shape and (before != after).any():
                    found[old] = found.get(old, False) | (before != after)
    return found


class _Moved:
    """A node with other operands, not recorded."""

    def __init__(self, node: Any, parents: Sequence[Any], data: Any) -> None:
        self.op, self.options = node.op, getattr(node, "options", {})
        self.parents, self.data = parents, data
