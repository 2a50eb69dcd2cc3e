"""Weight decay: updates that also take away a part of the parameters, which the loss leaves out."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autograd_mini.check.lines.syntax import amount_of, target_of
from autograd_mini.check.steps.multiples import SAME, TELLING, common_factor, ratio_of
from autograd_mini.check.steps.updates import Update
from autograd_mini.check.steps.variables import Path, Variable
from autograd_mini.check.structure import terms
from autograd_mini.core.graph import Node, sweep_gradients, topological_order
from autograd_mini.core.tensor import Tensor
from autograd_mini.typing import Array


@dataclass(frozen=True)
class Decay:
    """The part of a parameter that is taken away besides the gradient.

    Attributes:
        rate: the part, where the gradient is taken once.
        where: of which of its numbers; others are not updated.
    """

    rate: float
    where: Array

    def is_same(self, other: Decay) -> bool:
        """Whether another is of as much, and of the same numbers."""
        alike = np.array_equal(self.where, other.where)
        return alike and abs(self.rate - other.rate) <= _SAME * self.rate


_SAME = 1e-4
"""How far two decays are apart at the most: each is a small part of what is taken away."""


def decays(
    updates: Sequence[Update],
    taken: Sequence[Array],
    right: Sequence[Array],
    sign: Callable[[Sequence[float | None]], float],
) -> list[Decay | None]:
    """How much of each parameter is taken away besides its gradient; ``None`` of what is none.

    Of a gradient that is wrong it is what it is of all others, where the code takes some.

    Arguments:
        updates: the updates, with what the parameters held.
        taken: what each takes away, divided by its rate.
        right: the gradients of the loss.
        sign: of factors the sign that the loss says they have.

    >>> g, w = np.array([1.0, -2.0, 0.5]), np.array([0.5, 0.25, 2.0])
    >>> update = Update(Variable((), w, "array"), g)
    >>> found = decays([update, update], [2 * g + 0.2 * w, 2 * g], [g, g], lambda factors: 1.0)
    >>> [decay and decay.rate for decay in found]
    [0.1, None]
    """
    held = [update.variable.before for update in updates]
    factors = list(map(_factor, taken, right, held))
    factor = common_factor(factors, [array.size for array in taken], sign(factors))
    where = [(t != 0) | (g != 0) for t, g in zip(taken, right, strict=True)]
    rates = [_rate(t / factor, *rest) for t, *rest in zip(taken, right, held, where, strict=True)]
    rates = [
        None if rate and _is_whole(update, t, rate * factor) else rate
        for update, t, rate in zip(updates, taken, rates, strict=True)
    ]
    known = [(u, rate) for u, rate in zip(updates, rates, strict=True) if rate]
    if len({rate for _, rate in known}) == 1:
        decaying = [update for update, _ in known]
        rates = [
            known[0][1] if rate is None and _may_decay(update, decaying) else rate
            for update, rate in zip(updates, rates, strict=True)
        ]
    return [
        Decay(rate, places) if rate else None for rate, places in zip(rates, where, strict=True)
    ]


def _is_whole(update: Update, taken: Array, part: float) -> bool:
    """Whether nothing is left of a parameter when a part of it, divided by the rate, is taken away:
    what it held is lost.
    """
    rate = ratio_of(update.taken, taken)
    return rate is not None and rate * part >= 1 - SAME


def _factor(taken: Array, right: Array, held: Array) -> float | None:
    """What is taken away as a multiple of the gradient, a part of the parameter left aside."""
    where = (taken != 0) | (right != 0)
    if np.count_nonzero(where) < TELLING:
        return ratio_of(taken, right)
    both = np.stack([right[where], held[where]], 1)
    sizes = np.linalg.norm(both, axis=0)
    if not sizes.all():
        return ratio_of(taken, right)
    parts, _, rank, _ = np.linalg.lstsq(both / sizes, taken[where], rcond=SAME)
    left = taken[where] - (both / sizes) @ parts
    exact = np.max(np.abs(left)) <= SAME * np.max(np.abs(taken))
    return float(parts[0] / sizes[0]) if exact and rank == 2 and parts[0] else None


def _rate(taken: Array, right: Array, held: Array, where: Array) -> float | None:
    """The part of a parameter that is taken away; ``None`` where it is not that alone."""
    left, most = taken - right, np.max(np.abs(taken), initial=0.0)
    if np.max(np.abs(left), initial=0.0) <= SAME * most:
        return 0.0
    square = float(np.sum(held[where] ** 2))
    rate = float(np.sum(left[where] * held[where])) / square if square else 0.0
    if rate <= 0 or np.max(np.abs(left - rate * where * held)) > SAME * most:
        return None
    short = float(f"{rate:.3g}")
    return short if abs(short - rate) <= SAME * rate else rate


def _may_decay(update: Update, decaying: Sequence[Update]) -> bool:
    """Whether an update takes away a part of its parameter by what is written."""
    if update.statement is None:
        return False
    if update.statement.place in {one.statement.place for one in decaying if one.statement}:
        return True
    target, amount = target_of(update.statement.node), amount_of(update.statement.node)
    if target is None or amount is None:
        return False
    return any(ast.unparse(part) == ast.unparse(target) for part in ast.walk(amount))


def has_penalty(root: Node, leaves: Sequence[Node]) -> bool:
    """Whether a loss has a summand whose slope is in proportion to a parameter, ``w**2``.

    >>> w = Tensor([1.0, -2.0, 0.5])
    >>> loss = np.sum(np.tanh(w) * [1.0, 2.0, 3.0])
    >>> has_penalty(loss, [w]), has_penalty(loss + 0.1 * np.sum(w**2), [w])
    (False, True)
    """
    for term in terms(topological_order(root)):
        assert isinstance(term.node, Tensor)
        slopes = map(np.asarray, sweep_gradients(term.node.sum(), leaves, False, None))
        moving = [(slope, leaf) for slope, leaf in zip(slopes, leaves, strict=True) if slope.any()]
        for slope, leaf in moving:
            telling = np.count_nonzero(slope) >= TELLING or len(moving) == 1
            if telling and ratio_of(slope, np.where(slope, np.asarray(leaf.data), 0.0)):
                return True
    return False


def with_decay(
    root: Node, decay: Mapping[tuple[Path, ...], Decay], leaves: Mapping[Variable, Node]
) -> Node:
    """A loss, and the penalties whose gradients the decays are."""
    for variable, leaf in leaves.items():
        if variable.paths in decay:
            one = decay[variable.paths]
            assert isinstance(root, Tensor)
            assert isinstance(leaf, Tensor)
            root = root + one.rate / 2 * np.sum(leaf * leaf * one.where)
    return root
