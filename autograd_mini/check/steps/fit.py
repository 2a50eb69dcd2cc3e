"""How the updates of a step stand to the gradients of a loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from autograd_mini.check.steps.meant import Loss
from autograd_mini.check.steps.multiples import SAME
from autograd_mini.check.steps.recorded import Made
from autograd_mini.check.steps.updates import Update
from autograd_mini.check.steps.variables import Path
from autograd_mini.check.structure import is_summand, symbol_of, terms
from autograd_mini.core.graph import Node, data_of, is_node, topological_order
from autograd_mini.typing import Array

SURE = 2
"""A loss of no higher rank is the loss, whatever its gradients are."""


@dataclass(frozen=True)
class Fit:
    """How the updates of a step stand to the gradients of a loss.

    Attributes:
        loss: the loss.
        parameters: those updates that are of parameters.
        factor: the updates are the gradients times this, besides their rates.
        right: the ways that lead to those of which this is so.
        usual: how much larger they usually are, be they multiples or not.
        sources: of updates that scale each number by itself, what goes into them as gradient.
        ratios: what each update is times the gradient, by the ways that lead to it, where it is.
    """

    loss: Loss
    parameters: tuple[Update, ...]
    factor: float
    right: frozenset[tuple[Path, ...]]
    usual: float = 1.0
    sources: Mapping[Update, Made] = field(default_factory=dict)
    ratios: Mapping[tuple[Path, ...], float] = field(default_factory=dict)

    @property
    def agreeing(self) -> int:
        """How many are."""
        return len(self.right)

    @property
    def complete(self) -> bool:
        """Whether all are."""
        return self.agreeing == len(self.parameters)

    @property
    def sure(self) -> bool:
        """Whether the loss is one, by what the code says, or by what is derived."""
        return self.complete or self.loss.rank <= SURE

    def at(self, factor: float) -> Fit:
        """The same with another factor: those whose gradient is 0 stay right."""
        ratios = {update.variable.paths: 0.0 for update in self.parameters} | dict(self.ratios)
        alike = {
            paths for paths, ratio in ratios.items() if abs(ratio - factor) <= SAME * abs(factor)
        }
        right = {paths for paths in self.right if not ratios[paths]} | alike
        return replace(self, factor=factor, right=frozenset(right))


def between_updates(after: Node, leaf: Node) -> set[Node]:
    """What a parameter held between two updates of one step.

    >>> from autograd_mini import Tensor
    >>> w = Tensor([1.0])
    >>> once = w - 0.1 * w * w
    >>> len(between_updates(once, w)), len(between_updates(once - once * once, w))
    (0, 1)
    """

    def added(node: Node) -> list[Node]:
        """The operands that a node adds to."""
        operands = node.parents[: {"+": 2, "-": 1}.get(symbol_of(node), 0)]
        return [operand for operand in operands if is_node(operand)]

    order = topological_order(after)
    below, above = {leaf}, {after}
    for node in order:
        if not below.isdisjoint(added(node)):
            below.add(node)
    for node in reversed(order):
        if node in above:
            above.update(added(node))
    return (below & above) - {leaf, after}


def is_read_between(after: Node, leaf: Node, order: Collection[Node]) -> bool:
    """Whether a parameter is read between two updates: by a loss, given by its order, or by what
    is taken away in the second.
    """
    between = between_updates(after, leaf)
    reading = (n for n in topological_order(after) if n is not after and n not in between)
    operands = (operand for node in reading for operand in node.parents if is_node(operand))
    return not between.isdisjoint(order) or not between.isdisjoint(operands)


def nearness(root: Node, leaves: Sequence[Node]) -> list[int]:
    """By what is greater the fewer operations stand between each leaf and a loss.

    >>> from autograd_mini import Tensor
    >>> w, v = Tensor([1.0]), Tensor([2.0])
    >>> nearness(np.sum(np.tanh(w * 3) * v), [w, v])
    [-4, -2]
    """
    depth = {root: 0}
    waiting = [root]
    for node in waiting:  # grows while it is walked
        for operand in node.parents:
            if is_node(operand) and operand not in depth:
                depth[operand] = depth[node] + 1
                waiting.append(operand)
    return [-depth.get(leaf, len(depth)) for leaf in leaves]


def counts_of(root: Node) -> list[int]:
    """The sizes of what a loss is computed of, and how many terms it has.

    >>> from autograd_mini import Tensor
    >>> w = Tensor([1.0, 2.0, 3.0])
    >>> counts_of(np.sum(w**2)), counts_of(w[0] ** 2 + w[1] ** 2)
    ([1, 3], [2, 3])
    """
    order = topological_order(root)
    arrays = [*constants_of(root), *(np.asarray(node.data) for node in order)]
    sizes = {size for array in arrays for size in array.shape if size}
    return sorted({*sizes, len(terms(order))})


def divided_twice(rate: Mapping[str, float], root: Node) -> int:
    """By how many examples both a rate and a loss divide, ``rate / len(batch)``: then updates are
    so many times the gradient.

    >>> from autograd_mini import Tensor
    >>> w = Tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    >>> [divided_twice({"rate": 0.1, "1/len(x)": 0.2}, root) for root in (np.mean(w), np.sum(w))]
    [5, 1]
    """
    parts = {abs(term.factor) for term in terms(topological_order(root))}
    counts = {round(1 / value) for text, value in rate.items() if text.startswith("1/")}
    for count in counts:
        if count >= _FEWEST and any(
            abs(part * count - one) <= SAME for part in parts for one in (1, 0.5)
        ):
            return count
    return 1


_FEWEST = 4
"""Of how many examples it is seen that a loss is divided by their number: of fewer it may be half
of something."""


def constants_of(root: Node) -> list[Array]:
    """The numbers and arrays of numbers that a loss is computed of."""
    operands = (p for node in topological_order(root) for p in node.parents if not is_node(p))
    return [c for c in map(np.asarray, map(data_of, operands)) if c.dtype.kind in "iuf"]


def whole(losses: Sequence[Loss], roots: Sequence[Node | None]) -> list[Loss]:
    """The losses, but for what is another without some terms, as without its penalty.

    Arguments:
        losses: the losses.
        roots: their nodes, where these are known.
    """
    known = list(zip(losses, roots, strict=True))
    sure = [root for loss, root in known if root is not None and loss.rank <= SURE]
    return [
        loss
        for loss, root in known
        if root is None or not any(is_summand(root, other) for other in sure)
    ]
