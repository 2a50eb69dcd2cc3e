"""Kinks: where an operation has no derivative, and which branch each element takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.graph import is_node, rebuild, sweep_gradients
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


_STEP = 2.0**-26
"""How far, relative to the operands' size, one looks to either side of a kink."""
SIDES_DIFFER = 2.0**-20
"""Slopes taken over ``_STEP`` that differ by more than this part of themselves are two slopes."""


def slopes_on_both_sides(node: Any, tangents: Sequence[Array]) -> tuple[Array, Array]:
    """How fast an operation's result changes ahead and behind along tangents of its operands.

    >>> from autograd_mini import Tensor
    >>> ahead, behind = slopes_on_both_sides(abs(Tensor([0.0, 1.0])), [np.ones(2)])
    >>> ahead.round(6).tolist(), behind.round(6).tolist()
    ([1.0, 1.0], [-1.0, 1.0])
    """
    points = [np.asarray(p.data if is_node(p) else p) for p in node.parents]
    fastest = max(float(np.max(np.abs(t), initial=0.0)) for t in tangents) or 1.0
    size = max(1.0, *(float(np.max(np.abs(p), initial=0.0)) for p in points))
    step = _STEP * size / fastest
    with no_grad(), np.errstate(all="ignore"):
        ahead, behind = (
            np.asarray(_again(node, [p + s * t for p, t in zip(points, tangents, strict=True)]))
            for s in (step, -step)
        )
    here = np.asarray(node.data)
    return (ahead - here) / step, (here - behind) / step


def _again(node: Any, points: Sequence[Array]) -> Any:
    return node.again([_leaf(p, x) for p, x in zip(node.parents, points, strict=True)]).data


def _leaf(operand: Any, data: Array) -> Any:
    return type(operand)(data) if is_node(operand) else data


def gradients_beside(order: Sequence[Any], kinked: Sequence[Any]) -> list[Array]:
    """For each node at a kink the largest size of its gradient, however other kinks are taken.

    Arguments:
        order: the topological order of the loss.
        kinked: nodes that have no derivative.
    """
    root, moved = order[-1], {p for node in kinked for p in node.parents if is_node(p)}
    found = [sweep_gradients(root, list(kinked), False, None)]
    for side in (1.0, -1.0):
        beside = {}
        for operand in moved:
            size = max(1.0, float(np.max(np.abs(operand.data), initial=0.0)))
            beside[operand] = type(operand)(operand.data + side * _STEP * size)
        made = rebuild(order, beside)
        beside_kinks = [made.get(node, node) for node in kinked]
        found.append(sweep_gradients(made.get(root, root), beside_kinks, False, None))
    return [
        np.max(np.abs([np.asarray(g) for g in each]), axis=0) for each in zip(*found, strict=True)
    ]


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
