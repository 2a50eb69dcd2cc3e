"""What a recorded loss is made of: the sums it adds up, and where an axis comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from autograd_mini.core.graph import (
    Node,
    data_of,
    is_node,
    leaf_like,
    operands,
    options_of,
    quietly,
    topological_order,
)
from autograd_mini.core.operation import OPERATIONS, Operation, axes_of
from autograd_mini.typing import Operand

EXP, LOG, RECIPROCAL, SQUARE = map(OPERATIONS.__getitem__, ("exp", "log", "reciprocal", "square"))
MAXIMUM, CLIP, LOG_SIGMOID = map(OPERATIONS.__getitem__, ("maximum", "clip", "log_sigmoid"))
SUM, LOGSUMEXP, LOG_SOFTMAX = map(OPERATIONS.__getitem__, ("sum", "logsumexp", "log_softmax"))
GETITEM = OPERATIONS["getitem"]
"""The operations that losses are written with, by which they are recognised."""


@dataclass(frozen=True)
class Term:
    """One summand of a loss: ``factor`` times the sum over all elements of ``node``."""

    factor: float
    node: Node


def terms(order: Sequence[Node]) -> list[Term]:
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
    summands = []
    for node in reversed(order):
        if node not in factors:
            continue
        factor = factors.pop(node)
        parts = shares(node)
        if not parts:
            summands.append(Term(factor, node))
            continue
        for operand, share in parts:
            factors[operand] = factors.get(operand, 0.0) + factor * share
    return summands


def is_summand(part: Node, whole: Node) -> bool:
    """Whether a loss is another one but for further terms, as it is without its penalty.

    >>> from autograd_mini import Tensor
    >>> w = Tensor([3.0, 4.0])
    >>> loss = np.mean(np.exp(w))
    >>> is_summand(loss, loss + 0.1 * np.sum(w * w)), is_summand(loss, 0.9 * loss + np.sum(w * w))
    (True, False)
    >>> is_summand(loss, loss + 1)
    False
    """
    if part is whole:
        return False
    known = {term.node: term.factor for term in terms(topological_order(whole))}
    own = terms(topological_order(part))
    alike = all(abs(known.get(t.node, 0.0) - t.factor) <= 1e-9 * abs(t.factor) for t in own)
    return bool(own) and alike and len(own) < len(known)


def shares(node: Node) -> list[tuple[Node, float]]:
    """The operands, each with a factor, whose element sums add up to the node's, less constants.

    There are none if the node is not linear in them, or weighs some elements more than others.

    >>> from autograd_mini import Tensor
    >>> x, y = Tensor([1.0, 2.0]), Tensor(3.0)
    >>> [share for _, share in shares(x - y)], shares(x * y)
    ([1.0, -2.0], [])
    """
    if node.operation is None or not is_linear(node):
        return []
    with quietly():
        ones = np.ones_like(np.asarray(node.data))[()]
        received = [(o, np.asarray(g)) for o, g in node.contributions(ones, None, False, False)]
    factors = []
    for operand, gradient in received:
        factor = gradient.flat[0] if gradient.size else 0.0
        if not factor or np.any(gradient != factor):
            return []
        factors.append((operand, float(factor)))
    return factors


def is_linear(node: Node) -> bool:
    """Whether a node is linear in its operands together; constants are none."""
    operation = node.operation
    places = [i for i, parent in enumerate(node.parents) if is_node(parent)]
    return operation is not None and not any(
        operation.reads_result(i) or any(operation.reads_operand(i, j) for j in places)
        for i in places
    )


def axis_source(operand: Operand, axis: int) -> str:
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
        if operand.operation is None:
            return "parameter"
        axis %= np.ndim(operand.data)
        shapes = [np.shape(data_of(parent)) for parent in operand.parents]
        sources = operand.operation.axis_sources(
            axis, np.shape(operand.data), *shapes, **options_of(operand)
        )
        if not sources:
            return ""
        # of two operands that both have it, the node or the wider one tells more
        index, axis = max(
            sources, key=lambda s: (is_node(operand.parents[s[0]]), len(shapes[s[0]]))
        )
        operand = operand.parents[index]
    return "data"


def sample_axis(outputs: Node) -> int:
    """The axis of a network's outputs along which the samples lie: 1 for ``W @ X``, else 0."""
    if np.ndim(outputs.data) < 2:
        return 0
    sources = [axis_source(outputs, axis) for axis in (0, 1)]
    return 1 if sources == ["parameter", "data"] else 0


def consumers(order: Sequence[Node]) -> dict[Node, list[Node]]:
    """For each node the nodes that use it."""
    users: dict[Node, list[Node]] = {node: [] for node in order}
    for node in order:
        for operand in operands(node):
            users[operand].append(node)
    return users


def through_scalars(node: Node) -> Iterator[Node]:
    """A node, and one after the other what it was made of by one operand and plain numbers."""
    while True:
        yield node
        arrays = [p for p in node.parents if is_node(p) or np.size(p) > 1]
        if len(arrays) != 1 or not is_node(arrays[0]) or not is_elementwise(node):
            return
        node = arrays[0]


def symbol_of(operand: Operand) -> str:
    """The operator of Python's that made a node of two operands, ``""`` if none did."""
    binary = is_node(operand) and len(operand.parents) == 2
    return operand.operation.symbol if binary else ""


def is_elementwise(node: Node) -> bool:
    """Whether an elementwise operation made a node."""
    return node.operation is not None and node.operation.elementwise


def reduced(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """For a sum, mean, greatest element and the like: what is reduced and over which axes."""
    if node.operation is None or not node.operation.reduces or not is_node(node.parents[0]):
        return None
    operand = node.parents[0]
    return operand, axes_of(options_of(node)["axis"], np.ndim(operand.data))


def moves_axes(node: Node) -> bool:
    """Whether a node is a transpose of its operand."""
    return node.operation is not None and node.operation.moves_axes


def summing(node: Node) -> Operation | None:
    """The operation of a node that adds up elements, or takes their mean; else ``None``."""
    operation = node.operation
    adds = operation is not None and operation.reduces and operation.is_linear(0)
    return operation if adds else None


def squared(node: Node) -> Node | None:
    """What is squared in a node, ``None`` if it is no square."""
    first, *others = node.parents or (None,)
    other = others[0] if others else None
    two = symbol_of(node) == "**" and not is_node(other) and np.all(np.asarray(other) == 2)
    itself = symbol_of(node) in ("*", "@") and first is other
    return first if node.operation is SQUARE or two or itself else None


def is_reciprocal(operand: Operand) -> bool:
    """Whether a node is one over another, or a number over it."""
    if not is_node(operand):
        return False
    if symbol_of(operand) == "**":
        exponent = operand.parents[1]
        return not is_node(exponent) and bool(np.all(np.asarray(exponent) == -1))
    over = symbol_of(operand) == "/" and np.size(data_of(operand.parents[0])) == 1
    return bool(operand.operation is RECIPROCAL or over)


def is_logarithm(operand: Operand) -> bool:
    """Whether a node is a logarithm, alone or of a softmax or sigmoid."""
    return is_node(operand) and operand.operation in (LOG, LOG_SOFTMAX, LOG_SIGMOID)


def is_normalised(node: Node) -> bool:
    """Whether a node is exponentials over their sum: a softmax, whatever way it is written.

    >>> from autograd_mini import Tensor, softmax
    >>> z = Tensor([1.0, 2.0])
    >>> is_normalised(np.exp(z) / np.sum(np.exp(z))), is_normalised(softmax(z)), is_normalised(z)
    (True, True, False)
    """
    if np.any(node.data < 0) or np.any(node.data > 1):
        return False
    if node.operation is not None and node.operation.parts is not None:
        operands = [leaf_like(p, p.data) if is_node(p) else p for p in node.parents]
        parts = node.operation.parts(*operands, **options_of(node))
        return is_node(parts) and is_normalised(parts)
    if symbol_of(node) == "/":
        above, below = node.parents
    elif symbol_of(node) == "*" and any(map(is_reciprocal, node.parents)):
        above, below = sorted(node.parents, key=is_reciprocal)
    else:
        return False
    if not is_node(below) or not is_node(above) or above.operation is not EXP:
        return False
    return any(_sums_exponentials(node) for node in through_scalars(below))


def _sums_exponentials(node: Node) -> bool:
    return node.operation is SUM and is_node(node.parents[0]) and node.parents[0].operation is EXP


def is_mean_distance(root: Node) -> bool:
    """Whether a number is a sum of distances |t − o|, which is shown where squares are meant."""
    found = terms(topological_order(root))
    return bool(found) and all(_is_distance(term.node) for term in found)


def is_difference(root: Node) -> bool:
    """Whether a number is an output less a target, which is no loss, but its slope."""
    return symbol_of(root) == "-" and len([p for p in root.parents if is_node(p)]) == 1


def is_of_squares_or_logarithms(root: Node) -> bool:
    """Whether a number is a sum of squares, logarithms or distances, and of what it was before."""
    added = [term.node for term in terms(topological_order(root)) if term.node.parents]
    return bool(added) and all(
        _is_distance(node) or squared(node) is not None or _has_logarithm(node) for node in added
    )


def _has_logarithm(node: Node) -> bool:
    return any(is_logarithm(one) for one in (node, *node.parents))


def _is_distance(node: Node) -> bool:
    """Whether a node is |x| of another."""
    if not is_elementwise(node) or len(node.parents) != 1 or not is_node(node.parents[0]):
        return False
    inner = node.parents[0]
    distance = np.abs(np.asarray(inner.data))
    if not np.array_equal(np.asarray(node.data), distance):
        return False
    with np.errstate(all="ignore"):
        below = node.again([leaf_like(inner, -distance[()])])
    return np.array_equal(np.asarray(below.data), distance)
