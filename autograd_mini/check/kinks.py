"""Kinks and jumps: where an operation has no derivative, and which branch each element takes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.core.elementwise import RULES
from autograd_mini.core.graph import is_node, rebuild, sweep_gradients
from autograd_mini.core.modes import no_grad
from autograd_mini.core.tensor import Array


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


def at_jump(node: Any) -> Any:
    """Where an operation jumps if an operand is moved by one rounding; ``None``: nowhere.

    >>> from autograd_mini import Tensor
    >>> at_jump(np.floor(Tensor([1.5, 2.0])))
    array([False,  True])
    """
    if node.op not in RULES or not RULES[node.op].pieces:
        return None
    data = [np.asarray(getattr(parent, "data", parent)) for parent in node.parents]
    found = np.zeros(np.shape(node.data), bool)
    with np.errstate(all="ignore"):
        for i, parent in enumerate(node.parents):
            if is_node(parent):
                beside = [
                    _piece(node, [*data[:i], np.nextafter(data[i], end), *data[i + 1 :]])
                    for end in (np.inf, -np.inf)
                ]
                found |= beside[0] != beside[1]
    return found if found.any() else None


def _piece(node: Any, data: Sequence[Array]) -> Array:
    return np.asarray(RULES[node.op].piece_function(*data), float)


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


def gradients_by_choice(
    order: Sequence[Any], kinks: Mapping[Any, Array], wanted: Sequence[Any]
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
    found = [sweep_gradients(root, list(wanted), False, None)]
    for sides in _choices(list(kinks), rng):
        made: dict[Any, Any] = {}
        for node in order:
            given = [made.get(p, p) if is_node(p) else p for p in node.parents]
            if node in kinks:
                given = _moved_off(kinks[node], node.parents, given, sides.get(node), rng)
            if any(g is not p for g, p in zip(given, node.parents, strict=True)):
                made[node] = node.again(given)
        nodes = [made.get(node, node) for node in wanted]
        found.append(sweep_gradients(made.get(root, root), nodes, False, None))
    return [[np.asarray(gradient) for gradient in each] for each in found]


def _choices(kinked: Sequence[Any], rng: np.random.Generator) -> Iterator[dict[Any, float]]:
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
    given: Sequence[Any],
    side: float | None,
    rng: np.random.Generator,
) -> list[Any]:
    """Operands a little beside their recorded numbers at kinks, the second to the other side."""
    found = []
    for sign, operand, other in zip(itertools.cycle((1, -1)), recorded, given, strict=False):
        if is_node(operand):
            size = max(1.0, float(np.max(np.abs(operand.data), initial=0.0)))
            shape = np.shape(operand.data)
            by: Any = rng.choice([1.0, -1.0], shape) if side is None else side
            step = sign * _STEP * size * by
            if shape == kinks.shape:
                step = np.where(kinks, step, 0.0)
            other = other + (operand.data + step - other.data)
        found.append(other)
    return found


_BRANCHES: Mapping[str, Any] = {
    "abs": lambda x: np.sign(x),
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
    if node.op in RULES and RULES[node.op].pieces:
        return _piece(node, data)
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
    >>> from autograd_mini.core.graph import topological_order
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
                if old not in made or old is node:
                    continue
                given = [made.get(p, p) if is_node(p) else p for p in old.parents]
                before, after = branches(old), branches(_Moved(old, given, made[old].data))
                if before is not None and before.shape == after.shape and (before != after).any():
                    found[old] = found.get(old, False) | (before != after)
    return found


class _Moved:
    """A node with other operands, not recorded."""

    def __init__(self, node: Any, parents: Sequence[Any], data: Any) -> None:
        self.op, self.options = node.op, getattr(node, "options", {})
        self.parents, self.data = parents, data
