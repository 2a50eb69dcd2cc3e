"""Kinks and jumps: where an operation has no derivative, and which branch each element takes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.core.graph import (
    Node,
    data_of,
    is_node,
    leaf_like,
    options_of,
    rebuild,
    sweep_gradients,
)
from autograd_mini.core.modes import no_grad
from autograd_mini.typing import Array


def at_kink(node: Node) -> Array | None:
    """Where an operation has no derivative: truth values, or ``None`` if it has one everywhere.

    >>> from autograd_mini import Tensor
    >>> at_kink(abs(Tensor([0.0, 1.0])))
    array([ True, False])
    """
    if node.operation is None:
        return None
    at = node.operation.kinks_at(node.data, *_arrays(node), **options_of(node))
    return None if at is None else np.asarray(at)


def at_jump(node: Node) -> Array | None:
    """Where an operation jumps if an operand is moved by one rounding; ``None``: nowhere.

    >>> from autograd_mini import Tensor
    >>> at_jump(np.floor(Tensor([1.5, 2.0])))
    array([False,  True])
    """
    if node.operation is None or not node.operation.discontinuous:
        return None
    data = _arrays(node)
    jumps = np.zeros(np.shape(node.data), bool)
    with np.errstate(all="ignore"):
        for i, parent in enumerate(node.parents):
            if is_node(parent):
                ahead, behind = (
                    _branches(node, [*data[:i], np.nextafter(data[i], end), *data[i + 1 :]])
                    for end in (np.inf, -np.inf)
                )
                jumps |= ahead != behind
    return jumps if jumps.any() else None


def _arrays(node: Node) -> list[Array]:
    return [np.asarray(data_of(parent)) for parent in node.parents]


def _branches(node: Node, data: Sequence[Array], out: Array | float | None = None) -> Array | None:
    """A number for the branch that each element takes; ``None`` if there is only one branch."""
    if node.operation is None:
        return None
    taken = node.operation.branches_at(out, *data, **options_of(node))
    return None if taken is None else np.asarray(taken, float)


_STEP = 2.0**-26
"""How far, relative to the operands' size, one looks to either side of a kink."""
SIDES_DIFFER = 2.0**-20
"""Slopes taken over ``_STEP`` that differ by more than this part of themselves are two slopes."""


def slopes_on_both_sides(node: Node, tangents: Sequence[Array]) -> tuple[Array, Array]:
    """How fast an operation's result changes ahead and behind along tangents of its operands.

    >>> from autograd_mini import Tensor
    >>> ahead, behind = slopes_on_both_sides(abs(Tensor([0.0, 1.0])), [np.ones(2)])
    >>> ahead.round(6).tolist(), behind.round(6).tolist()
    ([1.0, 1.0], [-1.0, 1.0])
    """
    points = _arrays(node)
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


def _again(node: Node, points: Sequence[Array]) -> Array:
    """The result of an operation at other numbers."""
    moved = [
        leaf_like(parent, point) if is_node(parent) else point
        for parent, point in zip(node.parents, points, strict=True)
    ]
    return np.asarray(node.again(moved).data)


def gradients_by_choice(
    order: Sequence[Node], kinks: Mapping[Node, Array], wanted: Sequence[Node]
) -> list[list[Array]]:
    """The gradients of nodes by several choices between the two sides of each kink.

    These are the choice that was recorded, one side or the other for each operation as a whole,
    and a side at random for each element.

    Arguments:
        order: the topological order of the loss.
        kinks: nodes that have no derivative, and where.
        wanted: the nodes whose gradients are taken.
    """
    root, rng = order[-1], np.random.default_rng(0)
    gradients = [sweep_gradients(root, list(wanted), False, None)]
    for sides in _choices(list(kinks), rng):
        chosen: dict[Node, Node] = {}
        for node in order:
            operands = [chosen.get(p, p) if is_node(p) else p for p in node.parents]
            if node in kinks:
                operands = _moved_off(kinks[node], node.parents, operands, sides.get(node), rng)
            if any(o is not p for o, p in zip(operands, node.parents, strict=True)):
                chosen[node] = node.again(operands)
        nodes = [chosen.get(node, node) for node in wanted]
        gradients.append(sweep_gradients(chosen.get(root, root), nodes, False, None))
    return [[np.asarray(gradient) for gradient in each] for each in gradients]


def _choices(kinked: Sequence[Node], rng: np.random.Generator) -> Iterator[dict[Node, float]]:
    """For each choice the side of each operation, 1 or −1; none where each element has its own."""
    if 2 ** len(kinked) <= _AS_WHOLES:
        whole = list(itertools.product((1.0, -1.0), repeat=len(kinked)))
    else:
        drawn = rng.choice([1.0, -1.0], (_AS_WHOLES - 2, len(kinked))).tolist()
        whole = [(1.0,) * len(kinked), (-1.0,) * len(kinked), *map(tuple, drawn)]
    yield from (dict(zip(kinked, signs, strict=True)) for signs in whole)
    yield from ({} for _ in range(_AT_RANDOM))


_AS_WHOLES = 8
_AT_RANDOM = 4
"""How many choices are made at the most for operations as wholes, and for each element."""


def _moved_off(
    kinks: Array,
    recorded: Sequence[Any],
    operands: Sequence[Any],
    side: float | None,
    rng: np.random.Generator,
) -> list[Any]:
    """Operands a little beside their recorded numbers at kinks, the second to the other side."""
    moved = []
    for sign, at, operand in zip(itertools.cycle((1, -1)), recorded, operands, strict=False):
        if is_node(at):
            size = max(1.0, float(np.max(np.abs(at.data), initial=0.0)))
            shape = np.shape(at.data)
            by: Any = rng.choice([1.0, -1.0], shape) if side is None else side
            step = sign * _STEP * size * by
            if shape == kinks.shape:
                step = np.where(kinks, step, 0.0)
            operand = operand + (at.data + step - operand.data)
        moved.append(operand)
    return moved


def crossed(order: Sequence[Node], node: Node, ends: Iterable[Array]) -> dict[Node, Array]:
    """The elements that take another branch when a node's data is moved.

    Arguments:
        order: the topological order of the loss.
        node: what is moved.
        ends: where it is moved to.

    Returns:
        For each node with such elements, truth values.

    >>> from autograd_mini import Tensor
    >>> from autograd_mini.core.graph import topological_order
    >>> x = Tensor([0.1, 1.0])
    >>> crossings = crossed(topological_order(np.sum(abs(x))), x, [np.array([-0.1, 0.9])])
    >>> [(node.op, where.tolist()) for node, where in crossings.items()]
    [('abs', [True, False])]
    """
    crossings: dict[Node, Array] = {}
    with np.errstate(all="ignore"):
        for end in ends:
            with no_grad():
                moved = rebuild(order, {node: leaf_like(node, end)})
            for old in order:
                if old not in moved or old is node:
                    continue
                operands = [data_of(moved.get(p, p) if is_node(p) else p) for p in old.parents]
                before = _branches(old, _arrays(old), old.data)
                after = _branches(old, list(map(np.asarray, operands)), moved[old].data)
                if before is None or after is None or before.shape != after.shape:
                    continue
                if (before != after).any():
                    crossings[old] = crossings.get(old, False) | (before != after)
    return crossings
