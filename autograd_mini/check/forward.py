"""Slips of the forward pass: sums and softmaxes along the wrong axis, products of all pairs.

The gradients of such a loss are those of another than was meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.check.bounds import recorded_gradients, same_to_rounding, tolerance_of
from autograd_mini.check.broadcasting import pairs
from autograd_mini.check.problem import Problem
from autograd_mini.check.result import Finding
from autograd_mini.check.scope import Scope
from autograd_mini.check.structure import (
    GETITEM,
    consumers,
    is_elementwise,
    is_logarithm,
    is_normalised,
    moves_axes,
    reduced,
    shares,
    symbol_of,
    through_scalars,
)
from autograd_mini.core.graph import (
    Node,
    data_of,
    is_node,
    options_of,
    rebuild,
)
from autograd_mini.core.tensor import Tensor
from autograd_mini.typing import Array, Operand

_SUMS_TO_ONE = 0.02
"""How far probabilities may sum up from 1: what nn's losses let pass."""


@dataclass
class Recorded:
    """A recorded loss and the names around it."""

    order: Sequence[Node]
    scope: Scope

    @cached_property
    def uses(self) -> dict[Any, list[Any]]:
        return consumers(self.order)

    @cached_property
    def summed(self) -> list[Any]:
        """The nodes that reach the loss by elementwise operations, sums and means alone."""
        inside = {self.order[-1]}
        for node in reversed(self.order):
            if node in inside and (is_elementwise(node) or shares(node)):
                inside.update(p for p in node.parents if is_node(p))
        return [node for node in self.order if node in inside]

    def name(self, operand: Operand, otherwise: str) -> str:
        return self.scope.name_of(operand) or otherwise


def lost_axes(graph: Recorded) -> Iterator[Finding]:
    """(N,) of an (N, N) array's rows, without ``keepdims``, against its columns."""
    for node in graph.order:
        if symbol_of(node) not in ("+", "-", "*", "/") or np.ndim(node.data) != 2:
            continue
        for flat, wide in pairs(node.parents):
            shape = np.shape(data_of(wide))
            if not is_node(wide) or len(shape) != 2 or shape[0] != shape[1] or shape[0] < 2:
                continue
            if np.shape(data_of(flat)) != shape[1:]:
                continue
            reduced = _rows_reduced(flat, wide)
            if reduced is None or np.array_equal(wide.data, wide.data.T):
                continue
            yield Finding(
                "n-equals-k",
                tuple(n for n in (graph.scope.name_of(flat), graph.scope.name_of(wide)) if n),
                f"{reduced} over axis 1 of {graph.name(wide, 'an array')}, of shape {shape}, has "
                f"shape {shape[1:]} and is set against its columns; it broadcasts only since the "
                "array is square: write keepdims=True",
                wrong=True,
            )


def _rows_reduced(flat: Operand, wide: Node) -> str | None:
    """The reduction of ``wide`` over its last axis that ``flat`` is made of, if it is."""
    if not is_node(flat):
        if np.ptp(flat) == 0:
            return None
        for name, reduce in (("max", np.max), ("mean", np.mean), ("sum", np.sum)):
            if np.array_equal(flat, reduce(wide.data, axis=1)):
                return name
        return None
    for node in through_scalars(flat):
        reduction = reduced(node)
        if reduction is not None:
            operand, axes = reduction
            same = set(through_scalars(wide)).intersection(through_scalars(operand))
            equal = np.array_equal(operand.data, wide.data)
            return str(node.op) if axes == (1,) and (same or equal) else None
    return None


def products_of_all(graph: Recorded) -> Iterator[Finding]:
    """The sum over ``Y.T @ np.log(A)``, in which each class meets every other."""
    for node in graph.order:
        operands = _crossed(graph, node)
        if operands is None:
            continue
        targets, logarithm = operands
        name = graph.name(targets, "the targets")
        shape = np.shape(data_of(logarithm))
        yield Finding(
            "all-pairs",
            (name,) if name in graph.scope else (),
            f"a matrix product of {name} and a logarithm of shape {shape} has shape "
            f"{np.shape(node.data)}, every column of the one times every column of the other, and "
            "all of it is summed: only the diagonal is meant; write np.sum(targets * np.log(a))",
            wrong=True,
        )


def _crossed(graph: Recorded, node: Node) -> tuple[Operand, Node] | None:
    """Targets and a logarithm, both samples by classes, where all of their product is summed."""
    if symbol_of(node) != "@" or np.ndim(node.data) != 2 or np.size(node.data) < 2:
        return None
    one, other = node.parents
    for targets, logarithm in ((one, other), (other, one)):
        if is_node(targets) or not is_node(logarithm):
            continue
        turned = np.transpose(targets)
        inner = logarithm
        while moves_axes(inner):
            (inner,) = inner.parents
        if np.shape(turned) != np.shape(logarithm.data) or not is_logarithm(inner):
            continue
        shares_of_one = [np.allclose(np.sum(turned, axis=a), 1) for a in (0, 1)]
        if np.all(np.asarray(turned) >= 0) and any(shares_of_one) and is_summed_alone(graph, node):
            return targets, logarithm
    return None


def meant_by(problem: Problem) -> str:
    """The loss that was meant, in words, if the hand-derived gradients are right for that."""
    return next((words for words, made in _mended(problem) if _is_right_with(problem, made)), "")


def _is_right_with(problem: Problem, exchanged: Mapping[Node, Node]) -> bool:
    """Whether the hand-derived gradients are those of the loss with some nodes exchanged."""
    with np.errstate(all="ignore"):
        made = rebuild(problem.order, exchanged)
        root = made.get(problem.root, problem.root)
        nodes = [made.get(problem.nodes[name], problem.nodes[name]) for name in problem.manual]
        try:
            recorded = recorded_gradients(root, nodes)
        except TypeError:  # a primitive whose pullback works on plain arrays only
            return False
        named = dict(zip(problem.manual, recorded, strict=True))
        room = tolerance_of(replace(problem, root=root), named).values()
        arrays = [np.asarray(g.data if is_node(g) else g) for g in recorded]
        return all(map(same_to_rounding, problem.manual.values(), arrays, room))


def _mended(problem: Problem) -> Iterator[tuple[str, dict[Node, Node]]]:
    """What the loss was meant to be where its own code is wrong: in words, and what to exchange."""
    graph = Recorded(problem.expanded.order, problem.expanded.scope)
    if not isinstance(problem.root, Tensor):
        return
    for node in graph.order:
        if _crossed(graph, node) is not None:
            yield (
                "the sum over each sample's own class",
                {node: node * np.eye(*np.shape(node.data))},
            )
        axis = _lost_softmax(graph, node)
        if axis is not None:
            above: Any = node.parents[0] if symbol_of(node) == "/" else None
            if is_node(above):
                mended = above / np.sum(above, axis=axis, keepdims=True)
                yield f"a softmax over axis {axis}", {node: mended}


def _lost_softmax(graph: Recorded, node: Node) -> int | None:
    """The axis over which a softmax should run, if it runs over others."""
    if np.ndim(node.data) < 2 or not is_normalised(node):
        return None
    axes = [axis for axis, _, _ in _target_axes(graph, node)]
    return next((axis for axis in axes if not _sums_to_one(node.data, axis)), None)


def softmaxes(graph: Recorded) -> Iterator[Finding]:
    """Probabilities that do not sum to 1 along the axis along which the targets do."""
    for node in graph.order:
        if np.ndim(node.data) < 2 or not is_normalised(node):
            continue
        for axis, named, why in _target_axes(graph, node):
            p = node.data
            if _sums_to_one(p, axis):
                continue
            others = [a for a in range(p.ndim) if a != axis and _sums_to_one(p, a)]
            if others:
                over = f"over axis {others[0]}, not axis {axis}"
            elif abs(float(np.sum(p)) - 1) <= _SUMS_TO_ONE:
                over = f"over all elements, not over axis {axis}"
            else:
                continue
            what = graph.name(node, "the softmax")
            yield Finding(
                "softmax",
                tuple(n for n in (what, named) if n in graph.scope),
                f"{what} of shape {p.shape} sums to 1 {over}, along which {why}: divide by "
                f"np.sum(np.exp(z), axis={axis}, keepdims=True)",
                wrong=True,
            )
            break


def _target_axes(graph: Recorded, node: Node) -> Iterator[tuple[int, str, str]]:
    """Axes along which the classes lie, by the targets that meet the node or its logarithm.

    Each with the targets' name and what shows it.
    """
    reached, waiting = {node}, [node]
    while waiting:
        for use in graph.uses[waiting.pop()]:
            if use.operation is GETITEM:
                index = options_of(use)["index"]
                if isinstance(index, tuple) and len(index) == 2 == np.ndim(node.data):
                    counted = [
                        axis
                        for axis, places in enumerate(index)
                        if np.array_equal(places, np.arange(np.shape(node.data)[axis]))
                    ]
                    if len(counted) == 1:  # labels that count as well tell nothing
                        axis = 1 - counted[0]
                        name = graph.scope.name_of(index[axis])
                        yield axis, name, f"{name or 'an index'} chooses a class"
                continue
            same_shape = np.shape(use.data) == np.shape(node.data)
            if not is_elementwise(use) or use in reached or not same_shape:
                continue
            constants = [p for p in use.parents if not is_node(p) and np.size(p) > 1]
            if not constants:
                reached.add(use)
                waiting.append(use)
            elif symbol_of(use) == "-" or (
                symbol_of(use) == "*" and any(map(is_logarithm, use.parents))
            ):
                targets = np.asarray(constants[0])
                if targets.shape != np.shape(node.data) or np.any(targets < 0):
                    continue
                ones = [a for a in range(targets.ndim) if np.allclose(np.sum(targets, axis=a), 1)]
                if len(ones) == 1:
                    name = graph.scope.name_of(constants[0])
                    yield ones[0], name, f"{name} does" if name else "the targets do"


def _sums_to_one(p: Array, axis: int) -> bool:
    return bool(np.all(np.abs(np.sum(p, axis=axis) - 1) <= _SUMS_TO_ONE))


def is_summed_alone(graph: Recorded, node: Node) -> bool:
    """Whether nothing but signs, numbers and sums come between a node and the loss."""
    while graph.uses[node]:
        if len(graph.uses[node]) > 1:
            return False
        (use,) = graph.uses[node]
        others = [p for p in use.parents if p is not node and np.size(data_of(p)) > 1]
        if others or not (shares(use) or symbol_of(use) in ("+", "-", "*", "/")):
            return False
        node = use
    return True
