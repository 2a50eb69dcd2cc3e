"""What a recorded loss is made of: the sums it adds up, and where an axis comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.core.arrays import axes_of
from autograd_mini.core.elementwise import RULES
from autograd_mini.core.graph import data_of, expansion, is_node, topological_order


@dataclass(frozen=True)
class Term:
    """One summand of a loss: ``factor`` times the sum over all elements of ``node``."""

    factor: float
    node: Any


def terms(order: Sequence[Any]) -> list[Term]:
    """The loss, the last of a topological order, as a sum of terms; constants are left out.

    Sums, means, signs, constant factors and rearrangements are looked through.

    >>> from autograd_mini import Tensor
    >>> from autograd_mini.core.graph import topological_order
    >>> w = Tensor([3.0, 4.0])
    >>> loss = np.mean(np.exp(w)) - 5 * np.sum(w * w) + 1
    >>> [(term.factor, term.node.op) for term in terms(topological_order(loss))]
    [(-5.0, 'mul'), (0.5, 'exp')]
    """
    factors = {order[-1]: 1.0}
    found = []
    for node in reversed(order):
        if node not in factors:
            continue
        factor = factors.pop(node)
        parts = _linear_parts(node)
        if parts is None:
            found.append(Term(factor, node))
            continue
        for operand, share in parts:
            factors[operand] = factors.get(operand, 0.0) + factor * share
    return found


def _linear_parts(node: Any) -> list[tuple[Any, float]] | None:
    """The operands, each with a factor, whose element sums add up to the node's."""
    if not node.parents:
        return None
    first = node.parents[0]
    if node.op in REARRANGING or node.op == "sum":
        return [(first, 1.0)]
    if node.op == "mean":
        return [(first, np.size(node.data) / np.size(first.data))]
    if node.op == "neg":
        return [(first, -1.0)]
    if node.op in ("add", "sub"):
        signs = (1.0, 1.0 if node.op == "add" else -1.0)
        return [
            (operand, sign * np.size(node.data) / np.size(operand.data))
            for operand, sign in zip(node.parents, signs, strict=True)
            if is_node(operand)
        ]
    if node.op in ("mul", "div"):
        number = node.parents[1] if is_node(first) else first
        operand = first if is_node(first) else node.parents[1]
        inverse = node.op == "div"
        if is_node(number) or np.size(number) != 1 or (inverse and operand is not first):
            return None
        if np.size(operand.data) != np.size(node.data):
            return None
        factor = float(np.reshape(number, ()))
        return [(operand, 1 / factor if inverse else factor)] if factor else None
    return None


def opened(order: Sequence[Any]) -> list[Any]:
    """The topological order of the loss with each primitive as what its forward is made of.

    That can be said of primitives whose forward functions take Tensors; others stay whole.

    >>> from autograd_mini import Tensor, nn
    >>> from autograd_mini.core.graph import topological_order
    >>> order = topological_order(nn.cross_entropy(Tensor([[2.0, 0.0]]), [0]))
    >>> [node.op for node in order], [node.op for node in opened(order)]
    (['', 'softmax_loss'], ['', 'log_softmax', 'getitem', 'sum', 'neg', 'div'])
    """
    return topological_order(
        expansion(order, lambda operation: operation.foreign).get(order[-1], order[-1])
    )


REARRANGING = {
    "reshape", "ravel", "squeeze", "expand_dims", "transpose", "moveaxis", "swapaxes", "flip",
    "roll", "positive",
}  # fmt: skip
"""Operations whose result has the same elements, each once."""


def axis_source(operand: Any, axis: int) -> str:
    """Where an axis of an array comes from.

    Returns:
        ``"data"`` for an axis of a constant, such as the samples in ``X @ W``;
        ``"parameter"`` for one of a leaf; ``""`` for one that indexing, reshaping or another
        operation made on the way.

    >>> from autograd_mini import Tensor
    >>> W = Tensor(np.ones((3, 2)))
    >>> outputs = np.tanh(np.ones((5, 3)) @ W + 1)
    >>> axis_source(outputs, 0), axis_source(outputs, 1)
    ('data', 'parameter')
    """
    while is_node(operand):
        shape = np.shape(operand.data)
        axis %= len(shape)
        if not operand.parents:
            return "parameter"
        from_end = axis - len(shape)
        if operand.op in ("matmul", "affine"):
            left, right = operand.parents[:2]
            if np.ndim(data_of(right)) == 1:
                operand, axis = left, from_end - 1
            elif np.ndim(data_of(left)) == 1:
                operand, axis = right, from_end - (from_end < -1)
            else:
                operand, axis = (right, -1) if from_end == -1 else (left, from_end)
            if axis < -np.ndim(data_of(operand)):
                return ""
        elif operand.op in RULES:
            fitting = [
                p
                for p in operand.parents
                if np.ndim(data_of(p)) >= -from_end
                and np.shape(data_of(p))[from_end] == shape[axis]
            ]
            if not fitting:
                return ""
            operand, axis = max(fitting, key=lambda p: (is_node(p), np.ndim(data_of(p)))), from_end
        elif operand.op == "transpose":
            order = operand.options["axes"] or range(len(shape))[::-1]
            operand, axis = operand.parents[0], order[axis]
        elif operand.op in ("softmax", "log_softmax"):
            operand = operand.parents[0]
        elif (reduction := summed_axis(operand)) is not None and not operand.options["keepdims"]:
            operand, gone = reduction
            axis = [a for a in range(np.ndim(operand.data)) if a not in gone][axis]
        else:
            return ""
    return "data"


def sample_axis(outputs: Any) -> int:
    """The axis of a network's outputs along which the samples lie: 1 for ``W @ X``, else 0."""
    if np.ndim(outputs.data) < 2:
        return 0
    sources = [axis_source(outputs, axis) for axis in (0, 1)]
    return 1 if sources == ["parameter", "data"] else 0


def summed_axis(node: Any) -> tuple[Any, tuple[int, ...]] | None:
    """For a sum, mean or greatest element: what is reduced and over which axes, else ``None``."""
    if node.op not in ("sum", "mean", "max", "min", "var", "std", "logsumexp"):
        return None
    operand = node.parents[0]
    return operand, axes_of(node.options["axis"], np.ndim(operand.data))


def consumers(order: Sequence[Any]) -> dict[Any, list[Any]]:
    """For each node the nodes that use it."""
    found: dict[Any, list[Any]] = {node: [] for node in order}
    for node in order:
        for operand in node.parents:
            if is_node(operand):
                found[operand].append(node)
    return found


def through_scalars(node: Any) -> Iterator[Any]:
    """A node, and one after the other what it was made of by one operand and plain numbers."""
    while True:
        yield node
        arrays = [p for p in node.parents if is_node(p) or np.size(p) > 1]
        if len(arrays) != 1 or not is_node(arrays[0]) or node.op not in RULES:
            return
        node = arrays[0]
