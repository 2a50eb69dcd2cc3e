"""How much of a gradient is rounding: what two right derivations may differ by.

Two correct computations of one gradient differ by rounding, and by how much depends on
cancellation inside the computation.  So the computation itself is asked.  The reverse
sweep is recorded, which makes a graph of every number that went into the gradients,
forward and backward.  This graph is evaluated again with each number off by a relative
2⁻³⁰ or less; how far that moves a gradient, scaled down to the machine's 2⁻⁵², is its
rounding error.  Branches that were taken stay as they were.

A right derivation may also recover a number from a sum: a·(1 − a) for a = 1 / (1 + exp(−z))
knows exp(−z) only as well as 1 + exp(−z) holds it.  So a number that is added to a constant,
or an exponential that is added to anything, is off by that part of the sum.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from autograd_mini.check.problem import Problem
from autograd_mini.check.structure import EXP, is_elementwise, symbol_of
from autograd_mini.core.graph import (
    Node,
    data_of,
    is_node,
    leaf_like,
    operands,
    options_of,
    reverse_sweep,
    sweep_gradients,
    topological_order,
)
from autograd_mini.core.modes import no_grad
from autograd_mini.typing import Array, Operand

_EPSILON = 2.0**-52
_NOISE = 2.0**-30
DRAWS = 3
"""How often all numbers are computed with noise."""
_SAFETY = 64.0
"""Noise is one rounding a number; a sum of many terms rounds at each, in one direction at worst."""
GUESS = 1e-10
"""The rounding that is allowed, relative to the largest element, where it cannot be found."""
_UNITS = 8.0
"""Roundings of the last few operations, which no number in the graph passes through."""


@dataclass(frozen=True)
class Bounds:
    """The automatic gradients of a problem, and how much of what is compared is rounding.

    Attributes:
        automatic: the gradient of the reverse sweep for each quantity; 0, without a word,
            where nothing reaches the loss.
        tolerance: the rounding error of each, element by element.
        noise: that of the loss itself.
        notes: what is to be said about it.
    """

    automatic: Mapping[str, Array]
    tolerance: Mapping[str, Array]
    noise: float
    notes: tuple[str, ...] = ()


def bounds(problem: Problem) -> Bounds:
    """The rounding error of each automatic gradient of a problem, and of its loss."""
    automatic, notes = automatic_gradients(problem, problem.nodes), []
    if problem.uncertain:
        room = {name: _of(error) for name, error in problem.uncertain.items()}
        return Bounds(automatic, room, 0.0)
    try:
        recorded = recorded_gradients(problem.root, list(problem.nodes.values()))
    except TypeError as error:  # a primitive whose pullback works on plain arrays only
        recorded = list(automatic.values())
        notes.append(
            f"Rounding is taken to be {GUESS:.0e} of the largest element, since the sweep "
            f"could not be recorded: {error}"
        )
    tolerance = tolerance_of(problem, dict(zip(problem.nodes, recorded, strict=True)))
    return Bounds(automatic, tolerance, loss_noise(problem.expanded.root), tuple(notes))


def tolerance_of(
    problem: Problem, recorded: Mapping[str, Any], draws: int = DRAWS
) -> dict[str, Array]:
    """How far a gradient that was derived by hand may be off, for each name.

    That is the rounding of the recorded gradient, and what the code itself rounds.

    Arguments:
        problem: what is checked, in which the recorded gradients were made.
        recorded: these, by name.
        draws: as for ``rounding_of``.
    """
    rounding = rounding_of(list(recorded.values()), problem.rounding_unit, problem.order, draws)
    return {
        name: bound + problem.room.get(name, 0.0)
        for name, bound in zip(recorded, rounding, strict=True)
    }


def automatic_gradients(problem: Problem, names: Iterable[str]) -> dict[str, Array]:
    """The gradients of the reverse sweep; 0, without a word, where nothing reaches the loss."""
    nodes = {name: problem.nodes[name] for name in names}
    with np.errstate(all="ignore"):
        swept = sweep_gradients(problem.root, list(nodes.values()), False, None)
    return dict(zip(nodes, map(np.asarray, swept), strict=True))


def _of(error: Array) -> Array:
    """How far numbers may be off that are known to an error each: as far as the worst of them."""
    return np.asarray(np.full(error.shape, np.max(error, initial=0.0)))


def same_to_rounding(data: Array, other: Array, bound: Array) -> bool:
    """Whether an array is another to rounding; infinities and NaN must be the same."""
    if data.shape != np.shape(other):
        return False
    with np.errstate(invalid="ignore"):
        near = (np.abs(data - other) <= bound) | (data == other)
    return bool(np.all(near | (np.isnan(data) & np.isnan(other))))


def rounding_error(root: Node, nodes: Sequence[Node], epsilon: float) -> list[Array]:
    """For each node a bound, element by element, of the rounding error of its gradient.

    Arguments:
        root: the loss.
        nodes: the nodes whose gradients are judged.
        epsilon: the relative rounding unit of the arithmetic that is judged.

    Raises:
        TypeError: the pullback of a primitive cannot be recorded.

    >>> from autograd_mini import Value
    >>> x = Value(1e8)
    >>> y = (x + 1) * (x + 1) - x * x  # the gradient 2 is a difference of numbers near 2e8
    >>> 1e-8 < float(rounding_error(y, [x], 2.0**-52)[0]) < 1e-5
    True
    """
    return rounding_of(recorded_gradients(root, nodes), epsilon, topological_order(root))


def recorded_gradients(
    root: Node, nodes: Sequence[Node], handed: Mapping[Any, Any] = MappingProxyType({})
) -> list[Any]:
    """The gradient for each node, as a node that remembers how the sweep computed it.

    Derivatives are recorded as they are written by hand, and round as they do there.
    ``handed`` gives nodes a gradient to pass on in place of their own.
    """
    seed = leaf_like(root, np.ones_like(root.data)[()])
    return sweep_gradients(root, nodes, "as written", seed, handed)


@np.errstate(all="ignore")
def rounding_of(
    gradients: Sequence[Any], epsilon: float, forward: Sequence[Node], draws: int = DRAWS
) -> list[Array]:
    """For each recorded gradient a bound, element by element, of its rounding error.

    ``forward`` is the nodes of the forward pass, in topological order.  Fewer draws of the noise
    give a lesser bound in less time.
    A gradient that was not recorded is a constant, or its rounding cannot be found: then a
    part of its largest element is taken.
    """
    recorded = [gradient for gradient in gradients if is_node(gradient)]
    exact = [np.asarray(data_of(gradient)) for gradient in gradients]
    if not recorded:
        return [np.full(e.shape, GUESS * np.max(np.abs(e), initial=0.0)) for e in exact]
    order = topological_order(*recorded)
    sizes = _Sizes(order, forward)
    movements = [np.zeros(e.shape) for e in exact]
    scale = epsilon * _SAFETY / _NOISE
    for seed in range(1, draws + 1):
        shaken = _shaken(order, sizes, gradients, scale, np.random.default_rng(seed))
        for movement, e in zip(movements, exact, strict=True):
            moved = np.abs(shaken.pop(0) - e)
            np.maximum(movement, moved, out=movement)
    return [_bound(movement, e, epsilon) for movement, e in zip(movements, exact, strict=True)]


def _bound(movement: Array, exact: Array, epsilon: float) -> Array:
    """The rounding error from how far noise moves a gradient, in the place of that array."""
    movement *= epsilon * _SAFETY / _NOISE
    movement += epsilon * _UNITS * np.abs(exact)
    return movement


def is_surely_rounding(claim: Array, exact: Array, epsilon: float) -> bool:
    """Whether a claim is off a gradient by less than the least that ``rounding_of`` gives."""
    if claim.shape != exact.shape:
        return False
    least, gap = np.array(exact, float), np.array(claim, float)
    gap -= exact
    least *= epsilon * _UNITS
    return bool(np.all(np.abs(gap, out=gap) <= np.abs(least, out=least)))


@np.errstate(all="ignore")
def loss_noise(root: Node) -> float:
    """The rounding error to expect of the loss itself.

    Each node's own rounding reaches the loss through its gradient.
    """
    order = topological_order(root)
    total = 0.0
    for node, gradient in reverse_sweep(order, root.seed(None), masked=True):
        share = gradient * _size_inside(node)
        total += float(np.sum(np.square(share), where=np.not_equal(gradient, 0)))
    return _EPSILON * math.sqrt(total)


def _size_inside(node: Node) -> Array | float:
    """How large the numbers are that a node's operation rounds.

    An elementwise operation rounds its result.  One that is linear in its operands, as a sum or a
    product of matrices, adds up numbers as large as it makes of its operands' sizes; any other
    may work inside with numbers as large as its largest operand.  What is infinite, as the score of
    what a mask hides, is not rounded.
    """
    size = _finite_sizes(node.data)
    if is_elementwise(node) or node.operation is None:
        return np.asarray(size)
    operands_sizes = [_finite_sizes(data_of(parent)) for parent in node.parents]
    if all(map(node.operation.is_linear, range(len(operands_sizes)))):
        added = node.operation.forward(*operands_sizes, **options_of(node))
        return np.asarray(np.maximum(size, np.abs(added)))
    return float(max(np.max(each, initial=0.0) for each in operands_sizes))


def _finite_sizes(data: Operand) -> Array:
    sizes = np.abs(data)
    return np.asarray(np.where(np.isinf(sizes), 0.0, sizes))


class _Sizes:
    """How large a number a node was rounded with, where that is not its own size.

    Another formula for the same function may round with
    numbers near 1 where this one does not: (1 + tanh(z/2))/2 is right to a rounding of 1, also
    where the sigmoid is small.
    """

    def __init__(self, order: Sequence[Node], forward: Sequence[Node]) -> None:
        self._least: dict[Node, float] = {}
        self._sums: dict[Any, list[Any]] = {}
        for node in forward:
            if is_elementwise(node) and np.size(node.data) > 1:
                finite = np.isfinite(node.data)
                most = np.max(np.abs(node.data), initial=0.0, where=finite)
                self._least[node] = min(float(most), 1.0)
        for node in order:
            if symbol_of(node) not in ("+", "-"):
                continue
            for operand, other in zip(node.parents, node.parents[::-1], strict=True):
                if not is_node(operand) or np.shape(operand.data) != np.shape(node.data):
                    continue
                if operand.operation is EXP or not is_node(other):
                    self._sums.setdefault(operand, []).append(node)

    def __contains__(self, node: Node) -> bool:
        return node in self._least or node in self._sums

    def __getitem__(self, node: Node) -> Array:
        size = np.array(np.abs(node.data))
        np.maximum(size, self._least.get(node, 0.0), out=size)
        for whole in self._sums.get(node, ()):
            np.maximum(size, np.abs(whole.data), out=size)
        if not np.isfinite(np.max(size, initial=0.0)):
            size[~np.isfinite(size)] = 0.0  # what has overflowed stays as it is
        return size


def _shaken(
    order: Sequence[Node],
    sizes: _Sizes,
    gradients: Sequence[Any],
    scale: float,
    rng: np.random.Generator,
) -> list[Array]:
    """The gradients, from a graph in which every number is off by relative noise.

    Arguments:
        scale: by what a movement is multiplied afterwards.
    """
    shaken: dict[Any, Any] = {}
    data: dict[int, Array] = {}
    unread = Counter(parent for node in order for parent in operands(node))
    unread.update(gradient for gradient in gradients if is_node(gradient))
    with no_grad(), np.errstate(all="ignore"):
        for node in order:
            parents = [
                shaken[parent] if is_node(parent) else _shaken_data(parent, data, scale, rng)
                for parent in node.parents
            ]
            again = node.again(parents) if parents else node
            noise = rng.uniform(-_NOISE, _NOISE, np.shape(node.data))
            if node in sizes:
                noise *= sizes[node]
                shaken[node] = again + noise
            else:
                noise += 1.0
                shaken[node] = again * noise
            del again, parents, noise
            for parent in operands(node):  # what nothing reads any more is freed
                unread[parent] -= 1
                if not unread[parent]:
                    del shaken[parent]
    return [
        np.asarray(shaken[gradient].data if is_node(gradient) else gradient)
        for gradient in gradients
    ]


def _shaken_data(
    operand: object, known: dict[int, Array], scale: float, rng: np.random.Generator
) -> object:
    """An operand that is no node, off by its own rounding where it was given in less digits than
    are computed with: rows of targets that are to add up to 1 do so to these.
    """
    if not isinstance(operand, np.ndarray | np.generic) or operand.dtype.kind != "f":
        return operand
    if operand.dtype.itemsize >= np.dtype(float).itemsize:
        return operand
    if id(operand) not in known:
        size = _UNITS * np.finfo(operand.dtype).eps / 2 / scale
        noise = size * rng.uniform(-1, 1, np.shape(operand))
        known[id(operand)] = np.asarray(operand, float) * (1 + noise)
    return known[id(operand)]
